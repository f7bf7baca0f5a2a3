"""report/summary.md: the verdict and the tables of each data set, as Markdown."""

from __future__ import annotations

from collections.abc import Mapping

from slingshot.files.notes.base import sentence
from slingshot.machine.markdown import bullets, plain, table
from slingshot.report import pair
from slingshot.report.grid import Grid
from slingshot.report.notes import facts
from slingshot.report.section import Section
from slingshot.report.table import Table


def markdown(sections: Mapping[str, Section]) -> str:
    """For each data set: verdict, table, notes, details, facts and warnings of the data, pairs, and other tables."""
    parts = ["# Fine-tune or prompt?"]
    for name, section in sections.items():
        audit = section.results.audit
        parts += [
            f"## {name}: {plain(section.headline)}",
            plain(section.verdict.words),
            _table(section.table),
            bullets(section.table.notes),
        ]
        for group in section.details:
            parts.append(f"{group.heading}:\n\n{bullets(group.sentences)}")
        parts.append(f"Data:\n\n{bullets(facts(audit))}")
        if audit.warnings:
            warnings = [sentence(note.words) for note in audit.warnings]
            parts.append(f"Warnings of the audit:\n\n{bullets(warnings)}")
        pairs = pair.grid(section.results, section.verdict.deciding)
        parts += [part for grid in (pairs, *section.grids) for part in _grid(grid)]
    return "\n\n".join(parts) + "\n"


def _grid(grid: Grid) -> list[str]:
    return [
        f"### {plain(grid.heading)}",
        plain(grid.caption),
        table(grid.columns, grid.rows),
        bullets(grid.notes),
    ]


def _table(shown: Table) -> str:
    heading = ["Contestant", *(column.long for column in shown.columns)]
    return table(heading, [(row.label, *row.cells) for row in shown.rows], "---:")
