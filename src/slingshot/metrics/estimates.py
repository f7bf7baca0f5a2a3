"""A figure of one contestant, or the difference of two on the same rows, with its interval and the p of any value.

    estimate("macro_f1", a).interval(0.95)
    estimate("macro_f1", a, b).p_value(0.0)         # of a - b

Shares (accuracy, coverage, the recall of a class) have Clopper and Pearson's interval (1934) on effective rows (Korn
and Graubard, 1998). Paired and macro figures have the score interval of metrics.tilted. AUROC has Newcombe's score
interval (Statistics in Medicine 25, 2006, part 2, method 5) on the effective trials of metrics.auroc. A paired
difference of AUROC has the square-and-add interval (Zou, Psychological Methods 12, 2007). AUROC, log-loss and Brier
take the bounds of the plain interval if these are farther.

The intervals say how the figure varies if other rows, with as many of each class, are drawn for the same trained
models. metrics.recipes adds the variance between trainings.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from scipy.special import betainccinv, betaincinv, ndtri

from slingshot.metrics.auroc import correlation, effective_trials, placements
from slingshot.metrics.clusters import Spread, centred, spread
from slingshot.metrics.formulas import figure
from slingshot.metrics.outcomes import by_class, by_value, losses, macro_f1
from slingshot.metrics.scored import Scored
from slingshot.metrics.tilted import ROUNDING, Outcomes
from slingshot.metrics.variances import Variance, error, quantile

SHARES = ("accuracy", "coverage")
SCORED = ("log_loss", "brier")
LEAST_LOG_P = -700.0
"""Logarithm of the smallest p that is searched for; a smaller p becomes 0."""
FARTHEST = 60.0
"""The largest distance, in standard errors, that is searched between an AUROC difference and a value."""


@dataclass(frozen=True)
class Estimate:
    """A figure and what its intervals and p-values need."""

    value: float
    spread: Spread
    bounds: Callable[[float, float], tuple[float, float]]
    """(confidence, quantile) -> (low, high). The quantile counts standard errors of independent rows."""
    statistic: Callable[[float], float]
    """A value -> the distance of the figure from it, in standard errors of independent rows."""
    adds: np.ndarray
    """What each row adds to the figure, relative to the mean of its class; shape (rows,). Empty for a difference of two
    contestants on different rows."""
    training: tuple[Variance, ...] = ()
    """The variances that training adds."""
    scatter: float = np.inf
    """The variance of the figure that the observed rows show; with n times the rows, it is divided by n. The interval
    is wider, because few rows may hide rare outcomes; that part is divided by n^2. Infinite if an estimate does not
    separate the two."""
    noise: float = 0.0
    """The part of `training` that is chance of the rows, because each seed has other rows wrong. With n times the rows,
    it is divided by n. The variance of the rows includes it too."""

    def interval(self, confidence: float) -> tuple[float, float]:
        """Low and high, for other test rows; if there is `training`, also for other trainings."""
        low, high = self._of_rows(confidence)
        if not self.training:
            return low, high
        return self._farther(low, confidence), self._farther(high, confidence)

    def rows(self, confidence: float) -> Variance:
        """The variance from test rows alone: it gives an interval of the same width at this confidence."""
        low, high = self._of_rows(confidence)
        return Variance(((high - low) / 2 / self._deviate(confidence)) ** 2, self.spread.df)

    def p_value(self, value: float) -> float:
        """Two-sided p of the hypothesis that the true figure is `value`."""
        from scipy.optimize import brentq

        statistic, distance = self.statistic(value), abs(self.value - value)
        if not self.training or not statistic:
            return self.spread.p_value(statistic)
        # The score test's standard error depends on the tested value: it is the distance divided by the statistic.
        parts = self._parts((distance * self.spread.stretch / statistic) ** 2)
        wanted = distance / error(parts)

        def beyond(log_p: float) -> float:
            return quantile(np.exp(log_p), parts) - wanted

        return float(np.exp(brentq(beyond, LEAST_LOG_P, 0.0))) if beyond(LEAST_LOG_P) > 0 else 0.0

    def _farther(self, bound: float, confidence: float) -> float:
        """A bound from test rows alone, moved away from the figure to include training."""
        parts = self._parts(((bound - self.value) / self._deviate(confidence)) ** 2)
        reach = quantile(1 - confidence, parts) * error(parts)
        return float(self.value + np.sign(bound - self.value) * reach)

    def _of_rows(self, confidence: float) -> tuple[float, float]:
        low, high = self.bounds(confidence, self.spread.quantile(confidence))
        return float(low), float(high)

    def _deviate(self, confidence: float) -> float:
        """The half-width of an interval in standard errors that take groups into account."""
        return self.spread.quantile(confidence) / self.spread.stretch

    def _parts(self, rows: float) -> tuple[Variance, ...]:
        """The variances of a recipe's figure: `rows` from the test rows, then those of training."""
        return Variance(rows, self.spread.df), *self.training


