"""metrics/audit/D.json: what a data set is made of, and what limits any score on it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import date

from slingshot.files.notes.audits import OfAudit
from slingshot.files.storage.record import Record


class AuditRows(Record):
    source: int
    used: int
    train: int
    validation: int
    test: int


class ClassRows(Record):
    train: int
    validation: int
    test: int


class Duplicates(Record):
    """Rows whose text, or nearly the same text, stands in several rows."""

    distinct_texts: int
    exact_rows: int
    near_groups: int
    near_rows: int
    conflicting_texts: int
    """Distinct texts under several labels."""
    conflicting_groups: int
    short_not_joined: int
    """Texts too short to join two of the user's groups."""


class TestCeiling(Record):
    """Share of the test rows that carry the most frequent label of their text."""

    within: float
    """Counted among the test rows."""
    whole: float
    """Counted over all rows; equally frequent labels share the point."""


class AllCeiling(Record):
    within: float
    """Of all rows, counted among them."""


class Ceilings(Record):
    """Texts are compared after folding case and white space."""

    test: TestCeiling
    all: AllCeiling


class SharedTexts(Record):
    """Test rows whose text stands in train too."""

    test_rows: int
    same_label: int
    train_rows: int
    """Train rows that share a group with a test row."""


class LargestGroup(Record):
    largest_rows: int
    largest_share: float
    largest_text: str
    """A text of it, cut."""


class GroupSizes(LargestGroup):
    count: int
    splits: dict[str, LargestGroup]


class WordCounts(Record):
    mean: float
    median: float
    p95: float
    max: int


class Majority(Record):
    """Scores on test of always answering train's most frequent class with train's shares as scores."""

    label: str
    accuracy: float
    balanced_accuracy: float
    macro_f1: float
    log_loss: float
    brier: float
    auroc: float | None
    """None where test has one class."""

    def figure(self, metric: str) -> float | None:
        """None for a metric that it has no figure of."""
        value = dict(self).get(metric)
        return value if isinstance(value, float | int) else None


class Audit(Record):
    rows: AuditRows
    wanted_rows: dict[str, int]
    """Split -> rows that it was to have by the settings."""
    excluded: dict[str, int]
    """Why -> rows left out."""
    classes: dict[str, ClassRows]
    """In label order."""
    duplicates: Duplicates
    ceiling: Ceilings
    shared_texts: SharedTexts | None
    """None where whole groups were split, which shares nothing."""
    groups: GroupSizes
    words: WordCounts
    label_source: str
    licence: str
    description: str
    published: date | None
    may_leave: bool
    hub_id: str | None
    revision: str | None
    """Commit of the hub's files."""
    majority: Majority
    warnings: tuple[OfAudit, ...]
    """The weightiest first."""
    merged_labels: str | None
    """`labels` to paste into params.yaml where labels read as one; else None."""
    data: str
    """Digest of the usable rows, whatever their split."""
    files: dict[str, str]
    """Prepared file -> its md5."""

    @property
    def measured_on(self) -> tuple[str, str]:
        return measured_on(self.data, self.files)


def measured_on(data: str, files: Mapping[str, str]) -> tuple[str, str]:
    """What tells the usable rows apart, whatever their split, and the split of these: 12 digits of a hash each."""
    split = hashlib.sha256(json.dumps(files, sort_keys=True).encode()).hexdigest()
    return data[:12], split[:12]
