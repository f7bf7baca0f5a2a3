"""data/errors/D.json: test rows that contestants get wrong or disagree on, with their texts.

The file contains texts, so it stays out of git, and no metrics file repeats it.
"""

from __future__ import annotations

from slingshot.files.storage.record import Record


class ErrorText(Record):
    """A row's text and its true label."""

    text: str
    label: str


class Mistake(Record):
    """A wrong answer to a row."""

    id: str
    prediction: str
    confidence: float | None
    """None where no contestant has scores."""


class Disagreement(Record):
    """Counts of test rows: whether the first runs of two contestants are right."""

    a: str
    b: str
    rows: int
    both_right: int
    only_a: int
    only_b: int
    both_wrong_alike: int
    both_wrong_apart: int


class Answers(Record):
    """The answers of all contestants to a row."""

    id: str
    predictions: dict[str, str]
    """Contestant -> its answer."""


class Errors(Record):
    """The whole file."""

    texts: dict[str, ErrorText]
    """Row id -> its text and label, for every row that is listed below."""
    agree_against_label: tuple[Mistake, ...]
    """Rows where all contestants give the same wrong answer, the most confident first."""
    agree_against_label_rows: int
    """The number of all such rows; `agree_against_label` may list only the first of them."""
    confident_errors: dict[str, tuple[Mistake, ...]]
    """Contestant -> its most confident mistakes. A contestant without scores has none."""
    disagreements: tuple[Disagreement, ...]
    """One entry for each pair of contestants, in the order of the study."""
    disagreement_examples: tuple[Answers, ...]
    """The rows with the most different answers."""
