"""The common parts of charts, which are Vega-Lite specifications made by Altair.

Rows are inline, and figures are numbers. A chart's `grid` has its figures as a table, for people who can't see it.
Texts in a specification are data: page/index.py escapes them when it writes the page.
"""

from __future__ import annotations

import math
from collections.abc import Container, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import altair as alt

from slingshot.report.grid import Grid
from slingshot.report.inputs import Contestant
from slingshot.report.page.theme import series
from slingshot.settings.errors import visible

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Drawing = alt.LayerChart | alt.FacetChart
"""The type that alt.layer returns."""
HEIGHT = 260
"""Default height of a chart, in pixels; its width is that of its container."""


@dataclass(frozen=True)
class Chart:
    name: str
    """Its id on the page, and the name of its file in report/figures."""
    caption: str
    spec: dict[str, Any]
    grid: Grid | None = None
    """Its figures as a table; None if a table beside it has all of them."""


@dataclass(frozen=True)
class Score:
    """A contestant's figure with its interval, as charts draw it."""

    contestant: str
    """Its label, which decides its colour and shape."""
    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Look:
    """The colour and shape channels of contestants."""

    color: alt.Color
    shape: alt.Shape


def data(rows: Iterable[DataclassInstance], name: str | None = None) -> alt.InlineData:
    """The rows as inline data; with `name`, a script can replace them."""
    values = [asdict(row) for row in rows]
    return alt.InlineData(values=values, name=name) if name else alt.InlineData(values=values)


def finished(
    name: str,
    caption: str,
    chart: Drawing,
    grid: Grid | None = None,
    height: int = HEIGHT,
) -> Chart:
    """The chart, as wide as its container, without Altair's configuration, because the page has its own."""
    # Only a test validates, because validation would take most of the stage's time.
    spec = chart.properties(width="container", height=height).to_dict(validate=False)
    own = {key: value for key, value in spec.items() if key not in ("config", "$schema")}
    return Chart(name, caption, _printable(own), grid)


def _printable(value: Any) -> Any:
    """The value with visible control characters: titles and classes may have characters that SVG does not allow."""
    if isinstance(value, dict):
        return {_printable(key): _printable(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_printable(inner) for inner in value]
    return visible(value) if isinstance(value, str) else value


def look(contestants: Sequence[Contestant], labels: Container[str], *, legend: bool = True) -> Look:
    """Colours and shapes of those of all `contestants` that have these labels, by the field `contestant`."""
    marks = series([contestant.name for contestant in contestants])
    shown = {c.label: marks[c.name] for c in contestants if c.label in labels}
    key = alt.Legend(columns=3, symbolOpacity=1) if legend else None
    colours, shapes = (
        alt.Scale(domain=list(shown), range=[mark[i] for mark in shown.values()]) for i in (0, 1)
    )
    return Look(
        alt.Color("contestant:N", scale=colours, legend=key),
        alt.Shape("contestant:N", scale=shapes, legend=key),
    )


def log_axis(field: str, title: str, values: Sequence[float], room: float = 1.8) -> alt.X:
    """A logarithmic axis, wider than `values` by the factor `room` on each side, with round ticks and no exponents."""
    low, high = min(values) / room, max(values) * room
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    ticks = [10.0**power for power in powers if low <= 10.0**power <= high]
    if len(ticks) < 2:  # less than a power of ten: 1, 2 and 5 times the powers
        ticks = [n * 10.0**p for p in powers for n in (1, 2, 5) if low <= n * 10.0**p <= high]
    return alt.X(
        f"{field}:Q",
        title=title,
        scale=alt.Scale(type="log", domain=[low, high], nice=False),
        axis=alt.Axis(
            values=[float(f"{tick:.6g}") for tick in ticks], format=",~r", labelOverlap=True
        ),
    )


def domain(values: Sequence[float], share: float = 0.12) -> tuple[float, float]:
    """From slightly under to slightly over `values`: by `share` of their range."""
    low, high = min(values), max(values)
    pad = (high - low) * share or 0.05
    return low - pad, high + pad


def padded(values: Sequence[float], share: float = 0.12) -> alt.Scale:
    """A scale over that domain."""
    return alt.Scale(domain=list(domain(values, share)), nice=False, zero=False)


def measured(contestant: Contestant, metric: str) -> Score | None:
    """Its figure on test rows, None without one. Without an interval, both bounds are the figure."""
    value, interval = contestant.score(metric), contestant.interval(metric)
    if value is None:
        return None
    if interval.low is None or interval.high is None:
        return Score(contestant.label, value, value, value)
    return Score(contestant.label, value, interval.low, interval.high)
