"""A figure of one contestant, or of two on the same rows, with its interval and the p of any value.

    estimate("macro_f1", a).interval(0.95)
    estimate("macro_f1", a, b).p_value(0.0)         # of a - b

Shares (accuracy, coverage, the recall of a class) have Clopper and Pearson's interval (1934) on effective rows (Korn
and Graubard, 1998); paired and macro figures the score interval of metrics.tilted; AUROC Newcombe's score interval
(Statistics in Medicine 25, 2006, part 2, method 5) with the variance of Hanley and McNeil (1982), its paired difference
by square-and-add (Zou, Psychological Methods 12, 2007); log-loss and Brier the mean's t interval. Rows are drawn anew,
with as many of each class; the trained models are these.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from slingshot.metrics.clusters import Spread, spread
from slingshot.metrics.outcomes import by_class, by_value, macro_f1
from slingshot.metrics.scored import CLIP, ENOUGH_SEEDS, Run, Scored
from slingshot.metrics.tilted import ROUNDING, Outcomes, linear

SHARES = ("accuracy", "coverage")
SCORED = ("log_loss", "brier")


@dataclass(frozen=True)
class Estimate:
    value: float
    spread: Spread
    bounds: Callable[[float, float], tuple[float, float]]
    """From a confidence and a quantile (of the standard error that takes rows to be independent) to low and high."""
    statistic: Callable[[float], float]
    """How many such standard errors the figure is from a value."""
    training: float = 0.0
    """Variance that training seeds add."""
    training_df: float = np.inf
    """Degrees of freedom of that."""

    def interval(self, confidence: float) -> tuple[float, float]:
        quantile = self.spread.quantile(confidence)
        low, high = self.bounds(confidence, quantile)
        if not self.training:
            return float(low), float(high)
        found = []
        for bound in (low, high):
            rows = ((bound - self.value) / (quantile / self.spread.stretch)) ** 2
            wider = Spread(1.0, self._df(rows)).quantile(confidence) * np.sqrt(rows + self.training)
            found.append(float(self.value + np.sign(bound - self.value) * wider))
        return found[0], found[1]

    def p_value(self, value: float) -> float:
        """Two-sided p that the figure is `value`."""
        statistic, apart = self.statistic(value), abs(self.value - value)
        if not self.training or not statistic:
            return self.spread.p_value(statistic)
        rows = (apart * self.spread.stretch / statistic) ** 2
        return Spread(1.0, self._df(rows)).p_value(float(apart / np.sqrt(rows + self.training)))

    def _df(self, rows: float) -> float:
        """Welch and Satterthwaite's degrees of freedom of the sum of the two variances."""
        parts = rows**2 / self.spread.df + self.training**2 / self.training_df
        return float((rows + self.training) ** 2 / parts) if parts else np.inf


def estimate(metric: str, a: Scored, b: Scored | None = None) -> Estimate:
    """`metric` of `a`, or of a minus b, means over seeds. Both must have scores where the metric needs them."""
    both = (a,) if b is None else (a, b)
    if metric == "auroc":
        return _auroc(a) if b is None else _auroc_difference(a, b)
    if metric in SCORED:
        values = _difference([_losses(metric, one) for one in both])
        return _mean(values, a.groups)
    if metric == "macro_f1":
        outcomes, of_row, strata = macro_f1(both)
        return _of_outcomes(outcomes, of_row, strata, a.groups)
    values = _difference([_hits(metric, one) for one in both])
    if metric in SHARES:
        return share(values, a.groups) if b is None else _of_outcomes(*by_value(values, paired=True), a.groups)
    return _of_outcomes(*by_class(values, a.labels, paired=b is not None), a.groups)


def value_of(metric: str, one: Scored) -> float | None:
    """Mean over seeds; None where it is undefined."""
    needs_scores = metric in ("auroc", *SCORED)
    if needs_scores and any(run.scores is None for run in one.runs):
        return None
    return estimate(metric, one).value if metric != "auroc" or len(np.unique(one.labels)) > 1 else None


