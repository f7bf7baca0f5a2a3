"""report/summary.md: the verdict and the table of each data set, as a pull request shows them."""

from __future__ import annotations

from collections.abc import Mapping

from slingshot.machine.markdown import bullets, plain, table
from slingshot.report import pair
from slingshot.report.grid import Grid
from slingshot.report.section import Section
from slingshot.report.table import Table, facts


def markdown(sections: Mapping[str, Section]) -> str:
    """One heading a data set: verdict, table, notes, the data set's facts and warnings, pairs, what it has besides."""
    parts = ["# Fine-tune or prompt?"]
    for name, section in sections.items():
        audit = section.results.audit
        parts += [
            f"## {name}: {plain(section.headline)}",
            plain(section.verdict.words),
            _table(section.table),
        ]
        parts.append(bullets([*section.table.notes, *facts(audit)]))
        if audit.get("warnings"):
            parts.append(f"Warnings of the audit:\n\n{bullets(audit['warnings'])}")
        parts += [
            part for grid in (pair.grid(section.results), *section.grids) for part in _grid(grid)
        ]
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
