"""Notes of metrics/audit: what a reader of the scores must know about the rows behind them.

Notes about labels and classes are in `labels`.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from slingshot.files.notes.base import Note, plural
from slingshot.files.notes.labels import (
    FewTestRows,
    LabelsAlike,
    Measured,
    MissingLabels,
    NotInSplit,
    NotInTrain,
    SeveralLabels,
)


class ModelLabels(Note):
    """Labels that a model wrote."""

    code: Literal["model_labels"] = "model_labels"
    source: str

    @property
    def words(self) -> str:
        return f"labels were written by {self.source}: a score here is agreement with {self.source}, not with people"


class ConflictingLabels(Note):
    """Texts with several labels, which hold accuracy down. Case and white space are folded."""

    code: Literal["conflicting_labels"] = "conflicting_labels"
    texts: int
    """Such texts, in all rows."""
    within: float
    """The ceiling of accuracy on test, counted among the test rows."""
    whole: float
    """The same, counted over all rows."""

    @property
    def words(self) -> str:
        return (
            f"{_have(self.texts, 'text')} several labels; texts that differ only in case and white space count as one. "
            f"A contestant that ignores both can reach at most {self.within:.1%} accuracy on test, and the most "
            f"frequent label that each text has in the whole data set reaches {self.whole:.1%}"
        )


class SplitByRow(Note):
    """Rows were split whatever their group, and test shares texts with train."""

    code: Literal["split_by_row"] = "split_by_row"
    test_rows: int
    """Test rows whose text is in train too."""
    same_label: int
    """Those of them with the same label there."""

    @property
    def words(self) -> str:
        return (
            "rows are split by row on purpose (split.by: row), so rows with the same text are in train, validation "
            f"and test. {_have(self.test_rows, 'test row')} the same text as a train row, {self.same_label:,} of them "
            "with the same label, so a score here is not comparable with one from a split without that leak"
        )


class ValidationSplitByRow(Note):
    """Train and validation were split by row; train shares nothing with the user's test file."""

    code: Literal["validation_split_by_row"] = "validation_split_by_row"
    train_rows: int
    """Train rows that share a group with the test file."""

    @property
    def words(self) -> str:
        return (
            "rows are split by row on purpose (split.by: row), so rows with the same text are in train and "
            f"validation; train drops {plural(self.train_rows, 'row')} whose group is in the test file too"
        )


class SharedWithTestFile(Note):
    """Texts of the user's test file that are in train too."""

    code: Literal["shared_with_test_file"] = "shared_with_test_file"
    test_rows: int
    """Test rows whose text is in train too."""
    same_label: int
    """Those of them with the same label there."""
    train_rows: int
    """Train rows that share a group with the test file."""
    dropped: bool
    """Whether these train rows are dropped."""

    @property
    def words(self) -> str:
        rows = f"{plural(self.train_rows, 'row')} whose group is in the test file too"
        kept = f"train keeps {rows} (split.drop_shared: false), which flatters scores"
        return (
            f"{_have(self.test_rows, 'test row')} the same text as a train row, {self.same_label:,} of them with the "
            f"same label; {f'train drops {rows}' if self.dropped else kept}"
        )


class NearDuplicates(Note):
    """Near duplicates that `split.near: null` does not join."""

    code: Literal["near_duplicates"] = "near_duplicates"
    rows: int

    @property
    def words(self) -> str:
        return f"{_have(self.rows, 'row')} near duplicates, which may be in different splits"


class LargeGroup(Note):
    """A group with a large share of all rows."""

    code: Literal["large_group"] = "large_group"
    share: float
    rows: int
    text: str
    """A text of it, cut."""

    @property
    def words(self) -> str:
        return f"one group holds {self.share:.0%} of the rows ({self.rows:,}); one of its texts is {self.text!r}"


class LargeGroupOfSplit(Note):
    """A group with a large share of validation or test."""

    code: Literal["large_group_of_split"] = "large_group_of_split"
    split: Measured
    share: float
    rows: int
    split_rows: int
    text: str
    """A text of it, cut."""

    @property
    def words(self) -> str:
        return (
            f"one group holds {self.share:.0%} of {self.split} ({self.rows:,} of {self.split_rows:,} rows), so scores "
            f"there depend heavily on that group; one of its texts is {self.text!r}"
        )


class SplitSize(Note):
    """A split whose size is far from the settings' share."""

    code: Literal["split_size"] = "split_size"
    split: Measured
    rows: int
    wanted: int

    @property
    def words(self) -> str:
        return (
            f"{self.split} has {plural(self.rows, 'row')} instead of {self.wanted:,}, because groups stay whole, large "
            "groups go to train, and each class is in every split where that is possible"
        )


class Ungrouped(Note):
    """Rows without a value in the user's group column."""

    code: Literal["ungrouped"] = "ungrouped"
    rows: int

    @property
    def words(self) -> str:
        text = "its text groups it" if self.rows == 1 else "their text groups them"
        return f"{_have(self.rows, 'row')} no value in the group column, so only {text}"


class OverMaxRows(Note):
    """Train is larger than its cap."""

    code: Literal["over_max_rows"] = "over_max_rows"
    rows: int
    cap: int

    @property
    def words(self) -> str:
        return f"train has {plural(self.rows, 'row')}, more than max_rows.train ({self.cap:,}), to keep every class"


def _have(count: int, noun: str) -> str:
    """`1 row has`, or `2 rows have`."""
    return f"{plural(count, noun)} {'has' if count == 1 else 'have'}"


OfAudit = Annotated[
    ModelLabels
    | ConflictingLabels
    | LabelsAlike
    | MissingLabels
    | SeveralLabels
    | NotInTrain
    | NotInSplit
    | FewTestRows
    | SplitByRow
    | ValidationSplitByRow
    | SharedWithTestFile
    | NearDuplicates
    | LargeGroup
    | LargeGroupOfSplit
    | SplitSize
    | Ungrouped
    | OverMaxRows,
    Field(discriminator="code"),
]
