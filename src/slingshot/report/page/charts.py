"""Charts as Vega-Lite specifications, made by Altair: what they have in common.

Rows are inline, figures as numbers; a chart's `grid` holds what it shows, for those who do not see it. Texts in a
specification are data: page/index.py escapes them where they enter the page.
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
"""What alt.layer returns."""
HEIGHT = 260
"""Of a chart that does not say, in pixels; its width is that of its container."""


@dataclass(frozen=True)
class Chart:
    name: str
    """Its id on the page, and its file's name in report/figures."""
    caption: str
    spec: dict[str, Any]
    grid: Grid | None = None
    """What it shows; None where a table beside it has all of it."""


@dataclass(frozen=True)
class Score:
    """A contestant's figure with its interval, as charts draw it."""

    contestant: str
    """Its label, by which colours and shapes are told apart."""
    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Look:
    """The colour and shape channels of contestants."""

    color: alt.Color
    shape: alt.Shape


def data(rows: Iterable[DataclassInstance], name: str | None = None) -> alt.InlineData:
    """The rows inside the specification; by `name` a script can put others in their place."""
    values = [asdict(row) for row in rows]
    return alt.InlineData(values=values, name=name) if name else alt.InlineData(values=values)


def finished(
    name: str,
    caption: str,
    chart: Drawing,
    grid: Grid | None = None,
    height: int = HEIGHT,
) -> Chart:
    """The chart as wide as its container, in the page's own configuration instead of Altair's."""
    # A test validates: it takes most of the stage's time.
    spec = chart.properties(width="container", height=height).to_dict(validate=False)
    own = {key: value for key, value in spec.items() if key not in ("config", "$schema")}
    return Chart(name, caption, _printable(own), grid)


def _printable(value: Any) -> Any:
    """With its texts made visible: a title or a class may hold characters that no SVG may."""
    if isinstance(value, dict):
        return {_printable(key): _printable(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_printable(inner) for inner in value]
    return visible(value) if isinstance(value, str) else value


def look(contestants: Sequence[Contestant], labels: Container[str], *, legend: bool = True) -> Look:
    """Of those of all `contestants` with these labels, by the field `contestant`."""
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
    """A logarithmic axis a little wider than `values`, with round ticks and no exponents."""
    low, high = min(values) / room, max(values) * room
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    ticks = [10.0**power for power in powers if low <= 10.0**power <= high]
    if len(ticks) < 2:
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
    """From a little under to a little over `values`."""
    low, high = min(values), max(values)
    pad = (high - low) * share or 0.05
    return low - pad, high + pad


def padded(values: Sequence[float], share: float = 0.12) -> alt.Scale:
    """A scale over that domain."""
    return alt.Scale(domain=list(domain(values, share)), nice=False, zero=False)


def measured(contestant: Contestant, metric: str) -> Score | None:
    """Its figure on test, whose bounds are the figure itself where there is no interval; None without one."""
    value, interval = contestant.score(metric), contestant.interval(metric)
    if value is None:
        return None
    if interval.low is None or interval.high is None:
        return Score(contestant.label, value, value, value)
    return Score(contestant.label, value, interval.low, interval.high)
