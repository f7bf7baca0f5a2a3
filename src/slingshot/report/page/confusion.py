"""Which classes a contestant takes for which: a heat map, or with many classes the pairs most confused; figures a
class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt

from slingshot.report.grid import Grid
from slingshot.report.inputs import Contestant
from slingshot.report.numbers import count, percent, score
from slingshot.report.page.charts import Chart, data, made
from slingshot.report.page.details import Plots
from slingshot.report.page.theme import DEEPEST

MOST = 20
"""Classes up to which a heat map can be read, and pairs that stand in its place above."""
CLOSE = 0.005
"""Least share that is written into its cell."""


def labels(contestant: Contestant, plot: Plots) -> list[str]:
    """The classes with a test row in the order of the labels, then what else was predicted."""
    known = [row["label"] for row in contestant.intervals.get("classes") or []]
    return list(
        dict.fromkeys([*known, *(name for pair in sorted(plot.confusion) for name in pair)])
    )


def chart(dataset: str, contestant: Contestant, plot: Plots) -> Chart | None:
    """Row-normalised, the actual class down, the predicted across; None above MOST classes or without a row."""
    names = labels(contestant, plot)
    if not plot.confusion or len(names) > MOST:
        return None
    totals = _totals(plot.confusion)
    actual = [name for name in names if totals.get(name)]
    rows = [
        {"actual": a, "predicted": p, "share": number / totals[a], "rows": number}
        for a in actual
        for p in names
        if (number := plot.confusion.get((a, p)))
    ]
    down: dict[str, Any] = {"labelLimit": 110, "grid": False, "labelColor": "var(--ink)"}
    across = down | {"labelAngle": 0 if len(names) <= 4 else -35}
    x = alt.X(
        "predicted:N",
        title="predicted",
        sort=None,
        scale=alt.Scale(domain=names),
        axis=alt.Axis(**across),
    )
    y = alt.Y(
        "actual:N", title="actual", sort=None, scale=alt.Scale(domain=actual), axis=alt.Axis(**down)
    )
    tooltip: list[Any] = [
        "actual:N",
        "predicted:N",
        alt.Tooltip("share:Q", format=".1%"),
        alt.Tooltip("rows:Q", format=","),
    ]
    base = alt.Chart(data(rows)).encode(x=x, y=y, tooltip=tooltip)
    drawn = alt.layer(
        base.mark_rect(color="var(--accent)").encode(
            opacity=alt.Opacity(
                "share:Q", scale=alt.Scale(domain=[0, 1], range=[0.04, DEEPEST]), legend=None
            ),
        ),
        base.transform_filter(f"datum.share >= {CLOSE}")
        .mark_text(fontSize=11 if len(names) <= 10 else 9)
        .encode(text=alt.Text("share:Q", format=".2f" if len(names) <= 10 else ".1f")),
    )
    caption = f"{contestant.name}: of the rows of each class (down), the share that it takes for each class (across)."
    height = max(120, 26 * len(actual) + 20)
    return made(
        f"{dataset}-confusion-{contestant.name}",
        caption,
        drawn,
        _counts(actual, names, plot.confusion),
        height=height,
    )


def _totals(confusion: Mapping[tuple[str, str], int]) -> dict[str, int]:
    totals: dict[str, int] = {}
    for (actual, _), rows in confusion.items():
        totals[actual] = totals.get(actual, 0) + rows
    return totals


def _counts(
    actual: Sequence[str], names: Sequence[str], confusion: Mapping[tuple[str, str], int]
) -> Grid:
    return Grid(
        heading="",
        caption="The figures of the chart: test rows, over all seeds; the actual class down, the predicted across.",
        columns=("Actual", *names),
        rows=tuple((a, *(count(confusion.get((a, p), 0)) for p in names)) for a in actual),
    )


def most_confused(contestant: Contestant, plot: Plots) -> Grid | None:
    """The pairs of classes most often confused, where there are too many classes for a heat map."""
    if len(labels(contestant, plot)) <= MOST:
        return None
    totals = _totals(plot.confusion)
    wrong = sorted((-rows, a, p) for (a, p), rows in plot.confusion.items() if a != p)[:MOST]
    return Grid(
        heading="",
        caption=f"{contestant.name}: the {len(wrong)} pairs of classes most often confused, over all seeds.",
        columns=("Actual", "Predicted", "Test rows", "Of that class"),
        rows=tuple((a, p, count(-rows), f"{100 * -rows / totals[a]:.1f}%") for rows, a, p in wrong),
    )


def classes(contestant: Contestant, confidence: float) -> Grid | None:
    """Precision, recall and F1 a class, means over seeds; None where they were not measured."""
    rows: list[dict[str, Any]] = contestant.intervals.get("classes") or []
    if not rows:
        return None
    return Grid(
        heading="",
        caption=f"{contestant.name}: by class on test rows, means over seeds.",
        columns=(
            "Class",
            "Test rows",
            "Precision",
            "Recall",
            f"{percent(confidence)} interval",
            "F1",
        ),
        rows=tuple(
            (
                row["label"],
                count(row["rows"]),
                score(row.get("precision")),
                score(row.get("recall")),
                f"{score(row.get('recall_low'))}–{score(row.get('recall_high'))}",
                score(row.get("f1")),
            )
            for row in rows
        ),
        notes=("A dash under precision: the class was never predicted.",)
        if any(row.get("precision") is None for row in rows)
        else (),
    )
