"""The classes that a contestant confuses, as a heat map, or as a table of pairs if there are many; and figures of each
class."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import altair as alt

from slingshot.report.grid import Grid
from slingshot.report.inputs import Contestant
from slingshot.report.numbers import count, percent, score
from slingshot.report.page.charts import Chart, Drawing, data, finished
from slingshot.report.page.details import Plots
from slingshot.report.page.theme import DEEPEST

MOST = 20
"""The most classes of a readable heat map, and the number of pairs that replace it with more classes."""
CLOSE = 0.005
"""The smallest share that is written into its cell."""
FEW = 10
"""The most classes with which a cell has room for two decimals."""


@dataclass(frozen=True)
class Cell:
    actual: str
    predicted: str
    share: float
    """Share of the rows of the actual class."""
    rows: int


def labels(contestant: Contestant, plot: Plots) -> list[str]:
    """The classes with a test row in the order of the labels, then other predictions."""
    classes = [row.label for row in contestant.intervals.classes]
    others = [name for pair in sorted(plot.confusion) for name in pair]
    return list(dict.fromkeys([*classes, *others]))


def chart(dataset: str, contestant: Contestant, plot: Plots) -> Chart | None:
    """A heat map, actual classes down and predicted classes across, as shares of each actual class. None with more than
    MOST classes or without a row."""
    names = labels(contestant, plot)
    if not plot.confusion or len(names) > MOST:
        return None
    totals = _totals(plot.confusion)
    actual = [name for name in names if totals.get(name)]
    caption = f"{contestant.title}: the share of each class's rows (down) that was predicted as each class (across)."
    return finished(
        f"{dataset}-confusion-{contestant.name}",
        caption,
        _map(list(_cells(actual, names, plot.confusion)), actual, names),
        _counts(actual, names, plot.confusion),
        height=max(120, 26 * len(actual) + 20),
    )


def _cells(
    actual: Sequence[str], names: Sequence[str], confusion: Mapping[tuple[str, str], int]
) -> Iterator[Cell]:
    totals = _totals(confusion)
    for label in actual:
        for name in names:
            rows = confusion.get((label, name), 0)
            if rows:
                yield Cell(label, name, rows / totals[label], rows)


def _map(cells: Sequence[Cell], actual: Sequence[str], names: Sequence[str]) -> Drawing:
    across = alt.Axis(
        labelLimit=110,
        grid=False,
        labelColor="var(--ink)",
        labelAngle=0 if len(names) <= 4 else -35,
    )
    down = alt.Axis(labelLimit=110, grid=False, labelColor="var(--ink)")
    x = alt.X(
        "predicted:N", title="predicted", sort=None, scale=alt.Scale(domain=names), axis=across
    )
    y = alt.Y("actual:N", title="actual", sort=None, scale=alt.Scale(domain=actual), axis=down)
    tooltip = [
        alt.Tooltip("actual:N"),
        alt.Tooltip("predicted:N"),
        alt.Tooltip("share:Q", title="share of the class", format=".1%"),
        alt.Tooltip("rows:Q", format=","),
    ]
    base = alt.Chart(data(cells)).encode(x=x, y=y, tooltip=tooltip)
    few = len(names) <= FEW
    depth = alt.Scale(domain=[0, 1], range=[0.04, DEEPEST])
    return alt.layer(
        base.mark_rect(color="var(--accent)").encode(
            opacity=alt.Opacity("share:Q", scale=depth, legend=None)
        ),
        base.transform_filter(f"datum.share >= {CLOSE}")
        .mark_text(fontSize=11 if few else 9)
        .encode(text=alt.Text("share:Q", format=".2f" if few else ".1f")),
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
        caption="Test rows, over all seeds: the actual class down, the predicted class across.",
        columns=("Actual", *names),
        rows=tuple((a, *(count(confusion.get((a, p), 0)) for p in names)) for a in actual),
    )


def most_confused(contestant: Contestant, plot: Plots) -> Grid | None:
    """The pairs of classes most often confused; None if a heat map shows them."""
    if len(labels(contestant, plot)) <= MOST:
        return None
    totals = _totals(plot.confusion)
    wrong = sorted((-rows, a, p) for (a, p), rows in plot.confusion.items() if a != p)[:MOST]
    return Grid(
        heading="",
        caption=f"{contestant.title}: the {len(wrong)} pairs of classes most often confused, over all seeds.",
        columns=("Actual", "Predicted", "Test rows", "Share of the class"),
        rows=tuple((a, p, count(-rows), f"{100 * -rows / totals[a]:.1f}%") for rows, a, p in wrong),
    )


def classes(contestant: Contestant) -> Grid | None:
    """Precision, recall and F1 of each class, means over seeds; None without a class."""
    rows = contestant.intervals.classes
    if not rows:
        return None
    confidence = percent(contestant.intervals.confidence)
    never = any(row.precision is None for row in rows)
    return Grid(
        heading="",
        caption=f"{contestant.title}: by class on test rows, means over seeds.",
        columns=("Class", "Test rows", "Precision", "Recall", f"{confidence} interval", "F1"),
        rows=tuple(
            (
                row.label,
                count(row.rows),
                score(row.precision),
                score(row.recall),
                f"{score(row.recall_low)}–{score(row.recall_high)}",
                score(row.f1),
            )
            for row in rows
        ),
        notes=("A dash under precision: the class was never predicted.",) if never else (),
    )
