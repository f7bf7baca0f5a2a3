"""A figure of one contestant, or of two on the same rows, with its interval and the p of any value.

    estimate("macro_f1", a).interval(0.95)
    estimate("macro_f1", a, b).p_value(0.0)         # of a - b

Shares (accuracy, coverage, the recall of a class) have Clopper and Pearson's interval (1934) on effective rows (Korn
and Graubard, 1998); paired and macro figures the score interval of metrics.tilted; AUROC Newcombe's score interval
(Statistics in Medicine 25, 2006, part 2, method 5) on the effective trials of metrics.auroc, its paired difference by
square-and-add (Zou, Psychological Methods 12, 2007). Of AUROC, log-loss and Brier the plain interval's bounds are taken
where they are farther. Rows are drawn anew, with as many of each class; the trained models are these.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from slingshot.metrics.auroc import correlation, effective_trials, placements
from slingshot.metrics.clusters import Spread, centred, spread, variance
from slingshot.metrics.formulas import figure
from slingshot.metrics.outcomes import by_class, by_value, losses, macro_f1
from slingshot.metrics.scored import ENOUGH_SEEDS, Scored
from slingshot.metrics.tilted import ROUNDING, Outcomes
from slingshot.metrics.variances import Variance, error, quantile

SHARES = ("accuracy", "coverage")
SCORED = ("log_loss", "brier")
LEAST_LOG_P = -700.0
"""Logarithm of the least p that is looked for; a smaller one is 0."""


@dataclass(frozen=True)
class Estimate:
    value: float
    spread: Spread
    bounds: Callable[[float, float], tuple[float, float]]
    """From a confidence and a quantile (of the standard error that takes rows to be independent) to low and high."""
    statistic: Callable[[float], float]
    """How many such standard errors the figure is from a value."""
    adds: np.ndarray
    """What each row adds to the figure, beside the rows of its class; shape (rows,). Empty of two on other rows."""
    training: tuple[Variance, ...] = ()
    """What training seeds add."""
    scatter: float = np.inf
    """Variance of the rows as they came out: n times the rows have an n-th of it. What few rows may hide, by which the
    interval is wider, falls with their square. Infinite where an estimate does not separate these."""
    noise: float = 0.0
    """How much of the variance of training that seeds tell is chance of the rows: each seed has other rows wrong. With
    n times the rows it is an n-th. The variance of the rows holds it too."""

    def interval(self, confidence: float) -> tuple[float, float]:
        low, high = self._of_rows(confidence)
        if not self.training:
            return low, high
        found = []
        for bound in (low, high):
            parts = self._parts(((bound - self.value) / self._deviate(confidence)) ** 2)
            reach = quantile(1 - confidence, parts) * error(parts)
            found.append(float(self.value + np.sign(bound - self.value) * reach))
        return found[0], found[1]

    def rows(self, confidence: float) -> Variance:
        """What test rows alone add: of the standard error that the interval at that confidence stands for."""
        low, high = self._of_rows(confidence)
        return Variance(((high - low) / 2 / self._deviate(confidence)) ** 2, self.spread.df)

    def p_value(self, value: float) -> float:
        """Two-sided p that the figure is `value`."""
        from scipy.optimize import brentq

        statistic, apart = self.statistic(value), abs(self.value - value)
        if not self.training or not statistic:
            return self.spread.p_value(statistic)
        parts = self._parts((apart * self.spread.stretch / statistic) ** 2)
        wanted = apart / error(parts)

        def beyond(log_p: float) -> float:
            return quantile(np.exp(log_p), parts) - wanted

        return float(np.exp(brentq(beyond, LEAST_LOG_P, 0.0))) if beyond(LEAST_LOG_P) > 0 else 0.0

    def _of_rows(self, confidence: float) -> tuple[float, float]:
        low, high = self.bounds(confidence, self.spread.quantile(confidence))
        return float(low), float(high)

    def _deviate(self, confidence: float) -> float:
        """Of the stretched standard error."""
        return self.spread.quantile(confidence) / self.spread.stretch

    def _parts(self, rows: float) -> tuple[Variance, ...]:
        """What makes up the error of a recipe's figure, whose test rows alone have the variance `rows`."""
        return Variance(rows, self.spread.df), *self.training


def estimate(metric: str, a: Scored, b: Scored | None = None) -> Estimate:
    """`metric` of `a`, or of a minus b, means over seeds. Both must have scores where the metric needs them."""
    found = _estimate(metric, a, b)
    # Both are searched for, and asked for again by claims of the recipe, which differ in what training adds.
    return replace(found, bounds=lru_cache(found.bounds), statistic=lru_cache(found.statistic))


