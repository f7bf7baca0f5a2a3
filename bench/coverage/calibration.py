"""How often the calibration test rejects calibrated scores.

Labels are drawn from softmax(logits / HEAT), and the scores are softmax(logits), so a temperature makes them exact. In
"exact" the test knows that temperature; in "fitted" it is fitted on validation rows. Rows of a group draw their labels
together. "no allowance" treats the fitted temperature as the true one, as Slingshot did before.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from bench.coverage import Figure, Simulations, stream
from slingshot.metrics import calibration
from slingshot.metrics.scored import Scored, SeedRun

HEAT = 1.5
LEVEL, MOST = 0.05, 0.065
"""MOST includes the small error that remains after fitting a temperature."""
BINS = 15
HOW = ("exact", "fitted", "fitted, no allowance")


@dataclass(frozen=True)
class Case:
    name: str
    test: int
    validation: int
    """Rows."""
    classes: int
    per_group: int = 1
    """Rows of a group."""


CASES = (
    Case("300 test rows, 3 classes", 300, 300, 3),
    Case("840 test rows, 3 classes", 840, 300, 3),
    Case("840 test rows, 5 classes", 840, 300, 5),
    Case("840 test rows in groups of 5, 4 classes", 840, 300, 4, 5),
)


def draw(generator: np.random.Generator, rows: int, case: Case) -> Scored:
    """Draw rows with labels from softmax(logits / HEAT) and scores softmax(logits)."""
    groups = np.arange(rows) // case.per_group
    shape = (rows, case.classes)
    logits = 1.5 * HEAT * (generator.normal(size=shape)[groups] + generator.normal(size=shape))
    chances, scores = (np.exp(logits / heat) for heat in (HEAT, 1.0))
    scores /= scores.sum(axis=1, keepdims=True)
    cuts = chances.cumsum(axis=1) / chances.sum(axis=1, keepdims=True)
    labels = (generator.random(rows)[groups, None] > cuts).sum(axis=1).clip(max=case.classes - 1)
    return Scored(
        np.arange(rows), labels, groups, "softmax", (SeedRun(0, scores.argmax(axis=1), scores),), {}
    )


def simulate(case: Case, number: int) -> list[float]:
    """The p of each temperature in HOW."""
    generator = stream(case.name, number)
    test, validation = draw(generator, case.test, case), draw(generator, case.validation, case)
    fitted = calibration.scale(test, validation)[0].runs[0]
    assert test.runs[0].scores is not None
    exact = replace(test.runs[0], scores=calibration.scaled(test.runs[0].scores, HEAT))
    runs = (exact, fitted, replace(fitted, temperature_error=0.0))
    return [calibration.measure(one, test, BINS).p_calibrated for one in runs]


def figures(run: Simulations) -> Iterator[Figure]:
    for case in CASES[:1] if run.quick else CASES:
        rejected = (run.each(simulate, case) < LEVEL).mean(axis=0)
        for how, share in zip(HOW, rejected, strict=True):
            most = np.inf if how == HOW[2] else MOST
            yield Figure(case.name, f"{how}: p < {LEVEL}", float(share), most=most)
