"""Charts of scores: against cost, beside each other with their intervals, and by pairs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt

from slingshot.report.grid import Grid
from slingshot.report.inputs import Results
from slingshot.report.numbers import MISSING, score, signed, significant
from slingshot.report.page.charts import (
    HEIGHT,
    Chart,
    data,
    identity,
    interval,
    log_axis,
    made,
    padded,
)
from slingshot.report.pair import Pair
from slingshot.report.table import MAJORITY, Table
from slingshot.settings.catalogue import METRICS

LETTER = 7.0
"""Width of a letter of a label, in pixels, about."""
NOMINAL = 400
"""Width at which labels are kept apart, in pixels; the chart fills whatever room it has."""


def cost(results: Results, primary: str, currency: str) -> Chart | None:
    """The primary metric with its interval against the cost of a million texts; None where nothing has both."""
    rows: list[dict[str, Any]] = []
    for c in results.contestants:
        known, price = interval(c, primary), c.cost.cost_per_1000_texts
        if known and price:
            value, low, high = known
            rows.append(
                {
                    "contestant": c.name,
                    "cost": price * 1000,
                    "value": value,
                    "low": low,
                    "high": high,
                }
            )
    if not rows:
        return None
    names = [c.name for c in results.contestants]
    scale = padded([row[key] for row in rows for key in ("low", "high")])
    _label(rows, scale.domain)
    metric = METRICS[primary].title
    x = log_axis(
        alt.X,
        "cost",
        f"{currency} per million texts (logarithmic)",
        [row["cost"] for row in rows],
        2.2,
    )
    y = alt.Y("value:Q", title=metric, scale=scale, axis=alt.Axis(format=".2f", tickCount=5))
    same = identity(names, [row["contestant"] for row in rows], legend=False)
    base = alt.Chart(data(rows)).encode(x=x, color=same["color"])
    tooltip = [
        alt.Tooltip("contestant:N"),
        alt.Tooltip("value:Q", title=metric, format=".3f"),
        alt.Tooltip("low:Q", format=".3f"),
        alt.Tooltip("high:Q", format=".3f"),
        alt.Tooltip("cost:Q", title=f"{currency} per million texts", format=",.4~r"),
    ]
    layers = [
        base.mark_rule(strokeWidth=3, opacity=0.55).encode(
            y=alt.Y("low:Q", scale=scale, title=metric), y2="high:Q"
        ),
        base.mark_point(filled=True, size=110, opacity=1).encode(
            y=y, shape=same["shape"], tooltip=tooltip
        ),
        _names(base, scale, "right").mark_text(align="left", dx=9),
        _names(base, scale, "left").mark_text(align="right", dx=-9),
    ]
    caption = (
        f"{metric[0].upper()}{metric[1:]} on {results.dataset} against what a million texts cost, with the interval of "
        "the score; higher and further left is better."
    )
    return made(
        f"{results.dataset}-cost",
        caption,
        alt.layer(*layers),
        _cost_grid(results, rows, metric, currency),
    )


def _names(base: Any, scale: Any, side: str) -> Any:
    """The labels on one side of their points."""
    held = base.transform_filter(f"datum.side == '{side}'")
    return held.encode(
        y=alt.Y("label:Q", scale=scale), text="contestant:N", color=alt.value("var(--ink)")
    )


def _label(rows: list[dict[str, Any]], domain: Sequence[float]) -> None:
    """Give each row the side of its label and its height (`label`), so that labels and intervals stand apart."""
    low, high = domain
    first, last = (f(math.log10(row["cost"]) for row in rows) for f in (min, max))

    def up(value: float) -> float:
        return (high - value) / (high - low) * HEIGHT

    # Boxes (left, right, top, bottom), in pixels, in which no label may begin.
    across = [
        NOMINAL * (0.1 + 0.8 * (math.log10(row["cost"]) - first) / ((last - first) or 1))
        for row in rows
    ]
    taken = [
        (x - 6, x + 6, up(row["high"]), up(row["low"])) for x, row in zip(across, rows, strict=True)
    ]
    for x, row in sorted(zip(across, rows, strict=True), key=lambda pair: -pair[1]["value"]):
        width, middle = LETTER * len(row["contestant"]), up(row["value"])
        sides = {"right": (x + 9, x + 9 + width), "left": (x - 9 - width, x - 9)}
        places = [
            (side, *sides[side], middle + down) for down in range(0, HEIGHT, 4) for side in sides
        ]
        free = (
            place
            for place in places
            if place[1] >= 0
            and place[2] <= NOMINAL
            and not any(_meet(place[1:], box) for box in taken)
        )
        side, left, right, middle = next(free, places[0])
        taken.append((left, right, middle - 7, middle + 7))
        row["side"], row["label"] = side, high - middle * (high - low) / HEIGHT


def _meet(label: tuple[float, float, float], box: tuple[float, float, float, float]) -> bool:
    left, right, middle = label
    return left < box[1] and box[0] < right and middle - 7 < box[3] and box[2] < middle + 7


def _cost_grid(
    results: Results, rows: Sequence[Mapping[str, Any]], metric: str, currency: str
) -> Grid:
    titles = {c.name: c.title for c in results.contestants}
    drawn = {row["contestant"] for row in rows}
    return Grid(
        heading="",
        caption="The figures of the chart.",
        columns=("Contestant", metric, "Lowest", "Highest", f"{currency} per million texts"),
        rows=tuple(
            (
                f"{row['contestant']}: {titles[row['contestant']]}"
                if titles[row["contestant"]] != row["contestant"]
                else row["contestant"],
                *(score(row[key]) for key in ("value", "low", "high")),
                significant(row["cost"]),
            )
            for row in sorted(rows, key=lambda row: -row["value"])
        ),
        notes=tuple(
            f"Not drawn, a score or a cost is not known: {t}."
            for n, t in titles.items()
            if n not in drawn
        ),
    )


def bars(results: Results, table: Table, primary: str) -> Chart | None:
    """The primary metric of each contestant with its interval, best first, and the majority class as a dashed rule."""
    named = {c.name: c for c in results.contestants}
    rows: list[dict[str, Any]] = []
    for row in table.rows:
        known = interval(named[row.name], primary) if row.name in named else None
        if known:
            rows.append(
                {"contestant": row.name} | dict(zip(("value", "low", "high"), known, strict=True))
            )
    if not rows:
        return None
    majority = (results.audit.get("majority") or {}).get(primary)
    edges = [row[key] for row in rows for key in ("low", "high")] + (
        [] if majority is None else [majority]
    )
    scale, metric = padded(edges), METRICS[primary].title
    y = alt.Y(
        "contestant:N", title=None, sort=None, axis=alt.Axis(grid=False, labelColor="var(--ink)")
    )
    same = identity(list(named), [row["contestant"] for row in rows], legend=False)
    base = alt.Chart(data(rows)).encode(y=y, color=same["color"])
    x = alt.X("value:Q", title=metric, scale=scale, axis=alt.Axis(format=".2f", tickCount=5))
    layers = [
        base.mark_rule(strokeWidth=3, opacity=0.55).encode(
            x=alt.X("low:Q", scale=scale, title=metric), x2="high:Q"
        ),
        base.mark_point(filled=True, size=110, opacity=1).encode(
            x=x,
            shape=same["shape"],
            tooltip=[
                "contestant:N",
                *(alt.Tooltip(f"{key}:Q", format=".3f") for key in ("value", "low", "high")),
            ],
        ),
    ]
    caption = f"{metric[0].upper()}{metric[1:]} with its interval, best first; the table above has the figures."
    if majority is not None:
        rule = alt.Chart(data([{"value": majority}])).mark_rule(strokeDash=[5, 4])
        layers.insert(0, rule.encode(x=alt.X("value:Q", scale=scale)))
        caption += f" Dashed: the {MAJORITY}, {score(majority)}."
    return made(
        f"{results.dataset}-scores", caption, alt.layer(*layers), height=34 * len(rows) + 10
    )


def differences(pairs: Sequence[Pair], dataset: str, primary: str, margin: float) -> Chart | None:
    """Each pair's difference with its interval, zero as a line and the margin dashed; None without a difference."""
    rows: list[dict[str, Any]] = [
        {
            "pair": f"{p.a} − {p.b}",
            "value": p.difference,
            "low": p.low,
            "high": p.high,
            "verdict": p.verdict or MISSING,
        }
        for p in pairs
        if p.difference is not None and p.low is not None and p.high is not None
    ]
    if not rows:
        return None
    edges = [row[key] for row in rows for key in ("low", "high")]
    scale = padded([*edges, -margin, margin])
    y = alt.Y(
        "pair:N",
        title=None,
        sort=None,
        axis=alt.Axis(grid=False, labelColor="var(--ink)", labelLimit=220),
    )
    axis = alt.Axis(format="+.2f", tickCount=5)
    base = alt.Chart(data(rows)).encode(y=y)
    tooltip = [
        "pair:N",
        *(alt.Tooltip(f"{k}:Q", format="+.3f") for k in ("value", "low", "high")),
        "verdict:N",
    ]
    marks = alt.Chart(
        data([{"x": 0.0, "dash": "zero"}, {"x": -margin, "dash": "m"}, {"x": margin, "dash": "m"}])
    )
    dash = alt.StrokeDash(
        "dash:N", scale=alt.Scale(domain=["zero", "m"], range=[[1, 0], [4, 4]]), legend=None
    )
    title = f"difference in {METRICS[primary].title}"
    chart = alt.layer(
        marks.mark_rule().encode(x=alt.X("x:Q", scale=scale), strokeDash=dash),
        base.mark_rule(strokeWidth=3, color="var(--accent)", opacity=0.6).encode(
            x=alt.X("low:Q", scale=scale, title=title, axis=axis), x2="high:Q"
        ),
        base.mark_point(filled=True, size=70, opacity=1, color="var(--accent)").encode(
            x=alt.X("value:Q", scale=scale, title=title), tooltip=tooltip
        ),
    )
    caption = (
        f"First minus second, with its interval. Left of the line at 0 the first is behind; the dashed lines stand at "
        f"the margin, {signed(-margin)} and {signed(margin)}. The table has the figures."
    )
    return made(f"{dataset}-pairs", caption, chart, height=24 * len(rows) + 10)
