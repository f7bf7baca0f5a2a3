"""Charts of money: the cost surface that follows the page's sliders, and a cascade's score at each price."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt

from slingshot.report.grid import Grid
from slingshot.report.inputs import Contestant
from slingshot.report.numbers import count, score, significant
from slingshot.report.page.charts import Chart, data, log_axis, made, padded
from slingshot.report.page.theme import DEEPEST
from slingshot.settings.catalogue import METRICS

CELLS = "cells"
"""The surface's data, by the name under which page.js replaces them."""


def surface(name: str, cells: Sequence[dict[str, Any]]) -> Chart:
    """Cost of the second over that of the first: blue where the first is cheaper, orange where the second is; the
    darker, the more. `cells` come from economy.surface."""
    times = "{} >= 995 ? format({}, '.1s') : format({}, '.2~r')"  # 1k from there on
    more, less = (times.replace("{}", ratio) for ratio in ("datum.ratio", "(1 / datum.ratio)"))
    text = f"datum.ratio >= 1 ? ({more}) + '×' : '÷' + ({less})"
    x = alt.X(
        "texts:O",
        title="texts a month",
        axis=alt.Axis(labelExpr="format(datum.value, '~s')", labelAngle=0, grid=False),
    )
    y = alt.Y(
        "utilisation:O",
        title="utilisation",
        sort="descending",
        axis=alt.Axis(labelExpr="format(datum.value, '.0%')", grid=False),
    )
    tooltip = [
        alt.Tooltip("texts:Q", title="texts a month", format=","),
        alt.Tooltip("utilisation:Q", format=".0%"),
        alt.Tooltip("ratio:Q", title="second over first", format=",.3~r"),
        alt.Tooltip("flip:Q", title="verdict flips at, per 1,000 texts", format=",.3~r"),
    ]
    base = (
        alt.Chart(data(cells, CELLS))
        .transform_filter("isValid(datum.ratio)")
        .transform_calculate(
            text=text,
            side="datum.ratio >= 1 ? 'first' : 'second'",
            size="abs(log(datum.ratio)) / log(10)",
        )
        .encode(x=x, y=y, tooltip=tooltip)
    )
    scale = alt.Scale(domain=["first", "second"], range=["var(--accent)", "var(--other)"])
    drawn = alt.layer(
        base.mark_rect(stroke="var(--page)").encode(
            color=alt.Color("side:N", scale=scale, legend=None),
            opacity=alt.Opacity(
                "size:Q",
                scale=alt.Scale(domain=[0, 2], range=[0.08, DEEPEST], clamp=True),
                legend=None,
            ),
        ),
        base.mark_text(fontSize=11).encode(text="text:N"),
    )
    caption = (
        "A month's cost of the second over that of the first, at each number of texts and utilisation: 24× is 24 times "
        "as dear, ÷3 a third."
    )
    return made(name, caption, drawn, height=300)


def cascade(dataset: str, contestant: Contestant, primary: str, currency: str) -> Chart | None:
    """Its score on test rows against its cost, from never to always asking the LLM; the chosen threshold marked."""
    held = contestant.cascade
    rows = [
        row
        for row in (held or {}).get("curve") or []
        if row["value"] is not None and row["cost_per_1000_texts"]
    ]
    if held is None or not rows:
        return None
    points = [row | {"seed": str(row["seed"]), "cost": row["cost_per_1000_texts"]} for row in rows]
    metric = METRICS[primary].title
    x = log_axis(
        alt.X,
        "cost",
        f"{currency} per 1,000 texts (logarithmic)",
        [row["cost"] for row in points],
        1.3,
    )
    scale = padded([row["value"] for row in points])
    y = alt.Y("value:Q", title=metric, scale=scale, axis=alt.Axis(format=".2f", tickCount=5))
    base = alt.Chart(data(points)).encode(x=x, y=y, detail="seed:N")
    tooltip = [
        "seed:N",
        alt.Tooltip("escalated:Q", title="asked of the LLM", format=".1%"),
        alt.Tooltip("threshold:Q", format=".3f"),
        alt.Tooltip("value:Q", title=metric, format=".3f"),
        alt.Tooltip("cost:Q", title=f"{currency} per 1,000 texts", format=",.4~r"),
    ]
    drawn = alt.layer(
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
    caption = (
        f"{contestant.title}: {metric} on test rows against cost, from {held['small']} alone (left) to always asking "
        f"{held['large']} (right); a line a seed. Diamond: the threshold chosen on validation rows."
    )
    return made(
        f"{dataset}-cascade-{contestant.name}", caption, drawn, _points(rows, metric, currency)
    )


def _points(rows: Sequence[dict[str, Any]], metric: str, currency: str) -> Grid:
    return Grid(
        heading="",
        caption="The figures of the chart.",
        columns=(
            "Seed",
            "Threshold",
            "Asked of the LLM",
            metric,
            f"{currency} per 1,000 texts",
            "Chosen",
        ),
        rows=tuple(
            (
                str(row["seed"]),
                _threshold(row["threshold"]),
                f"{100 * row['escalated']:.1f}%",
                score(row["value"]),
                significant(row["cost_per_1000_texts"]),
                "chosen" if row["chosen"] else "",
            )
            for row in rows
        ),
    )


def _threshold(value: float | None) -> str:
    """The confidence under which the LLM is asked; 0 never is one."""
    return "always asks" if value is None else score(value) if value else "never asks"


def choice(contestant: Contestant, primary: str) -> Grid | None:
    """How a cascade's threshold was chosen on validation rows, a line a seed; None for what is no cascade."""
    held = contestant.cascade
    if held is None:
        return None
    metric = METRICS[primary].title
    return Grid(
        heading=f"How {contestant.name} chose",
        caption=(
            f"{held['small']} answers what it is sure of, and {held['large']} the rest. "
            f"Chosen on {count(held['rows'])} validation rows: {held['target']}."
        ),
        columns=(
            *(
                "Seed",
                "Temperature",
                "Threshold",
                "Asked of the LLM, validation",
                "Asked of the LLM, test",
            ),
            *(
                f"{metric}, cascade" if i == 0 else name
                for i, name in enumerate(("", held["small"], held["large"]))
            ),
        ),
        rows=tuple(
            (
                str(row["seed"]),
                significant(row["temperature"]),
                _threshold(row["threshold"]),
                *(f"{100 * row[key]:.1f}%" for key in ("escalated_validation", "escalated_test")),
                *(
                    score(row[key])
                    for key in ("validation", "small_validation", "large_validation")
                ),
            )
            for row in held["seeds"]
        ),
        notes=tuple(held.get("notes") or ()),
    )
