"""Labels to match an LLM: does the interval hold them, and is who is said to be ahead or behind so?

True curves are power laws through 0.6 and 0.85 at 1/16 and 1 of 2,520 training rows. Every training seed differs by
0.012, and each of the 840 test rows of a split is hard or easy for all who read it: for the model at every level and
seed, and in part for the LLM. What is said holds where the interval has the rows at which the true curve meets the
LLM's true figure, where "ahead already" or "behind still" is true, and where nothing is said. The way that Slingshot
left behind stands beside: it redrew splits and seeds, and took who was ahead at a level's word.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import norm

from bench.coverage import Figure, Simulations, stream
from slingshot.files.codes import NO_SEED
from slingshot.files.points import Point
from slingshot.metrics.matching import match

LEVELS = {1 / 16: 158, 1 / 8: 315, 1 / 4: 630, 1 / 2: 1260, 1.0: 2520}
ROWS = np.array(list(LEVELS.values()), float)
LOWEST, HIGHEST = 0.6, 0.85
TEST_ROWS, SEED_SPREAD = 840, 0.012
SHARED, OWN = 0.4, 0.3
"""Shares of what makes a row hard: for everybody, and for the model in all its runs. The rest is each run's."""
WITHIN = (0.93, 0.97)
ROUGHLY = (0.93, 0.985)
"""Of one split and one seed, where the seeds' spread is told from the curve's roughness, which test rows add to."""
FALSE = 0.035
"""The most of "ahead already" and "behind still" that may be false: 2.5%, and noise of 2,000 simulations."""
REDRAWN = 200


@dataclass(frozen=True)
class Case:
    splits: int
    seeds: int
    power: float
    where: str
    rows: float
    """At which the true curve meets the LLM."""

    @property
    def name(self) -> str:
        return f"splits {self.splits}, seeds {self.seeds}, c {self.power:g}: {self.where}"


PLACES = {
    "below the first level": 145.0,
    "just above the first": 163.0,
    "at the second": 315.0,
    "between levels": 890.0,
    "just below the last": 2400.0,
    "beyond the last": 2800.0,
}
INNER = ("at the second", "between levels")
CASES = (*((0.5, where) for where in PLACES), *((0.1, where) for where in INNER))
"""The power of the law, and where the LLM lies."""
RUNS = ((3, 1), (3, 3), (1, 1), (1, 3))


def law(rows: np.ndarray | float, power: float) -> Any:
    """A power law through the lowest and the highest figure at the first and the last level."""
    first, last = (end**-power for end in (ROWS[0], ROWS[-1]))
    return LOWEST + (HIGHEST - LOWEST) * (first - np.asarray(rows, float) ** -power) / (
        first - last
    )


def draw(generator: np.random.Generator, case: Case) -> tuple[np.ndarray, np.ndarray, float]:
    """Test accuracy of the model, shape (splits, levels, seeds), and of the LLM, shape (splits,); the standard error of
    their difference on the first split's test rows, at the last level, less what each seed adds."""
    ours, theirs, spread = [], [], 0.0
    for split in range(case.splits):
        shared, own = (
            math.sqrt(share) * generator.normal(size=TEST_ROWS) for share in (SHARED, OWN)
        )
        true = law(ROWS, case.power)[:, None] + SEED_SPREAD * generator.normal(
            size=(len(ROWS), case.seeds)
        )
        noise = math.sqrt(1 - SHARED - OWN) * generator.normal(size=(*true.shape, TEST_ROWS))
        right = norm.ppf(true)[:, :, None] + shared + own + noise > 0
        noise = math.sqrt(1 - SHARED) * generator.normal(size=TEST_ROWS)
        answered = norm.ppf(law(case.rows, case.power)) + shared + noise > 0
        ours.append(right.mean(axis=2))
        theirs.append(answered.mean())
        if split == 0:
            mean = right[-1].mean(axis=0)
            alone = np.mean((right[-1] - mean) ** 2) / max(1, case.seeds - 1)
            spread = math.sqrt((np.var(mean - answered, ddof=1) - alone) / TEST_ROWS)
    return np.array(ours), np.array(theirs), spread


def point(
    contestant: str, fraction: float | None, rows: int, split: int, seed: int, accuracy: float
) -> Point:
    figures = {"accuracy": accuracy}
    return Point("", "", fraction, rows, split, seed, contestant, "", "", "", figures)


