"""Learning curves from their points: bands, a fitted power law, and the labels at which a model matches an LLM."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from slingshot.points import Point
from slingshot.tables import NO_SEED

LOWER_IS_BETTER = ("log_loss", "brier", "ece")
TRAINING_VARIANCE = "training variance not included"
ENOUGH_SPLITS = 3
"""Values of `seed` from which a band says how other test rows and other training rows would have come out."""
ENOUGH_SEEDS = 3
"""Training seeds from which an interval resamples seeds as well as rows."""
ENOUGH_LEVELS = 4
"""Numbers of training rows that a power law is fitted to: one more than it has parameters."""
SEED, DRAWS = 20243, 2000
MOST_LOG_ROWS = 100.0
INSIDE = 0.95


@dataclass(frozen=True)
class Level:
    """One share of the training rows, over its seeds."""

    train_rows: int
    """Mean over splits, whose whole groups differ a little."""
    mean: float
    low: float
    high: float
    """The lowest and the highest figure of any seed; both the mean where there is one."""
    values: tuple[float, ...]
    training_seeds: int
    split_seeds: int


@dataclass(frozen=True)
class PowerLaw:
    """a - b rows^-c, for what rises with the rows; a + b rows^-c for what falls."""

    a: float
    b: float
    c: float
    falls: bool

    def value(self, rows: float) -> float:
        distance = float(self.b * rows**-self.c)
        return self.a + distance if self.falls else self.a - distance

    def rows_for(self, value: float) -> float | None:
        """The rows at which `value` is reached; None where it never is."""
        distance = value - self.a if self.falls else self.a - value
        if distance <= 0 or self.b <= 0:
            return None
        log_rows = math.log(self.b / distance) / self.c
        return math.exp(log_rows) if log_rows < MOST_LOG_ROWS else None

    @property
    def ends_anywhere(self) -> bool:
        """Whether its end is the best figure there is, as the points do not tell where they would end."""
        return abs(self.a - (0 if self.falls else 1)) < 1e-6


@dataclass(frozen=True)
class Curve:
    contestant: str
    prompted: bool
    """Whether its rows are the shots of a prompt, which no fraction changes."""
    levels: tuple[Level, ...]
    """By training rows; levels without a figure are left out."""
    fit: PowerLaw | None
    fit_reason: str
    """Why there is none; empty where there is."""
    band_of: str
    """What the band spans: `training seeds only`, `3 splits`, `training seeds and 3 splits`, or `none, of one seed`."""


@dataclass(frozen=True)
class Match:
    """The training rows at which `small` scores as `large` does, with their interval; None where it is not known."""

    small: str
    large: str
    rows: int | None
    low: int | None
    """None with `rows` known: fewer than the curve's fewest rows may do."""
    high: int | None
    """None with `rows` known: more than the curve's most rows may be needed."""
    reason: str = ""
    """Why there is no number."""
    no_interval: str = ""
    """Why there is no interval; empty where `low` and `high` are one."""
    notes: tuple[str, ...] = ()


def curves(points: Sequence[Point], metric: str) -> list[Curve]:
    """One a contestant, in the order of the points."""
    return [_curve(name, points, metric) for name in dict.fromkeys(point.contestant for point in points)]


def _curve(name: str, points: Sequence[Point], metric: str) -> Curve:
    ours = [point for point in points if point.contestant == name]
    held: dict[tuple[float | None, int], list[Point]] = {}
    for point in _of_like_splits([point for point in ours if getattr(point, metric) is not None]):
        # Splits differ a little in the rows of a fraction; another number of shots is another prompt.
        key = (point.fraction, 0) if point.fraction is not None else (None, point.train_rows)
        held.setdefault(key, []).append(point)
    levels = sorted((_level(found, metric) for found in held.values()), key=lambda level: level.train_rows)
    prompted = {point.fraction for point in ours} == {None}
    fit, reason = (None, "prompted, not trained") if prompted else _fit(levels, metric)
    return Curve(name, prompted, tuple(levels), fit, reason, _band_of(levels))


