"""Charts of all contestants' scores with their intervals, and of the differences of pairs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import altair as alt

from slingshot.files.pairs import Difference
from slingshot.report.inputs import Results
from slingshot.report.notes import MAJORITY
from slingshot.report.numbers import MISSING, score, signed
from slingshot.report.page.charts import (
    Chart,
    Drawing,
    Score,
    data,
    finished,
    look,
    measured,
    padded,
)
from slingshot.report.table import Table
from slingshot.settings.catalogue import METRICS

NAMES = alt.Axis(grid=False, labelColor="var(--ink)", labelLimit=220)
"""The vertical axis, with the names of contestants or pairs."""


@dataclass(frozen=True)
class Line:
    """A vertical line across the chart."""

    x: float
    kind: str


@dataclass(frozen=True)
class Gap:
    """A pair's difference."""

    pair: str
    value: float
    low: float
    high: float
    verdict: str


def bars(results: Results, table: Table, primary: str) -> Chart | None:
    """The primary metric of each contestant with its interval, best first, and the majority class as a dashed rule."""
    contestants = [c for row in table.rows if (c := results.named(row.name))]
    rows = [row for c in contestants if (row := measured(c, primary))]
    if not rows:
        return None
    majority = results.audit.majority.figure(primary)
    edges = [edge for row in rows for edge in (row.low, row.high)]
    scale = padded(edges if majority is None else [*edges, majority])
    caption = f"{METRICS[primary].heading} with its interval, best first; the table above has the figures."
    if majority is not None:
        caption += f" Dashed: the {MAJORITY}, {score(majority)}."
    return finished(
        f"{results.dataset}-scores",
        caption,
        _bars(results, rows, majority, scale, METRICS[primary].title),
        height=34 * len(rows) + 10,
    )


def _bars(
    results: Results, rows: Sequence[Score], majority: float | None, scale: alt.Scale, metric: str
) -> Drawing:
    looks = look(results.shown, [row.contestant for row in rows], legend=False)
    y = alt.Y("contestant:N", title=None, sort=None, axis=NAMES)
    base = alt.Chart(data(rows)).encode(y=y, color=looks.color)
    axis = alt.Axis(format=".2f", tickCount=5)
    tooltip = [
        alt.Tooltip("contestant:N"),
        alt.Tooltip("value:Q", title=metric, format=".3f"),
        alt.Tooltip("low:Q", title="lowest", format=".3f"),
        alt.Tooltip("high:Q", title="highest", format=".3f"),
    ]
    layers = [
        base.mark_rule(strokeWidth=3, opacity=0.55).encode(
            x=alt.X("low:Q", scale=scale, title=metric), x2="high:Q"
        ),
        base.mark_point(filled=True, size=110, opacity=1).encode(
            x=alt.X("value:Q", title=metric, scale=scale, axis=axis),
            shape=looks.shape,
            tooltip=tooltip,
        ),
    ]
    if majority is not None:
        rule = alt.Chart(data([Line(majority, MAJORITY)])).mark_rule(strokeDash=[5, 4])
        layers.insert(0, rule.encode(x=alt.X("x:Q", scale=scale)))
    return alt.layer(*layers)


def differences(
    pairs: Sequence[Difference], results: Results, primary: str, margin: float
) -> Chart | None:
    """Each pair's difference with its interval, zero as a line and the margin dashed; None without a difference."""
    labels = {contestant.name: contestant.label for contestant in results.contestants}
    rows = [
        Gap(
            f"{labels[p.a]} − {labels[p.b]}",
            p.difference,
            p.low,
            p.high,
            p.verdict or MISSING,
        )
        for p in pairs
        if p.difference is not None and p.low is not None and p.high is not None
    ]
    if not rows:
        return None
    caption = (
        "The first minus the second, with its interval: left of the line at 0 the first is behind. Dashed: the margin, "
        f"{signed(-margin)} and {signed(margin)}. The table has the figures."
    )
    return finished(
        f"{results.dataset}-pairs",
        caption,
        _differences(rows, margin, f"difference in {METRICS[primary].title}"),
        height=24 * len(rows) + 10,
    )


def _differences(rows: Sequence[Gap], margin: float, title: str) -> Drawing:
    edges = [edge for row in rows for edge in (row.low, row.high)]
    scale = padded([*edges, -margin, margin])
    base = alt.Chart(data(rows)).encode(y=alt.Y("pair:N", title=None, sort=None, axis=NAMES))
    tooltip = [
        alt.Tooltip("pair:N", title="first − second"),
        alt.Tooltip("value:Q", title="difference", format="+.3f"),
        alt.Tooltip("low:Q", title="lowest", format="+.3f"),
        alt.Tooltip("high:Q", title="highest", format="+.3f"),
        alt.Tooltip("verdict:N", title="the first is"),
    ]
    lines = [Line(0.0, "zero"), Line(-margin, "margin"), Line(margin, "margin")]
    dash = alt.StrokeDash(
        "kind:N", scale=alt.Scale(domain=["zero", "margin"], range=[[1, 0], [4, 4]]), legend=None
    )
    axis = alt.Axis(format="+.2f", tickCount=5)
    return alt.layer(
        alt.Chart(data(lines)).mark_rule().encode(x=alt.X("x:Q", scale=scale), strokeDash=dash),
        base.mark_rule(strokeWidth=3, color="var(--accent)", opacity=0.6).encode(
            x=alt.X("low:Q", scale=scale, title=title, axis=axis), x2="high:Q"
        ),
        base.mark_point(filled=True, size=70, opacity=1, color="var(--accent)").encode(
            x=alt.X("value:Q", scale=scale, title=title), tooltip=tooltip
        ),
    )
