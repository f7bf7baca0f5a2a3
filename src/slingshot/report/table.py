"""The table of contestants of one data set.

summary.md, index.html and `slingshot show` print the same cells. report.notes has the notes below the table.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from slingshot.report.inputs import Contestant, Results
from slingshot.report.notes import MAJORITY, SEEN, ceilings, notes
from slingshot.report.numbers import amount, count, per_million, percent, score, significant
from slingshot.settings import Settings
from slingshot.settings.catalogue import METRICS, PRIMARY

SHOWN = (*PRIMARY, "log_loss", "coverage")
"""Metrics with a column; the primary metric comes before them."""


@dataclass(frozen=True)
class Column:
    """A column. `key` is in the scores or cost file; `short` is the heading in the terminal, `long` elsewhere."""

    key: str
    short: str
    long: str


@dataclass(frozen=True)
class TableRow:
    """A row. `name` is the key in params.yaml, `title` is printed, and `mark` qualifies the figures."""

    name: str
    title: str
    mark: str
    cells: tuple[str, ...]

    @property
    def label(self) -> str:
        return f"{self.title}, {self.mark}" if self.mark else self.title


@dataclass(frozen=True)
class Table:
    columns: tuple[Column, ...]
    rows: tuple[TableRow, ...]
    notes: tuple[str, ...]


def build(results: Results, settings: Settings) -> Table:
    """The table: contestants by the primary metric on test rows, best first; then the majority class and ceilings."""
    primary = settings.metrics.primary
    columns = tuple(_columns(results, settings))
    contestants = sorted(results.shown, key=lambda contestant: -(contestant.score(primary) or 0))
    rows = []
    for contestant in contestants:
        rows.append(_row(results, contestant, columns, primary))
        rows += _equal(results, contestant, columns)
    majority = results.audit.majority
    rows.append(_plain(MAJORITY, tuple(score(majority.figure(column.key)) for column in columns)))
    for title, ceiling in ceilings(results.audit).items():
        cells = tuple(score(ceiling if c.key == "accuracy" else None) for c in columns)
        rows.append(_plain(title, cells))
    return Table(columns, tuple(rows), tuple(notes(results)))


def _row(
    results: Results, contestant: Contestant, columns: tuple[Column, ...], primary: str
) -> TableRow:
    mark = SEEN if results.may_have_been_seen(contestant) else ""
    cells = tuple(_cell(contestant, column.key, primary) for column in columns)
    return TableRow(contestant.name, contestant.label, mark, cells)


def _equal(results: Results, side: Contestant, columns: tuple[Column, ...]) -> Iterator[TableRow]:
    """A line for each cascade that equals `side`."""
    for contestant in results.contestants:
        if contestant.alone == side.name:
            yield _plain(f"= {contestant.title}", ("",) * len(columns))


def _plain(title: str, cells: tuple[str, ...]) -> TableRow:
    """A row that is not about a contestant."""
    return TableRow("", title, "", cells)


def _columns(results: Results, settings: Settings) -> Iterator[Column]:
    primary, currency = settings.metrics.primary, settings.cost.currency
    labels = results.audit.label_source
    agreement = "" if labels == "human" else f", agreement with {labels}"
    interval = f" [{percent(settings.metrics.confidence)}]"
    for key in (primary, *(metric for metric in SHOWN if metric != primary)):
        metric = METRICS[key]
        labelled = agreement if key == "accuracy" else ""
        source = " (scores from)" if key == "auroc" else ""
        bounds = interval if key == primary else ""
        long = metric.heading + labelled + source + bounds
        yield Column(key, metric.short + labelled + bounds, long)
    yield Column("train_seconds", "Train s", "Training seconds")
    price = f"{currency} per million texts"
    yield Column("cost_per_1000_texts", f"{currency} /M texts", price)
    yield Column("train_rows", "Train rows", "Training rows")


def _cell(contestant: Contestant, key: str, primary: str) -> str:
    if key == "train_rows":
        return count(contestant.scores.train_rows)
    if key == "train_seconds":
        return significant(contestant.cost.train_seconds)
    if key == "cost_per_1000_texts":
        return amount(per_million(contestant.cost.cost_per_1000_texts))
    value, interval = contestant.score(key), contestant.interval(key)
    words = score(value)
    if key == primary and interval.low is not None:
        words += f" [{score(interval.low)}–{score(interval.high)}]"
    if key == "auroc" and value is not None:
        words += f" {contestant.intervals.score_source}"
    return words
