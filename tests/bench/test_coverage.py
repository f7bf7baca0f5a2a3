"""The studies of bench.coverage in their quick form: what is claimed holds, within the noise of few simulations."""

from __future__ import annotations

import importlib

import pytest

from bench.coverage import Run
from bench.coverage.__main__ import STUDIES

SIMULATIONS, ERRORS = 60, 3.5


@pytest.mark.parametrize("study", STUDIES)
def test_what_is_claimed_holds(study: str) -> None:
    found = list(importlib.import_module(f"bench.coverage.{study}").figures(Run(SIMULATIONS, quick=True)))
    assert found
    assert [figure for figure in found if figure.outside(SIMULATIONS, ERRORS)] == []