def estimate(metric: str, a: Scored, b: Scored | None = None) -> Estimate:
    """`metric` of `a`, or of a minus b, as a mean over seeds. Both must have scores if the metric needs them."""
    plain = _estimate(metric, a, b)
    # Both functions search. Claims about the recipe call them again, because only `training` differs.
    return replace(plain, bounds=lru_cache(plain.bounds), statistic=lru_cache(plain.statistic))


def _estimate(metric: str, a: Scored, b: Scored | None) -> Estimate:
    sides = (a,) if b is None else (a, b)
    if metric == "auroc":
        return _auroc(a) if b is None else _auroc_difference(a, b)
    if metric in SCORED:
        return _loss(metric, sides)
    if metric == "macro_f1":
        outcomes, of_row, strata = macro_f1(sides)
        return _of_outcomes(outcomes, of_row, strata, a.groups)
    values = _hits(metric, a) if b is None else _hits(metric, a) - _hits(metric, b)
    if metric in SHARES and b is None:
        return share(values, a.groups)
    if metric in SHARES:
        return _of_outcomes(*by_value(values, paired=True), a.groups)
    return _of_outcomes(*by_class(values, a.labels, paired=b is not None), a.groups)


def value_of(metric: str, scored: Scored) -> float | None:
    """The metric as a mean over seeds; None if it is undefined."""
    values = [figure(metric, scored.labels, run.predictions, run.scores) for run in scored.runs]
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if len(known) == len(values) else None


def share(values: np.ndarray, groups: np.ndarray) -> Estimate:
    """The mean of values from 0 to 1, shape (rows,): the share of seeds that have each row right."""
    rows, value = len(values), float(np.mean(values))
    outcomes, of_row, strata = by_value(values, paired=False)
    # Rows that only some seeds have right vary less than the rows of one seed, by the factor `less`. A few such rows
    # measure it badly, so it is shrunk towards 1, as if two more rows had a factor of 1.
    most = value * (1 - value)
    mixed = int(((values > 0) & (values < 1)).sum())
    less = (mixed * float(np.var(values)) / most + 2) / (mixed + 2) if most else 1.0
    score_interval = _of_outcomes(outcomes, of_row, strata, groups)

    def bounds(confidence: float, quantile: float) -> tuple[float, float]:
        tail = (1 - confidence) / 2
        # The number of independent rows of one seed that give an interval of the same width, with groups.
        effective = rows / less * (ndtri(tail) / quantile) ** 2
        right, wrong = value * effective, (1 - value) * effective
        low = betaincinv(right, wrong + 1, tail) if right > 1e-9 else 0.0
        return low, betainccinv(right + 1, wrong, tail) if wrong > 1e-9 else 1.0

    return replace(score_interval, value=value, bounds=bounds)


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


def _loss(metric: str, sides: tuple[Scored, ...]) -> Estimate:
    outcomes, of_row, strata = losses(metric, sides)
    score_interval = _of_outcomes(outcomes, of_row, strata, sides[0].groups)
    return _farther(outcomes, score_interval.spread, score_interval.adds)


def _auroc(scored: Scored) -> Estimate:
    areas, adds, codes = placements(scored)
    outcomes, wider = effective_trials(areas, adds, codes)
    groups = spread(adds, codes, scored.groups)
    return _farther(outcomes, Spread(groups.stretch * wider, groups.df), adds)


def _farther(outcomes: Outcomes, spread: Spread, adds: np.ndarray) -> Estimate:
    """An estimate with the farther bounds of the score interval and the plain interval.

    If few rows are wrong, or lose much, the score interval's bound on the side of a perfect figure is too near (shown
    for Wilson's interval by Brown, Cai and DasGupta, Statistical Science 16, 2001).
    """
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

        inside = beyond(FARTHEST) > 0 > beyond(1e-6)
        return float(brentq(beyond, 1e-6, FARTHEST, xtol=1e-7)) if inside else FARTHEST

    adds = adds_a - adds_b
    return Estimate(value, spread(adds, codes, a.groups), bounds, statistic, adds)


def _hits(metric: str, scored: Scored) -> np.ndarray:
    """Share of the seeds that have each row right, or for coverage that answer it validly; shape (rows,)."""
    runs = [
        run.predictions >= 0 if metric == "coverage" else run.predictions == scored.labels
        for run in scored.runs
    ]
    return np.asarray(np.mean(runs, axis=0))
