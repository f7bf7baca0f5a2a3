"""Labels to match an LLM: the training rows at which a learning curve meets the LLM's figure.

The interval contains every number of rows at which a t interval of the difference of model and LLM contains 0, and all
numbers between them (Fieller's method, 1954). So nothing is assumed about the curve's slope, and the interval is open
at an end of the data. bench/coverage/matching.py counts how often it contains the true number.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from scipy.special import stdtrit

from slingshot.files.codes import NO_SEED
from slingshot.files.points import Point
from slingshot.metrics.learning import ENOUGH_LEVELS, ENOUGH_SPLITS
from slingshot.metrics.scored import ENOUGH_SEEDS
from slingshot.settings.catalogue import METRICS

INSIDE = 0.95
"""Confidence of the interval."""
STEPS = 100
"""Numbers of rows that are tried from one level of the curve to the next."""

NoMatch = Literal[
    "few_levels",
    "other_rows",
    "rare_classes",
    "ahead",
    "behind",
    "perhaps_ahead",
    "perhaps_behind",
]
"""Why no number of rows is given: the curve has one level; the LLM was asked about other test rows; nothing is claimed
on these classes (set by the report); the curve is above the LLM from its first level on, or below it to its last."""
NoInterval = Literal["no_spread", "few_seeds"]
"""Why there is no interval: the spread of the difference on test, or the spread of training seeds, is not known."""
Table = dict[int, dict[float, list[float]]]
"""Split seed -> fraction -> the figure of each training seed."""


@dataclass(frozen=True)
class Match:
    """The training rows at which `small` scores as high as `large`, with their interval; None if it is not known."""

    small: str
    large: str
    rows: int | None = None
    low: int | None = None
    """None although `rows` is known: fewer rows than the curve's first level may be enough."""
    high: int | None = None
    """None although `rows` is known: more rows than the curve's last level may be needed."""
    reason: NoMatch | None = None
    """Why `rows` is None."""
    edge: int | None = None
    """The rows of the curve's first or last level, if the reason is about that level."""
    no_interval: NoInterval | None = None
    """Why there is no interval; None if `low` and `high` give it."""


def match(
    points: Sequence[Point], metric: str, small: str, large: str, spread: float | None
) -> Match:
    """The training rows at which the mean curve of `small`, made monotone and drawn over log rows, meets the figure of
    `large`, the LLM. `points` hold one figure of the LLM for each split.

    If ENOUGH_SPLITS splits have all fractions of the fullest split, the interval comes from the differences between
    these splits. It then includes the variation of test rows, training rows and training seeds. Otherwise the fullest
    split alone gives the interval, with the variation of test rows and training seeds. `spread` is the standard error
    of the difference between `small` and `large` on its test rows, without training seeds; None if it is not known.
    """
    ours, theirs = (
        [p for p in points if p.contestant == name and p.figure(metric) is not None]
        for name in (small, large)
    )
    goals = {p.split_seed: value for p in theirs if (value := p.figure(metric)) is not None}
    table = {split: levels for split, levels in _by_split(ours, metric).items() if split in goals}
    splits = _of_the_fullest(table)
    none = Match(small, large)
    if not splits or len(table[splits[0]]) < 2:
        return replace(none, reason="few_levels" if splits else "other_rows")
    fractions = sorted(table[splits[0]])
    used = [p for p in ours if p.split_seed in splits]
    rows = np.array(
        [np.mean([p.train_rows for p in used if p.fraction == fraction]) for fraction in fractions]
    )
    sign = -1.0 if METRICS[metric].lower_is_better else 1.0
    ahead = np.array(
        [[sign * (np.mean(table[split][f]) - goals[split]) for f in fractions] for split in splits]
    )
    seeded = {point.training_seed for point in used} != {NO_SEED}
    seeds = [table[splits[0]][fraction] for fraction in fractions] if seeded else None
    return _matched(none, rows, ahead, seeds, spread)


def _matched(
    none: Match,
    rows: np.ndarray,
    ahead: np.ndarray,
    seeds: Sequence[Sequence[float]] | None,
    spread: float | None,
) -> Match:
    """The rows at which the curve reaches the LLM's figure. `rows` has shape (levels,). `ahead` is the curve's lead,
    shape (splits, levels). `_half_width` explains `seeds`."""
    tried, share = _between(np.log(rows))
    width = _half_width(ahead, share, seeds, spread)
    middle, place = share @ ahead.mean(axis=0), _meets(np.log(rows), ahead.mean(axis=0))
    if not math.isfinite(place):
        return _outside(none, place < 0, rows, middle, width)
    if isinstance(width, str):
        return replace(none, rows=_rows(place), no_interval=width)
    # The interval holds the numbers of rows at which the difference may be 0, and all between these.
    least, most = np.flatnonzero(middle + width >= 0), np.flatnonzero(middle - width <= 0)
    low = None if least[0] == 0 else _rows(min(tried[least[0]], place))
    high = None if most[-1] == len(tried) - 1 else _rows(max(tried[most[-1]], place))
    return replace(none, rows=_rows(place), low=low, high=high)


