"""How often a contestant that is behind by exactly the margin is called as good, or better.

Two contestants read the same rows. Class counts are fixed. The true difference is that of their figures on infinitely
many rows. Either all classes lose equally, or the rarest class loses everything. Log-loss and Brier can't be primary
metrics, but `slingshot diff` judges them by the same rule.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.optimize import brentq
from scipy.special import ndtri, softmax

from bench.coverage import Figure, Simulations, edges, stream
from slingshot import settings
from slingshot.metrics import pairs, rule
from slingshot.metrics.estimates import estimate
from slingshot.metrics.scored import Scored, SeedRun
from slingshot.settings import MetricsSettings
from slingshot.settings.catalogue import METRICS

PARAMS = Path(__file__).parents[2] / "params.yaml"
MARGINS, MOST = (0.02, 0.05), 0.05
"""The second margin is tried only if a rare class alone loses. MOST is the highest share of such errors."""
SURELY_NOT = 0.2
"""If the p of a loss of the margin is higher, nothing is claimed. It is far above the p of a claim."""
MACRO = ("balanced_accuracy", "macro_f1", "auroc")
SKILL, TRUTH_ROWS = 3.0, 200_000
"""For losses: what the better contestant adds to the label's logit (noise has the deviation 1), and rows for the true
losses."""


@dataclass(frozen=True)
class Case:
    name: str
    counts: tuple[int, ...]
    """Rows of each class."""
    figures: tuple[float, ...] = ()
    """Recalls, or areas under the curve, of the better contestant by class. Losses use SKILL instead."""
    metrics: tuple[str, ...] = MACRO
    rarest: bool = True
    """Whether the other contestant is worse only on the last class; otherwise on all classes equally."""
    decidable: bool = True

    @property
    def margins(self) -> tuple[float, ...]:
        return MARGINS if self.rarest and self.decidable else MARGINS[:1]


EVEN, UNEVEN, TEN = (210,) * 4, (420, 168, 84, 84, 59, 25), (500, 250, 80, 10)
CASES = (
    Case("4 classes of 210", EVEN, (0.9, 0.85, 0.8, 0.9), ("accuracy", *MACRO), rarest=False),
    Case("near the ceiling", EVEN, (0.99, 0.995, 0.99, 0.985), ("accuracy", *MACRO), rarest=False),
    Case("a class of 25 loses", UNEVEN, (0.9, 0.8, 0.85, 0.8, 0.8, 0.9)),
    Case("near the ceiling, a class of 25 loses", UNEVEN, (0.99, 0.98, 0.97, 0.98, 0.97, 0.98)),
    Case("a class of 10 loses", TEN, (0.9, 0.8, 0.8, 0.9)),
    Case("near the ceiling, a class of 10 loses", TEN, (0.99, 0.98, 0.97, 0.98)),
    Case(
        "classes of 3, 6 and 9, that of 3 loses",
        (600, 222, 9, 6, 3),
        (0.9, 0.8, 0.8, 0.8, 0.9),
        decidable=False,
    ),
    Case("4 classes of 210", EVEN, metrics=("log_loss", "brier")),
)


def behind(case: Case, metric: str, margin: float) -> tuple[float, ...]:
    """The figures by class of a contestant that is behind by the margin; for losses, its skill."""
    if METRICS[metric].lower_is_better:
        logits = np.random.default_rng(5).normal(size=(TRUTH_ROWS, len(case.counts)))

        def mean_loss(skill: float) -> float:
            shifted = logits.copy()
            shifted[:, 0] += skill
            right = softmax(shifted, axis=1)
            return float(np.mean(-np.log(right[:, 0]) if metric == "log_loss" else _brier(right)))

        goal = mean_loss(SKILL) + margin
        return (brentq(lambda skill: mean_loss(skill) - goal, 0.0, SKILL, xtol=1e-4),)

    def lowered(by: float) -> tuple[float, ...]:
        figures = np.array(case.figures)
        figures[-1 if case.rarest else slice(None)] -= by
        return tuple(figures.tolist())

    def beyond(by: float) -> float:
        both = (case.figures, lowered(by))
        if metric == "auroc":
            return float(np.mean(both[0]) - np.mean(both[1])) - margin
        known = edges.Case("", case.counts, both)
        return edges.truth(known, metric, 0) - edges.truth(known, metric, 1) - margin

    return lowered(brentq(beyond, 0.0, case.figures[-1] if case.rarest else min(case.figures)))


def _brier(scores: np.ndarray) -> np.ndarray:
    """Brier score of rows of the first class, shape (rows,)."""
    return np.asarray((scores[:, 0] - 1) ** 2 + (scores[:, 1:] ** 2).sum(axis=1))


def draw(
    generator: np.random.Generator, case: Case, metric: str, other: tuple[float, ...]
) -> list[Scored]:
    """Draw the rows of the contestant that is behind, and of the better one."""
    if metric in ("accuracy", "balanced_accuracy", "macro_f1"):
        return edges.draw(generator, edges.Case("", case.counts, (other, case.figures)))
    labels = np.repeat(np.arange(len(case.counts)), case.counts)
    rows = np.arange(len(labels))
    shared, *own = generator.normal(size=(3, len(labels), len(case.counts)))
    contestants = []
    for noise, figures in zip(own, (other, case.figures or (SKILL,)), strict=True):
        logits = np.sqrt(edges.SHARED) * shared + np.sqrt(1 - edges.SHARED) * noise
        # The distance of two normals of variance 1 that gives this area under the curve, which only sees ranks.
        points = (
            np.sqrt(2) * ndtri(figures)
            if metric == "auroc"
            else np.repeat(figures, len(case.counts))
        )
        logits[rows, labels] += points[labels]
        scores = logits if metric == "auroc" else softmax(logits, axis=1)
        run = SeedRun(-1, logits.argmax(axis=1), scores)
        contestants.append(Scored(rows, labels, rows, "softmax", (run,), {}))
    return contestants


def simulate(case: Case, options: MetricsSettings, other: tuple[float, ...], number: int) -> bool:
    """Whether the contestant that is behind is called as good, or better."""
    metric = options.primary
    worse, better = draw(
        stream(f"{case.name}, {metric}, {options.margin}", number), case, metric, other
    )
    difference, loss = (
        estimate(metric, worse, better),
        options.margin * (1 if METRICS[metric].lower_is_better else -1),
    )
    measured_as_far_behind = (difference.value - loss) * loss >= 0
    if measured_as_far_behind or difference.p_value(loss) >= SURELY_NOT:
        return False  # the other p-values take long and could not change that
    pair = pairs.difference("worse", "better", {"worse": worse, "better": better}, options)
    standings = rule.verdicts(pair.difference, rule.p_values(pair), 1 - options.confidence)
    return standings[METRICS[metric].lower_is_better] in ("as good", "better")


def figures(run: Simulations) -> Iterator[Figure]:
    options = settings.load(PARAMS).metrics
    for case in (CASES[2], CASES[6]) if run.quick else CASES:
        for metric in case.metrics[:1] if run.quick else case.metrics:
            for margin in MARGINS[:1] if run.quick else case.margins:
                judged = options.model_copy(update={"primary": metric, "margin": margin})
                share = run.each(simulate, case, judged, behind(case, metric, margin)).mean()
                what = f"{metric}, {margin} behind: as good, or better"
                yield Figure(case.name, what, float(share), most=MOST if case.decidable else 0.0)
