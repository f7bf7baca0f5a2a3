"""The audit as a short table in the terminal."""

from __future__ import annotations

from typing import Any, TextIO

from rich.table import Table

from slingshot.data.spelling import MERGE
from slingshot.machine.console import terminal

SHOWN = 12
"""Classes listed; the rest are in metrics/audit."""


def show(name: str, audit: dict[str, Any], file: TextIO | None = None) -> None:
    """Print rows, duplicates, ceilings, classes and warnings of one data set, and the `labels:` that would merge what
    reads as one. NO_COLOR is respected."""
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
    for warning in audit["warnings"]:
        out.print(f"warning: {warning}", style="yellow")
    if "merged_labels" in audit:
        # Not wrapped: it is to be copied.
        out.print(f"{MERGE}:\n{audit['merged_labels']}", soft_wrap=True)


def _facts(audit: dict[str, Any]) -> list[tuple[str, str]]:
    rows, same = audit["rows"], audit["duplicates"]
    test, groups, majority = audit["ceiling"]["test"], audit["groups"], audit["majority"]
    of_test = groups["splits"]["test"]["largest_share"]
    excluded = (
        ", ".join(f"{count:,} {reason}" for reason, count in sorted(audit["excluded"].items()))
        or "none"
    )
    short = same["short_not_joined"]
    apart = f"; {short:,} texts under 4 words stand in several groups, not joined" if short else ""
    return [
        ("rows", f"{rows['used']:,} used of {rows['source']:,}; excluded: {excluded}"),
        (
            "words",
            "mean {mean:.1f}, median {median:.0f}, p95 {p95:.0f}, max {max}".format(
                **audit["words"]
            ),
        ),
        (
            "labels",
            f"by {audit['label_source']}; {audit['licence']}; published {audit['published'] or 'unknown'}",
        ),
        (
            "duplicates",
            f"{same['distinct_texts']:,} distinct texts; {same['exact_rows']:,} rows with exact, "
            f"{same['near_rows']:,} with near duplicates; {same['conflicting_texts']:,} texts under several labels",
        ),
        (
            "groups",
            f"{groups['count']:,}, the largest {groups['largest_rows']:,} rows; at most {of_test:.1%} of test{apart}",
        ),
        (
            "ceiling",
            f"{test['within']:.1%} within test, {test['whole']:.1%} by each text's usual label over all rows",
        ),
        ("majority", f"always '{majority['label']}': {majority['accuracy']:.1%} accuracy on test"),
    ]


def _classes(audit: dict[str, Any]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0))
    table.add_column("class")
    for split in ("train", "validation", "test"):
        table.add_column(split, justify="right")
    classes = list(audit["classes"].items())
    for name, counts in classes[:SHOWN]:
        table.add_row(name, *(f"{counts[split]:,}" for split in ("train", "validation", "test")))
    if len(classes) > SHOWN:
        table.add_row(f"and {len(classes) - SHOWN} more")
    return table
