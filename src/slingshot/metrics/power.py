"""How sure a study with more test rows would be, by what one study measured."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from itertools import product

import numpy as np

from slingshot.files.pairs import VarianceFigures, Variances
from slingshot.metrics.variances import Variance, error, quantile

POWER = 0.8
"""Chance of a claim at which test rows are called enough."""
MOST_ROWS = 10**9
STUDIES = 16
"""In which a variance that is estimated comes out differently, when rows are advised."""
MOST_NOISE = 0.4
"""How much of what seeds differ by is taken for chance of the rows, at most: a few seeds may chance to differ by no
more than that, though training varies too (bench/coverage/seeds.py)."""
NOTHING = 1e-18
"""A variance that is none: no two rows came out differently."""
STEP = 1.1
"""By which numbers of rows are tried."""


def error_and_reach(variances: Variances, more: float, level: float) -> tuple[float, np.ndarray]:
    """The true standard error of the difference with `more` times the test rows, and half the width of the interval at
    that level in each of some studies that are equally likely, shape (studies,).

    More rows tell nothing of training. Only what rows add falls with them, and what few rows may hide falls with their
    square. What as few seeds say of training differs from study to study, as a chi-square figure does.
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
    """Chance that a normal figure is under `low` or above `high`; 1 where these leave no room. The mean over both."""
    from scipy.stats import norm

    chance = norm.cdf((low - middle) / se) + norm.sf((high - middle) / se)
    return float(np.where(low >= high, 1.0, chance).mean())


def inside(middle: float, se: float, bound: np.ndarray, reach: np.ndarray) -> float:
    """Chance that a normal figure lies within +-bound and within +-reach: beyond the latter `outside` counts it. The
    mean over both."""
    from scipy.stats import norm

    bound = np.minimum(bound, reach)
    chance = norm.cdf((bound - middle) / se) - norm.cdf((-bound - middle) / se)
    return float(np.where(bound > 0, chance, 0.0).mean())


def fewest_rows(power: Callable[[int], float], rows: int) -> int | None:
    """The fewest rows, more than there are, with POWER; None where MOST_ROWS are not enough.

    With a few training seeds still more rows may have a little less power: what these seeds say then weighs most, and
    it has the larger quantile.
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
    """What `more` times the rows add to the interval: the scatter falls with them, the rest with their square."""
    rows, scatter = _variance(variances.rows), _scatter(variances)
    return Variance(scatter / more + (rows.value - scatter) / more**2, rows.df * more)


def _scatter(variances: Variances) -> float:
    rows = variances.rows
    return rows.value if rows.scatter is None else min(rows.scatter, rows.value)


def _of_training(variances: Variances, more: float) -> tuple[list[Variance], list[Variance]]:
    """What training adds in truth, and what seeds on `more` times the rows make of it.

    Part of what seeds differ by is chance of the rows, of which more rows leave less.
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
    """How a variance that is estimated may come out, in shares of the true one, each as likely."""
    from scipy.stats import chi2

    if math.isinf(df):
        return (1.0,)
    return tuple(chi2.ppf((np.arange(STUDIES) + 0.5) / STUDIES, df) / df)
