"""Rows to read, from data/errors: confident mistakes, differences between contestants, labels that may be wrong."""

from __future__ import annotations

from dataclasses import dataclass

from slingshot.files.errors import Answers, Errors, Mistake
from slingshot.report.grid import Grid
from slingshot.report.inputs import Results
from slingshot.report.numbers import MISSING, count, score


@dataclass(frozen=True)
class Rows:
    """The tables of rows to read; None, or empty, if there are no such rows."""

    labels: Grid | None
    """Rows whose label may be wrong."""
    disagreements: Grid | None
    examples: Grid | None
    """Rows that contestants differ on most."""
    confident: dict[str, Grid]
    """Contestant -> the most confident mistakes."""


def rows(errors: Errors, results: Results) -> Rows:
    """The rows of one data set."""
    return Rows(
        labels=against_label(errors),
        disagreements=disagreements(errors, results),
        examples=examples(errors, results),
        confident=confident(errors, results),
    )


def against_label(errors: Errors) -> Grid | None:
    """Rows on which all contestants agree on another answer than the label; None without such rows."""
    mistakes = errors.agree_against_label
    if not mistakes:
        return None
    return Grid(
        heading="Candidates for wrong labels",
        caption=(
            f"On {count(errors.agree_against_label_rows)} test rows all contestants agree on another label than "
            f"the given one. The table has {count(len(mistakes))} of them, most confident first."
        ),
        columns=("Text", "Label", "All say", "Mean confidence"),
        rows=tuple(_mistake(errors, row) for row in mistakes),
    )


def confident(errors: Errors, results: Results) -> dict[str, Grid]:
    """Contestant -> its most confident mistakes; contestants without scores are left out."""
    return {
        c.name: Grid(
            heading="",
            caption=f"{c.title}: the mistakes with the highest confidence.",
            columns=("Text", "Label", "Answer", "Confidence"),
            rows=tuple(_mistake(errors, row) for row in errors.confident_errors[c.name]),
        )
        for c in results.shown
        if errors.confident_errors.get(c.name)
    }


def disagreements(errors: Errors, results: Results) -> Grid | None:
    """How often two contestants are right and wrong together; None without a pair."""
    labels = {contestant.name: contestant.label for contestant in results.shown}
    pairs = [row for row in errors.disagreements if {row.a, row.b} <= labels.keys()]
    if not pairs:
        return None
    return Grid(
        heading="Where contestants differ",
        caption="Test rows, the first seed of each.",
        columns=(
            "First",
            "Second",
            "Both right",
            "Only the first right",
            "Only the second right",
            "Both wrong, same answer",
            "Both wrong, other answers",
        ),
        rows=tuple(
            (
                labels[pair.a],
                labels[pair.b],
                count(pair.both_right),
                count(pair.only_a),
                count(pair.only_b),
                count(pair.both_wrong_alike),
                count(pair.both_wrong_apart),
            )
            for pair in pairs
        ),
    )


def examples(errors: Errors, results: Results) -> Grid | None:
    """The rows that contestants differ on most, with every answer."""
    if not errors.disagreement_examples:
        return None
    names = [contestant.name for contestant in results.shown]
    return Grid(
        heading="",
        caption="Rows that contestants differ on most.",
        columns=("Text", "Label", *(contestant.label for contestant in results.shown)),
        rows=tuple(
            (*_text(errors, row), *(row.predictions.get(name, MISSING) for name in names))
            for row in errors.disagreement_examples
        ),
    )


def _mistake(errors: Errors, row: Mistake) -> tuple[str, ...]:
    return (*_text(errors, row), row.prediction, score(row.confidence))


def _text(errors: Errors, row: Mistake | Answers) -> tuple[str, str]:
    shown = errors.texts[row.id]
    return shown.text, shown.label
