"""Where the marks of the two small charts stand; index.html.j2 draws them.

Lengths are in the SVG's own units, 360 across, so that a phone shows the text at its full size.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from slingshot.report.inputs import Results
from slingshot.report.numbers import score, significant
from slingshot.report.table import MAJORITY, Table

WIDTH = 360
MARGIN = 12
BAND = 40
HEIGHT = 220
LETTER = 26
"""Room at the top for the letter above the highest point."""


@dataclass(frozen=True)
class Tick:
    at: float
    text: str


@dataclass(frozen=True)
class Bar:
    """One contestant's value (x) with its interval (low, high), on the line at y."""

    title: str
    text: str
    y: float
    x: float
    low: float
    high: float
    contestant: bool


@dataclass(frozen=True)
class Bars:
    height: float
    bars: tuple[Bar, ...]
    ticks: tuple[Tick, ...]


@dataclass(frozen=True)
class Point:
    letter: str
    title: str
    x: float
    y: float


@dataclass(frozen=True)
class Scatter:
    points: tuple[Point, ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]


def bars(results: Results, table: Table, primary: str) -> Bars:
    """The primary metric with its interval, in the order of the table; the majority class last."""
    named = {contestant.name: contestant for contestant in results.contestants}
    marks = []
    for row in table.rows:
        if row.name in named:
            value = named[row.name].scores.get(primary)
            interval = (named[row.name].intervals.get("metrics") or {}).get(primary) or {}
        elif row.title == MAJORITY:
            value, interval = (results.audit.get("majority") or {}).get(primary), {}
        else:
            continue
        if value is not None:
            low, high = interval.get("low"), interval.get("high")
            marks.append((row.title, value, value if low is None else low, value if high is None else high))
    start, end, ticks = _scale([edge for _, _, low, high in marks for edge in (low, high)])
    x = _linear(start, end, MARGIN, WIDTH - MARGIN)
    drawn = tuple(
        Bar(title, score(value), BAND * i + 30, x(value), x(low), x(high), title != MAJORITY)
        for i, (title, value, low, high) in enumerate(marks)
    )
    return Bars(BAND * len(marks) + 30, drawn, tuple(Tick(x(tick), f"{tick:.2f}") for tick in ticks))


def scatter(results: Results, table: Table, primary: str) -> Scatter | None:
    """The primary metric against the cost per 1,000 texts (logarithmic); None under two such points."""
    named = {contestant.name: contestant for contestant in results.contestants}
    rows = [row for row in table.rows if row.name in named]
    known = []
    for row in rows:
        cost, value = named[row.name].cost.get("cost_per_1000_texts"), named[row.name].scores.get(primary)
        if cost and value is not None:
            known.append((row.title, math.log10(cost), value))
    if len(known) < 2:
        return None
    low, high = math.floor(min(c for _, c, _ in known)), math.ceil(max(c for _, c, _ in known))
    start, end, ticks = _scale([value for _, _, value in known])
    x, y = _linear(low, max(high, low + 1), 44, WIDTH - MARGIN), _linear(start, end, HEIGHT - 34, LETTER)
    step = max(1, (high - low) // 4)
    return Scatter(
        points=tuple(Point(chr(65 + i), title, x(cost), y(value)) for i, (title, cost, value) in enumerate(known)),
        x_ticks=tuple(Tick(x(power), significant(10.0**power, 1)) for power in range(low, high + 1, step)),
        y_ticks=tuple(Tick(y(tick), f"{tick:.2f}") for tick in ticks),
    )


def _linear(start: float, end: float, first: float, last: float) -> Callable[[float], float]:
    """The function that maps [start, end] to [first, last], to a tenth of a unit."""
    return lambda value: round(first + (value - start) * (last - first) / (end - start), 1)


def _scale(values: Sequence[float]) -> tuple[float, float, list[float]]:
    """Start, end and ticks, at round hundredths, around `values`."""
    low, high = min(values, default=0.0), max(values, default=1.0)
    step = next((s for s in (0.02, 0.05, 0.1, 0.2) if high - low <= 5 * s), 0.25)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    last = max(last, first + 1)
    return first * step, last * step, [i * step for i in range(first, last + 1)]