def of_recipe(metric: str, a: Scored, b: Scored | None = None, seed_sd: float = 0.0) -> Estimate:
    """`estimate`, and the variance of training.

    From ENOUGH_SEEDS trained seeds on it is that of what the seeds differ by, of both contestants at once where both
    were trained under the same ones. Of fewer, each training is taken to have the standard deviation `seed_sd`, and to
    be independent of all others; with the default of 0, the figure is that of these trained models.
    """
    whole = estimate(metric, a, b)
    trained = [one for one in (a, b) if one is not None and one.trained_seeds]
    many = [one for one in trained if one.trained_seeds >= ENOUGH_SEEDS]
    assumed = sum(seed_sd**2 / one.trained_seeds for one in trained if one.trained_seeds < ENOUGH_SEEDS)
    seeds = [tuple(run.seed for run in one.runs) for one in many]
    values = [np.array([estimate(metric, replace(one, runs=(run,))).value for run in one.runs]) for one in many]
    if len(seeds) == 2 and seeds[0] == seeds[1]:
        values = [values[0] - values[1]]
    parts = np.array([np.var(found, ddof=1) / len(found) for found in values])
    training = float(parts.sum()) + assumed
    # Welch and Satterthwaite's; what is assumed is taken for known.
    lost = sum(part**2 / (len(found) - 1) for part, found in zip(parts, values, strict=True))
    return replace(whole, training=training, training_df=float(training**2 / lost) if lost else np.inf)


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
        return abs(value - at) / reach * quantile if reach else float(np.inf if at != value else 0.0)

    return Estimate(
        value,
        plain,
        lambda _, wanted: (value - below * wanted / quantile, value + above * wanted / quantile),
        statistic,
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

    return Estimate(value, found.spread, bounds, found.statistic)


def _of_outcomes(outcomes: Outcomes, of_row: np.ndarray, strata: np.ndarray, groups: np.ndarray) -> Estimate:
    value, slopes = outcomes.gradient(outcomes.counts / outcomes.rows[outcomes.strata])
    adds = slopes[of_row] / outcomes.rows[strata]
    return Estimate(
        value, spread(adds, strata, groups), lambda _, quantile: outcomes.interval(quantile), outcomes.statistic
    )


def _mean(values: np.ndarray, groups: np.ndarray) -> Estimate:
    value, error = float(values.mean()), float(values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else np.inf
    return Estimate(
        value,
        spread(values, np.zeros(len(values), dtype=np.int64), groups),
        lambda _, quantile: (value - quantile * error, value + quantile * error),
        lambda at: 0.0 if abs(value - at) <= ROUNDING else abs(value - at) / error if error else np.inf,
    )


def _auroc(one: Scored) -> Estimate:
    """Classes as shares of effective trials, those that give Hanley and McNeil's variance; what they have in common,
    and what the placements vary beyond it (DeLong et al., 1988), widens them."""
    codes = _codes(one)
    areas, adds = _placements(one)
    positives = np.bincount(codes)
    negatives = len(codes) - positives
    more = (positives + negatives) / 2 - 1
    trials = positives * negatives / (1 + more * ((1 - areas) / (2 - areas) + areas / (1 + areas)))
    classes = len(areas)
    strata = np.repeat(np.arange(classes), 2)
    counts = np.stack([areas * trials, (1 - areas) * trials], axis=1).ravel()
    outcomes = Outcomes(strata, counts, linear(np.tile([1 / classes, 0.0], classes)))
    modelled = float((areas * (1 - areas) / np.maximum(trials - 1, 0.5)).sum()) / classes**2
    wider = np.sqrt(max(1.0, _variance(adds, codes) / modelled)) if modelled else 1.0
    groups = spread(adds, codes, one.groups)
    return Estimate(
        float(areas.mean()),
        Spread(groups.stretch * float(wider), groups.df),
        lambda _, quantile: outcomes.interval(quantile),
        outcomes.statistic,
    )


def _auroc_difference(a: Scored, b: Scored) -> Estimate:
    from scipy.optimize import brentq

    codes = _codes(a)
    sides = [_auroc(one) for one in (a, b)]
    adds = [_placements(one)[1] for one in (a, b)]
    own = [_variance(one, codes) for one in adds]
    apart = adds[0] - adds[1]
    product = float(np.sqrt(own[0] * own[1]))
    # A correlation from the few rows of a rare class is drawn towards 0: it decides how wide the interval is.
    df = _degrees(adds[0] + adds[1], codes)
    correlation = (own[0] + own[1] - _variance(apart, codes)) / 2 / product * df / (df + 1) if product else 0.0
    correlation = min(1.0, max(-1.0, correlation))
    groups = spread(apart, codes, a.groups)
    value = sides[0].value - sides[1].value
    wider = [side.spread.stretch / spread(one, codes, a.groups).stretch for side, one in zip(sides, adds, strict=True)]

    def bounds(confidence: float, quantile: float) -> tuple[float, float]:
        (low_a, high_a), (low_b, high_b) = (
            side.bounds(confidence, quantile * factor) for side, factor in zip(sides, wider, strict=True)
        )
        down, up = (sides[0].value - low_a, high_b - sides[1].value), (high_a - sides[0].value, sides[1].value - low_b)
        below, above = (np.sqrt(max(0.0, x**2 + y**2 - 2 * correlation * x * y)) for x, y in (down, up))
        return max(-1.0, value - below), min(1.0, value + above)

    def statistic(at: float) -> float:
        if abs(at - value) <= ROUNDING:
            return 0.0
        side = 0 if at < value else 1

        def beyond(quantile: float) -> float:
            return float((bounds(0.95, quantile)[side] - at) * (1 if side else -1))

        return float(brentq(beyond, 1e-6, 60.0)) if beyond(60.0) > 0 > beyond(1e-6) else 60.0

    return Estimate(value, groups, bounds, statistic)


def _placements(one: Scored) -> tuple[np.ndarray, np.ndarray]:
    """The area of each class, shape (classes,), and what each row adds to their mean, shape (rows,); means over
    seeds."""
    present, codes = np.unique(one.labels, return_inverse=True)
    areas, adds = np.zeros(len(present)), np.zeros(len(codes))
    for run in one.runs:
        assert run.scores is not None
        for place, label in enumerate(present):
            positive, held = codes == place, run.scores[:, label]
            ups, downs = np.sort(held[positive]), np.sort(held[~positive])
            above = sum(np.searchsorted(downs, held[positive], side) for side in ("left", "right")) / 2 / len(downs)
            below = sum(np.searchsorted(ups, held[~positive], side) for side in ("left", "right")) / 2 / len(ups)
            areas[place] += above.mean() / len(one.runs)
            share_of = len(one.runs) * len(present)
            adds[positive] += (above - above.mean()) / len(ups) / share_of
            adds[~positive] += (below.mean() - below) / len(downs) / share_of
    return areas, adds


def _codes(one: Scored) -> np.ndarray:
    return np.unique(one.labels, return_inverse=True)[1]


def _parts(adds: np.ndarray, strata: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Each stratum's unbiased variance of the sum of its rows, and its degrees of freedom."""
    rows = np.bincount(strata)
    apart = adds - (np.bincount(strata, adds) / rows)[strata]
    free = np.maximum(rows - 1, 0.5)
    return np.bincount(strata, apart**2) * rows / free, free


def _variance(adds: np.ndarray, strata: np.ndarray) -> float:
    return float(_parts(adds, strata)[0].sum())


def _degrees(adds: np.ndarray, strata: np.ndarray) -> float:
    """Welch and Satterthwaite's degrees of freedom of the variance."""
    variances, free = _parts(adds, strata)
    return float(variances.sum() ** 2 / (variances**2 / free).sum()) if variances.any() else 1.0


def _difference(sides: list[np.ndarray]) -> np.ndarray:
    return sides[0] if len(sides) == 1 else sides[0] - sides[1]


def _hits(metric: str, one: Scored) -> np.ndarray:
    """Share of the seeds that have each row right, or valid."""
    runs = [run.predictions >= 0 if metric == "coverage" else run.predictions == one.labels for run in one.runs]
    return np.asarray(np.mean(runs, axis=0))


def _losses(metric: str, one: Scored) -> np.ndarray:
    """Of each row, mean over seeds."""
    rows = np.arange(len(one.labels))

    def of_run(run: Run) -> np.ndarray:
        assert run.scores is not None
        if metric == "log_loss":
            return np.asarray(-np.log(np.maximum(run.scores[rows, one.labels], CLIP)))
        return np.asarray(((run.scores - np.eye(run.scores.shape[1])[one.labels]) ** 2).sum(axis=1))

    return np.asarray(np.mean([of_run(run) for run in one.runs], axis=0))