def _estimate(metric: str, a: Scored, b: Scored | None) -> Estimate:
    both = (a,) if b is None else (a, b)
    if metric == "auroc":
        return _auroc(a) if b is None else _auroc_difference(a, b)
    if metric in SCORED:
        return _loss(metric, both)
    if metric == "macro_f1":
        outcomes, of_row, strata = macro_f1(both)
        return _of_outcomes(outcomes, of_row, strata, a.groups)
    values = _difference([_hits(metric, one) for one in both])
    if metric in SHARES:
        return (
            share(values, a.groups)
            if b is None
            else _of_outcomes(*by_value(values, paired=True), a.groups)
        )
    return _of_outcomes(*by_class(values, a.labels, paired=b is not None), a.groups)


def value_of(metric: str, one: Scored) -> float | None:
    """Mean over seeds; None where it is undefined."""
    values = [figure(metric, one.labels, run.predictions, run.scores) for run in one.runs]
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if len(known) == len(values) else None


def of_recipe(metric: str, a: Scored, b: Scored | None = None, seed_sd: float = 0.0) -> Estimate:
    """`estimate`, and the variance of training."""
    return trained_anew(estimate(metric, a, b), metric, a, b, seed_sd)


def trained_anew(
    found: Estimate, metric: str, a: Scored, b: Scored | None, seed_sd: float
) -> Estimate:
    """The estimate `found` of a, or of a minus b, with the variance of training.

    From ENOUGH_SEEDS trained seeds on it is that of what the seeds differ by, of both contestants at once where both
    were trained under the same ones. Of fewer, each training is taken to have the standard deviation `seed_sd`, and to
    be independent of all others; with 0, the figure is that of these trained models.
    """
    trained = [one for one in (a, b) if one is not None and one.trained_seeds]
    many = [one for one in trained if one.trained_seeds >= ENOUGH_SEEDS]
    assumed = [
        Variance(seed_sd**2 / one.trained_seeds, np.inf)
        for one in trained
        if one.trained_seeds < ENOUGH_SEEDS
    ]
    names = [tuple(run.seed for run in one.runs) for one in many]
    runs = [[estimate(metric, replace(one, runs=(run,))) for run in one.runs] for one in many]
    values = [np.array([run.value for run in found]) for found in runs]
    adds = [np.array([run.adds for run in found]) for found in runs]
    if len(names) == 2 and names[0] == names[1]:
        values, adds = [values[0] - values[1]], [adds[0] - adds[1]]
    parts = [
        Variance(float(np.var(found, ddof=1)) / len(found), len(found) - 1) for found in values
    ]
    # A seed's rows differ from the mean of S seeds by (S - 1) / S of the variance of one, of which the mean has 1 / S.
    noise = 0.0
    for of_seeds in adds:
        own = [variance(seed, a.groups) for seed in of_seeds - of_seeds.mean(axis=0)]
        noise += float(np.mean(own)) / (len(own) - 1)
    return replace(
        found, training=tuple(part for part in (*assumed, *parts) if part.value), noise=noise
    )


def apart(metric: str, a: Scored, b: Scored, confidence: float, seed_sd: float = 0.0) -> Estimate:
    """a minus b on other rows, taken to be independent: by square-and-add, as if normal for p."""
    sides = [of_recipe(metric, one, seed_sd=seed_sd) for one in (a, b)]
    value = sides[0].value - sides[1].value
    (low_a, high_a), (low_b, high_b) = (side.interval(confidence) for side in sides)
    below = float(np.hypot(sides[0].value - low_a, high_b - sides[1].value))
    above = float(np.hypot(high_a - sides[0].value, sides[1].value - low_b))
    plain = Spread(1.0, np.inf)
    quantile = plain.quantile(confidence)

    def statistic(at: float) -> float:
        reach = below if at < value else above
        return (
            abs(value - at) / reach * quantile if reach else float(np.inf if at != value else 0.0)
        )

    return Estimate(
        value,
        plain,
        lambda _, wanted: (value - below * wanted / quantile, value + above * wanted / quantile),
        statistic,
        np.zeros(0),
    )


