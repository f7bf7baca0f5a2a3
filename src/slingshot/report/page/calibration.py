"""How well a contestant's confidence matches its accuracy: reliability before and after temperature scaling, and the
risk at each coverage."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Literal

import altair as alt

from slingshot.files.intervals import Calibration, CalibrationFigures
from slingshot.report.grid import Grid
from slingshot.report.inputs import Contestant, Results
from slingshot.report.numbers import MISSING, count, listed, percent, score, significant
from slingshot.report.page.charts import Chart, Drawing, Look, data, finished, look
from slingshot.report.page.details import Bin, Details, Plots
from slingshot.settings.catalogue import METRICS

Stage = Literal["predicted", "scaled"]
STEPS = 60
"""The most points of a risk curve: more would not be visible."""
SHAPES = 6
"""About how many points of a risk curve are drawn with the contestant's shape."""
SHARES = (0.1, 0.25, 0.5, 0.75, 0.9, 1.0)
"""Coverages in the table of risk."""


@dataclass(frozen=True)
class Reliability:
    """A bin of test rows, with confidence as predicted or scaled."""

    stage: Stage
    confidence: float
    accuracy: float
    rows: float


@dataclass(frozen=True)
class End:
    """An end of the line on which confidence and accuracy are equal."""

    confidence: float
    accuracy: float


@dataclass(frozen=True)
class Risk:
    """Share wrong among the most confident rows."""

    contestant: str
    coverage: float
    risk: float


def reliability(results: Results, details: Details) -> list[Chart]:
    """One diagram for each contestant with scores."""
    return [
        _reliability(results.dataset, contestant, details.plots[contestant.name])
        for contestant in results.shown
        if details.plots[contestant.name].predicted
    ]


def _reliability(dataset: str, contestant: Contestant, plot: Plots) -> Chart:
    rows = [*_bins("predicted", plot.predicted), *_bins("scaled", plot.scaled)]
    cells = tuple(
        (row.stage, score(row.confidence), score(row.accuracy), count(row.rows)) for row in rows
    )
    grid = Grid(
        heading="",
        caption=f"The figures of the chart: {contestant.title}.",
        columns=("Confidence is", "Confidence", "Share right", "Rows"),
        rows=cells,
    )
    return finished(
        f"{dataset}-reliability-{contestant.name}",
        f"{contestant.title}: reliability",
        _diagram(rows),
        grid,
        height=220,
    )


def _bins(stage: Stage, bins: Sequence[Bin]) -> list[Reliability]:
    return [Reliability(stage, b.confidence, b.accuracy, b.rows) for b in bins]


def _diagram(rows: Sequence[Reliability]) -> Drawing:
    scale, axis = alt.Scale(domain=[0, 1]), alt.Axis(format=".1f", tickCount=5)
    x = alt.X("confidence:Q", title="confidence", scale=scale, axis=axis)
    y = alt.Y("accuracy:Q", title="share right", scale=scale, axis=axis)
    stages = list(dict.fromkeys(row.stage for row in rows))
    colours = {"predicted": "var(--other)", "scaled": "var(--accent)"}
    shapes = {"predicted": "square", "scaled": "circle"}
    dashes = {"predicted": [4, 3], "scaled": [1, 0]}
    colour, shape, dash = (
        alt.Scale(domain=stages, range=[by[stage] for stage in stages])
        for by in (colours, shapes, dashes)
    )
    base = alt.Chart(data(rows)).encode(
        x=x, y=y, color=alt.Color("stage:N", scale=colour, legend=None)
    )
    tooltip = [
        alt.Tooltip("stage:N", title="confidence is"),
        alt.Tooltip("confidence:Q", format=".3f"),
        alt.Tooltip("accuracy:Q", title="share right", format=".3f"),
        alt.Tooltip("rows:Q"),
    ]
    equal = alt.Chart(data([End(0, 0), End(1, 1)]))
    return alt.layer(
        equal.mark_line(color="var(--soft)", strokeWidth=1).encode(x=x, y=y),
        base.mark_line(strokeWidth=1.5).encode(
            strokeDash=alt.StrokeDash("stage:N", scale=dash, legend=None)
        ),
        base.mark_point(filled=True, opacity=1).encode(
            shape=alt.Shape("stage:N", scale=shape, legend=None),
            size=alt.Size("rows:Q", scale=alt.Scale(range=[20, 110]), legend=None),
            tooltip=tooltip,
        ),
    )


