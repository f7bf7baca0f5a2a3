"""Figures of class probabilities at the edges: votes near the ceiling, rare classes, and scores that are too sure.

Class counts are fixed, and what is to be held is the figure as it would be on endless rows with these shares of
classes. A row's evidence for each class is normal, partly the same for both contestants; probabilities are what follows
from it, raised to a power where a contestant is too sure, and the shares of so many answers drawn from them where they
are votes. Beside each share of held intervals stands the mean width, as a multiple of 2 x 1.96 standard deviations
of the figure between simulations.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import softmax

from bench.coverage import Figure, Simulations, stream
from bench.coverage.edges import LEAST, SHARED, WIDEST, zipf
from slingshot.metrics.estimates import estimate
from slingshot.metrics.scored import Scored, SeedRun

METRICS = ("auroc", "brier", "log_loss")
TRUTH_PARTS, TRUTH_ROWS = 10, 30_000
"""The endless rows: so many parts of about so many rows."""
VOTES, STATED = 5, 0.95


@dataclass(frozen=True)
class Case:
    name: str
    counts: tuple[int, ...]
    """Rows of each class."""
    skills: tuple[float, float]
    """Of both contestants: by how many standard deviations a row's evidence for its own class is higher."""
    votes: int = 0
    """Answers to each row; 0 where probabilities are the model's own."""
    power: float = 1.0
    """What calibrated odds are raised to."""
    stated: float = 0.0
    """The score of the likeliest class in every row, if not 0."""
    sizes: tuple[int, ...] = ()
    """Of groups, where rows have some; else each row is one."""
    correlation: float = 0.0
    """Within groups, of the evidence."""


RIGHT = {0.8: (1.19, 0.742), 0.95: (2.326, 2.037), 0.99: (3.29, 3.069)}
"""Share right of two classes -> the skill, sqrt(2) times its normal quantile, and that of half as many more wrong."""
RARE = (
    ("a class of 3 in 300", (297, 3)),
    ("classes of 3 and 9 in 300", (200, 88, 9, 3)),
    ("classes of 10 and 30 in 1,000", (700, 260, 30, 10)),
)
KINDS: tuple[tuple[str, int, float, float], ...] = (
    ("scores", 0, 1.0, 0.0),
    ("too sure", 0, 4.0, 0.0),
    ("votes", VOTES, 4.0, 0.0),
    ("stated", 0, 1.0, STATED),
)
"""Name, votes, power and stated confidence."""


def ceiling(rows: int, right: float, kind: int) -> Case:
    """Two classes of equal size, of which the first contestant has this share right, the second half as many more
    wrong."""
    return of_kind(
        kind, f"{right} right of {rows} rows", (rows // 2, rows - rows // 2), RIGHT[right]
    )


def of_kind(kind: int, where: str, counts: tuple[int, ...], skills: tuple[float, float]) -> Case:
    name, votes, power, stated = KINDS[kind]
    return Case(f"{name}, {where}", counts, skills, votes, power, stated)


CASES = (
    *(ceiling(rows, right, 2) for rows in (100, 300, 840) for right in (0.95, 0.99)),
    *(ceiling(rows, 0.8, 0) for rows in (100, 300, 840)),
    *(ceiling(rows, 0.99, kind) for rows in (100, 840) for kind in (0, 1, 3)),
    *(of_kind(kind, rare, counts, (2.5, 2.2)) for rare, counts in RARE for kind in (0, 2)),
    replace(
        ceiling(sum(zipf(840, 300)), 0.95, 2),
        name="votes, 300 groups by Zipf",
        sizes=zipf(840, 300),
        correlation=0.2,
    ),
)


def draw(generator: np.random.Generator, case: Case, copies: int = 1) -> list[Scored]:
    """Both contestants on `copies` times the rows of each class."""
    counts = np.array(case.counts)
    classes, rows = len(counts), copies * int(counts.sum())
    labels = generator.permutation(np.repeat(np.arange(classes), copies * counts))
    groups = (
        np.repeat(np.arange(len(case.sizes)), case.sizes)
        if case.sizes and copies == 1
        else np.arange(rows)
    )

    def noise() -> np.ndarray:
        own = generator.normal(size=(rows, classes))
        of_group = (
            generator.normal(size=(groups.max() + 1, classes))[groups] if case.correlation else own
        )
        return np.asarray(
            np.sqrt(case.correlation) * of_group + np.sqrt(1 - case.correlation) * own
        )

    shared, found = noise(), []
    for skill in case.skills:
        evidence = (
            skill * np.eye(classes)[labels]
            + np.sqrt(SHARED) * shared
            + np.sqrt(1 - SHARED) * noise()
        )
        scores = softmax(case.power * (skill * evidence + np.log(counts / counts.sum())), axis=1)
        if case.votes:
            scores = generator.multinomial(case.votes, scores) / case.votes
        if case.stated:
            best = np.eye(classes, dtype=bool)[scores.argmax(axis=1)]
            scores = np.where(best, case.stated, (1 - case.stated) / (classes - 1))
        run = SeedRun(-1, scores.argmax(axis=1), scores)
        found.append(
            Scored(np.arange(rows), labels, groups, "vote" if case.votes else "softmax", (run,), {})
        )
    return found


def truth(case: Case) -> np.ndarray:
    """Each metric of both contestants, shape (2, metrics)."""
    generator = np.random.default_rng(5)
    copies = -(-TRUTH_ROWS // sum(case.counts))
    parts = []
    for _ in range(TRUTH_PARTS):
        parts.append(
            [
                [estimate(name, one).value for name in METRICS]
                for one in draw(generator, case, copies)
            ]
        )
    return np.asarray(np.mean(parts, axis=0))


def simulate(case: Case, true: np.ndarray, number: int) -> list[list[float]]:
    """Of each metric, own and paired: whether the interval holds the truth, its width, and the figure."""
    both = draw(stream(case.name, number), case)
    found = []
    for place, name in enumerate(METRICS):
        for contestants, value in (
            (both[:1], true[0, place]),
            (both, true[0, place] - true[1, place]),
        ):
            told = estimate(name, *contestants)
            low, high = told.interval(0.95)
            low = max(low, 0.0 if len(contestants) == 1 else -np.inf)
            found.append([float(low - 1e-9 <= value <= high + 1e-9), high - low, told.value])
    return found


def figures(run: Simulations) -> Iterator[Figure]:
    for case in (CASES[1], CASES[16]) if run.quick else CASES:
        simulated = run.each(simulate, case, truth(case))
        most = WIDEST if case.skills == RIGHT[0.8] else np.inf
        for place, (held, width, value) in enumerate(simulated.transpose(1, 2, 0)):
            what = f"{METRICS[place // 2]}, {'paired' if place % 2 else 'own'}"
            yield Figure(case.name, f"{what}: coverage", float(held.mean()), LEAST)
            yield Figure(
                case.name,
                f"{what}: width, 3.92 deviations 1",
                float(width.mean() / (3.92 * value.std())),
                most=most,
            )
