"""The learning curve of one data set as a chart: bands over seeds, the fit, each LLM's figure as a line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import altair as alt

from slingshot.metrics.learning import Curve
from slingshot.report.inputs import Results
from slingshot.report.page.charts import (
    Chart,
    Drawing,
    Look,
    Score,
    data,
    finished,
    log_axis,
    look,
    measured,
    padded,
)
from slingshot.settings.catalogue import METRICS

STEPS = 40
"""Points of a fitted curve."""
BEYOND = 2.0
"""A fit is drawn up to this multiple of the most training rows."""


@dataclass(frozen=True)
class Trained(Score):
    """A level of a curve."""

    rows: int


@dataclass(frozen=True)
class Fitted:
    """A point of a fitted power law."""

    contestant: str
    rows: float
    value: float


def chart(results: Results, curves: Sequence[Curve], primary: str) -> Chart | None:
    """The learning curves; None if no model was trained on two numbers of rows."""
    labels = {contestant.name: contestant.label for contestant in results.shown}
    trained = [c for c in curves if not c.prompted and c.contestant in labels and c.levels]
    if max((len(curve.levels) for curve in trained), default=0) < 2:
        return None
    cascades = {cascade.name for cascade in results.of_kind("cascade")}
    fitted = _fitted([c for c in trained if c.contestant not in cascades], labels)
    llms = [row for llm in results.of_kind("llm") if (row := measured(llm, primary))]
    caption = f"{METRICS[primary].heading} by the number of training rows (logarithmic)."
    if any(len(level.values) > 1 for curve in trained for level in curve.levels):
        caption += " Band: lowest to highest seed."
    if fitted:
        caption += " Dashed: a fitted power law, an estimate, drawn past the last point."
    if llms:
        caption += " Horizontal line: a prompted LLM with its interval; it needs no training rows."
    levels = _levels(trained, labels)
    shown = {row.contestant for row in (*levels, *llms)}
    drawing = _drawing(levels, fitted, llms, look(results.shown, shown), METRICS[primary].title)
    return finished(f"{results.dataset}-learning", caption, drawing, height=300)


def _levels(curves: Sequence[Curve], labels: Mapping[str, str]) -> list[Trained]:
    return [
        Trained(labels[curve.contestant], level.mean, level.low, level.high, level.train_rows)
        for curve in curves
        for level in curve.levels
    ]


def _fitted(curves: Sequence[Curve], labels: Mapping[str, str]) -> list[Fitted]:
    points = []
    for curve in curves:
        if curve.fit is None:
            continue
        first, last = curve.levels[0].train_rows, curve.levels[-1].train_rows * BEYOND
        for i in range(STEPS):
            rows = first * (last / first) ** (i / (STEPS - 1))
            points.append(Fitted(labels[curve.contestant], rows, curve.fit.value(rows)))
    return points


def _drawing(
    levels: Sequence[Trained],
    fitted: Sequence[Fitted],
    llms: Sequence[Score],
    looks: Look,
    metric: str,
) -> Drawing:
    edges = [edge for row in (*levels, *llms) for edge in (row.low, row.high)]
    scale = padded([*edges, *(point.value for point in fitted)], 0.06)
    rows = [float(level.rows) for level in levels] + [point.rows for point in fitted]
    x = log_axis("rows", "training rows", rows, 1.15)
    y = alt.Y("value:Q", title=metric, scale=scale, axis=alt.Axis(format=".2f", tickCount=6))
    low = alt.Y("low:Q", title=metric, scale=scale)
    base = alt.Chart(data(levels)).encode(x=x, color=looks.color)
    llm = alt.Chart(data(llms)).encode(color=looks.color)
    law = alt.Chart(data(fitted)).encode(x=x, y=y, color=looks.color)
    tooltip = [
        alt.Tooltip("contestant:N"),
        alt.Tooltip("rows:Q", title="training rows", format=",.0f"),
        alt.Tooltip("value:Q", title=metric, format=".3f"),
    ]
    return alt.layer(
        llm.mark_rect(opacity=0.13).encode(y=low, y2="high:Q"),
        llm.mark_rule(strokeWidth=2).encode(y=y),
        llm.mark_text(align="left", dx=4, dy=-7, limit=220).encode(
            x=alt.value(0), y=y, text="contestant:N", color=alt.value("var(--ink)")
        ),
        base.mark_area(opacity=0.18).encode(y=low, y2="high:Q"),
        law.mark_line(strokeDash=[5, 4], strokeWidth=1.5),
        base.mark_line(strokeWidth=2).encode(y=y),
        base.mark_point(filled=True, size=70, opacity=1).encode(
            y=y, shape=looks.shape, tooltip=tooltip
        ),
    )
