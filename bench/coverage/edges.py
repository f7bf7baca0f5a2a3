"""Coverage of intervals at the edges: figures near the ceiling, rare classes, many classes, groups of unequal size.

Class counts are fixed. An interval must contain the figure of infinitely many rows, over the classes present. The
coverage of the percentile bootstrap, which Slingshot used before, is shown too. For one contestant's accuracy and
recall, so is the mean width, as a multiple of Clopper and Pearson's.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.stats import beta

from bench import bootstrap
from bench.coverage import Figure, Simulations, percentiles, stream
from slingshot.metrics.estimates import estimate
from slingshot.metrics.scored import Scored, SeedRun

LEAST, WIDEST = 0.93, 1.25
RESAMPLES, BOOTSTRAPPED = 400, 5
"""Resamples of the bootstrap. It only sees one of BOOTSTRAPPED simulations, because it is only shown."""
SHARED = 0.6
"""How much of a row's difficulty both contestants share."""


@dataclass(frozen=True)
class Case:
    name: str
    counts: tuple[int, ...]
    """Rows of each class."""
    recalls: tuple[tuple[float, ...], tuple[float, ...]]
    """Recall of each class, for both contestants. Wrong predictions are spread over other classes by their rows."""
    metrics: tuple[str, ...] = ("accuracy",)
    sizes: tuple[int, ...] = ()
    """Sizes of groups; if empty, each row is a group."""
    correlation: float = 0.0
    """Correlation of the difficulty of rows within a group."""
    mixed: bool = False
    """Whether groups have rows of all classes; otherwise groups follow the order of the classes."""


def ceiling(rows: int, right: float) -> Case:
    return Case(f"accuracy {right} of {rows} rows", (rows,), ((right,), (right - (1 - right) / 2,)))


def rare(name: str, counts: tuple[int, ...], *recalls: tuple[float, ...]) -> Case:
    return Case(name, counts, (recalls[0], recalls[1]), ("balanced_accuracy", "macro_f1", "recall"))


def zipf(rows: int, groups: int) -> tuple[int, ...]:
    shares = 1 / np.arange(1, groups + 1)
    return tuple(int(size) for size in np.maximum(1, np.round(rows * shares / shares.sum())))


def grouped(name: str, sizes: tuple[int, ...], correlation: float) -> Case:
    rows = sum(sizes)
    return Case(
        f"{name}, correlation {correlation}",
        (rows,),
        ((0.8,), (0.77,)),
        sizes=sizes,
        correlation=correlation,
    )


MANY = tuple(4 + place % 17 for place in range(150))
_SPREAD = np.random.default_rng(1).beta(6, 2, size=(2, 150))
CASES = (
    *(ceiling(rows, right) for rows in (100, 300, 840) for right in (0.95, 0.99, 0.999)),
    rare("a class of 3 in 300 rows", (297, 3), (0.9, 0.7), (0.88, 0.6)),
    rare(
        "classes of 3 and 9 in 300 rows",
        (200, 88, 9, 3),
        (0.9, 0.8, 0.7, 0.8),
        (0.88, 0.8, 0.6, 0.7),
    ),
    rare(
        "classes of 10 and 30 in 1,000 rows",
        (700, 260, 30, 10),
        (0.95, 0.8, 0.7, 0.9),
        (0.93, 0.8, 0.6, 0.9),
    ),
    rare(
        "the same near the ceiling",
        (700, 260, 30, 10),
        (0.99, 0.98, 0.97, 0.98),
        (0.99, 0.98, 0.97, 0.95),
    ),
    Case(
        "150 classes of 4 to 20 rows",
        MANY,
        (tuple(_SPREAD[0]), tuple(_SPREAD[1])),
        ("balanced_accuracy", "macro_f1"),
    ),
    *(grouped("300 groups by Zipf", zipf(840, 300), rho) for rho in (0.0, 0.2, 0.5)),
    *(grouped("one group of 15%, else rows", (126, *(1,) * 714), rho) for rho in (0.0, 0.2, 0.5)),
    *(grouped("one group of 15%, else of 5", (126, *(5,) * 143), rho) for rho in (0.0, 0.2, 0.5)),
)


def confusion(case: Case, side: int) -> np.ndarray:
    """Chance that a row of each class is predicted as each class, shape (classes, classes)."""
    counts, recalls = np.array(case.counts, float), np.array(case.recalls[side])
    chances = np.tile(counts, (len(counts), 1))
    np.fill_diagonal(chances, 0)
    total = np.maximum(chances.sum(axis=1, keepdims=True), 1)
    chances *= (1 - recalls)[:, None] / total
    np.fill_diagonal(chances, recalls)
    return chances


