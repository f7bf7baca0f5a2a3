"""metrics/audit/D.json: what is in a data set, and what limits any score on it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import date

from slingshot.files.notes.audits import OfAudit
from slingshot.files.storage.record import Record

WITHIN_MEANING = (
    "It is the share of the scored rows that carry the most frequent label of their text, counted among the scored "
    "rows. Texts are compared after folding case and white space: no contestant that ignores both and reads only the "
    "text can score higher, but a contestant that tells them apart may."
)
"""The ceilings called `within`, for a reader."""
WHOLE_MEANING = (
    "It is the share of the scored rows that carry the most frequent label of their text, counted over all rows of the "
    "data set: the score of an answerer who knows the usual label of every text. Equally frequent labels share the "
    "point."
)
"""The ceiling called `whole`, for a reader."""


class AuditRows(Record):
    """How many rows there are."""

    source: int
    used: int
    """In some split."""
    train: int
    validation: int
    test: int


class ClassRows(Record):
    """The rows of one class by split."""

    train: int
    validation: int
    test: int


class Duplicates(Record):
    """Texts that several rows have, after folding case and white space, and texts that are nearly the same."""

    distinct_texts: int
    exact_rows: int
    """Rows whose text another row has too."""
    near_groups: int
    """Sets of near duplicates."""
    near_rows: int
    """Rows in these sets."""
    conflicting_texts: int
    """Distinct texts with several labels."""
    conflicting_groups: int
    """Sets of exact or near duplicates with several labels."""
    short_not_joined: int
    """Texts of several of the user's groups that are too short to join them."""


class TestCeiling(Record):
    """Share of the test rows that carry the most frequent label of their text; WITHIN_ and WHOLE_MEANING explain it."""

    within: float
    """Counted among the test rows."""
    whole: float
    """Counted over all rows."""


class AllCeiling(Record):
    """The same share of all rows."""

    within: float
    """Counted among all rows."""


class Ceilings(Record):
    """What contradicting labels allow. Texts are compared after folding case and white space."""

    test: TestCeiling
    all: AllCeiling


class SharedTexts(Record):
    """What test and train share. If test is the user's file, this is before train drops rows."""

    test_rows: int
    """Test rows whose text is in train too."""
    same_label: int
    """Those of them with the same label there."""
    train_rows: int
    """Train rows that share a group with a test row."""


class LargestGroup(Record):
    """The largest group of some rows."""

    largest_rows: int
    largest_share: float
    """Its share of these rows."""
    largest_text: str
    """A text of it, cut."""


class GroupSizes(LargestGroup):
    """The number of groups, and the largest of all rows and of each split."""

    count: int
    splits: dict[str, LargestGroup]


class WordCounts(Record):
    """Words per text, over the used rows."""

    mean: float
    median: float
    p95: float
    max: int


class Majority(Record):
    """The scores on test of always answering the most frequent class of train, with train's shares as probabilities."""

    label: str
    accuracy: float
    balanced_accuracy: float
    macro_f1: float
    log_loss: float
    brier: float
    auroc: float | None
    """None where test has one class."""

    def figure(self, metric: str) -> float | None:
        """The figure of a metric; None where there is none."""
        value = dict(self).get(metric)
        return value if isinstance(value, float | int) else None


class Audit(Record):
    """The whole file. It sorts the keys of mappings, so a mapping that was read is in alphabetical order."""

    rows: AuditRows
    wanted_rows: dict[str, int]
    """Split -> its rows by the settings' shares and caps."""
    excluded: dict[str, int]
    """Reason -> rows left out for it."""
    classes: dict[str, ClassRows]
    """Class in train -> its rows."""
    duplicates: Duplicates
    ceiling: Ceilings
    shared_texts: SharedTexts | None
    """None where whole groups were split: then train and test share nothing."""
    groups: GroupSizes
    words: WordCounts
    label_source: str
    licence: str
    description: str
    published: date | None
    may_leave: bool
    hub_id: str | None
    revision: str | None
    """Commit of the hub's files; None for other files."""
    majority: Majority
    warnings: tuple[OfAudit, ...]
    """The most important first."""
    merged_labels: str | None
    """YAML of the `labels` for params.yaml that merge labels which read the same; None where there are none."""
    data: str
    """Digest of the usable rows, however they are split."""
    files: dict[str, str]
    """Prepared file -> its md5; empty until they are written."""

    @property
    def measured_on(self) -> tuple[str, str]:
        """Two hashes that tell this data and its split apart from others: see `measured_on` below."""
        return measured_on(self.data, self.files)


def measured_on(data: str, files: Mapping[str, str]) -> tuple[str, str]:
    """12 digits each of a hash of the usable rows, however they are split, and of a hash of their split."""
    split = hashlib.sha256(json.dumps(files, sort_keys=True).encode()).hexdigest()
    return data[:12], split[:12]
