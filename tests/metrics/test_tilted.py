"""Score intervals: closed forms as oracles, and figures at their ends."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize

from slingshot.metrics.tilted import Outcomes, linear

Z = 1.959964


def share(right: float, rows: float) -> Outcomes:
    return Outcomes(
        np.zeros(2, int), np.array([right, rows - right], float), linear(np.array([1.0, 0.0]))
    )


def difference(only_a: int, only_b: int, rows: int) -> Outcomes:
    counts = np.array([only_a, only_b, rows - only_a - only_b], float)
    return Outcomes(np.zeros(3, int), counts, linear(np.array([1.0, -1.0, 0.0])))


def wilson(right: float, rows: float) -> tuple[float, float]:
    """Wilson's interval with rows - 1 in the variance."""
    p, n = right / rows, rows - 1
    middle, half = p + Z**2 / 2 / n, Z * np.sqrt(p * (1 - p) / n + Z**2 / 4 / n**2)
    return (middle - half) / (1 + Z**2 / n), (middle + half) / (1 + Z**2 / n)


def tango(only_a: int, only_b: int, rows: int, value: float) -> float:
    """Tango's statistic of a difference: the root of his quadratic is the share of those that only b has."""
    a, b = 2 * rows, -only_a - only_b + (2 * rows - only_a + only_b) * value
    root = (np.sqrt(b**2 - 4 * a * (-only_b * value * (1 - value))) - b) / (2 * a)
    variance = (2 * root + value * (1 - value)) / (rows - 1)
    return float(abs((only_a - only_b) / rows - value) / np.sqrt(variance))


@given(st.integers(2, 400), st.data())
def test_of_one_share_it_is_wilsons(rows: int, data) -> None:
    right = data.draw(st.integers(0, rows))
    low, high = share(right, rows).interval(Z)
    wanted = wilson(right, rows)
    assert low == pytest.approx(wanted[0] if right else 0.0, abs=2e-5)
    assert high == pytest.approx(wanted[1] if right < rows else 1.0, abs=2e-5)


@pytest.mark.parametrize(
    ("only_a", "only_b", "rows"), [(5, 0, 100), (12, 7, 840), (0, 0, 60), (30, 60, 200)]
)
def test_of_a_paired_difference_it_is_tangos(only_a: int, only_b: int, rows: int) -> None:
    figure = difference(only_a, only_b, rows)
    middle = (only_a - only_b) / rows
    for bound, side in zip(figure.interval(Z), (-0.999, 0.999), strict=True):
        wanted = optimize.brentq(
            lambda value: tango(only_a, only_b, rows, value) - Z,
            middle + np.sign(side) * 1e-9,
            side,
        )
        assert bound == pytest.approx(wanted, abs=2e-5)
    if only_a != only_b:
        assert figure.statistic(0.0) == pytest.approx(
            abs(only_a - only_b) / np.sqrt(only_a + only_b), rel=0.01
        )


def test_statistic_and_interval_say_the_same() -> None:
    figure = difference(12, 3, 150)
    for bound in figure.interval(Z):
        assert figure.statistic(bound) == pytest.approx(Z, abs=1e-4)
    assert figure.statistic(figure.value()) == 0
    assert share(3, 10).statistic(1.5) == np.inf


def test_a_rare_class_that_is_all_right_may_hide_much() -> None:
    strata, weights = np.array([0, 0, 1, 1]), np.array([0.5, 0.0, 0.5, 0.0])
    low, high = Outcomes(strata, np.array([297.0, 0.0, 3.0, 0.0]), linear(weights)).interval(Z)
    assert low < 0.68 and high == 1.0, "of three rows one class may be right on 34 of 100 only"


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=6))
def test_bounds_are_in_order_inside_what_is_possible_and_never_undefined(drawn) -> None:
    drawn = [(right, wrong) for right, wrong in drawn if right + wrong]
    if not drawn:
        return
    strata = np.repeat(np.arange(len(drawn)), 2)
    weights = np.tile([1 / len(drawn), 0.0], len(drawn))
    figure = Outcomes(strata, np.array(drawn, float).ravel(), linear(weights))
    low, high = figure.interval(Z)
    assert -1e-9 <= low <= figure.value() + 1e-9 and figure.value() - 1e-9 <= high <= 1 + 1e-9
    assert figure.interval(3.0)[0] <= low + 1e-9