def risk(results: Results, details: Details) -> Chart | None:
    """Share wrong among the most confident rows, by the share of rows covered; None if no contestant has scores."""
    points = {c.label: details.plots[c.name].risk for c in results.shown}
    curves = {label: _thinned(label, of) for label, of in points.items() if of}
    if not curves:
        return None
    grid = Grid(
        heading="",
        caption="The figures of the chart: the share wrong among the rows covered.",
        columns=("Contestant", *(f"{percent(share)} covered" for share in SHARES)),
        rows=tuple((label, *(_at(points[label], share) for share in SHARES)) for label in curves),
    )
    caption = (
        "How often each is wrong if only its most confident answers are kept. A cascade, or a person who reads the "
        "rest, can build on that. Lower is better."
    )
    drawing = _risk(curves, look(results.shown, curves))
    return finished(f"{results.dataset}-risk", caption, drawing, grid)


def _risk(curves: Mapping[str, Sequence[Risk]], looks: Look) -> Drawing:
    axis = alt.Axis(format="%", tickCount=5)
    x = alt.X("coverage:Q", title="share of rows covered, most confident first", axis=axis)
    y = alt.Y("risk:Q", title="share wrong among them", axis=axis)
    tooltip = [
        alt.Tooltip("contestant:N"),
        alt.Tooltip("coverage:Q", title="rows covered", format=".1%"),
        alt.Tooltip("risk:Q", title="wrong among them", format=".1%"),
    ]
    rows = [point for curve in curves.values() for point in curve]
    marked = [point for curve in curves.values() for point in curve[:: len(curve) // SHAPES or 1]]
    return alt.layer(
        alt.Chart(data(rows)).encode(x=x, y=y, color=looks.color).mark_line(strokeWidth=2),
        alt.Chart(data(marked))
        .mark_point(filled=True, size=60, opacity=1)
        .encode(x=x, y=y, color=looks.color, shape=looks.shape, tooltip=tooltip),
    )


def _thinned(label: str, points: Sequence[tuple[float, float]]) -> list[Risk]:
    last = len(points) - 1
    kept = points if last < STEPS else [points[round(i * last / (STEPS - 1))] for i in range(STEPS)]
    return [Risk(label, coverage, wrong) for coverage, wrong in kept]


def _at(points: Sequence[tuple[float, float]], share: float) -> str:
    """The share wrong at the first point that covers `share` of the rows."""
    wrong = next((wrong for coverage, wrong in points if coverage >= share - 1e-9), None)
    return MISSING if wrong is None else f"{100 * wrong:.1f}%"


def table(results: Results) -> Grid:
    """Calibration figures before and after temperature scaling. The notes say which contestants have none, and why."""
    rows = (
        row
        for contestant in results.shown
        if contestant.intervals.calibration
        for row in _rows(contestant.label, contestant.intervals.calibration)
    )
    return Grid(
        heading="Calibration",
        caption=(
            f"On test rows of {results.dataset}, means over seeds. The temperature is fitted on validation rows."
        ),
        columns=(
            "Contestant",
            "Confidence is",
            "Temperature",
            METRICS["log_loss"].short,
            METRICS["brier"].short,
            METRICS["ece"].short,
            "ECE if calibrated",
            METRICS["rms_calibration_error"].short,
            "p calibrated",
        ),
        rows=tuple(rows),
        notes=(
            "Calibrated: confidence equals the share that is right. ECE is the mean gap between the two, over "
            "bins. 'ECE if calibrated' is the ECE that chance alone gives on as many rows. RMS CE is a similar error "
            "without the part due to chance. p calibrated: how likely so large an ECE is under perfect calibration. A "
            "small p shows bad calibration.",
            *_missing(results),
        ),
    )


def _rows(label: str, calibration: Calibration) -> Iterator[tuple[str, ...]]:
    temperature = fmean(seed.temperature for seed in calibration.temperatures)
    yield (label, "predicted", "1", *_figures(calibration.before))
    yield (label, "scaled", significant(temperature), *_figures(calibration.after))


def _figures(figures: CalibrationFigures) -> tuple[str, ...]:
    return (
        score(figures.log_loss),
        score(figures.brier),
        score(figures.ece),
        score(figures.ece_if_calibrated),
        score(figures.rms_calibration_error),
        significant(figures.p_calibrated, 2),
    )


def _missing(results: Results) -> list[str]:
    """Why contestants have no row: one note for each reason, with all contestants that it applies to."""
    reasons: dict[str, list[str]] = {}
    for contestant in results.shown:
        intervals = contestant.intervals
        if intervals.calibration is None:
            reason = intervals.calibration_reason
            words = reason.words if reason else "not measured"
            reasons.setdefault(words, []).append(contestant.title)
    return [f"No row for {listed(titles)}: {words}." for words, titles in reasons.items()]
