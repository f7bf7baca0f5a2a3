"""report/summary.md: the verdict and the table of each data set, as a pull request shows them."""

from __future__ import annotations

import re
from collections.abc import Mapping

from slingshot.report.section import Section
from slingshot.report.table import Table, facts


def markdown(sections: Mapping[str, Section]) -> str:
    """One heading a data set: verdict, table, notes, the data set's facts and warnings."""
    parts = ["# Fine-tune or prompt?"]
    for name, section in sections.items():
        audit = section.results.audit
        notes = [*section.table.notes, *facts(audit)]
        parts += [f"## {name}: {section.headline}", _escaped(section.verdict.words), _table(section.table)]
        parts.append("\n".join(f"- {_escaped(note)}" for note in notes))
        if audit.get("warnings"):
            parts.append("Warnings of the audit:\n\n" + "\n".join(f"- {_escaped(text)}" for text in audit["warnings"]))
    return "\n\n".join(parts) + "\n"


def _table(table: Table) -> str:
    lines = [["Contestant", *(column.long for column in table.columns)]]
    lines.append(["---", *("---:" for _ in table.columns)])
    lines += [[_escaped(cell) for cell in (row.label, *row.cells)] for row in table.rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _escaped(text: str) -> str:
    """Text as Markdown shows it: no cell, tag, link or emphasis starts inside it."""
    named = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\|*_`\[\]])", r"\\\1", " ".join(named.split()))
