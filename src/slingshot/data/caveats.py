"""The notes of an audit: what a reader of the scores must know about the rows behind them."""

from __future__ import annotations

from collections.abc import Iterator

from slingshot.data.spelling import Spelling
from slingshot.data.split import LARGEST_SHARE
from slingshot.files.audit import Audit, SharedTexts
from slingshot.files.notes.audits import (
    ConflictingLabels,
    LargeGroup,
    LargeGroupOfSplit,
    ModelLabels,
    NearDuplicates,
    OfAudit,
    OverMaxRows,
    SharedWithTestFile,
    SplitByRow,
    SplitSize,
    Ungrouped,
    ValidationSplitByRow,
)
from slingshot.files.notes.labels import (
    FEW_TEST_ROWS,
    FewTestRows,
    Measured,
    NotInSplit,
    NotInTrain,
)
from slingshot.settings import DatasetSettings

LOW_CEILING = 0.99
"""Ceiling below which conflicting labels are worth a note."""
LARGE = 0.1
"""Share of the rows above which the largest group is worth a note."""
FAR = 0.5
"""How far a split may be from its wanted size without a note, as a share of that size."""
MEASURED: tuple[Measured, ...] = ("validation", "test")


def caveats(
    dataset: DatasetSettings,
    audit: Audit,
    unseen: list[str],
    ungrouped: int,
    spelling: Spelling,
) -> Iterator[OfAudit]:
    """The notes, the most important first.

    unseen: classes without a row in train. ungrouped: rows without a value in the user's group column.
    """
    yield from _labels(dataset, audit)
    yield from spelling.notes()
    if unseen:
        labels, more = spelling.untrained(audit.classes)
        yield NotInTrain(classes=tuple(unseen), test_labels=labels, more=more)
    yield from _classes(dataset, audit)
    yield from _shared(dataset, audit.shared_texts)
    yield from _groups(dataset, audit)
    yield from _sizes(audit)
    if getattr(dataset.source, "group", None) and ungrouped:
        yield Ungrouped(rows=ungrouped)
    cap = dataset.max_rows.train
    if cap and audit.rows.train > cap:
        yield OverMaxRows(rows=audit.rows.train, cap=cap)


def _labels(dataset: DatasetSettings, audit: Audit) -> Iterator[OfAudit]:
    if dataset.label_source != "human":
        yield ModelLabels(source=dataset.label_source)
    ceiling = audit.ceiling.test
    if min(ceiling.within, ceiling.whole) < LOW_CEILING:
        texts = audit.duplicates.conflicting_texts
        yield ConflictingLabels(texts=texts, within=ceiling.within, whole=ceiling.whole)


def _classes(dataset: DatasetSettings, audit: Audit) -> Iterator[OfAudit]:
    for split in MEASURED:
        missing = [name for name, rows in audit.classes.items() if not getattr(rows, split)]
        if missing:
            is_file = split == "test" and dataset.has_test_file
            unit = None if is_file else dataset.split.by
            yield NotInSplit(split=split, classes=tuple(missing), unit=unit)
    few = [name for name, rows in audit.classes.items() if 0 < rows.test < FEW_TEST_ROWS]
    if few:
        yield FewTestRows(classes=tuple(few))


def _shared(dataset: DatasetSettings, shared: SharedTexts | None) -> Iterator[OfAudit]:
    if shared is None:
        return
    dropped = dataset.has_test_file and dataset.split.drop_shared
    if dataset.split.by == "row":
        if dropped:
            yield ValidationSplitByRow(train_rows=shared.train_rows)
        else:
            yield SplitByRow(test_rows=shared.test_rows, same_label=shared.same_label)
    elif shared.train_rows:
        yield SharedWithTestFile(**dict(shared), dropped=dropped)


def _groups(dataset: DatasetSettings, audit: Audit) -> Iterator[OfAudit]:
    if dataset.split.near is None and audit.duplicates.near_rows:
        yield NearDuplicates(rows=audit.duplicates.near_rows)
    groups = audit.groups
    if groups.largest_share > LARGE:
        yield LargeGroup(
            share=groups.largest_share, rows=groups.largest_rows, text=groups.largest_text
        )


def _sizes(audit: Audit) -> Iterator[OfAudit]:
    for split in MEASURED:
        rows, largest = getattr(audit.rows, split), audit.groups.splits[split]
        wanted = audit.wanted_rows.get(split, rows)
        if abs(rows - wanted) > FAR * wanted:
            yield SplitSize(split=split, rows=rows, wanted=wanted)
        if largest.largest_share > LARGEST_SHARE and largest.largest_rows > 1:
            yield LargeGroupOfSplit(
                split=split,
                share=largest.largest_share,
                rows=largest.largest_rows,
                split_rows=rows,
                text=largest.largest_text,
            )