def simulate(case: Case, number: int) -> tuple[bool, bool, bool, bool]:
    """Whether what is said holds; whether a number is given; and whether "ahead already" or "behind still" is said,
    but false: by match, and by the old way, for which the curve's not meeting the LLM was enough."""
    ours, theirs, spread = draw(stream(case.name, number), case)
    points = [
        point("llm", None, 12, split, NO_SEED, float(value)) for split, value in enumerate(theirs)
    ]
    for (split, level, seed), value in np.ndenumerate(ours):
        fraction = list(LEVELS)[level]
        points.append(point("small", fraction, LEVELS[fraction], split, seed, float(value)))
    found = match(points, "accuracy", "small", "llm", spread)
    unmet = (found.reason in ("ahead", "perhaps_ahead") and case.rows > ROWS[0]) or (
        found.reason in ("behind", "perhaps_behind") and case.rows < ROWS[-1]
    )
    false = unmet and found.reason in ("ahead", "behind")
    inside = (found.low or 0) <= round(case.rows) <= (found.high or math.inf)
    return (not false if found.rows is None else inside), found.rows is not None, false, unmet


def simulate_old(case: Case, number: int) -> bool:
    """Whether the interval of resampled splits and seeds held the rows, with the LLM moved by the spread under three
    splits; one that has no number counts as holding."""
    generator = stream(case.name, number)
    ours, theirs, spread = draw(generator, case)
    met = [
        crossing(curve.mean(axis=(0, 2)) - goal)
        for curve, goal in (redraw(ours, theirs, spread, generator) for _ in range(REDRAWN))
    ]
    low, high = np.quantile(met, [0.025, 0.975], method="nearest")
    return bool(low <= math.log(case.rows) <= high) or not math.isfinite(
        crossing(ours.mean(axis=(0, 2)) - theirs.mean())
    )


def redraw(
    ours: np.ndarray, theirs: np.ndarray, spread: float, generator: np.random.Generator
) -> tuple[np.ndarray, float]:
    """A resample of splits and of each level's seeds, deviations widened by sqrt(n / (n - 1))."""
    splits, levels, seeds = ours.shape
    chosen = generator.integers(splits, size=splits)
    picked = generator.integers(seeds, size=(splits, levels, seeds))
    means = ours.mean(axis=2, keepdims=True)
    wider = [math.sqrt(n / (n - 1)) if n > 1 else 1.0 for n in (splits, seeds)]
    noise = (np.take_along_axis(ours[chosen], picked, axis=2) - means[chosen]).mean(
        axis=(0, 2)
    ) * wider[1]
    curve = (
        means.mean(axis=(0, 2))
        + wider[0] * (means[chosen].mean(axis=(0, 2)) - means.mean(axis=(0, 2)))
        + noise
    )
    goal = theirs.mean() + wider[0] * (theirs[chosen].mean() - theirs.mean())
    return curve[None, :, None], float(goal) + (spread * generator.normal() if splits < 3 else 0.0)


def crossing(ahead: np.ndarray) -> float:
    """Log rows at which the monotone curve reaches nought; infinite where it does not."""
    from slingshot.metrics.matching import _meets

    return _meets(np.log(ROWS), ahead)


def figures(run: Simulations) -> Iterator[Figure]:
    for splits, seeds in RUNS:
        for power, where in [(0.5, INNER[1])] if run.quick else CASES:
            yield from _figures(run, Case(splits, seeds, power, where, PLACES[where]))


def _figures(run: Simulations, case: Case) -> Iterator[Figure]:
    said = run.each(simulate, case)
    holds, given, false, old = said.mean(axis=0)
    least, most = ROUGHLY if (case.splits, case.seeds) == (1, 1) else WITHIN
    yield Figure(
        case.name, "what is said holds", float(holds), least, most if case.where in INNER else 1.0
    )
    if case.where not in INNER:
        yield Figure(case.name, "a number is given", float(given))
        yield Figure(case.name, "its interval holds", float(said[said[:, 1] > 0, 0].mean()))
        yield Figure(
            case.name, '"ahead already" or "behind still", false', float(false), most=FALSE
        )
        yield Figure(case.name, "left behind: either, false", float(old))
    elif (case.power, case.where) == CASES[3] and not run.quick:
        yield Figure(
            case.name, "left behind: the interval holds", float(run.each(simulate_old, case).mean())
        )
