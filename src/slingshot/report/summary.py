"""report/summary.md: the verdict and the table of each data set, as a pull request shows them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from slingshot.report import pair
from slingshot.report.grid import Grid
from slingshot.report.section import Section
from slingshot.report.table import Table, facts


def markdown(sections: Mapping[str, Section]) -> str:
    """One heading a data set: verdict, table, notes, the data set's facts and warnings, pairs, what it has besides."""
    parts = ["# Fine-tune or prompt?"]
    for name, section in sections.items():
        audit = section.results.audit
        notes = [*section.table.notes, *facts(audit)]
        parts += [f"## {name}: {section.headline}", _escaped(section.verdict.words), _table(section.table)]
        parts.append("\n".join(f"- {_escaped(note)}" for note in notes))
        if audit.get("warnings"):
            parts.append("Warnings of the audit:\n\n" + "\n".join(f"- {_escaped(text)}" for text in audit["warnings"]))
        parts += [part for grid in (pair.grid(section.results), *section.grids) for part in _grid(grid)]
    return "\n\n".join(parts) + "\n"


def _grid(grid: Grid) -> list[str]:
    parts = [f"### {grid.heading}", _escaped(grid.caption), _lines([grid.columns, *grid.rows], "---")]
    return [*parts, "\n".join(f"- {_escaped(note)}" for note in grid.notes)]


def _table(table: Table) -> str:
    heading = ["Contestant", *(column.long for column in table.columns)]
    return _lines([heading, *((row.label, *row.cells) for row in table.rows)], "---:")


def _lines(rows: Sequence[Sequence[str]], side: str) -> str:
    """A Markdown table; `side` aligns all columns but the first."""
    first, *others = ([_escaped(cell) for cell in row] for row in rows)
    lines = [first, ["---", *(side for _ in first[1:])], *others]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _escaped(text: str) -> str:
    """Text as Markdown shows it: no cell, tag, link or emphasis starts inside it."""
    named = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\|*_`\[\]])", r"\\\1", " ".join(named.split()))
