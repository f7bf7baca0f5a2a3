"""The output of `slingshot show`: tables, verdicts and notes in a terminal. rich respects NO_COLOR."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, TextIO

from rich import box
from rich.table import Table

from slingshot.files.notes.base import sentence
from slingshot.machine.console import terminal
from slingshot.report.section import Section
from slingshot.settings.errors import visible

if TYPE_CHECKING:
    from rich.console import Console  # noqa: TID251, its type only


def show(sections: Mapping[str, Section], page: str, file: TextIO | None = None) -> None:
    """Print each data set's table, verdict and notes, then the path of the page."""
    out = terminal(file)
    for name, section in sections.items():
        _print_section(out, name, section)
    out.print(f"Report: {page}", soft_wrap=True)


def _print_section(out: Console, name: str, section: Section) -> None:
    audit, table = section.results.audit, section.table
    grid = Table(box=box.SIMPLE_HEAD, padding=0, pad_edge=False)
    grid.add_column("Contestant")
    for index, column in enumerate(table.columns):
        words = visible(" ".join([column.short, *(row.cells[index] for row in table.rows)])).split()
        # A cell may wrap between a value and its interval, but not inside a figure.
        width = max(map(len, words))
        grid.add_column(column.short, justify="right", min_width=width, max_width=width)
    for row in table.rows:
        grid.add_row(row.label, *row.cells)
    out.print(f"{name}: {section.headline}", style="bold")
    out.print(grid)
    out.print(section.verdict.words, "", sep="\n")
    out.print(_list(table.notes))
    for group in section.details:
        out.print("", f"{group.heading}:", _list(group.sentences), sep="\n")
    for note in audit.warnings:
        out.print(f"Warning: {sentence(note.words)}", style="yellow")
    headings = "; ".join(grid.heading.lower() for grid in section.grids)
    if headings:
        out.print("", f"The report also has: {headings}.", sep="\n")
    out.print()


def _list(sentences: Sequence[str]) -> Table:
    """A list with dashes."""
    lines = Table.grid(padding=(0, 1))
    for words in sentences:
        lines.add_row("-", words)
    return lines
