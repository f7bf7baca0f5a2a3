"""Independent errors that add up, of test rows and of training: the quantile of their sum."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache


@dataclass(frozen=True)
class Variance:
    """Of a mean, or of a difference of means."""

    value: float
    df: float
    """Degrees of freedom that it was estimated with; infinite where it is known."""


def error(parts: Sequence[Variance]) -> float:
    """The standard error of a sum of independent errors."""
    return math.sqrt(sum(part.value for part in parts))


def quantile(p: float, parts: Sequence[Variance]) -> float:
    """Of that sum, two-sided, in standard errors; 0 where nothing varies. It is the mean of the parts' t quantiles,
    weighted by their variances (Cochran, Biometrics 20, 1964), which is never too small (Mickey and Brown, Annals of
    Mathematical Statistics 37, 1966). The degrees of freedom of Welch and Satterthwaite say too much of three seeds
    that chance to agree (bench/coverage/seeds.py)."""
    total = sum(part.value for part in parts)
    return sum(part.value / total * t_quantile(p, part.df) for part in parts) if total else 0.0


@lru_cache
def t_quantile(p: float, df: float) -> float:
    """Of Student's t, two-sided; of the normal distribution where `df` is infinite."""
    from scipy.stats import norm, t

    return float(norm.isf(p / 2) if math.isinf(df) else t.isf(p / 2, df))
