"""How often two contestants with the same true figure are told apart if rows come in groups of unequal size.

They are told apart by p < 0.05 from metrics.pairs, with its sign test over groups, or by an interval of the difference
that excludes 0. With fewer than FEW_GROUPS effective groups there is neither p nor interval, and nothing is claimed.
The share of such simulations is shown.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from bench.coverage import Figure, Simulations, stream
from bench.coverage.edges import Case, draw, zipf
from slingshot.metrics.pairs import difference
from slingshot.settings import MetricsSettings

MOST = 0.055
SETTINGS = {"margin": 0.02, "confidence": 0.95, "seed_sd": 0.0, "ece_bins": 15}
CORRELATIONS = (0.0, 0.2, 0.5)
SHAPES = {
    "300 groups by Zipf": zipf(840, 300),
    "one group of 15%, else rows": (126, *(1,) * 714),
    "one group of 15%, else of 5": (126, *(5,) * 143),
    "40 equal groups": (21,) * 40,
    "25 groups worth 21": tuple(range(10, 60, 2)),
}
FEW = Case("15 equal groups", (840,), ((0.8,), (0.8,)), sizes=(56,) * 15, correlation=0.2)


def accuracy(name: str, correlation: float) -> Case:
    sizes = SHAPES[name]
    return Case(
        f"{name}, correlation {correlation}",
        (sum(sizes),),
        ((0.8,), (0.8,)),
        sizes=sizes,
        correlation=correlation,
    )


def classes(name: str, mixed: bool) -> Case:
    """Three classes with 6/10, 3/10 and 1/10 of the rows."""
    rows = sum(SHAPES[name])
    counts = (rows - rows // 10 * 4, rows // 10 * 3, rows // 10)
    recalls = ((0.9, 0.8, 0.6), (0.9, 0.8, 0.6))
    title = f"{name}, 3 classes {'in each' if mixed else 'apart'}"
    return Case(title, counts, recalls, ("balanced_accuracy", "macro_f1"), SHAPES[name], 0.2, mixed)


CASES = (
    *(accuracy(name, correlation) for name in SHAPES for correlation in CORRELATIONS),
    classes("300 groups by Zipf", mixed=False),
    classes("300 groups by Zipf", mixed=True),
    classes("one group of 15%, else of 5", mixed=True),
    FEW,
)


def simulate(case: Case, metric: str, before: bool, number: int) -> list[float]:
    """Whether there is an interval, whether p is under 0.05, whether the interval excludes 0, and, with `before`,
    whether p would be under 0.05 if each row were a group."""
    settings = MetricsSettings.model_validate(SETTINGS | {"primary": metric})
    both = dict(zip("ab", draw(stream(case.name, number), case), strict=True))
    pair = difference("a", "b", both, settings)
    if pair.low is None or pair.high is None or pair.p is None:
        return [0.0] * 4
    by_rows = np.nan
    if before:
        apart = {
            name: replace(one, groups=np.arange(len(one.labels))) for name, one in both.items()
        }
        p = difference("a", "b", apart, settings).p
        assert p is not None
        by_rows = p < 0.05
    return [1.0, float(pair.p < 0.05), float(not pair.low <= 0 <= pair.high), by_rows]


def figures(run: Simulations) -> Iterator[Figure]:
    for case in (CASES[1], CASES[16], FEW) if run.quick else CASES:
        for metric in case.metrics:
            before = case is CASES[1]
            claims, by_p, by_interval, by_rows = run.each(simulate, case, metric, before).mean(
                axis=0
            )
            if claims < 1:
                yield Figure(case.name, f"{metric}: neither p nor interval", float(1 - claims))
            if claims:
                yield Figure(case.name, f"{metric}: told apart by p", float(by_p), most=MOST)
                yield Figure(
                    case.name,
                    f"{metric}: told apart by the interval",
                    float(by_interval),
                    most=MOST,
                )
                if before:
                    yield Figure(
                        case.name, f"{metric}: told apart by p, as if by rows", float(by_rows)
                    )
