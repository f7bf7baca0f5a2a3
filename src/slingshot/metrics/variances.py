"""The sum of independent errors, of test rows and of training: its standard error and quantile."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from scipy.special import ndtri, stdtrit


@dataclass(frozen=True)
class Variance:
    """The variance of a mean, or of a difference of means."""

    value: float
    df: float
    """Degrees of freedom of the estimate; infinite if the variance is known."""


def error(parts: Sequence[Variance]) -> float:
    """The standard error of a sum of independent errors."""
    return math.sqrt(sum(part.value for part in parts))


def quantile(p: float, parts: Sequence[Variance]) -> float:
    """The two-sided quantile of that sum, in standard errors; 0 if nothing varies. It is the mean of the parts' t
    quantiles, weighted by their variances (Cochran, Biometrics 20, 1964), which is never too small (Mickey and Brown,
    Annals of Mathematical Statistics 37, 1966). Welch and Satterthwaite's degrees of freedom would be too high if three
    seeds agree by chance (bench/coverage/seeds.py)."""
    total = sum(part.value for part in parts)
    return sum(part.value / total * t_quantile(p, part.df) for part in parts) if total else 0.0


@lru_cache
def t_quantile(p: float, df: float) -> float:
    """The two-sided quantile of Student's t, or of the normal distribution if `df` is infinite."""
    return -float(ndtri(p / 2) if math.isinf(df) else stdtrit(df, p / 2))
