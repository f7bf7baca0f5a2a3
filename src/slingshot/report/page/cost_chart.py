"""The chart of scores against cost, with labels that do not overlap."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Literal

import altair as alt

from slingshot.report.grid import Grid
from slingshot.report.inputs import Results
from slingshot.report.numbers import amount, listed, per_million, score
from slingshot.report.page.charts import (
    HEIGHT,
    Chart,
    Drawing,
    Score,
    data,
    domain,
    finished,
    log_axis,
    look,
    measured,
    padded,
)
from slingshot.settings.catalogue import METRICS

LETTER = 7.0
"""Approximate width of a letter of a label, in pixels."""
LONGEST = 180
"""Width at which a label is cut, in pixels."""
NOMINAL = 400
"""Width of a chart for which labels are placed, in pixels. The real chart is as wide as its container."""
Side = Literal["right", "left"]
Box = tuple[float, float, float, float]
"""Left, right, top and bottom, in pixels."""


@dataclass(frozen=True)
class Point(Score):
    cost: float
    """Cost of a million texts."""
    price: str
    """The cost as text."""
    side: Side = "right"
    """The side of the point on which its label is."""
    label: float = 0.0
    """The label's height on the axis of scores."""


def chart(results: Results, primary: str, currency: str) -> Chart | None:
    """The primary metric with its interval against the cost of a million texts; None if no contestant has both."""
    points = list(_points(results, primary))
    if not points:
        return None
    edges = [edge for point in points for edge in (point.low, point.high)]
    heading = METRICS[primary].heading
    caption = (
        f"{heading} on {results.dataset} against the cost of a million texts, with the interval of the score. "
        "Higher and further left is better."
    )
    return finished(
        f"{results.dataset}-cost",
        caption,
        _layers(results, placed(points, domain(edges)), padded(edges), primary, currency),
        _grid(results, points, heading, currency),
    )


def _points(results: Results, primary: str) -> Iterator[Point]:
    for contestant in results.shown:
        row, cost = measured(contestant, primary), per_million(contestant.cost.cost_per_1000_texts)
        if row and cost:
            yield Point(**asdict(row), cost=cost, price=amount(cost))


def _layers(
    results: Results, points: Sequence[Point], scale: alt.Scale, primary: str, currency: str
) -> Drawing:
    metric, price = METRICS[primary].title, f"{currency} per million texts"
    x = log_axis("cost", f"{price} (logarithmic)", [point.cost for point in points], 2.2)
    y = alt.Y("value:Q", title=metric, scale=scale, axis=alt.Axis(format=".2f", tickCount=5))
    looks = look(results.shown, [point.contestant for point in points], legend=False)
    base = alt.Chart(data(points)).encode(x=x, color=looks.color)
    tooltip = [
        alt.Tooltip("contestant:N"),
        alt.Tooltip("value:Q", title=metric, format=".3f"),
        alt.Tooltip("low:Q", title="lowest", format=".3f"),
        alt.Tooltip("high:Q", title="highest", format=".3f"),
        alt.Tooltip("price:N", title=price),
    ]
    return alt.layer(
        base.mark_rule(strokeWidth=3, opacity=0.55).encode(
            y=alt.Y("low:Q", scale=scale, title=metric), y2="high:Q"
        ),
        base.mark_point(filled=True, size=110, opacity=1).encode(
            y=y, shape=looks.shape, tooltip=tooltip
        ),
        _names(base, scale, "right").mark_text(align="left", dx=9, limit=LONGEST),
        _names(base, scale, "left").mark_text(align="right", dx=-9, limit=LONGEST),
    )


def _names(base: alt.Chart, scale: alt.Scale, side: Side) -> alt.Chart:
    """The labels on one side of their points."""
    return base.transform_filter(f"datum.side == '{side}'").encode(
        y=alt.Y("label:Q", scale=scale), text="contestant:N", color=alt.value("var(--ink)")
    )


def placed(points: Sequence[Point], edges: tuple[float, float]) -> list[Point]:
    """The points, each with the side and the height of its label, so that labels and intervals do not overlap. `edges`
    are the lowest and the highest score of the chart."""
    low, high = edges

    def down(value: float) -> float:
        """Pixels below the chart's upper edge."""
        return (high - value) / (high - low) * HEIGHT

    across = _across([point.cost for point in points])
    taken = [
        (x - 6, x + 6, down(point.high), down(point.low))
        for x, point in zip(across, points, strict=True)
    ]
    labelled = []
    for x, point in sorted(zip(across, points, strict=True), key=lambda pair: -pair[1].value):
        side, box = _free(x, down(point.value), point.contestant, taken)
        taken.append(box)
        middle = (box[2] + box[3]) / 2
        labelled.append(replace(point, side=side, label=high - middle * (high - low) / HEIGHT))
    return labelled


def _across(costs: Sequence[float]) -> list[float]:
    """Horizontal positions of points with these costs on a chart NOMINAL pixels wide."""
    logs = [math.log10(cost) for cost in costs]
    width = max(logs) - min(logs) or 1
    return [NOMINAL * (0.1 + 0.8 * (log - min(logs)) / width) for log in logs]


def _free(x: float, y: float, text: str, taken: Sequence[Box]) -> tuple[Side, Box]:
    """The first free place for the label of a point at (x, y), from the point's height down. Without a free place, the
    label is beside the point, on its right."""
    width = min(LETTER * len(text), LONGEST)
    sides: dict[Side, tuple[float, float]] = {
        "right": (x + 9, x + 9 + width),
        "left": (x - 9 - width, x - 9),
    }
    places: list[tuple[Side, Box]] = [
        (side, (*bounds, y + below - 7, y + below + 7))
        for below in range(0, HEIGHT, 4)
        for side, bounds in sides.items()
    ]
    for side, box in places:
        if box[0] >= 0 and box[1] <= NOMINAL and not any(_meet(box, other) for other in taken):
            return side, box
    return places[0]


def _meet(a: Box, b: Box) -> bool:
    return a[0] < b[1] and b[0] < a[1] and a[2] < b[3] and b[2] < a[3]


def _grid(results: Results, points: Sequence[Point], heading: str, currency: str) -> Grid:
    drawn = {point.contestant for point in points}
    left_out = [c.title for c in results.shown if c.label not in drawn]
    return Grid(
        heading="",
        caption="The figures of the chart.",
        columns=("Contestant", heading, "Lowest", "Highest", f"{currency} per million texts"),
        rows=tuple(
            (point.contestant, score(point.value), score(point.low), score(point.high), point.price)
            for point in sorted(points, key=lambda point: -point.value)
        ),
        notes=(f"Not drawn, because a score or a cost is not known: {listed(left_out)}.",)
        if left_out
        else (),
    )
