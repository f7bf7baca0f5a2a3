"""What is in a data set and what limits any score on it: the figures of metrics/audit/D.json."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from slingshot.data import version
from slingshot.data.caveats import caveats
from slingshot.data.groups import Groups
from slingshot.data.spelling import Spelling
from slingshot.files.audit import (
    AllCeiling,
    Audit,
    AuditRows,
    Ceilings,
    ClassRows,
    Duplicates,
    GroupSizes,
    LargestGroup,
    Majority,
    SharedTexts,
    TestCeiling,
    WordCounts,
)
from slingshot.files.codes import SPLITS
from slingshot.files.labels import Labels
from slingshot.settings import DatasetSettings

CLIP = 1e-6
"""Smallest probability in a log-loss, as everywhere in Slingshot."""
CUT = 80
"""Characters of a group's text that the audit holds."""


@dataclass(frozen=True, eq=False)
class PlacedRows:
    """The usable rows of a data set, each with its side, and what was counted on the way to them."""

    rows: pd.DataFrame
    """id, text, label (a class number), group, test (whether from the test file), side (a split, or why the row is in
    none)."""
    groups: Groups
    names: list[str]
    """Name of each class number in `rows`."""
    labels: Labels
    """The classes in train."""
    spelling: Spelling
    source_rows: int
    ungrouped: int
    """Rows without a value in the user's group column."""
    excluded: dict[str, int]
    """Reason -> rows left out for it."""
    commit: str | None
    """The commit of the hub's files; None for other files."""

    def is_in(self, split: str) -> np.ndarray:
        """Whether each row is in the split; shape (rows,)."""
        return np.asarray(self.rows["side"] == split)


def audit(dataset: DatasetSettings, placed: PlacedRows) -> Audit:
    """The audit of the rows, before they are written: without the digests of the files."""
    rows, labels, names = placed.rows, placed.labels, placed.names
    label, test = rows["label"].to_numpy(), placed.is_in("test")
    of_test = np.array([labels.names.index(names[number]) for number in label[test]])
    counts = {split: int(placed.is_in(split).sum()) for split in SPLITS}
    used = rows["side"].isin(SPLITS)
    without_notes = Audit(
        rows=AuditRows(source=placed.source_rows, used=int(used.sum()), **counts),
        wanted_rows=_wanted(dataset, rows),
        excluded=placed.excluded,
        classes=_classes(placed),
        duplicates=_duplicates(placed.groups, label),
        ceiling=_ceilings(placed.groups.text, label, test),
        shared_texts=_shared(dataset, placed),
        groups=_groups(rows),
        words=_words(rows.loc[used, "text"]),
        label_source=dataset.label_source,
        licence=dataset.licence,
        description=dataset.description,
        published=dataset.published,
        may_leave=dataset.may_leave,
        hub_id=getattr(dataset.source, "id", None),
        revision=placed.commit,
        majority=majority(labels, of_test),
        warnings=(),
        merged_labels=placed.spelling.merged,
        data=version.of_rows(rows, names),
        files={},
    )
    unseen = [name for name in names if name not in labels.names]
    notes = caveats(dataset, without_notes, unseen, placed.ungrouped, placed.spelling)
    return without_notes.model_copy(update={"warnings": tuple(notes)})


def ceiling(
    texts: np.ndarray,
    labels: np.ndarray,
    scored: np.ndarray | None = None,
    counted: np.ndarray | None = None,
) -> float:
    """Share of the scored rows that have the most frequent label of their text among the counted rows.

    texts: number of each row's distinct text; scored, counted: masks, None for all rows; all of shape (rows,). Labels
    that are equally frequent share the point, so that no tie is broken in a row's favour.
    """
    whole = np.ones(len(texts), dtype=bool)
    scored, counted = whole if scored is None else scored, whole if counted is None else counted
    # A cell is a text with a label. Each cell's credit is 1 if its label alone is the text's most frequent, 1/k if k
    # labels are, else 0.
    cell = texts * (labels.max() + 1) + labels
    votes = np.bincount(cell[counted], minlength=cell.max() + 1)
    cells = pd.DataFrame({"text": texts, "cell": cell, "votes": votes[cell]}).drop_duplicates(
        "cell"
    )
    best = cells.groupby("text")["votes"].transform("max") == cells["votes"]
    tied = best.groupby(cells["text"]).transform("sum")
    credit = pd.Series(best / tied).set_axis(cells["cell"])
    return float(credit.loc[cell[scored]].mean())


