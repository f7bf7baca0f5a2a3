"""Makes prepared rows from a source: reads, excludes and counts, groups, splits, orders, caps and audits them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from slingshot.data import checks, groups, hub_rows, revision, tracked, vader, version
from slingshot.data.audit import PlacedRows, audit
from slingshot.data.labels import encode
from slingshot.data.spelling import Spelling
from slingshot.data.split import assign, nested_order
from slingshot.data.take import first_groups
from slingshot.files.audit import Audit
from slingshot.files.codes import SPLITS
from slingshot.files.labels import Labels
from slingshot.files.notes.base import sentence
from slingshot.files.rows import write_rows
from slingshot.machine.progress import say
from slingshot.settings import (
    DatasetSettings,
    HubSource,
    SplitSettings,
    UserError,
    VaderSource,
    nearest,
)
from slingshot.tables import files


@dataclass(frozen=True, eq=False)
class PreparedDataset:
    """A data set ready to be written: rows by split, each in nested order; labels; the audit."""

    rows: dict[str, pd.DataFrame]
    labels: Labels
    audit: Audit

    def write(self, folder: Path, audit_path: Path) -> None:
        """Write rows and labels into `folder`, then the audit, completed by the digests of these files."""
        for split, rows in self.rows.items():
            write_rows(folder / f"{split}.parquet", rows)
        self.labels.write(folder / "labels.json")
        self.audit.model_copy(update={"files": version.of_files(folder)}).write(audit_path)


def prepare(name: str, dataset: DatasetSettings, seed: int, folder: Path) -> PreparedDataset:
    """Prepare one data set, whose own files lie in `folder`. Raises UserError that names it."""
    try:
        return _prepare(name, dataset, seed, folder)
    except UserError as error:
        raise UserError(f"data set '{name}': {error.message}") from None


def _prepare(name: str, dataset: DatasetSettings, seed: int, folder: Path) -> PreparedDataset:
    excluded: dict[str, int] = {}
    rows, commit = _read(name, dataset, folder)
    source_rows = len(rows)
    rows, names, spelling = _labelled(rows, dataset, excluded)
    rows = rows.sort_values("id", ignore_index=True)
    ungrouped = int(rows["group"].isna().sum())
    joined = groups.find(rows, dataset.split.near)
    rows["group"] = joined.names
    _place(rows, dataset, seed, excluded)

    train = np.bincount(rows.loc[rows["side"] == "train", "label"], minlength=len(names))
    classes = np.flatnonzero(train)
    labels = Labels(tuple(names[k] for k in classes), tuple(int(n) for n in train[classes]))
    checks.check_splits(rows, labels, dataset, spelling)
    placed = PlacedRows(
        rows, joined, names, labels, spelling, source_rows, ungrouped, excluded, commit
    )
    report = audit(dataset, placed)
    rows["label"] = np.cumsum(train > 0)[rows["label"]] - 1  # numbered over the classes in train
    ordered = rows["order"].to_numpy().argsort(kind="stable")
    sides = rows["side"].to_numpy()[ordered]
    return PreparedDataset(
        {split: rows.iloc[ordered[sides == split]] for split in SPLITS}, labels, report
    )


def _labelled(
    rows: pd.DataFrame, dataset: DatasetSettings, excluded: dict[str, int]
) -> tuple[pd.DataFrame, list[str], Spelling]:
    """The usable rows with class numbers as labels, the name of each number, and how the source spells the labels.

    Counts the rows that are left out in `excluded`. Raises UserError where fewer than two classes remain.
    """
    source_rows = len(rows)
    rows = _drop(rows, rows["text"].str.strip() == "", "empty_text", excluded)
    rows = _drop(rows, rows["label"].isna(), "missing_label", excluded)
    values = rows["label"]
    rows["label"], names = encode(values, dataset.labels)
    unknown = [name for name in dataset.prompt.descriptions if name not in names]
    if unknown:
        raise UserError(
            f"prompt.descriptions in params.yaml: '{unknown[0]}' is not a label{nearest(unknown[0], names)}"
        )
    spelling = Spelling.of(values, rows["test"], dataset.labels, names)
    rows = _drop(
        rows, rows["label"].map(rows["label"].value_counts()) == 1, "single_row_class", excluded
    )
    if rows["label"].nunique() < 2:
        left = [names[k] for k in rows["label"].unique()]
        hints = [sentence(note.words) for note in spelling.notes()]
        raise UserError(" ".join([checks.one_class(dataset, left, source_rows, excluded), *hints]))
    return rows, names, spelling


def _place(
    rows: pd.DataFrame, dataset: DatasetSettings, seed: int, excluded: dict[str, int]
) -> None:
    """Write into `rows` the side of each row (a split, or why the row is in none) and its order in the split.

    Counts the rows that are in no split in `excluded`.
    """
    if dataset.split.by == "group":
        checks.check_largest(rows)
    rows["side"] = _sides(rows, dataset.split, seed, dataset.has_test_file)
    rows["order"] = -1
    for split in SPLITS:
        _order(rows, split, getattr(dataset.max_rows, split), seed)
    for side, count in rows["side"].value_counts().items():
        if side not in SPLITS:
            excluded[str(side)] = int(count)


def _read(name: str, dataset: DatasetSettings, folder: Path) -> tuple[pd.DataFrame, str | None]:
    """Rows (id, text, label and group, null where missing, test), and the commit of the hub's files."""
    source = dataset.source
    tracked.check(dataset, folder)
    for warning in tracked.warnings(dataset, folder):
        say(warning)
    if isinstance(source, HubSource):
        rows, commit = hub_rows.read(source, dataset.labels is None, folder)
        revision.check(name, source, commit)
        revision.keep(name, source, commit)
        return rows, commit
    if not isinstance(source, VaderSource):
        return files.read(source, folder), None
    assert isinstance(dataset.labels, list)  # the settings ensure it
    return vader.read(source, dataset.labels).assign(test=False), None


