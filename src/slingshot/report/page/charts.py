"""Charts as Vega-Lite specifications, made by Altair: what they have in common.

Rows are inline, figures as numbers; a chart's `grid` holds what it shows, for those who do not see it. Texts in a
specification are data: page.py escapes them where they enter the page.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt

from slingshot.report.grid import Grid
from slingshot.report.inputs import Contestant
from slingshot.report.page.theme import series

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


def data(rows: Iterable[Mapping[str, Any]], name: str | None = None) -> Any:
    """The rows inside the specification; by `name` a script can put others in their place."""
    held = list(rows)
    return alt.InlineData(values=held, name=name) if name else alt.InlineData(values=held)


def made(
    name: str, caption: str, chart: Any, grid: Grid | None = None, height: int | None = HEIGHT
) -> Chart:
    """The chart as wide as its container, in the page's own configuration instead of Altair's."""
    size = {"width": "container"} | ({"height": height} if height else {})
    spec = chart.properties(**size).to_dict(
        validate=False
    )  # a test validates: it takes most of the stage's time
    return Chart(
        name,
        caption,
        {key: value for key, value in spec.items() if key not in ("config", "$schema")},
        grid,
    )


def identity(names: Sequence[str], among: Sequence[str], legend: bool = True) -> dict[str, Any]:
    """The colour and shape channels of the contestants `among` all `names`, by the field `contestant`."""
    marks = series(names)
    shown = [name for name in names if name in among]
    key = alt.Legend(columns=3, symbolOpacity=1) if legend else None
    scales = [alt.Scale(domain=shown, range=[marks[name][i] for name in shown]) for i in (0, 1)]
    return {
        "color": alt.Color("contestant:N", scale=scales[0], legend=key),
        "shape": alt.Shape("contestant:N", scale=scales[1], legend=key),
    }


def log_axis(
    channel: Any, field: str, title: str, values: Sequence[float], room: float = 1.8
) -> Any:
    """A logarithmic axis a little wider than `values`, with round ticks and no exponents."""
    low, high = min(values) / room, max(values) * room
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    ticks = [10.0**power for power in powers if low <= 10.0**power <= high]
    if len(ticks) < 2:
        ticks = [n * 10.0**p for p in powers for n in (1, 2, 5) if low <= n * 10.0**p <= high]
    return channel(
        f"{field}:Q",
        title=title,
        scale=alt.Scale(type="log", domain=[low, high], nice=False),
        axis=alt.Axis(
            values=[float(f"{tick:.6g}") for tick in ticks], format="~r", labelOverlap=True
        ),
    )


def padded(values: Sequence[float], share: float = 0.12) -> alt.Scale:
    """A scale from a little under to a little over `values`."""
    low, high = min(values), max(values)
    pad = (high - low) * share or 0.05
    return alt.Scale(domain=[low - pad, high + pad], nice=False, zero=False)


def interval(contestant: Contestant, metric: str) -> tuple[float, float, float] | None:
    """Value, low and high on test rows, the latter the value itself where there is no interval; None without one."""
    value = contestant.scores.get(metric)
    if value is None:
        return None
    held = (contestant.intervals.get("metrics") or {}).get(metric) or {}
    low, high = held.get("low"), held.get("high")
    return value, value if low is None else low, value if high is None else high
