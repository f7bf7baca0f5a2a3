"""Labels to match an LLM: the training rows at which a learning curve meets the LLM's figure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from slingshot.learning import ENOUGH_SEEDS, ENOUGH_SPLITS, LOWER_IS_BETTER
from slingshot.points import Point
from slingshot.tables import NO_SEED

TRAINING_VARIANCE = "training variance not included"
SEED, DRAWS = 20243, 2000
INSIDE = 0.95


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
