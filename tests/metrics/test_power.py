"""What the power of a larger test set is computed from, against scipy's distributions."""

import numpy as np
import pytest
from scipy import stats

from slingshot.metrics import power


def test_the_estimates_of_a_variance_are_equally_likely_under_chi_square() -> None:
    factors = np.array(power._factors(4.0))
    chances = (np.arange(power.STUDIES) + 0.5) / power.STUDIES
    assert stats.chi2.cdf(4 * factors, 4) == pytest.approx(chances)


def test_the_chances_inside_and_outside_bounds_are_those_of_a_normal_variable() -> None:
    low, high = np.array([-1.0, 0.2]), np.array([0.5, 0.1])  # the second interval is empty
    normal = stats.norm(0.3, 0.4)
    beyond = normal.cdf(-1.0) + normal.sf(0.5)
    assert power.outside(0.3, 0.4, low, high) == pytest.approx((beyond + 1) / 2)
    within = normal.cdf(0.5) - normal.cdf(-0.5)
    bound, reach = np.array([0.5, -1.0]), np.array([0.6, 0.6])
    assert power.inside(0.3, 0.4, bound, reach) == pytest.approx(within / 2)