def share(values: np.ndarray, groups: np.ndarray) -> Estimate:
    """The mean of values from 0 to 1: rows that are right, or the seeds that have each right; shape (rows,)."""
    rows, value = len(values), float(np.mean(values))
    outcomes, of_row, strata = by_value(values, paired=False)
    # Rows of which some seeds are right vary less than those of one seed; few such rows tell little of it.
    most = value * (1 - value)
    mixed = int(((values > 0) & (values < 1)).sum())
    less = (mixed * float(np.var(values)) / most + 2) / (mixed + 2) if most else 1.0
    found = _of_outcomes(outcomes, of_row, strata, groups)

    def bounds(confidence: float, quantile: float) -> tuple[float, float]:
        from scipy.stats import beta, norm

        tail = (1 - confidence) / 2
        effective = rows / less * (norm.isf(tail) / quantile) ** 2
        right, wrong = value * effective, (1 - value) * effective
        low = beta.ppf(tail, right, wrong + 1) if right > 1e-9 else 0.0
        return low, beta.isf(tail, right + 1, wrong) if wrong > 1e-9 else 1.0

    return replace(found, value=value, bounds=bounds)


def _of_outcomes(
    outcomes: Outcomes, of_row: np.ndarray, strata: np.ndarray, groups: np.ndarray
) -> Estimate:
    value, slopes = outcomes.gradient(outcomes.counts / outcomes.rows[outcomes.strata])
    adds = slopes[of_row] / outcomes.rows[strata]
    wider, adds = spread(adds, strata, groups), centred(adds, strata)
    return Estimate(
        value,
        wider,
        lambda _, quantile: outcomes.interval(quantile),
        outcomes.statistic,
        adds,
        scatter=float((adds**2).sum()) * wider.stretch**2,
    )


def _loss(metric: str, both: tuple[Scored, ...]) -> Estimate:
    outcomes, of_row, strata = losses(metric, both)
    found = _of_outcomes(outcomes, of_row, strata, both[0].groups)
    return _farther(outcomes, found.spread, found.adds)


def _auroc(one: Scored) -> Estimate:
    areas, adds, codes = placements(one)
    outcomes, wider = effective_trials(areas, adds, codes)
    groups = spread(adds, codes, one.groups)
    return _farther(outcomes, Spread(groups.stretch * wider, groups.df), adds)


def _farther(outcomes: Outcomes, spread: Spread, adds: np.ndarray) -> Estimate:
    """Of the score and the plain interval the farther bounds: where few rows are wrong, or lose much, the score
    interval's bound on the side of a perfect figure is too near (Brown, Cai and DasGupta, Statistical Science 16, 2001,
    of Wilson's)."""
    value, error = outcomes.value(), outcomes.error

    def bounds(_: float, quantile: float) -> tuple[float, float]:
        low, high = outcomes.interval(quantile)
        return min(low, value - quantile * error), max(high, value + quantile * error)

    def statistic(at: float) -> float:
        return min(outcomes.statistic(at), abs(at - value) / error if error else np.inf)

    return Estimate(value, spread, bounds, statistic, adds)


def _auroc_difference(a: Scored, b: Scored) -> Estimate:
    from scipy.optimize import brentq

    (areas_a, adds_a, codes), (areas_b, adds_b, _) = placements(a), placements(b)
    sides = [effective_trials(areas_a, adds_a, codes), effective_trials(areas_b, adds_b, codes)]
    value_a, value_b = float(areas_a.mean()), float(areas_b.mean())
    value, together = value_a - value_b, correlation(adds_a, adds_b, codes)

    def reach(quantile: float, sign: int) -> float:
        (far_a, wider_a), (far_b, wider_b) = sides
        x = abs(far_a.bound(quantile * wider_a, sign) - value_a)
        y = abs(far_b.bound(quantile * wider_b, -sign) - value_b)
        return float(np.sqrt(max(0.0, x**2 + y**2 - 2 * together * x * y)))

    def bounds(_: float, quantile: float) -> tuple[float, float]:
        return max(-1.0, value - reach(quantile, -1)), min(1.0, value + reach(quantile, 1))

    def statistic(at: float) -> float:
        wanted = abs(at - value)
        if wanted <= ROUNDING:
            return 0.0

        def beyond(quantile: float) -> float:
            return reach(quantile, -1 if at < value else 1) - wanted

        return (
            float(brentq(beyond, 1e-6, 60.0, xtol=1e-7))
            if beyond(60.0) > 0 > beyond(1e-6)
            else 60.0
        )

    adds = adds_a - adds_b
    return Estimate(value, spread(adds, codes, a.groups), bounds, statistic, adds)


def _difference(sides: list[np.ndarray]) -> np.ndarray:
    return sides[0] if len(sides) == 1 else sides[0] - sides[1]


def _hits(metric: str, one: Scored) -> np.ndarray:
    """Share of the seeds that have each row right, or valid."""
    runs = [
        run.predictions >= 0 if metric == "coverage" else run.predictions == one.labels
        for run in one.runs
    ]
    return np.asarray(np.mean(runs, axis=0))
