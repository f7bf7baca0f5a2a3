"""A figure of one contestant, or of two on the same rows, with its interval and the p of any value.

    estimate("macro_f1", a).interval(0.95)
    estimate("macro_f1", a, b).p_value(0.0)         # of a - b

Shares (accuracy, coverage, the recall of a class) have Clopper and Pearson's interval (1934) on effective rows (Korn
and Graubard, 1998). Paired and macro figures have the score interval of metrics.tilted. AUROC has Newcombe's score
interval (Statistics in Medicine 25, 2006, part 2, method 5) on the effective trials of metrics.auroc, and its paired
difference that of square-and-add (Zou, Psychological Methods 12, 2007). AUROC, log-loss and Brier take the bounds of
the plain interval where these are farther.

The intervals say how the figure varies if other rows, with as many of each class, are drawn for the same trained
models. metrics.recipes adds what training varies.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

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
"""Logarithm of the least p that is looked for; a smaller one is 0."""
FARTHEST = 60.0
"""Most standard errors that are looked for between an AUROC difference and a value."""


@dataclass(frozen=True)
class Estimate:
    value: float
    spread: Spread
    bounds: Callable[[float, float], tuple[float, float]]
    """From a confidence and a quantile (of the standard error that takes rows to be independent) to low and high."""
    statistic: Callable[[float], float]
    """How many such standard errors the figure is from a value."""
    adds: np.ndarray
    """What each row adds to the figure, compared with the rows of its class; shape (rows,). Empty where the figure is a
    difference of two on other rows."""
    training: tuple[Variance, ...] = ()
    """What training seeds add."""
    scatter: float = np.inf
    """Variance of the rows as they came out: n times the rows have an n-th of it. The interval is wider, by what few
    rows may hide, and that falls with their square. Infinite where an estimate does not separate the two."""
    noise: float = 0.0
    """How much of `training` is chance of the rows, as each seed has other rows wrong. With n times the rows it is an
    n-th. The variance of the rows holds it too."""

    def interval(self, confidence: float) -> tuple[float, float]:
        """Low and high. Without `training` they say what other test rows vary; else what other trainings vary too."""
        low, high = self._of_rows(confidence)
        if not self.training:
            return low, high
        return self._farther(low, confidence), self._farther(high, confidence)

    def rows(self, confidence: float) -> Variance:
        """What test rows alone add: the variance that gives an interval as wide as that at this confidence."""
        low, high = self._of_rows(confidence)
        return Variance(((high - low) / 2 / self._deviate(confidence)) ** 2, self.spread.df)

    def p_value(self, value: float) -> float:
        """Two-sided p that the figure is `value`."""
        from scipy.optimize import brentq

        statistic, distance = self.statistic(value), abs(self.value - value)
        if not self.training or not statistic:
            return self.spread.p_value(statistic)
        # The score test's standard error depends on the value that is tested: it is the distance over the statistic.
        parts = self._parts((distance * self.spread.stretch / statistic) ** 2)
        wanted = distance / error(parts)

        def beyond(log_p: float) -> float:
            return quantile(np.exp(log_p), parts) - wanted

        return float(np.exp(brentq(beyond, LEAST_LOG_P, 0.0))) if beyond(LEAST_LOG_P) > 0 else 0.0

    def _farther(self, bound: float, confidence: float) -> float:
        """A bound that test rows alone give, moved away from the figure by what training adds."""
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
        """The variances of a recipe's figure, of which test rows alone have the variance `rows`."""
        return Variance(rows, self.spread.df), *self.training


def estimate(metric: str, a: Scored, b: Scored | None = None) -> Estimate:
    """`metric` of `a`, or of a minus b, means over seeds. Both must have scores where the metric needs them."""
    plain = _estimate(metric, a, b)
    # Both take a search. Claims of the recipe ask for them again, as they differ only in what training adds.
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
    """Mean over seeds; None where it is undefined."""
    values = [figure(metric, scored.labels, run.predictions, run.scores) for run in scored.runs]
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if len(known) == len(values) else None


def share(values: np.ndarray, groups: np.ndarray) -> Estimate:
    """The mean of values from 0 to 1: rows that are right, or the seeds that have each right; shape (rows,)."""
    rows, value = len(values), float(np.mean(values))
    outcomes, of_row, strata = by_value(values, paired=False)
    # Rows that only some seeds have right vary less than those of one seed, by the factor `less`. Few such rows tell
    # little of it, so it is drawn towards 1, as if two more rows had shown no less.
    most = value * (1 - value)
    mixed = int(((values > 0) & (values < 1)).sum())
    less = (mixed * float(np.var(values)) / most + 2) / (mixed + 2) if most else 1.0
    score_interval = _of_outcomes(outcomes, of_row, strata, groups)

    def bounds(confidence: float, quantile: float) -> tuple[float, float]:
        from scipy.stats import beta, norm

        tail = (1 - confidence) / 2
        # So many independent rows of one seed would give as wide an interval, groups taken into account.
        effective = rows / less * (norm.isf(tail) / quantile) ** 2
        right, wrong = value * effective, (1 - value) * effective
        low = beta.ppf(tail, right, wrong + 1) if right > 1e-9 else 0.0
        return low, beta.isf(tail, right + 1, wrong) if wrong > 1e-9 else 1.0

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
    """An estimate with the farther bounds of the score and the plain interval.

    Where few rows are wrong, or lose much, the score interval's bound on the side of a perfect figure is too near
    (Brown, Cai and DasGupta, Statistical Science 16, 2001, of Wilson's).
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
    """Share of the seeds that have each row right, or a valid answer to it for coverage; shape (rows,)."""
    runs = [
        run.predictions >= 0 if metric == "coverage" else run.predictions == scored.labels
        for run in scored.runs
    ]
    return np.asarray(np.mean(runs, axis=0))
