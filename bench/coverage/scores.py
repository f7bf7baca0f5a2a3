"""Coverage for figures of class probabilities: votes near the ceiling, rare classes, and overconfident scores.

Class counts are fixed. The truth is the figure on infinitely many rows with these shares of classes. A row's evidence
for each class is normal, and partly shared by both contestants. Probabilities follow from the evidence. They are raised
to a power if a contestant is overconfident. Votes are the shares of answers drawn from them. The mean width of the
intervals is shown too, as a multiple of 2 x 1.96 standard deviations of the figure between simulations.
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
"""The sample for the truth: its parts, and about how many rows each part has."""
VOTES, STATED = 5, 0.95


@dataclass(frozen=True)
class Case:
    name: str
    counts: tuple[int, ...]
    """Rows of each class."""
    skills: tuple[float, float]
    """Skill of both contestants: how many standard deviations a row's evidence for its own class is higher."""
    votes: int = 0
    """Answers to each row; 0 if probabilities are the model's own."""
    power: float = 1.0
    """The power to which calibrated odds are raised."""
    stated: float = 0.0
    """The score of the likeliest class in every row, if not 0."""
    sizes: tuple[int, ...] = ()
    """Sizes of groups; if empty, each row is a group."""
    correlation: float = 0.0
    """Correlation of the evidence within groups."""


RIGHT = {0.8: (1.19, 0.742), 0.95: (2.326, 2.037), 0.99: (3.29, 3.069)}
"""Accuracy with two classes -> its skill, sqrt(2) times its normal quantile; and that of 1.5 times the errors."""
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
    """Two classes of equal size. The first contestant has the accuracy `right`, the second 1.5 times as many errors."""
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
    """Draw both contestants on `copies` times the rows of each class."""
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

    shared, contestants = noise(), []
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
        source = "vote" if case.votes else "softmax"
        contestants.append(Scored(np.arange(rows), labels, groups, source, (run,), {}))
    return contestants


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
    """For each metric, of one contestant and paired: whether the interval contains the truth, its width, the figure."""
    both = draw(stream(case.name, number), case)
    figures = []
    for place, name in enumerate(METRICS):
        for contestants, value in (
            (both[:1], true[0, place]),
            (both, true[0, place] - true[1, place]),
        ):
            estimated = estimate(name, *contestants)
            low, high = estimated.interval(0.95)
            low = max(low, 0.0 if len(contestants) == 1 else -np.inf)
            covered = low - 1e-9 <= value <= high + 1e-9
            figures.append([float(covered), high - low, estimated.value])
    return figures


def figures(run: Simulations) -> Iterator[Figure]:
    for case in (CASES[1], CASES[16]) if run.quick else CASES:
        simulated = run.each(simulate, case, truth(case))
        most = WIDEST if case.skills == RIGHT[0.8] else np.inf
        for place, (covered, width, value) in enumerate(simulated.transpose(1, 2, 0)):
            metric = f"{METRICS[place // 2]}, {'paired' if place % 2 else 'own'}"
            yield Figure(case.name, f"{metric}: coverage", float(covered.mean()), LEAST)
            yield Figure(
                case.name,
                f"{metric}: width, 3.92 deviations 1",
                float(width.mean() / (3.92 * value.std())),
                most=most,
            )
