"""data/errors/D.json: test rows where contestants are wrong or differ, with their texts.

It holds texts, so it stays out of git and of every metrics file.
"""

from __future__ import annotations

from slingshot.files.storage.record import Record


class ErrorText(Record):
    text: str
    label: str


class Mistake(Record):
    """A row's wrong answer."""

    id: str
    prediction: str
    confidence: float | None
    """None where nobody has scores."""


class Disagreement(Record):
    """Test rows by whether the first runs of two contestants are right."""

    a: str
    b: str
    rows: int
    both_right: int
    only_a: int
    only_b: int
    both_wrong_alike: int
    both_wrong_apart: int


class Answers(Record):
    """What each contestant answered to a row."""

    id: str
    predictions: dict[str, str]


class Errors(Record):
    texts: dict[str, ErrorText]
    """Row id -> its text and label, of all rows that are named below."""
    agree_against_label: tuple[Mistake, ...]
    """Rows on which all contestants give one answer that is not the label, the most confident first."""
    agree_against_label_rows: int
    """How many such rows there are."""
    confident_errors: dict[str, tuple[Mistake, ...]]
    """Contestant -> its most confident mistakes; empty where it has no scores."""
    disagreements: tuple[Disagreement, ...]
    """Every two contestants, in the order of the study."""
    disagreement_examples: tuple[Answers, ...]
    """The rows with the most different answers."""