def _by_split(points: Sequence[Point], metric: str) -> Table:
    table: Table = {}
    for point in points:
        value = point.figure(metric)
        if point.fraction is not None and value is not None:
            table.setdefault(point.split_seed, {}).setdefault(point.fraction, []).append(value)
    return table


def _of_the_fullest(table: Table) -> list[int]:
    """The split seed with the most fractions, then all others with these fractions if there are ENOUGH_SPLITS."""
    if not table:
        return []
    fullest = max(sorted(table), key=lambda split: len(table[split]))
    complete = [split for split in sorted(table) if set(table[fullest]) <= set(table[split])]
    if len(complete) < ENOUGH_SPLITS:
        return [fullest]
    return [fullest, *(split for split in complete if split != fullest)]


def _between(logs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Log rows to try, from the first level to the last, and the weight of each level in a curve that is straight
    between levels; shapes (tried,) and (tried, levels)."""
    # STEPS equal steps between two neighbouring levels.
    tried = np.interp(np.arange((len(logs) - 1) * STEPS + 1) / STEPS, np.arange(len(logs)), logs)
    return tried, np.array([np.interp(tried, logs, level) for level in np.eye(len(logs))]).T


def _half_width(
    ahead: np.ndarray,
    share: np.ndarray,
    seeds: Sequence[Sequence[float]] | None,
    spread: float | None,
) -> np.ndarray | NoInterval:
    """Half the width of the interval of the difference at each number of rows that is tried, or why there is none.

    `ahead` has shape (splits, levels). `seeds` has the figures of each level's training seeds; it is None if training
    has no seed. With one split, the variances of test rows and training are added, with the degrees of freedom of Welch
    and Satterthwaite.
    """
    splits, levels = ahead.shape
    if splits >= ENOUGH_SPLITS:
        error = (ahead @ share.T).std(axis=0, ddof=1) / math.sqrt(splits)
        return np.asarray(stdtrit(splits - 1, (1 + INSIDE) / 2) * error)
    if spread is None:
        return "no_spread"
    if seeds is None:
        trained, squares = np.zeros(len(share)), np.zeros(len(share))
    elif min(map(len, seeds)) >= ENOUGH_SEEDS:
        parts = share**2 * [np.var(values, ddof=1) / len(values) for values in seeds]
        trained = parts.sum(axis=1)
        squares = (parts**2 / [len(values) - 1 for values in seeds]).sum(axis=1)
    elif levels < ENOUGH_LEVELS:
        return "few_seeds"
    else:
        trained = _roughness(ahead[0]) * (share**2).sum(axis=1)
        squares = trained**2 / (levels - 3)
    variance = spread**2 + trained
    freedom = np.divide(variance**2, squares, out=np.full(len(share), np.inf), where=squares > 0)
    return np.asarray(stdtrit(np.maximum(freedom, 1), (1 + INSIDE) / 2) * np.sqrt(variance))


def _roughness(values: np.ndarray) -> float:
    """The variance of levels around a parabola that fits them all; it replaces the variance between training seeds if
    levels have too few seeds. `values` has shape (levels,)."""
    steps = np.vander(np.arange(len(values), dtype=float), 3)
    rest = values - steps @ np.linalg.lstsq(steps, values, rcond=None)[0]
    return float(rest @ rest / (len(values) - 3))


def _outside(
    none: Match, first: bool, rows: np.ndarray, middle: np.ndarray, width: np.ndarray | NoInterval
) -> Match:
    """`none` with the reason why the curve does not meet the LLM's figure: it is ahead from its first level on, or
    behind to its last. This is certain only if the difference at that level is more than noise."""
    place = 0 if first else -1
    end = replace(none, edge=round(float(rows[place])))
    if isinstance(width, str):
        return replace(
            end, reason="perhaps_ahead" if first else "perhaps_behind", no_interval=width
        )
    if abs(middle[place]) > width[place]:
        return replace(end, reason="ahead" if first else "behind")
    return replace(end, reason="perhaps_ahead" if first else "perhaps_behind")


def _meets(logs: np.ndarray, ahead: np.ndarray) -> float:
    """The log rows at which the monotone curve reaches 0: -inf before the first level, inf after the last."""
    from scipy.optimize import isotonic_regression

    rising = isotonic_regression(ahead).x
    if rising[0] >= 0:
        return -math.inf
    if rising[-1] < 0:
        return math.inf
    place = int(np.searchsorted(rising, 0))
    share = -rising[place - 1] / (rising[place] - rising[place - 1])
    return float(logs[place - 1] + share * (logs[place] - logs[place - 1]))


def _rows(log_rows: float) -> int:
    return round(math.exp(log_rows))