def _of_like_splits(points: Sequence[Point]) -> list[Point]:
    """Points of the splits that have as many fractions as the fullest one, if there are ENOUGH_SPLITS; else of the
    fullest alone, for a band over two splits would say nothing of a third."""
    fractions: dict[int, set[float | None]] = {}
    for point in points:
        fractions.setdefault(point.split_seed, set()).add(point.fraction)
    if not fractions:
        return []
    fullest = max(sorted(fractions), key=lambda split: len(fractions[split]))
    alike = [split for split in fractions if fractions[split] == fractions[fullest]]
    chosen = alike if len(alike) >= ENOUGH_SPLITS else [fullest]
    return [point for point in points if point.split_seed in chosen]


def _band_of(levels: Sequence[Level]) -> str:
    if all(len(level.values) == 1 for level in levels):
        return "none, of one seed"
    splits = min(level.split_seeds for level in levels)
    seeds = max(level.training_seeds for level in levels) > 1
    if splits < ENOUGH_SPLITS:
        return "training seeds only"
    return f"training seeds and {splits} splits" if seeds else f"{splits} splits"


def _level(found: Sequence[Point], metric: str) -> Level:
    values = tuple(float(getattr(point, metric)) for point in found)
    return Level(
        train_rows=round(float(np.mean([point.train_rows for point in found]))),
        mean=float(np.mean(values)),
        low=min(values),
        high=max(values),
        values=values,
        training_seeds=len({point.training_seed for point in found}),
        split_seeds=len({point.split_seed for point in found}),
    )


def _fit(levels: Sequence[Level], metric: str) -> tuple[PowerLaw | None, str]:
    """The power law of least squares through the means (Hestness et al., 2017, section 3, arXiv:1712.00409)."""
    from scipy.optimize import curve_fit

    if len(levels) < ENOUGH_LEVELS:
        return None, f"a power law needs {ENOUGH_LEVELS} numbers of training rows"
    falls = metric in LOWER_IS_BETTER
    rows, means = (np.array([getattr(level, name) for level in levels], float) for name in ("train_rows", "mean"))
    if (means[-1] > means[0]) == falls or means[-1] == means[0]:
        return None, "more training rows did not help"

    def law(n: np.ndarray, a: float, b: float, c: float) -> np.ndarray:
        return np.asarray(a + (b if falls else -b) * n**-c)

    start = [means[-1], abs(means[-1] - means[0]) * math.sqrt(rows[0]), 0.5]
    bounds = ([0, 0, 0.01], [np.inf if falls else 1, np.inf, 2])
    try:
        (a, b, c), _ = curve_fit(law, rows, means, p0=np.clip(start, *bounds), bounds=bounds, maxfev=20_000)
    except RuntimeError:
        return None, "no power law fits"
    return PowerLaw(float(a), float(b), float(c), falls), ""


def match(points: Sequence[Point], metric: str, small: str, large: str, spread: float | None) -> Match:
    """The training rows at which the mean curve of `small`, made monotone and drawn over log rows, meets the figure of
    `large`, the LLM, of which `points` hold one a split. Splits count that have all fractions of the fullest one.

    The interval redraws the training seeds of each level; the test rows too, by splits where there are ENOUGH_SPLITS,
    else by moving the LLM's figure as `spread` says, the standard deviation of the two's difference on the test rows:
    without either there is none.
    """
    ours, theirs = (
        [p for p in points if p.contestant == name and getattr(p, metric) is not None] for name in (small, large)
    )
    table = _by_split(ours, metric)
    theirs_by_split = {point.split_seed: float(getattr(point, metric)) for point in theirs}
    splits = [split for split in table if split in theirs_by_split]
    fullest = max(splits, key=lambda split: len(table[split]), default=None)
    fractions = [] if fullest is None else sorted(table[fullest])
    complete = [split for split in splits if set(fractions) <= set(table[split])]
    if len(fractions) < 2:
        why = (
            "fewer than two numbers of training rows"
            if splits
            else f"no curve on test rows that {large} was asked about"
        )
        return Match(small, large, None, None, None, f"not within the data: {why}")
    rows = [np.mean([p.train_rows for p in ours if p.fraction == fraction]) for fraction in fractions]
    logs = np.log(np.array(rows, float))
    sign = -1.0 if metric in LOWER_IS_BETTER else 1.0

    means = [[np.mean(table[split][fraction]) for fraction in fractions] for split in complete]
    goal = float(np.mean([theirs_by_split[split] for split in complete]))
    found = _meets(logs, sign * np.mean(means, axis=0), sign * goal)
    if not np.isfinite(found):
        ends = round(float(rows[0])), round(float(rows[-1]))
        where = f"ahead already with {ends[0]:,}" if found < 0 else f"behind still with {ends[1]:,}"
        return Match(small, large, None, None, None, f"not within the data: {small} is {where} training rows")
    if spread is None and len(complete) < ENOUGH_SPLITS:
        return Match(
            small, large, _rows(found), None, None, no_interval="that of their difference on test is not known"
        )
    drawn = _drawn(table, theirs_by_split, complete, fractions, logs, sign, spread or 0.0)
    low, high = np.quantile(drawn, [(1 - INSIDE) / 2, (1 + INSIDE) / 2], method="nearest")
    trained = {p.training_seed for p in ours} != {NO_SEED}
    few = trained and min(len(table[split][f]) for split in complete for f in fractions) < ENOUGH_SEEDS
    return Match(small, large, _rows(found), _rows(low), _rows(high), notes=(TRAINING_VARIANCE,) if few else ())


