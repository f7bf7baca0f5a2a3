"""The power of a study with more test rows, estimated from one study."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from itertools import product

import numpy as np
from scipy.special import chdtri, ndtr

from slingshot.files.pairs import VarianceFigures, Variances
from slingshot.metrics.variances import Variance, error, quantile

POWER = 0.8
"""Chance of a claim at which test rows count as enough."""
MOST_ROWS = 10**9
"""The most test rows that are tried."""
STUDIES = 16
"""Imagined studies, each with another estimate of a variance, that are averaged when rows are advised."""
MOST_NOISE = 0.4
"""The largest share of the variance between seeds that counts as chance of the rows. A few seeds may show no more than
that chance although training varies too (bench/coverage/seeds.py)."""
NOTHING = 1e-18
"""The variance that replaces 0, if all rows have the same outcome."""
STEP = 1.1
"""The factor from one tried number of rows to the next."""


def error_and_reach(variances: Variances, more: float, level: float) -> tuple[float, np.ndarray]:
    """The true standard error of the difference with `more` times the test rows, and half the width of the interval at
    that level in several equally likely studies, shape (studies,).

    More rows tell nothing about training. They only reduce the variance of the rows, and with their square the part
    that few rows may hide. With few seeds, the estimated variance of training differs from study to study, as a
    chi-square variable.
    """
    rows = _of_rows(variances, more)
    scatter = _scatter(variances)
    true, seen = _of_training(variances, more)
    reach = []
    for factors in product(*(_factors(part.df) for part in seen)):
        parts = [replace(part, value=part.value * f) for part, f in zip(seen, factors, strict=True)]
        reach.append(quantile(level, [rows, *parts]) * error([rows, *parts]))
    scattered = Variance(max(scatter / more, NOTHING), rows.df)
    return error([scattered, *true]), np.array(reach)


def outside(middle: float, se: float, low: np.ndarray, high: np.ndarray) -> float:
    """Chance that a normal variable is under `low` or above `high`, as a mean over these arrays; 1 if low >= high."""
    chance = ndtr((low - middle) / se) + ndtr((middle - high) / se)
    return float(np.where(low >= high, 1.0, chance).mean())


def inside(middle: float, se: float, bound: np.ndarray, reach: np.ndarray) -> float:
    """Chance that a normal variable lies within +-bound and within +-reach, as a mean over these arrays. `outside`
    counts the values beyond `reach`."""
    bound = np.minimum(bound, reach)
    chance = ndtr((bound - middle) / se) - ndtr((-bound - middle) / se)
    return float(np.where(bound > 0, chance, 0.0).mean())


def fewest_rows(power: Callable[[int], float], rows: int) -> int | None:
    """The fewest rows, more than `rows`, with POWER; None if MOST_ROWS are not enough.

    With a few training seeds, even more rows may have slightly less power: the variance between seeds then dominates,
    and it has the larger quantile.
    """
    low, high = rows, rows + 1
    while power(high) < POWER:
        low, high = high, math.ceil(STEP * high)
        if high > MOST_ROWS:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if power(middle) >= POWER else (middle, high)
    return high


def _of_rows(variances: Variances, more: float) -> Variance:
    """The variance of the interval from `more` times the rows: the scatter falls with them, the rest with their
    square."""
    rows, scatter = _variance(variances.rows), _scatter(variances)
    return Variance(scatter / more + (rows.value - scatter) / more**2, rows.df * more)


def _scatter(variances: Variances) -> float:
    rows = variances.rows
    return rows.value if rows.scatter is None else min(rows.scatter, rows.value)


def _of_training(variances: Variances, more: float) -> tuple[list[Variance], list[Variance]]:
    """The true variances of training, and the variances that seeds show on `more` times the rows.

    Part of the variance between seeds is chance of the rows, and that part falls with more rows.
    """
    training = [_variance(part) for part in variances.training]
    estimated = sum(part.value for part in training if math.isfinite(part.df))
    noise = min(MOST_NOISE, variances.noise / estimated) if estimated else 0.0
    true, seen = [], []
    for part in training:
        of_rows = 0.0 if math.isinf(part.df) else noise * part.value
        true.append(replace(part, value=part.value - of_rows))
        seen.append(replace(part, value=part.value - of_rows + of_rows / more))
    return true, seen


def _variance(figures: VarianceFigures) -> Variance:
    return Variance(figures.value, math.inf if figures.df is None else figures.df)


@lru_cache
def _factors(df: float) -> tuple[float, ...]:
    """Equally likely estimates of a variance, as shares of the true variance."""
    if math.isinf(df):
        return (1.0,)
    # chdtri takes the upper tail, so the shares are in descending order.
    return tuple(chdtri(df, (np.arange(STUDIES)[::-1] + 0.5) / STUDIES) / df)
