"""Notes of metrics/audit about how a source spells its labels, and about classes that a split lacks.

A note about labels holds the first SHOWN of them, and how many more there are.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from slingshot.files.notes.base import Note, named, plural
from slingshot.files.notes.characters import quoted
from slingshot.files.storage.record import Record

SHOWN = 5
"""Labels, or sets of them, that a note holds."""

Measured = Literal["validation", "test"]
"""A split that contestants are measured on."""
FEW_TEST_ROWS = 10
"""Test rows below which a class's own figures say little."""


class LabelRows(Record):
    """A label of the source."""

    label: str
    rows: int

    @property
    def words(self) -> str:
        left_out = ", left out" if self.rows == 1 else ""  # before the rows are split
        return f"{quoted(self.label)} ({plural(self.rows, 'row')}{left_out})"


class UntrainedLabel(Record):
    """A label of the test file that train lacks."""

    label: str
    rows: int
    """Its rows in the test file."""
    same: str | None
    """The label of train that reads the same."""
    close: str | None
    """Else the label of train that is spelt most alike, if any is close."""

    @property
    def words(self) -> str:
        hint = f", did you mean {quoted(self.close)}?" if self.close is not None else ""
        hint = f", reads the same as {quoted(self.same)}" if self.same is not None else hint
        return f"{quoted(self.label)} ({plural(self.rows, 'row')}{hint})"


class LabelsAlike(Note):
    """Labels that read the same but are separate classes."""

    code: Literal["labels_alike"] = "labels_alike"
    sets: tuple[tuple[LabelRows, ...], ...]
    """Each set reads the same; its most frequent label comes first."""
    more: int
    """Sets that are not listed."""
    mergeable: bool
    """Whether two classes or more remain once they are merged."""

    @property
    def words(self) -> str:
        sets = [", ".join(label.words for label in labels) for labels in self.sets]
        one_class = (
            "" if self.mergeable else ". Merged, they leave one class, and a comparison needs two"
        )
        return (
            f"labels that read the same are separate classes: {listed(sets, self.more, '; ')}. Map them to one name "
            "with `labels` in params.yaml, or, if they differ on purpose, to names that nobody confuses"
            f"{one_class}"
        )


class MissingLabels(Note):
    """Labels such as `N/A`."""

    code: Literal["missing_labels"] = "missing_labels"
    labels: tuple[LabelRows, ...]
    more: int
    """Such labels that are not listed."""

    @property
    def words(self) -> str:
        labels = [label.words for label in self.labels]
        return (
            f"labels that look like missing values are classes: {listed(labels, self.more)}. Leave them empty in the "
            "file, which excludes their rows, or, if they are classes, list every value as `labels` in params.yaml"
        )


class SeveralLabels(Note):
    """Labels that are several labels in one, such as `bug|urgent`."""

    code: Literal["several_labels"] = "several_labels"
    labels: tuple[LabelRows, ...]
    more: int
    """Such labels that are not listed."""
    rows: int
    """Rows with such a label."""
    all_rows: int

    @property
    def words(self) -> str:
        labels = [label.words for label in self.labels]
        return (
            f"{self.rows:,} of {plural(self.all_rows, 'row')} have several labels in one: {listed(labels, self.more)}. "
            "A comparison takes one label per text: keep one in each row, or, to make a class of each combination on "
            "purpose, list every value as `labels` in params.yaml"
        )


class NotInTrain(Note):
    """Classes without a row in train."""

    code: Literal["not_in_train"] = "not_in_train"
    classes: tuple[str, ...]
    test_labels: tuple[UntrainedLabel, ...]
    """Those of the test file."""
    more: int
    """Labels of the test file that are not listed."""

    @property
    def words(self) -> str:
        they_are = "it is" if len(self.classes) == 1 else "they are"
        left_out = (
            f"{classes_have(self.classes)} no row in train, so {they_are} left out of the classes"
        )
        if not self.test_labels:
            return left_out
        return f"{left_out}. The test file holds {untrained(self.test_labels, self.more)}"


class NotInSplit(Note):
    """Classes without a row in validation or test."""

    code: Literal["not_in_split"] = "not_in_split"
    split: Measured
    classes: tuple[str, ...]
    unit: Literal["group", "row"] | None
    """What was dealt to the splits; None where the split is the user's test file."""

    @property
    def words(self) -> str:
        why = f" (a class needs a {self.unit} for each split)" if self.unit else ""
        return f"{classes_have(self.classes)} no row in {self.split}{why}"


class FewTestRows(Note):
    """Classes with fewer than FEW_TEST_ROWS test rows."""

    code: Literal["few_test_rows"] = "few_test_rows"
    classes: tuple[str, ...]

    @property
    def words(self) -> str:
        their = "its" if len(self.classes) == 1 else "their"
        few = f"{classes_have(self.classes)} under {FEW_TEST_ROWS} test rows"
        return f"{few}, so {their} own figures say little"


def untrained(labels: Sequence[UntrainedLabel], more: int) -> str:
    """Labels of the test file that train lacks, and how many more there are."""
    return listed([label.words for label in labels], more)


def listed(words: Sequence[str], more: int, mark: str = ", ") -> str:
    """The words, and how many more there are."""
    return f"{mark.join(words)} and {more:,} more" if more else mark.join(words)


def classes_have(names: Sequence[str]) -> str:
    """`class a has`, or `classes a, b and 3 more have`."""
    return f"class {names[0]} has" if len(names) == 1 else f"classes {named(names)} have"