def _by_split(points: Sequence[Point], metric: str) -> dict[int, dict[float, list[float]]]:
    """Split seed -> fraction -> figures of its training seeds."""
    table: dict[int, dict[float, list[float]]] = {}
    for point in points:
        if point.fraction is not None:
            table.setdefault(point.split_seed, {}).setdefault(point.fraction, []).append(float(getattr(point, metric)))
    return table


def _drawn(
    table: dict[int, dict[float, list[float]]],
    goals: dict[int, float],
    splits: Sequence[int],
    fractions: Sequence[float],
    logs: np.ndarray,
    sign: float,
    spread: float,
) -> np.ndarray:
    """Log rows at which redrawn curves meet the redrawn goal; infinite where they do not."""
    generator = np.random.default_rng(SEED)
    shift = spread if len(splits) < ENOUGH_SPLITS else 0.0
    means = np.array([[np.mean(table[split][fraction]) for fraction in fractions] for split in splits])
    theirs = np.array([goals[split] for split in splits])
    found = []
    for _ in range(DRAWS):
        chosen = generator.integers(len(splits), size=len(splits))
        seeds = [[_noise(table[splits[s]][fraction], generator) for fraction in fractions] for s in chosen]
        curve = _widened(means[chosen], means) + np.mean(seeds, axis=0)
        goal = float(_widened(theirs[chosen], theirs)) + shift * generator.normal()
        found.append(_meets(logs, sign * curve, sign * goal))
    return np.array(found)


def _widened(drawn: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """The mean of `drawn`, a resample of `whole`, its deviation widened by sqrt(n / (n - 1)): a resample of few varies
    less than they do."""
    middle, few = whole.mean(axis=0), len(whole)
    return np.asarray(middle + (drawn.mean(axis=0) - middle) * (math.sqrt(few / (few - 1)) if few > 1 else 1.0))


def _noise(values: Sequence[float], generator: np.random.Generator) -> float:
    """How far the mean of redrawn training seeds is from that of all."""
    whole = np.array(values)
    return float(_widened(generator.choice(whole, size=len(whole)), whole) - whole.mean())


def _meets(logs: np.ndarray, values: np.ndarray, goal: float) -> float:
    """The log rows at which the rising curve reaches the goal: -inf before the first level, inf after the last."""
    from scipy.optimize import isotonic_regression

    rising = isotonic_regression(values).x
    if rising[0] >= goal:
        return -math.inf
    if rising[-1] < goal:
        return math.inf
    place = int(np.searchsorted(rising, goal))
    share = (goal - rising[place - 1]) / (rising[place] - rising[place - 1])
    return float(logs[place - 1] + share * (logs[place] - logs[place - 1]))


def _rows(log_rows: float) -> int | None:
    return round(math.exp(log_rows)) if math.isfinite(log_rows) else None
