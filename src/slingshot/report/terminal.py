"""The end of `make repro`: tables, verdicts and notes in a terminal, NO_COLOR respected by rich."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TextIO

from rich import box
from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from slingshot.report.section import Section

WIDTH = 100
"""Columns where the output is no terminal."""


def show(sections: Mapping[str, Section], page: str, file: TextIO | None = None) -> None:
    """Print each data set's table, verdict and notes, then where the page lies."""
    out = console(file)
    for name, section in sections.items():
        out.print(_section(name, section))
    out.print(Text(f"Report: {page}"), soft_wrap=True)


def console(file: TextIO | None = None) -> Console:
    """Plain text of a fixed width where the output is no terminal."""
    made = Console(file=file, highlight=False)
    if not made.is_terminal:
        made.width = WIDTH
    return made


def _section(name: str, section: Section) -> Group:
    audit, table = section.results.audit, section.table
    title = Text(f"{name}: {section.headline}", style="bold")
    grid = Table(box=box.SIMPLE_HEAD, padding=0, pad_edge=False)
    grid.add_column("Contestant")
    for index, column in enumerate(table.columns):
        words = " ".join([column.short, *(row.cells[index] for row in table.rows)]).split()
        # An interval may go below its value, but no figure is broken.
        width = max(map(len, words))
        grid.add_column(Text(column.short), justify="right", min_width=width, max_width=width)
    for row in table.rows:
        grid.add_row(Text(row.label), *map(Text, row.cells))
    warnings = [Text(f"Warning: {text}", style="yellow") for text in audit.get("warnings") or []]
    notes = Table.grid(padding=(0, 1))
    for note in table.notes:
        notes.add_row("-", Text(note))
    headings = "; ".join(grid.heading.lower() for grid in section.grids)
    besides = [Text(f"In the report besides: {headings}.")] if headings else []
    return Group(title, grid, Text(section.verdict.words), Text(), notes, *warnings, *besides, Text())
