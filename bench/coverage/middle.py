"""Coverage of intervals in the middle: four classes, two contestants of medium skill, groups and training seeds.

Texts of a group share a part of their difficulty. Two contestants read the same texts, slightly differently under each
training seed. Their true figures come from a very large sample.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from bench.coverage import Figure, Simulations, stream
from slingshot.metrics.estimates import estimate
from slingshot.metrics.recipes import of_recipe
from slingshot.metrics.scored import Scored, SeedRun

METRICS = ("accuracy", "balanced_accuracy", "macro_f1", "auroc", "log_loss", "brier")
CLASSES = 4
PRIOR = np.array([0.4, 0.3, 0.2, 0.1])
SKILLS = (2.2, 1.8)
"""How strongly the two contestants' logits point to the label."""
TRUTH_PARTS, TRUTH_ROWS, TRUTH_SEEDS = 20, 20_000, 40
"""The very large sample: its parts, the rows of each part, and the training seeds of each part if seeds differ."""
LEAST, MOST = 0.93, 0.97
WIDER = 0.01
"""How much higher the coverage may be if groups have several rows, and again if seeds are drawn. For groups, the larger
of two variances is taken; for a few seeds, Cochran's t is never too small."""


@dataclass(frozen=True)
class Case:
    name: str
    groups: int
    rows: int
    """Rows of each group."""
    seeds: int
    seed_spread: float = 0.0
    """Standard deviation of the offset that a training run adds to each class's logit."""


CASES = (
    Case("500 groups of 1 row", 500, 1, 1),
    Case("100 groups of 5 rows", 100, 5, 1),
    Case("300 groups of 2 rows, 3 seeds", 300, 2, 3, 0.15),
    Case("300 groups of 2 rows, 5 seeds", 300, 2, 5, 0.15),
)


def draw(
    generator: np.random.Generator, case: Case, groups: int, offsets: list[np.ndarray]
) -> list[Scored]:
    """Draw the two contestants on `groups` groups; `offsets` has an array of shape (seeds, classes) for each."""
    group = np.repeat(np.arange(groups), case.rows)
    rows = len(group)
    labels = generator.choice(CLASSES, size=groups, p=PRIOR)[group]
    apart = generator.random(rows) < 0.5  # half of a group's rows have labels of their own
    labels = np.where(apart, generator.choice(CLASSES, size=rows, p=PRIOR), labels)
    hard = generator.normal(size=(groups, CLASSES))[group] + generator.normal(size=(rows, CLASSES))
    contestants = []
    for skill, offset in zip(SKILLS, offsets, strict=True):
        own = 0.7 * generator.normal(size=(rows, CLASSES))
        logits = skill * np.eye(CLASSES)[labels] + hard + own
        runs = []
        for number, seed in enumerate(offset):
            raised = np.exp(logits + seed)
            scores = raised / raised.sum(axis=1, keepdims=True)
            runs.append(SeedRun(number, scores.argmax(axis=1), scores))
        contestants.append(Scored(np.arange(rows), labels, group, "softmax", tuple(runs), {}))
    return contestants


def seed_offsets(generator: np.random.Generator, case: Case, seeds: int) -> list[np.ndarray]:
    return [case.seed_spread * generator.normal(size=(seeds, CLASSES)) for _ in SKILLS]


def truth(run: Simulations, case: Case) -> list[dict[str, float]]:
    samples = replace(run, simulations=TRUTH_PARTS).each(part_of_truth, case)
    return [dict(zip(METRICS, means, strict=True)) for means in samples.mean(axis=0).tolist()]


def part_of_truth(case: Case, number: int) -> list[list[float]]:
    """The figures of both contestants on one part of the sample, shape (contestants, metrics)."""
    generator = stream(f"truth, {case.name}", number)
    seeds = TRUTH_SEEDS if case.seed_spread else 1
    both = draw(generator, case, TRUTH_ROWS // case.rows, seed_offsets(generator, case, seeds))
    return [[estimate(name, one).value for name in METRICS] for one in both]


def simulate(case: Case, true: list[dict[str, float]], number: int) -> list[bool]:
    """Whether each interval contains the true figure: for each metric, that of the first contestant, and the paired
    difference."""
    generator = stream(case.name, number)
    both = draw(generator, case, case.groups, seed_offsets(generator, case, case.seeds))
    covered = []
    for name in METRICS:
        own, paired = of_recipe(name, both[0]), of_recipe(name, both[0], both[1])
        for estimated, value in ((own, true[0][name]), (paired, true[0][name] - true[1][name])):
            low, high = estimated.interval(0.95)
            covered.append(low <= value <= high)
    return covered


def figures(run: Simulations) -> Iterator[Figure]:
    for case in CASES[:1] if run.quick else CASES:
        true, most = truth(run, case), MOST + WIDER * ((case.rows > 1) + (case.seeds > 1))
        shares = run.each(simulate, case, true).mean(axis=0)
        for place, name in enumerate(METRICS):
            for kind, share in zip(
                ("own", "paired"), shares[2 * place : 2 * place + 2], strict=True
            ):
                yield Figure(case.name, f"{name}, {kind}: coverage", float(share), LEAST, most)
