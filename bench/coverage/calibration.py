"""The calibration test: of scores that are calibrated, how many are said not to be?

Labels are drawn from softmax(logits / HEAT), and softmax(logits) is what is scored: a temperature makes it exact. It is
known to the test in "exact", and fitted on other rows, those of validation, in "fitted". Rows of a group draw their
labels together. "no allowance" takes the fitted temperature for the true one, as Slingshot did before.
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
"""The second with the little that the fit of a temperature leaves."""
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
    """Rows whose labels are drawn from softmax(logits / HEAT); what is scored is softmax(logits)."""
    groups = np.arange(rows) // case.per_group
    shape = (rows, case.classes)
    logits = 1.5 * HEAT * (generator.normal(size=shape)[groups] + generator.normal(size=shape))
    chances, held = (np.exp(logits / heat) for heat in (HEAT, 1.0))
    held /= held.sum(axis=1, keepdims=True)
    cuts = chances.cumsum(axis=1) / chances.sum(axis=1, keepdims=True)
    labels = (generator.random(rows)[groups, None] > cuts).sum(axis=1).clip(max=case.classes - 1)
    return Scored(
        np.arange(rows), labels, groups, "softmax", (SeedRun(0, held.argmax(axis=1), held),), {}
    )


def simulate(case: Case, number: int) -> list[float]:
    """p of each of HOW."""
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