def majority(labels: Labels, test: np.ndarray) -> Majority:
    """The scores of always answering the most frequent class of train. `test`: class numbers of test, shape (rows,).

    Its probabilities are train's class shares. Macro figures average over the classes with a test row. The AUROC of a
    constant score is 0.5. It is undefined, None, if the test rows have one class.
    """
    shares = np.array(labels.train_counts) / sum(labels.train_counts)
    answer, classes = int(shares.argmax()), len(np.unique(test))
    accuracy = float((test == answer).mean())
    # The answered class has recall 1 and precision `accuracy`; every other class has F1 0.
    return Majority(
        label=labels.names[answer],
        accuracy=accuracy,
        balanced_accuracy=float(accuracy > 0) / classes,
        macro_f1=2 * accuracy / (1 + accuracy) / classes,
        log_loss=float(-np.log(shares[test].clip(min=CLIP)).mean()),
        brier=float((1 - 2 * shares[test] + (shares**2).sum()).mean()),
        auroc=0.5 if classes > 1 else None,
    )


def _classes(placed: PlacedRows) -> dict[str, ClassRows]:
    """The rows of each class in train, in label order."""
    label = placed.rows["label"].to_numpy()
    number = {name: number for number, name in enumerate(placed.names)}
    counts = {
        split: np.bincount(label[placed.is_in(split)], minlength=len(number)) for split in SPLITS
    }
    return {
        name: ClassRows(**{split: int(counts[split][number[name]]) for split in SPLITS})
        for name in placed.labels.names
    }


def _duplicates(groups: Groups, label: np.ndarray) -> Duplicates:
    repeats = np.bincount(groups.text)
    near = np.isin(groups.text, groups.near)

    def conflicting(codes: np.ndarray) -> int:
        """How many codes have rows of several labels."""
        return int((pd.Series(label).groupby(codes).nunique() > 1).sum())

    return Duplicates(
        distinct_texts=len(repeats),
        exact_rows=int((repeats[groups.text] > 1).sum()),
        near_groups=len(np.unique(groups.duplicates[near])),
        near_rows=int(near.sum()),
        conflicting_texts=conflicting(groups.text),
        conflicting_groups=conflicting(groups.duplicates),
        short_not_joined=groups.short_not_joined,
    )


def _ceilings(texts: np.ndarray, label: np.ndarray, test: np.ndarray) -> Ceilings:
    return Ceilings(
        test=TestCeiling(
            within=ceiling(texts, label, test, test), whole=ceiling(texts, label, test)
        ),
        all=AllCeiling(within=ceiling(texts, label)),
    )


def _shared(dataset: DatasetSettings, placed: PlacedRows) -> SharedTexts | None:
    """What test and train share: before train drops rows for a test file, or after a split by row.

    None where whole groups were split, because then they share nothing.
    """
    rows, text = placed.rows, placed.groups.text
    if dataset.has_test_file:
        test = rows["test"].to_numpy()
        train = ~test
    elif dataset.split.by == "row":
        test, train = placed.is_in("test"), placed.is_in("train")
    else:
        return None
    both = pd.DataFrame({"text": text, "label": rows["label"]})
    same = pd.MultiIndex.from_frame(both[test]).isin(pd.MultiIndex.from_frame(both[train]))
    return SharedTexts(
        test_rows=int(np.isin(text[test], text[train]).sum()),
        same_label=int(same.sum()),
        train_rows=int(rows.loc[train, "group"].isin(rows.loc[test, "group"]).sum()),
    )


def _wanted(dataset: DatasetSettings, rows: pd.DataFrame) -> dict[str, int]:
    """Rows that validation and test should have by the settings' shares and caps; without test if it is a file."""
    dealt = int((~rows["test"] & (rows["side"] != "shared_with_test")).sum())
    splits = ["validation"] if dataset.has_test_file else ["validation", "test"]
    shares, caps = dataset.split, dataset.max_rows
    wanted = {split: round(getattr(shares, split) * dealt) for split in splits}
    return {split: min(rows, getattr(caps, split) or dealt) for split, rows in wanted.items()}


def _groups(rows: pd.DataFrame) -> GroupSizes:
    splits = {split: largest_group(rows[rows["side"] == split]) for split in SPLITS}
    return GroupSizes(
        count=int(rows["group"].nunique()), **dict(largest_group(rows)), splits=splits
    )


def largest_group(rows: pd.DataFrame) -> LargestGroup:
    """The largest group of `rows`, which are not empty."""
    sizes = rows["group"].value_counts()
    return LargestGroup(
        largest_rows=int(sizes.iloc[0]),
        largest_share=float(sizes.iloc[0] / len(rows)),
        largest_text=rows.loc[rows["group"] == sizes.index[0], "text"].iloc[0][:CUT],
    )


def _words(texts: pd.Series) -> WordCounts:
    lengths = np.array([len(text.split()) for text in texts])
    return WordCounts(
        mean=float(lengths.mean()),
        median=float(np.median(lengths)),
        p95=float(np.percentile(lengths, 95)),
        max=int(lengths.max()),
    )
