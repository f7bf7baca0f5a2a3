"""Whether a contestant's confidence says how often it is right: reliability before and after temperature scaling, and
the risk at each coverage."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean
from typing import Any

import altair as alt

from slingshot.report.grid import Grid
from slingshot.report.inputs import Contestant, Results
from slingshot.report.numbers import MISSING, count, percent, score, significant
from slingshot.report.page.charts import Chart, data, identity, made
from slingshot.report.page.details import Details, Plots

FIGURES = {
    "log_loss": "Log-loss",
    "brier": "Brier",
    "ece": "ECE",
    "ece_if_calibrated": "ECE if calibrated",
    "rms_calibration_error": "RMS error",
    "p_calibrated": "p calibrated",
}
STAGES = {"before": "predicted", "after": "scaled"}
STEPS = 60
"""Most points of a risk curve: more would not be seen."""


def reliability(results: Results, details: Details) -> list[Chart]:
    """One diagram a contestant that has scores."""
    plots = {c.name: details.plots[c.name] for c in results.contestants}
    return [
        _reliability(results.dataset, name, plot) for name, plot in plots.items() if plot.predicted
    ]


def _reliability(dataset: str, name: str, plot: Plots) -> Chart:
    rows: list[dict[str, Any]] = [
        {"bins": stage, "confidence": b.confidence, "accuracy": b.accuracy, "rows": b.rows}
        for stage, bins in zip(STAGES.values(), (plot.predicted, plot.scaled), strict=True)
        for b in bins
    ]
    shown = [stage for stage in STAGES.values() if any(row["bins"] == stage for row in rows)]
    scale = alt.Scale(domain=[0, 1])
    axis = alt.Axis(format=".1f", tickCount=5)
    x = alt.X("confidence:Q", title="confidence", scale=scale, axis=axis)
    y = alt.Y("accuracy:Q", title="share right", scale=scale, axis=axis)
    looks = {
        "predicted": ("var(--other)", "square", [4, 3]),
        "scaled": ("var(--accent)", "circle", [1, 0]),
    }
    scales = [alt.Scale(domain=shown, range=[looks[stage][i] for stage in shown]) for i in range(3)]
    ideal = alt.Chart(data([{"confidence": 0, "accuracy": 0}, {"confidence": 1, "accuracy": 1}]))
    base = alt.Chart(data(rows)).encode(
        x=x, y=y, color=alt.Color("bins:N", scale=scales[0], legend=None)
    )
    tooltip = [
        "bins:N",
        *(alt.Tooltip(f"{key}:Q", format=".3f") for key in ("confidence", "accuracy")),
        "rows:Q",
    ]
    chart = alt.layer(
        ideal.mark_line(color="var(--soft)", strokeWidth=1).encode(x=x, y=y),
        base.mark_line(strokeWidth=1.5).encode(
            strokeDash=alt.StrokeDash("bins:N", scale=scales[2], legend=None)
        ),
        base.mark_point(filled=True, opacity=1).encode(
            shape=alt.Shape("bins:N", scale=scales[1], legend=None),
            size=alt.Size("rows:Q", scale=alt.Scale(range=[20, 110]), legend=None),
            tooltip=tooltip,
        ),
    )
    grid = Grid(
        heading="",
        caption=f"The figures of the chart: {name}.",
        columns=("Bins", "Confidence", "Share right", "Rows"),
        rows=tuple(
            (r["bins"], score(r["confidence"]), score(r["accuracy"]), count(r["rows"]))
            for r in rows
        ),
    )
    return made(f"{dataset}-reliability-{name}", f"{name}: reliability", chart, grid, height=220)


def risk(results: Results, details: Details) -> Chart | None:
    """Share wrong among the most confident rows, by the share of rows covered; None where nobody has scores."""
    held = {c.name: _thinned(details.plots[c.name].risk) for c in results.contestants}
    rows = [
        {"contestant": name, "coverage": coverage, "risk": value}
        for name, points in held.items()
        for coverage, value in points
    ]
    if not rows:
        return None
    shown = [name for name, points in held.items() if points]
    same = identity(list(held), shown)
    x = alt.X(
        "coverage:Q",
        title="share of rows covered, most confident first",
        axis=alt.Axis(format="%", tickCount=5),
    )
    y = alt.Y("risk:Q", title="share wrong among them", axis=alt.Axis(format="%", tickCount=5))
    base = alt.Chart(data(rows)).encode(x=x, y=y, color=same["color"])
    tooltip = [
        "contestant:N",
        *(alt.Tooltip(f"{key}:Q", format=".1%") for key in ("coverage", "risk")),
    ]
    marked = [
        row for name in shown for row in _spread([r for r in rows if r["contestant"] == name])
    ]
    chart = alt.layer(
        base.mark_line(strokeWidth=2),
        alt.Chart(data(marked))
        .mark_point(filled=True, size=60, opacity=1)
        .encode(x=x, y=y, color=same["color"], shape=same["shape"], tooltip=tooltip),
    )
    shares = (0.1, 0.25, 0.5, 0.75, 0.9, 1.0)
    grid = Grid(
        heading="",
        caption="The figures of the chart: share wrong among the rows covered.",
        columns=("Contestant", *(f"{percent(share)} covered" for share in shares)),
        rows=tuple(
            (name, *(_at(details.plots[name].risk, share) for share in shares)) for name in shown
        ),
    )
    caption = (
        "How often each is wrong where only its most confident answers are kept: what a cascade, or a person who reads "
        "the rest, can build on. Lower is better."
    )
    return made(f"{results.dataset}-risk", caption, chart, grid)


def _thinned(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    if len(points) <= STEPS:
        return list(points)
    return [points[round(i * (len(points) - 1) / (STEPS - 1))] for i in range(STEPS)]


def _spread(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A handful of a line's points, on which its shape is drawn."""
    return rows[:: max(1, len(rows) // 6)]


def _at(points: Sequence[tuple[float, float]], share: float) -> str:
    reached = [risk for coverage, risk in points if coverage >= share - 1e-9]
    return f"{100 * reached[0]:.1f}%" if reached else MISSING


def table(results: Results) -> Grid:
    """Calibration figures before and after temperature scaling; a dash's reason stands in the notes."""
    known = [
        (c, c.intervals["calibration"])
        for c in results.contestants
        if c.intervals.get("calibration")
    ]
    notes = [
        f"{MISSING} {c.title}: {c.intervals.get('calibration_reason') or 'not measured'}."
        for c in results.contestants
        if not c.intervals.get("calibration")
    ]
    return Grid(
        heading="Calibration",
        caption=f"On test rows of {results.dataset}, means over seeds; the temperature is fitted on validation rows.",
        columns=("Contestant", "Scores", "Temperature", *FIGURES.values()),
        rows=tuple(_row(c, held, stage) for c, held in known for stage in STAGES),
        notes=(
            "Confidence is calibrated where it is right as often as it says. ECE: the mean gap between the two over "
            "bins; even a perfectly calibrated contestant would show the ECE in the next column on as many rows. RMS "
            "error: its debiased counterpart. p calibrated: how likely so large a gap is under perfect calibration; a "
            "small one says that it is not calibrated.",
            *notes,
        ),
    )


def _row(contestant: Contestant, held: Any, stage: str) -> tuple[str, ...]:
    temperature = (
        fmean(row["temperature"] for row in held["temperatures"]) if held["temperatures"] else None
    )
    figures = held[stage]
    return (
        contestant.title,
        STAGES[stage],
        "1" if stage == "before" else significant(temperature),
        *(
            significant(figures.get(k), 2) if k == "p_calibrated" else score(figures.get(k))
            for k in FIGURES
        ),
    )
