"""Labels to match an LLM: how often the interval contains the true number, and how often "ahead" or "behind" is true.

True curves are power laws through 0.6 and 0.85 at 1/16 and 1 of 2,520 training rows. Training seeds have a standard
deviation of 0.012. Each of the 840 test rows of a split has a difficulty, which the model shares at every level and
seed, and the LLM partly. An outcome is right if the interval contains the rows at which the true curve meets the LLM's
true figure, if "ahead" or "behind" is true, or if nothing is claimed. Slingshot's old method is shown too: it resampled
splits and seeds, and trusted the measured order at a level.
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
"""Shares of a row's difficulty: common to model and LLM, and to all runs of the model. The rest differs by run."""
WITHIN = (0.93, 0.97)
ROUGHLY = (0.93, 0.985)
"""Bounds with one split and one seed: the spread of seeds is then estimated from the curve's roughness, which test rows
increase."""
FALSE = 0.035
"""The highest share of false "ahead" and "behind": 2.5%, and noise of 2,000 simulations."""
REDRAWN = 200


@dataclass(frozen=True)
class Case:
    splits: int
    seeds: int
    power: float
    where: str
    rows: float
    """Training rows at which the true curve meets the LLM."""

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
"""The power of the law, and the place at which it meets the LLM."""
RUNS = ((3, 1), (3, 3), (1, 1), (1, 3))


def law(rows: np.ndarray | float, power: float) -> Any:
    """A power law through the lowest and the highest figure at the first and the last level."""
    first, last = (end**-power for end in (ROWS[0], ROWS[-1]))
    return LOWEST + (HIGHEST - LOWEST) * (first - np.asarray(rows, float) ** -power) / (
        first - last
    )


def draw(generator: np.random.Generator, case: Case) -> tuple[np.ndarray, np.ndarray, float]:
    """Test accuracy of the model, shape (splits, levels, seeds), and of the LLM, shape (splits,); and the standard
    error of their difference on the first split's test rows, at the last level, without what differs by seed."""
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
    """Whether the outcome is right; whether a number is given; and whether "ahead" or "behind" is claimed but false: by
    `match`, and by the old method, which claimed it whenever the curve did not meet the LLM."""
    ours, theirs, spread = draw(stream(case.name, number), case)
    points = [
        point("llm", None, 12, split, NO_SEED, float(value)) for split, value in enumerate(theirs)
    ]
    for (split, level, seed), value in np.ndenumerate(ours):
        fraction = list(LEVELS)[level]
        points.append(point("small", fraction, LEVELS[fraction], split, seed, float(value)))
    outcome = match(points, "accuracy", "small", "llm", spread)
    unmet = (outcome.reason in ("ahead", "perhaps_ahead") and case.rows > ROWS[0]) or (
        outcome.reason in ("behind", "perhaps_behind") and case.rows < ROWS[-1]
    )
    false = unmet and outcome.reason in ("ahead", "behind")
    inside = (outcome.low or 0) <= round(case.rows) <= (outcome.high or math.inf)
    right = not false if outcome.rows is None else inside
    return right, outcome.rows is not None, false, unmet


def simulate_old(case: Case, number: int) -> bool:
    """Whether the interval of resampled splits and seeds contains the true rows. With fewer than three splits, the LLM
    is moved by the spread. A curve without a number counts as right."""
    generator = stream(case.name, number)
    ours, theirs, spread = draw(generator, case)
    crossings = [
        crossing(curve.mean(axis=(0, 2)) - goal)
        for curve, goal in (redraw(ours, theirs, spread, generator) for _ in range(REDRAWN))
    ]
    low, high = np.quantile(crossings, [0.025, 0.975], method="nearest")
    return bool(low <= math.log(case.rows) <= high) or not math.isfinite(
        crossing(ours.mean(axis=(0, 2)) - theirs.mean())
    )


def redraw(
    ours: np.ndarray, theirs: np.ndarray, spread: float, generator: np.random.Generator
) -> tuple[np.ndarray, float]:
    """A resample of splits and of each level's seeds, with deviations multiplied by sqrt(n / (n - 1))."""
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
    """Log rows at which the monotone curve reaches 0; infinite if it does not."""
    from slingshot.metrics.matching import _meets

    return _meets(np.log(ROWS), ahead)


def figures(run: Simulations) -> Iterator[Figure]:
    for splits, seeds in RUNS:
        for power, where in [(0.5, INNER[1])] if run.quick else CASES:
            yield from _figures(run, Case(splits, seeds, power, where, PLACES[where]))


def _figures(run: Simulations, case: Case) -> Iterator[Figure]:
    outcomes = run.each(simulate, case)
    right, numbers, false, old = outcomes.mean(axis=0)
    least, most = ROUGHLY if (case.splits, case.seeds) == (1, 1) else WITHIN
    yield Figure(
        case.name, "the outcome is right", float(right), least, most if case.where in INNER else 1.0
    )
    if case.where not in INNER:
        yield Figure(case.name, "a number is given", float(numbers))
        covered = outcomes[outcomes[:, 1] > 0, 0].mean()
        yield Figure(case.name, "its interval contains the truth", float(covered))
        yield Figure(case.name, '"ahead" or "behind", false', float(false), most=FALSE)
        yield Figure(case.name, "old method: either, false", float(old))
    elif (case.power, case.where) == CASES[3] and not run.quick:
        yield Figure(
            case.name,
            "old method: the interval contains the truth",
            float(run.each(simulate_old, case).mean()),
        )
