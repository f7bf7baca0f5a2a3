"""How much wider groups make an interval: rows of one group are not independent.

Each row adds a value to a figure. The variance of the figure is estimated twice. The first estimate uses the sum of
each group; it assumes nothing, but is too small if few groups have most rows. The second assumes one correlation within
all groups; many small groups estimate that well. The larger estimate is taken, with a t quantile for the effective
number of groups (bench/coverage/edges.py).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr, stdtr

from slingshot.metrics.variances import t_quantile


@dataclass(frozen=True)
class Spread:
    """How groups change a standard error that was computed as if rows were independent."""

    stretch: float
    """The factor by which groups make it larger; at least 1."""
    df: float
    """Degrees of freedom of the t distribution; infinite if each group is one row."""

    def quantile(self, confidence: float) -> float:
        """Half the width of a two-sided interval, in standard errors of independent rows."""
        return self.stretch * t_quantile(1 - confidence, self.df)

    def p_value(self, statistic: float) -> float:
        """Two-sided p of a distance, given in standard errors of independent rows."""
        apart = statistic / self.stretch
        return float(2 * (ndtr(-apart) if np.isinf(self.df) else stdtr(self.df, -apart)))


def effective_groups(groups: np.ndarray) -> float:
    """The number of groups of equal size that tell as much: (sum of sizes)^2 / sum of squared sizes (Kish, 1965).
    `groups` are numbers from 0, shape (rows,)."""
    sizes = np.bincount(groups)
    return float(sizes.sum() ** 2 / (sizes**2).sum())


def centred(values: np.ndarray, strata: np.ndarray) -> np.ndarray:
    """The values minus the mean of their stratum; all arrays have shape (rows,)."""
    return np.asarray(values - (np.bincount(strata, values) / np.bincount(strata))[strata])


def variance(values: np.ndarray, groups: np.ndarray) -> float:
    """Variance of a figure to which each row adds its value, from the sums of groups. The values must be centred in
    their strata. Both arrays have shape (rows,)."""
    return float((np.bincount(groups, values) ** 2).sum())


def spread(values: np.ndarray, strata: np.ndarray, groups: np.ndarray) -> Spread:
    """The spread of a figure to which each row adds its value. Strata are numbered from 0; each has a fixed number of
    rows. All arrays have shape (rows,)."""
    sizes = np.bincount(groups)
    if sizes.max() == 1:
        return Spread(1.0, np.inf)
    count = len(values)
    within = np.bincount(strata)
    deviations = centred(values, strata)
    independent = float((deviations**2 * (within / np.maximum(within - 1, 0.5))[strata]).sum())
    by_size = float((sizes**2).sum()) / count
    df = max(1.0, effective_groups(groups) - 1)
    if not independent:
        # All rows are alike, so the correlation within groups is unknown: each group counts as one row.
        return Spread(float(np.sqrt(by_size)), df)
    sums = np.bincount(groups, deviations)
    robust = float((sums**2 / np.maximum(1 - sizes / count, 1 / count)).sum()) / independent
    # One correlation within all groups, from products of the deviations of two rows of a group. The variance of a
    # group's sum is `own` if the correlation is 0, and `whole` if it is 1.
    spreads = (np.bincount(strata, deviations**2) / within)[strata]
    own, whole = np.bincount(groups, spreads), np.bincount(groups, np.sqrt(spreads)) ** 2
    weights = np.divide(1.0, sizes - 1, out=np.zeros(len(sizes)), where=sizes > 1)
    room = float((weights * (whole - own)).sum())
    products = float((weights * (sums**2 - np.bincount(groups, deviations**2))).sum())
    correlation = min(1.0, max(0.0, products / room)) if room > 0 else 1.0
    # A few groups with a mistake measure the correlation badly, so it is shrunk towards 1.
    telling = len(np.unique(groups[_uncommon(values, strata)]))
    correlation = (telling * correlation + 1) / (telling + 1)
    alike = 1 + correlation * float((whole - own).sum() / own.sum())
    return Spread(float(np.sqrt(max(1.0, robust, alike))), df)


def _uncommon(values: np.ndarray, strata: np.ndarray) -> np.ndarray:
    """Which rows differ from the median value of their stratum; shape (rows,)."""
    order = np.lexsort((values, strata))
    within = np.bincount(strata)
    middle = values[order][np.cumsum(within) - within + (within - 1) // 2]
    return np.asarray(values != middle[strata])