def draw(generator: np.random.Generator, case: Case) -> list[Scored]:
    """Draw both contestants on rows with fixed class counts. A row is right if its difficulty is low enough: a normal
    variable that both contestants, and the rows of a group, partly share."""
    from scipy.special import ndtr

    labels = np.repeat(np.arange(len(case.counts)), case.counts)
    groups = np.arange(len(labels))
    if case.sizes:
        groups = np.repeat(np.arange(len(case.sizes)), case.sizes)
    if case.mixed:
        groups = generator.permutation(groups)
    parts = []
    for weight, who in ((SHARED, 1), (1 - SHARED, 2)):
        of_group = generator.normal(size=(who, groups.max() + 1))[:, groups]
        of_row = generator.normal(size=(who, len(labels)))
        parts.append(
            np.sqrt(weight)
            * (np.sqrt(case.correlation) * of_group + np.sqrt(1 - case.correlation) * of_row)
        )
    hard = ndtr(parts[0] + parts[1])
    contestants = []
    for side in range(2):
        recalls = np.array(case.recalls[side])[labels]
        predictions = np.where(hard[side] < recalls, labels, -1)
        if len(case.counts) > 1:
            wrong = np.flatnonzero(predictions < 0)
            cuts = confusion(case, side)[labels[wrong]]
            cuts[np.arange(len(wrong)), labels[wrong]] = 0
            cuts = cuts.cumsum(axis=1) / cuts.sum(axis=1, keepdims=True)
            predictions[wrong] = (generator.random(len(wrong))[:, None] > cuts).sum(axis=1)
        contestants.append(
            Scored(
                np.arange(len(labels)),
                labels,
                groups,
                "none",
                (SeedRun(-1, predictions, None),),
                {},
            )
        )
    return contestants


def truth(case: Case, metric: str, side: int) -> float:
    counts, chances = np.array(case.counts, float), confusion(case, side)
    recalls = np.diag(chances)
    if metric == "macro_f1":
        return float(np.mean(2 * counts * recalls / (counts + counts @ chances)))
    return float(
        {"accuracy": counts @ recalls / counts.sum(), "recall": recalls[-1]}.get(
            metric, recalls.mean()
        )
    )


def simulate(case: Case, metric: str, number: int) -> list[float]:
    """Whether the interval of one contestant, and the paired interval, contain the truth; the width of the first, and
    of Clopper and Pearson's; and, in one of BOOTSTRAPPED simulations, whether both bootstrap intervals contain it."""
    both = draw(stream(case.name, number), case)
    true = [truth(case, metric, side) for side in range(2)]
    if metric == "recall":
        both = [one.only(one.labels == len(case.counts) - 1) for one in both]
    name = "accuracy" if metric == "recall" else metric
    own, paired = estimate(name, both[0]), estimate(name, *both)
    low, high = own.interval(0.95)
    covered = [_holds((low, high), true[0]), _holds(paired.interval(0.95), true[0] - true[1])]
    figures = [*covered, high - low, _clopper_pearson(own.value, len(both[0].labels))]
    if number % BOOTSTRAPPED:
        figures += [np.nan, np.nan]
    else:
        a, b = (one[name][0] for one in bootstrap.resample(both, RESAMPLES))
        figures += [
            _holds(percentiles(a, 0.95), true[0]),
            _holds(percentiles(a - b, 0.95), true[0] - true[1]),
        ]
    return [float(value) for value in figures]


def _holds(interval: tuple[float | None, float | None], value: float) -> bool:
    low, high = interval
    return low is not None and high is not None and low - 1e-9 <= value <= high + 1e-9


def _clopper_pearson(value: float, rows: int) -> float:
    """Width of Clopper and Pearson's 95% interval."""
    right, wrong = round(value * rows), rows - round(value * rows)
    low = beta.ppf(0.025, right, wrong + 1) if right else 0.0
    high = beta.isf(0.025, right + 1, wrong) if wrong else 1.0
    return float(high - low)


def figures(run: Simulations) -> Iterator[Figure]:
    for case in (CASES[1], CASES[9], CASES[15]) if run.quick else CASES:
        for metric in case.metrics[:1] if run.quick else case.metrics:
            means = np.nanmean(run.each(simulate, case, metric), axis=0)
            yield Figure(case.name, f"{metric}, own: coverage", float(means[0]), LEAST)
            yield Figure(case.name, f"{metric}, paired: coverage", float(means[1]), LEAST)
            if metric in ("accuracy", "recall") and not case.sizes:
                yield Figure(
                    case.name,
                    f"{metric}: width, Clopper-Pearson 1",
                    float(means[2] / means[3]),
                    most=WIDEST,
                )
            yield Figure(case.name, f"{metric}, own: by the bootstrap", float(means[4]))
            yield Figure(case.name, f"{metric}, paired: by the bootstrap", float(means[5]))
