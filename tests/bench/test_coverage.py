"""The studies of bench.coverage in their quick form: what is claimed holds, within the noise of few simulations."""

from __future__ import annotations

import importlib

import numpy as np
import pytest

from bench.coverage import Simulations, contest
from bench.coverage.__main__ import STUDIES
from slingshot.metrics import pairs, rule

SIMULATIONS, ERRORS = 60, 3.5
LEFT_BEHIND = {
    "calibration": ("fitted: p < 0.05", "fitted, no allowance: p < 0.05"),
    "groups": ("accuracy: told apart by p", "accuracy: told apart by p, as if by rows"),
    "seeds": ("better or worse, though equal", "the same from test rows alone"),
}
"""False claims, and those of what Slingshot did before on the same draws: 60 are too few to see one break its bound,
but tell the two apart."""


@pytest.mark.parametrize("study", STUDIES)
def test_what_is_claimed_holds(study: str) -> None:
    found = list(
        importlib.import_module(f"bench.coverage.{study}").figures(
            Simulations(SIMULATIONS, quick=True)
        )
    )
    assert found
    assert [figure for figure in found if figure.outside(SIMULATIONS, ERRORS)] == []
    if study in LEFT_BEHIND:
        today, before = (
            next(f.value for f in found if f.what == what) for what in LEFT_BEHIND[study]
        )
        assert today <= 0.7 * before
    if study == "edges":
        missed, before = (
            [1 - f.value for f in found if f.what.endswith(how)]
            for how in (": coverage", ": by the bootstrap")
        )
        assert all(now <= 0.7 * then for now, then in zip(missed, before, strict=True))


@pytest.mark.parametrize(
    ("only_a", "only_b"), [(0, 0), (5, 0), (10, 8), (30, 1), (26, 0), (60, 60), (70, 110)]
)
def test_the_p_values_of_simulated_contests_are_the_library_s(only_a: int, only_b: int) -> None:
    right = np.ones((2, 400), dtype=bool)
    right[1, :only_a] = right[0, only_a : only_a + only_b] = False
    metrics = contest.settings().metrics
    slow = pairs.difference("a", "b", contest.scored(("a", "b"), right), metrics)
    [fast] = contest.pairs(("a", "b"), contest.only(right), 400).pairs
    found, expected = (
        {"difference": pair.difference} | rule.p_values(pair) for pair in (fast, slow)
    )
    assert found == pytest.approx(expected, rel=1e-5)
