"""Rows to read, from data/errors: the surest mistakes, where contestants differ, and labels that may be wrong."""

from __future__ import annotations

from slingshot.files.errors import Answers, Errors, Mistake
from slingshot.report.grid import Grid
from slingshot.report.inputs import Results
from slingshot.report.numbers import MISSING, count, score

DISAGREEMENTS = {
    "both_right": "Both right",
    "only_a": "Only the first",
    "only_b": "Only the second",
    "both_wrong_alike": "Both wrong, alike",
    "both_wrong_apart": "Both wrong, apart",
}


def against_label(errors: Errors) -> Grid | None:
    """Rows where every contestant answers the same and the label says otherwise; None where there are none."""
    rows = errors.agree_against_label
    if not rows:
        return None
    return Grid(
        heading="Candidates for wrong labels",
        caption=(
            f"On {count(errors.agree_against_label_rows)} test rows all contestants agree on another label than "
            f"the given one; {count(len(rows))} of them, most confident first."
        ),
        columns=("Text", "Label", "All say", "Mean confidence"),
        rows=tuple((*_text(errors, row), row.prediction, score(row.confidence)) for row in rows),
    )


def confident(errors: Errors, results: Results) -> dict[str, Grid]:
    """Contestant -> its most confident mistakes; one without scores is left out."""
    return {
        c.name: Grid(
            heading="",
            caption=f"{c.title}: the mistakes that it was most confident of.",
            columns=("Text", "Label", "Answer", "Confidence"),
            rows=tuple(
                (*_text(errors, row), row.prediction, score(row.confidence)) for row in rows
            ),
        )
        for c in results.contestants
        if (rows := errors.confident_errors.get(c.name))
    }


def disagreements(errors: Errors, results: Results) -> Grid | None:
    """How often two contestants are right and wrong together; None where there is no pair."""
    names = {c.name for c in results.contestants}
    rows = [row for row in errors.disagreements if {row.a, row.b} <= names]
    if not rows:
        return None
    return Grid(
        heading="Where contestants differ",
        caption="Test rows, first seed of each.",
        columns=("First", "Second", *DISAGREEMENTS.values()),
        rows=tuple(
            (row.a, row.b, *(count(getattr(row, key)) for key in DISAGREEMENTS)) for row in rows
        ),
    )


def examples(errors: Errors, results: Results) -> Grid | None:
    """The rows that contestants differ on most, with every answer."""
    rows = errors.disagreement_examples
    if not rows:
        return None
    names = [c.name for c in results.contestants]
    return Grid(
        heading="",
        caption="Rows that contestants differ on most.",
        columns=("Text", "Label", *names),
        rows=tuple(
            (*_text(errors, row), *(row.predictions.get(name, MISSING) for name in names))
            for row in rows
        ),
    )


def _text(errors: Errors, row: Mistake | Answers) -> tuple[str, str]:
    shown = errors.texts[row.id]
    return shown.text, shown.label