def _drop(
    rows: pd.DataFrame, mask: pd.Series, reason: str, excluded: dict[str, int]
) -> pd.DataFrame:
    if not mask.any():
        return rows
    excluded[reason] = int(mask.sum())
    return rows[~mask]


def _sides(rows: pd.DataFrame, split: SplitSettings, seed: int, given_test: bool) -> np.ndarray:
    """The side of each row, shape (rows,): its split, or why it is in none."""
    labels = rows["label"].to_numpy()
    names = rows["id" if split.by == "row" else "group"].to_numpy()
    if not given_test:
        return assign(labels, names, {"test": split.test, "validation": split.validation}, seed)
    test = rows["test"].to_numpy()
    side = np.where(test, "test", "train").astype(object)
    if split.drop_shared:
        shared = rows["group"].isin(rows.loc[test, "group"]).to_numpy()
        side[~test & shared] = "shared_with_test"
    pool = side == "train"
    if not pool.any():
        raise UserError(
            "every row of train shares a group with the test file, so none is left to train on; name two different "
            "files in source, or check source.group"
        )
    side[pool] = assign(labels[pool], names[pool], {"validation": split.validation}, seed)
    side[~np.isin(labels, labels[side == "train"]) & (side == "test")] = "test_only_label"
    return side


def _order(rows: pd.DataFrame, split: str, cap: int | None, seed: int) -> None:
    """Write the nested order of one split into `rows`, and take the rows over the cap out of the split.

    An LLM is measured on the first rows of validation, so these must be a fair sample of it.
    """
    part = rows.loc[rows["side"] == split, ["label", "group"]]
    labels, groups = part["label"].to_numpy(), part["group"].to_numpy()
    part = part.iloc[nested_order(labels, groups, seed, every_class=split != "validation")]
    if cap is not None:
        capped = first_groups(part, cap, every_class=split == "train")
        rows.loc[part.index[len(capped) :], "side"] = "over_max_rows"
        part = capped
    rows.loc[part.index, "order"] = np.arange(len(part))
