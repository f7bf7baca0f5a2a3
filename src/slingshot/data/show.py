"""The audit as a short table in the terminal."""

from __future__ import annotations

from typing import TextIO

from rich.table import Table

from slingshot.data.spelling import MERGE
from slingshot.files.audit import Audit
from slingshot.files.codes import SPLITS
from slingshot.files.notes.base import sentence
from slingshot.machine.console import terminal

SHOWN = 12
"""Most classes in the table; metrics/audit has them all."""


def show(name: str, audit: Audit, file: TextIO | None = None) -> None:
    """Print the rows, duplicates, ceilings, classes and warnings of one data set.

    Where labels read the same, the `labels:` that merge them come last. NO_COLOR is respected.
    """
    out = terminal(file)
    facts = Table(
        box=None,
        show_header=False,
        padding=(0, 2, 0, 0),
        title=f"Audit of {name}",
        title_justify="left",
    )
    facts.add_column(style="bold")
    for key, value in _facts(audit):
        facts.add_row(key, value)
    out.print(facts)
    out.print(_classes(audit))
    for note in audit.warnings:
        out.print(f"warning: {sentence(note.words)}", style="yellow")
    if audit.merged_labels:
        # Not wrapped, because users copy it.
        out.print(f"{MERGE}:\n{audit.merged_labels}", soft_wrap=True)


def _facts(audit: Audit) -> list[tuple[str, str]]:
    rows, words, same, groups = audit.rows, audit.words, audit.duplicates, audit.groups
    ceiling, majority = audit.ceiling.test, audit.majority
    of_test = groups.splits["test"].largest_share
    excluded = [f"{count:,} {reason}" for reason, count in sorted(audit.excluded.items())]
    short = same.short_not_joined
    apart = f"; {short:,} texts under 4 words are in several groups, not joined" if short else ""
    return [
        (
            "rows",
            f"{rows.used:,} used of {rows.source:,}; excluded: {', '.join(excluded) or 'none'}",
        ),
        (
            "words",
            f"mean {words.mean:.1f}, median {words.median:.0f}, p95 {words.p95:.0f}, max {words.max}",
        ),
        (
            "labels",
            f"by {audit.label_source}; {audit.licence}; published {audit.published or 'unknown'}",
        ),
        (
            "duplicates",
            f"{same.distinct_texts:,} distinct texts; {same.exact_rows:,} rows with exact, {same.near_rows:,} with "
            f"near duplicates; {same.conflicting_texts:,} texts with several labels",
        ),
        (
            "groups",
            f"{groups.count:,}, the largest {groups.largest_rows:,} rows; at most {of_test:.1%} of test{apart}",
        ),
        (
            "ceiling",
            f"{ceiling.within:.1%} within test, {ceiling.whole:.1%} by each text's usual label over all rows",
        ),
        ("majority", f"always '{majority.label}': {majority.accuracy:.1%} accuracy on test"),
    ]


def _classes(audit: Audit) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0))
    table.add_column("class")
    for split in SPLITS:
        table.add_column(split, justify="right")
    classes = list(audit.classes.items())
    for name, rows in classes[:SHOWN]:
        table.add_row(name, f"{rows.train:,}", f"{rows.validation:,}", f"{rows.test:,}")
    if len(classes) > SHOWN:
        table.add_row(f"and {len(classes) - SHOWN} more")
    return table
