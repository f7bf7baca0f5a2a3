"""Learning curves from their points: bands, and a fitted power law."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from slingshot.files.points import Point
from slingshot.settings.catalogue import METRICS

ENOUGH_SPLITS = 3
"""Values of `seed` from which a band includes the variation of test rows and training rows."""
ENOUGH_LEVELS = 4
"""The fewest numbers of training rows to which a power law is fitted: one more than it has parameters."""
MOST_LOG_ROWS = 100.0
"""Logarithm of the most rows that `PowerLaw.rows_for` returns."""
NoFit = Literal["prompted", "undefined", "few_levels", "no_gain", "no_law"]
"""Why no power law is fitted: more rows did not help (no_gain), or least squares found none (no_law)."""
Band = Literal["no_level", "one_seed", "training_seeds", "splits", "training_seeds_and_splits"]
"""What a curve's band spans. There is no band without a level, or with one seed at each level."""


@dataclass(frozen=True)
class Level:
    """One share of the training rows, over its seeds."""

    train_rows: int
    """Mean over splits. These differ a little, because groups stay whole."""
    mean: float
    low: float
    high: float
    """The lowest and the highest figure of any seed."""
    values: tuple[float, ...]
    training_seeds: int
    split_seeds: int


@dataclass(frozen=True)
class PowerLaw:
    """a - b rows^-c for a metric that rises with the rows, a + b rows^-c for a metric that falls."""

    a: float
    b: float
    c: float
    falls: bool

    def value(self, rows: float) -> float:
        distance = float(self.b * rows**-self.c)
        return self.a + distance if self.falls else self.a - distance

    def rows_for(self, value: float) -> float | None:
        """The rows at which `value` is reached; None if it is never reached."""
        distance = value - self.a if self.falls else self.a - value
        if distance <= 0 or self.b <= 0:
            return None
        log_rows = math.log(self.b / distance) / self.c
        return math.exp(log_rows) if log_rows < MOST_LOG_ROWS else None

    @property
    def ends_anywhere(self) -> bool:
        """Whether the curve levels off, to three digits, at the best possible figure. The points then do not show where
        it levels off."""
        return abs(self.a - (0 if self.falls else 1)) < 5e-4


@dataclass(frozen=True)
class Curve:
    contestant: str
    prompted: bool
    """Whether the contestant is an LLM: its rows are the shots of a prompt, which no fraction changes."""
    levels: tuple[Level, ...]
    """Sorted by training rows; levels without a figure are left out."""
    fit: PowerLaw | None
    fit_reason: NoFit | None
    """Why there is no fit; None if there is a fit."""
    band_of: Band


def curves(points: Sequence[Point], metric: str) -> list[Curve]:
    """The curve of each contestant, in the order of the points."""
    names = dict.fromkeys(point.contestant for point in points)
    return [_curve(name, points, metric) for name in names]


def _curve(name: str, points: Sequence[Point], metric: str) -> Curve:
    ours = [point for point in points if point.contestant == name]
    by_level: dict[tuple[float | None, int], list[Point]] = {}
    for point in _of_like_splits([point for point in ours if point.figure(metric) is not None]):
        # Splits have slightly different rows at a fraction, but form one level. Each number of shots is a level.
        key = (point.fraction, 0) if point.fraction is not None else (None, point.train_rows)
        by_level.setdefault(key, []).append(point)
    levels = [_level(of_level, metric) for of_level in by_level.values()]
    levels.sort(key=lambda level: level.train_rows)
    prompted = {point.fraction for point in ours} == {None}
    fit, reason = (None, "prompted") if prompted else _fit(levels, metric)
    return Curve(name, prompted, tuple(levels), fit, reason, _band_of(levels))


def _of_like_splits(points: Sequence[Point]) -> list[Point]:
    """Points of the splits that have the same fractions as the fullest split, if there are ENOUGH_SPLITS. Otherwise the
    points of the fullest split, because a band over two splits tells nothing about a third."""
    fractions: dict[int, set[float | None]] = {}
    for point in points:
        fractions.setdefault(point.split_seed, set()).add(point.fraction)
    if not fractions:
        return []
    fullest = max(sorted(fractions), key=lambda split: len(fractions[split]))
    alike = [split for split in fractions if fractions[split] == fractions[fullest]]
    chosen = alike if len(alike) >= ENOUGH_SPLITS else [fullest]
    return [point for point in points if point.split_seed in chosen]


def _band_of(levels: Sequence[Level]) -> Band:
    if not levels:
        return "no_level"
    if all(len(level.values) == 1 for level in levels):
        return "one_seed"
    if min(level.split_seeds for level in levels) < ENOUGH_SPLITS:
        return "training_seeds"
    seeds = max(level.training_seeds for level in levels) > 1
    return "training_seeds_and_splits" if seeds else "splits"


def _level(points: Sequence[Point], metric: str) -> Level:
    values = tuple(value for point in points if (value := point.figure(metric)) is not None)
    return Level(
        train_rows=round(float(np.mean([point.train_rows for point in points]))),
        mean=float(np.mean(values)),
        low=min(values),
        high=max(values),
        values=values,
        training_seeds=len({point.training_seed for point in points}),
        split_seeds=len({point.split_seed for point in points}),
    )


def _fit(levels: Sequence[Level], metric: str) -> tuple[PowerLaw | None, NoFit | None]:
    """The power law that fits the means by least squares (Hestness et al., 2017, section 3, arXiv:1712.00409), or why
    there is none."""
    from scipy.optimize import curve_fit

    if not levels:
        return None, "undefined"
    if len(levels) < ENOUGH_LEVELS:
        return None, "few_levels"
    falls = METRICS[metric].lower_is_better
    rows, means = (
        np.array([getattr(level, name) for level in levels], float)
        for name in ("train_rows", "mean")
    )
    if (means[-1] > means[0]) == falls or means[-1] == means[0]:
        return None, "no_gain"

    def law(n: np.ndarray, a: float, b: float, c: float) -> np.ndarray:
        return np.asarray(a + (b if falls else -b) * n**-c)

    start = [means[-1], abs(means[-1] - means[0]) * math.sqrt(rows[0]), 0.5]
    bounds = ([0, 0, 0.01], [np.inf if falls else 1, np.inf, 2])
    try:
        (a, b, c), _ = curve_fit(
            law, rows, means, p0=np.clip(start, *bounds), bounds=bounds, maxfev=20_000
        )
    except RuntimeError:
        return None, "no_law"
    return PowerLaw(float(a), float(b), float(c), falls), None
