"""Charts of money: the cost surface that follows the page's sliders, and a cascade's score at each price."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import altair as alt

from slingshot.files.cascade import CascadeReport
from slingshot.files.notes.base import sentence
from slingshot.report.grid import Grid
from slingshot.report.inputs import Contestant, Results
from slingshot.report.numbers import amount, count, per_million, score, significant
from slingshot.report.page.charts import Chart, Drawing, data, finished, log_axis, padded
from slingshot.report.page.sliders import Cell
from slingshot.report.page.theme import DEEPEST
from slingshot.settings.catalogue import METRICS

CELLS = "cells"
"""The name of the surface's data, by which page.js replaces them."""


@dataclass(frozen=True)
class Threshold:
    """The score that one threshold, under one seed, would have on test rows."""

    seed: str
    threshold: float | None
    escalated: float
    value: float
    cost: float
    """Cost of a million texts."""
    price: str
    """The cost as text."""
    chosen: bool


def surface(name: str, cells: Sequence[Cell]) -> Chart:
    """Cost of the second divided by cost of the first: blue if the first is cheaper, orange if the second is. Darker
    cells differ more."""
    caption = (
        "The second's cost per month divided by the first's, by the number of texts and the utilisation: 24× is 24 "
        "times as much, ÷3 a third."
    )
    return finished(name, caption, _surface(cells), height=300)


def _surface(cells: Sequence[Cell]) -> Drawing:
    x = alt.X(
        "texts:O",
        title="texts per month",
        axis=alt.Axis(labelExpr="format(datum.value, '~s')", labelAngle=0, grid=False),
    )
    y = alt.Y(
        "utilisation:O",
        title="utilisation",
        sort="descending",
        axis=alt.Axis(labelExpr="format(datum.value, '.0%')", grid=False),
    )
    tooltip = [
        alt.Tooltip("texts:Q", title="texts per month", format=","),
        alt.Tooltip("utilisation:Q", format=".0%"),
        alt.Tooltip("ratio:Q", title="second divided by first", format=",.3~r"),
        alt.Tooltip("flip:Q", title="second is cheaper below, per million texts", format=",.2f"),
    ]
    # From 995 times on, a ratio is written as 1k.
    written = "{0} >= 995 ? format({0}, '.1s') : format({0}, '.2~r')"
    more, less = written.format("datum.ratio"), written.format("(1 / datum.ratio)")
    base = (
        alt.Chart(data(cells, CELLS))
        .transform_filter("isValid(datum.ratio)")
        .transform_calculate(
            text=f"datum.ratio >= 1 ? ({more}) + '×' : '÷' + ({less})",
            side="datum.ratio >= 1 ? 'first' : 'second'",
            size="abs(log(datum.ratio)) / log(10)",
        )
        .encode(x=x, y=y, tooltip=tooltip)
    )
    colours = alt.Scale(domain=["first", "second"], range=["var(--accent)", "var(--other)"])
    depth = alt.Scale(domain=[0, 2], range=[0.08, DEEPEST], clamp=True)
    return alt.layer(
        base.mark_rect(stroke="var(--page)").encode(
            color=alt.Color("side:N", scale=colours, legend=None),
            opacity=alt.Opacity("size:Q", scale=depth, legend=None),
        ),
        base.mark_text(fontSize=11).encode(text="text:N"),
    )


def cascade(results: Results, contestant: Contestant, primary: str, currency: str) -> Chart | None:
    """Its score on test rows against its cost, from never to always asking the LLM, with the chosen threshold marked.
    None without a cascade or points."""
    report = contestant.cascade
    points = _thresholds(report) if report else []
    if report is None or not points:
        return None
    small, large = results.titles[report.small], results.titles[report.large]
    caption = (
        f"{contestant.title}: {METRICS[primary].title} on test rows against cost, from {small} alone (left) to always "
        f"asking {large} (right), one line per seed. Diamond: the threshold chosen on validation rows."
    )
    return finished(
        f"{results.dataset}-cascade-{contestant.name}",
        caption,
        _curve(points, METRICS[primary].title, currency),
        _points(points, METRICS[primary].heading, currency),
    )


