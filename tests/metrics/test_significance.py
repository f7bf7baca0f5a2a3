"""Tests of a difference against known values."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from slingshot.files.pairs import McNemar
from slingshot.metrics import significance
from slingshot.metrics.scored import Scored, SeedRun
from tests.metrics.test_pairs import right_on, sides

Maker = Callable[..., Scored]


def discordant(only_a: int, only_b: int, per_group: int = 1) -> McNemar:
    [test] = significance.mcnemar(*sides(only_a, only_b, per_group))
    return test


def test_signs_are_those_of_groups_over_all_seeds_with_ties_left_out() -> None:
    rows, _ = sides(0, 0, per_group=2)
    right, wrong = np.zeros(100, dtype=np.int64), np.ones(100, dtype=np.int64)
    a, b = np.stack([right] * 3), np.stack([right] * 3)
    b[:, :8] = wrong[:8]  # groups 0 to 3
    a[0, 8], b[1, 9] = 1, 1  # group 4: one mistake each, under different seeds
    a[2, 10] = 1  # group 5 is b's, under one seed
    whole = [
        replace(rows, runs=tuple(SeedRun(seed, run, None) for seed, run in enumerate(side)))
        for side in (a, b)
    ]
    assert significance.signs(*whole) == pytest.approx(2 * (1 + 5) / 2**5)
    assert significance.signs(*sides(13, 12)) is None
    assert significance.signs(*sides(0, 0)) == 1


def test_mcnemar_is_exact_under_25_discordant_rows_and_corrected_from_there() -> None:
    few = discordant(10, 2)
    assert (few.only_a, few.only_b, few.exact) == (10, 2, True)
    assert few.p == pytest.approx(2 * (1 + 12 + 66) / 2**12)
    many = discordant(20, 5)
    assert not many.exact
    # (|20 - 5| - 1)^2 / 25 = 7.84, and the upper tail of chi-square with one degree of freedom.
    assert many.p == pytest.approx(0.00511, abs=1e-5)
    assert discordant(12, 12).exact
    assert discordant(0, 0).p == 1


def test_mcnemar_meets_equal_seeds_and_a_seedless_contestant_every_seed(contestant: Maker) -> None:
    rows = contestant(60)
    trained, other, llm = (
        right_on(rows, dict.fromkeys(seeds, 0.5)) for seeds in ((0, 1, 2), (0, 1, 2), (-1,))
    )
    assert [(t.seed_a, t.seed_b) for t in significance.mcnemar(trained, other)] == [
        (0, 0),
        (1, 1),
        (2, 2),
    ]
    assert [(t.seed_a, t.seed_b) for t in significance.mcnemar(llm, trained)] == [
        (-1, 0),
        (-1, 1),
        (-1, 2),
    ]
