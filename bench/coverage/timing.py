"""How often two contestants with the same seconds per text are said to differ in cost.

Each predicts the same texts in parts that are timed separately, as by hardware.timed. A part takes the time of its
tokens, and noise: noise of each part, spikes as from another process, or a load that slows a whole run, which the
timing of one run can't see. Each case is also shown for the timing alone, without the error that total.LEAST adds.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from bench.coverage import Figure, Simulations, stream
from slingshot.machine import hardware
from slingshot.report.total import ERRORS, Total, cheaper, off

TEXTS = 1000
MOST = 0.05
"""The highest share of runs in which two equal contestants are told apart."""


@dataclass(frozen=True)
class Case:
    name: str
    passes: int = 1
    noise: float = 0.0
    """Relative standard deviation of a part's seconds."""
    spikes: float = 0.0
    """Share of the parts that take twice their time."""
    load: float = 0.0
    """Relative standard deviation of a whole run's seconds."""
    bounded: bool = True
    """Whether Slingshot claims to cover this case."""


CASES = (
    Case("every part varies by 20%", noise=0.2),
    Case("every part varies by 20%, two passes", passes=2, noise=0.2),
    Case("one part in five takes twice its time", noise=0.02, spikes=0.2),
    Case("a load of its own in every run, 10%", noise=0.02, load=0.1),
    Case("a load of its own in every run, 15%", noise=0.02, load=0.15, bounded=False),
)


def figures(run: Simulations) -> Iterator[Figure]:
    for case in CASES:
        share, alone = run.each(one, case).mean(axis=0)
        yield Figure(
            case.name, "two alike are told apart", share, most=MOST if case.bounded else np.inf
        )
        yield Figure(case.name, "the same by the timing alone", alone)


def one(case: Case, number: int) -> tuple[bool, bool]:
    """Whether two contestants of the same speed are told apart, and by the timing alone."""
    generator = stream(case.name, number)
    tokens = np.ceil(generator.lognormal(3, 0.6, TEXTS)).astype(int)
    parts = [
        int(tokens[part :: hardware.PARTS].sum()) for part in range(hardware.PARTS)
    ] * case.passes
    timings = [_timed(generator, case, parts) for _ in range(2)]
    totals = [
        Total(seconds, seconds * off(error / seconds), 0.0, 0.0, False)
        for seconds, error in timings
    ]
    alone = [
        replace(total, noise=ERRORS * error)
        for total, (_, error) in zip(totals, timings, strict=True)
    ]
    return cheaper(*totals) is not None, cheaper(*alone) is not None


def _timed(generator: np.random.Generator, case: Case, parts: list[int]) -> tuple[float, float]:
    """The seconds of all parts together, and their standard error."""
    speed = max(1 + case.load * generator.normal(), 0.1)
    noise = 1 + np.abs(case.noise * generator.normal(size=len(parts)))
    spikes = 1 + (generator.random(len(parts)) < case.spikes)
    seconds = (np.array(parts) * speed * noise * spikes).tolist()
    error = hardware.standard_error(seconds, parts)
    assert error is not None
    return sum(seconds), error
