"""What groups do to a standard error: nothing to single rows, more the more alike and unequal they are."""

import numpy as np
import pytest
from scipy import stats

from slingshot.metrics import clusters


def spread_of(values: np.ndarray, groups: np.ndarray) -> clusters.Spread:
    return clusters.spread(values, np.zeros(len(values), int), groups)


def test_single_rows_are_independent() -> None:
    found = spread_of(np.array([0.0, 1, 1, 1]), np.arange(4))
    assert (found.stretch, found.quantile(0.95)) == (1, pytest.approx(1.959964))
    assert found.p_value(1.959964) == pytest.approx(0.05)


@pytest.mark.parametrize("statistic", [0.0, 0.3, 2.5, 40.0, np.inf])
@pytest.mark.parametrize("df", [1.0, 2.7, 30.0, np.inf])
def test_p_is_that_of_scipy_s_distributions(df: float, statistic: float) -> None:
    spread = clusters.Spread(1.5, df)
    wanted = stats.norm if np.isinf(df) else stats.t(df)
    assert spread.p_value(statistic) == pytest.approx(2 * wanted.sf(statistic / 1.5))
    assert spread.quantile(0.9) == pytest.approx(1.5 * wanted.isf(0.05))


def test_the_effective_number_of_groups() -> None:
    assert clusters.effective_groups(np.repeat(np.arange(10), 7)) == pytest.approx(10)
    sizes = np.round(10_000 / np.arange(1, 301)).astype(int)
    assert clusters.effective_groups(np.repeat(np.arange(300), sizes)) == pytest.approx(24, abs=0.5)


def test_copies_of_a_row_count_once() -> None:
    generator = np.random.default_rng(0)
    values = np.repeat(generator.random(200) < 0.7, 4).astype(float)
    found = spread_of(values, np.repeat(np.arange(200), 4))
    assert found.stretch == pytest.approx(2, rel=0.02), (
        "four copies: half the rows' standard error is not there"
    )
    assert found.quantile(0.95) == pytest.approx(found.stretch * stats.t.isf(0.025, 199))


def test_where_all_are_alike_rows_of_a_group_are_taken_for_one() -> None:
    found = spread_of(np.ones(40), np.repeat(np.arange(8), 5))
    assert found.stretch == pytest.approx(np.sqrt(5))


def test_chance_does_not_make_groups_narrow_an_interval() -> None:
    values = np.tile([0.0, 1.0], 50)  # each pair holds one of both: less than chance
    assert spread_of(values, np.arange(100) // 2).stretch >= 1
