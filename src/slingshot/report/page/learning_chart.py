"""The learning curve of one data set as a chart: bands over seeds, the fit, each LLM's level as a rule."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt

from slingshot.metrics.learning import Curve
from slingshot.report.inputs import Results
from slingshot.report.page.charts import Chart, data, identity, interval, log_axis, made, padded
from slingshot.settings.catalogue import METRICS

STEPS = 40
"""Points of a fitted curve."""
BEYOND = 2.0
"""How far past the most training rows a fit is drawn."""


def chart(results: Results, curves: Sequence[Curve], primary: str) -> Chart | None:
    """None where no model was trained on two numbers of rows."""
    names = [c.name for c in results.contestants]
    trained = [c for c in curves if not c.prompted and c.contestant in names and c.levels]
    if max((len(c.levels) for c in trained), default=0) < 2:
        return None
    cascades = {c.name for c in results.of_kind("cascade")}
    fitted = _fitted([c for c in trained if c.contestant not in cascades])
    llms = [
        {"contestant": c.name} | dict(zip(("value", "low", "high"), known, strict=True))
        for c in results.of_kind("llm")
        if (known := interval(c, primary))
    ]
    metric = METRICS[primary].title
    caption = f"{metric[0].upper()}{metric[1:]} by the number of training rows (logarithmic)."
    if any(len(level.values) > 1 for c in trained for level in c.levels):
        caption += " Band: lowest to highest seed."
    if fitted:
        caption += " Dashed: a fitted power law, an estimate, past the last point too."
    if llms:
        caption += " Rule: the level of a prompted LLM with its interval, whatever the rows."
    drawn = _chart(trained, fitted, llms, names, metric)
    return made(f"{results.dataset}-learning", caption, drawn, height=300)


def _fitted(trained: Sequence[Curve]) -> list[dict[str, Any]]:
    points = []
    for curve in trained:
        if curve.fit is None:
            continue
        first, last = curve.levels[0].train_rows, curve.levels[-1].train_rows * BEYOND
        for i in range(STEPS):
            rows = first * (last / first) ** (i / (STEPS - 1))
            points.append(
                {"contestant": curve.contestant, "rows": rows, "value": curve.fit.value(rows)}
            )
    return points


def _chart(
    trained: Sequence[Curve],
    fitted: Sequence[dict[str, Any]],
    llms: Sequence[dict[str, Any]],
    names: Sequence[str],
    metric: str,
) -> Any:
    points = [
        {
            "contestant": curve.contestant,
            "rows": level.train_rows,
            "value": level.mean,
            "low": level.low,
            "high": level.high,
        }
        for curve in trained
        for level in curve.levels
    ]
    values = [row[key] for row in [*points, *llms] for key in ("low", "high")] + [
        row["value"] for row in fitted
    ]
    scale = padded(values, 0.06)
    x = log_axis(alt.X, "rows", "training rows", [row["rows"] for row in [*points, *fitted]], 1.15)
    y = alt.Y("value:Q", title=metric, scale=scale, axis=alt.Axis(format=".2f", tickCount=6))
    low = alt.Y("low:Q", title=metric, scale=scale)
    same = identity(names, [*(c.contestant for c in trained), *(row["contestant"] for row in llms)])
    colour = same["color"]
    base = alt.Chart(data(points)).encode(x=x, color=colour)
    rule = alt.Chart(data(llms)).encode(color=colour)
    tooltip = [
        "contestant:N",
        alt.Tooltip("rows:Q", format=",.0f"),
        alt.Tooltip("value:Q", format=".3f"),
    ]
    layers = [
        rule.mark_rect(opacity=0.13).encode(y=low, y2="high:Q"),
        rule.mark_rule(strokeWidth=2).encode(y=y),
        rule.mark_text(align="left", dx=4, dy=-7).encode(
            x=alt.value(0), y=y, text="contestant:N", color=alt.value("var(--ink)")
        ),
        base.mark_area(opacity=0.18).encode(y=low, y2="high:Q"),
        alt.Chart(data(fitted))
        .mark_line(strokeDash=[5, 4], strokeWidth=1.5)
        .encode(x=x, y=y, color=colour),
        base.mark_line(strokeWidth=2).encode(y=y),
        base.mark_point(filled=True, size=70, opacity=1).encode(
            y=y, shape=same["shape"], tooltip=tooltip
        ),
    ]
    return alt.layer(*layers)
