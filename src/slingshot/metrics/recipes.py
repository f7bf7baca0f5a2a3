"""Figures of recipes: the variance of training is added to the variance of test rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from slingshot.metrics.clusters import Spread, variance
from slingshot.metrics.estimates import Estimate, estimate
from slingshot.metrics.scored import ENOUGH_SEEDS, Scored
from slingshot.metrics.variances import Variance


def of_recipe(metric: str, a: Scored, b: Scored | None = None, seed_sd: float = 0.0) -> Estimate:
    """The `estimate` of a, or of a minus b, with the variance of training: see `with_training`."""
    return with_training(estimate(metric, a, b), metric, a, b, seed_sd)


def with_training(
    fixed: Estimate, metric: str, a: Scored, b: Scored | None, seed_sd: float
) -> Estimate:
    """The estimate `fixed` of a, or of a minus b, with the variance of training.

    From ENOUGH_SEEDS trained seeds on, that is the variance between the seeds. If both contestants have the same seeds,
    the difference under each seed is used. With fewer seeds, each training is assumed to have the standard deviation
    `seed_sd` and to be independent of all others. With 0, the figure is about these trained models.
    """
    trained = [side for side in (a, b) if side is not None and side.trained_seeds]
    assumed = [
        Variance(seed_sd**2 / side.trained_seeds, np.inf)
        for side in trained
        if side.trained_seeds < ENOUGH_SEEDS
    ]
    many = [side for side in trained if side.trained_seeds >= ENOUGH_SEEDS]
    values, adds = _by_seed(metric, many)
    measured = [
        Variance(float(np.var(figures, ddof=1)) / len(figures), len(figures) - 1)
        for figures in values
    ]
    training = tuple(part for part in (*assumed, *measured) if part.value)
    noise = sum((_noise(rows, a.groups) for rows in adds), 0.0)
    return replace(fixed, training=training, noise=noise)


def apart(metric: str, a: Scored, b: Scored, confidence: float, seed_sd: float = 0.0) -> Estimate:
    """a minus b on different rows, treated as independent.

    The interval is the square-and-add interval (Newcombe, Statistics in Medicine 17, 1998, method 10). For p, each half
    of it is treated as half of a normal interval.
    """
    sides = [of_recipe(metric, side, seed_sd=seed_sd) for side in (a, b)]
    value = sides[0].value - sides[1].value
    (low_a, high_a), (low_b, high_b) = (side.interval(confidence) for side in sides)
    below = float(np.hypot(sides[0].value - low_a, high_b - sides[1].value))
    above = float(np.hypot(high_a - sides[0].value, sides[1].value - low_b))
    plain = Spread(1.0, np.inf)
    quantile = plain.quantile(confidence)

    def bounds(_: float, wanted: float) -> tuple[float, float]:
        return value - below * wanted / quantile, value + above * wanted / quantile

    def statistic(at: float) -> float:
        reach = below if at < value else above
        if not reach:
            return float(np.inf if at != value else 0.0)
        return abs(value - at) / reach * quantile

    return Estimate(value, plain, bounds, statistic, np.zeros(0))


def _by_seed(metric: str, sides: Sequence[Scored]) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """For each side, the figure of each seed, shape (seeds,), and what each row adds to it, shape (seeds, rows).

    Two sides with the same seeds are joined: the result is their difference under each seed.
    """
    values, adds = [], []
    for side in sides:
        runs = [estimate(metric, replace(side, runs=(run,))) for run in side.runs]
        values.append(np.array([run.value for run in runs]))
        adds.append(np.array([run.adds for run in runs]))
    seeds = [tuple(run.seed for run in side.runs) for side in sides]
    if len(sides) == 2 and seeds[0] == seeds[1]:
        return [values[0] - values[1]], [adds[0] - adds[1]]
    return values, adds


def _noise(adds: np.ndarray, groups: np.ndarray) -> float:
    """The part of the variance of the mean of S seeds that is chance of the rows; `adds` has shape (S, rows).

    Let v be the variance of one seed by its own rows. The mean of S seeds has the variance v / S, and a seed's
    deviation from the mean has (S - 1) / S of v. So v / S is the variance of the deviations, divided by S - 1.
    """
    own = [variance(seed, groups) for seed in adds - adds.mean(axis=0)]
    return float(np.mean(own)) / (len(own) - 1)