def _thresholds(report: CascadeReport) -> list[Threshold]:
    points = []
    for point in report.curve:
        cost = per_million(point.cost_per_1000_texts)
        if point.value is not None and cost:
            points.append(
                Threshold(
                    str(point.seed),
                    point.threshold,
                    point.escalated,
                    point.value,
                    cost,
                    amount(cost),
                    point.chosen,
                )
            )
    return points


def _curve(points: Sequence[Threshold], metric: str, currency: str) -> Drawing:
    price = f"{currency} per million texts"
    x = log_axis("cost", f"{price} (logarithmic)", [point.cost for point in points], 1.3)
    scale = padded([point.value for point in points])
    y = alt.Y("value:Q", title=metric, scale=scale, axis=alt.Axis(format=".2f", tickCount=5))
    base = alt.Chart(data(points)).encode(x=x, y=y, detail="seed:N")
    tooltip = [
        alt.Tooltip("seed:N"),
        alt.Tooltip("escalated:Q", title="asked of the LLM", format=".1%"),
        alt.Tooltip("threshold:Q", format=".3f"),
        alt.Tooltip("value:Q", title=metric, format=".3f"),
        alt.Tooltip("price:N", title=price),
    ]
    return alt.layer(
        base.mark_line(color="var(--accent)", strokeWidth=1.5, opacity=0.7, order=False).encode(
            order="escalated:Q"
        ),
        base.mark_point(color="var(--accent)", filled=True, size=28, opacity=0.9).encode(
            tooltip=tooltip
        ),
        base.transform_filter("datum.chosen")
        .mark_point(color="var(--other)", shape="diamond", filled=True, size=170, opacity=1)
        .encode(tooltip=tooltip),
    )


def _points(points: Sequence[Threshold], heading: str, currency: str) -> Grid:
    price = f"{currency} per million texts"
    return Grid(
        heading="",
        caption="The figures of the chart.",
        columns=("Seed", "Threshold", "Asked of the LLM", heading, price, "Chosen"),
        rows=tuple(
            (
                point.seed,
                _threshold(point.threshold),
                _share(point.escalated),
                score(point.value),
                point.price,
                "chosen" if point.chosen else "",
            )
            for point in points
        ),
    )


def _threshold(value: float | None) -> str:
    """The confidence under which the LLM is asked. At 0 it never asks, because no confidence is under 0."""
    if value is None:
        return "always asks"
    return score(value) if value else "never asks"


def _share(value: float) -> str:
    return f"{100 * value:.1f}%"


def choice(results: Results, contestant: Contestant, currency: str) -> Grid | None:
    """How a cascade's threshold was chosen on validation rows, one line per seed. None if it is not a cascade."""
    report = contestant.cascade
    if report is None:
        return None
    small, large = results.titles[report.small], results.titles[report.large]
    heading = METRICS[report.primary].heading
    return Grid(
        heading=f"How {contestant.title} chose",
        caption=(
            f"{small} answers the texts that it is sure of, and {large} the rest. The threshold was chosen on "
            f"{count(report.rows)} validation rows. {_target(report, small, large, currency)}"
        ),
        columns=(
            "Seed",
            "Temperature",
            "Threshold",
            "Asked of the LLM, validation",
            "Asked of the LLM, test",
            f"{heading}, cascade",
            f"{heading}, {small}",
            f"{heading}, {large}",
        ),
        rows=tuple(
            (
                str(seed.seed),
                significant(seed.temperature),
                _threshold(seed.threshold),
                _share(seed.escalated_validation),
                _share(seed.escalated_test),
                score(seed.validation),
                score(seed.small_validation),
                score(seed.large_validation),
            )
            for seed in report.seeds
        ),
        notes=tuple(sentence(note.words) for note in report.notes),
    )


def _target(report: CascadeReport, small: str, large: str, currency: str) -> str:
    """The rule that chooses a threshold, in words."""
    limit = per_million(report.max_cost)
    within = (
        f", among thresholds that cost at most {currency} {amount(limit)} per million texts"
        if limit is not None
        else ""
    )
    return (
        f"It has the highest lead in {METRICS[report.primary].title} over the better of {small} and {large}, minus one "
        f"standard error of that lead{within}; without a lead, the better of the two answers alone."
    )
