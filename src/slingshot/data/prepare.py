"""From a source to prepared rows: read, exclude and count, group, split, order, cap, audit."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from slingshot.data import groups, hub_rows, revision, tracked, vader, version
from slingshot.data.audit import audit
from slingshot.data.labels import encode
from slingshot.data.spelling import MERGE, Spelling
from slingshot.data.split import assign, nested_order
from slingshot.data.take import first_groups
from slingshot.files.codes import SPLITS
from slingshot.files.labels import Labels
from slingshot.machine.progress import say
from slingshot.settings import (
    DatasetSettings,
    FileSource,
    HubSource,
    LinesSource,
    SplitSettings,
    UserError,
    VaderSource,
    nearest,
)
from slingshot.tables import files

TOO_LARGE = 0.4
"""Share of the rows above which one group leaves nothing to split."""


@dataclass(frozen=True)
class PreparedDataset:
    """A data set ready to be written: rows by split, each in nested order; labels; the audit."""

    rows: dict[str, pd.DataFrame]
    labels: Labels
    audit: dict[str, Any]


def prepare(name: str, dataset: DatasetSettings, seed: int, folder: Path) -> PreparedDataset:
    """Prepare one data set, whose own files lie in `folder`. Raises UserError that names it."""
    try:
        return _prepare(name, dataset, seed, folder)
    except UserError as error:
        raise UserError(f"data set '{name}': {error.message}") from None


def _prepare(name: str, dataset: DatasetSettings, seed: int, folder: Path) -> PreparedDataset:
    rows, commit = _read(name, dataset, folder)
    source_rows, given_test = len(rows), dataset.has_test_file
    excluded: dict[str, int] = {}
    rows = _drop(rows, rows["text"].str.strip() == "", "empty_text", excluded)
    rows = _drop(rows, rows["label"].isna(), "missing_label", excluded)
    values = rows["label"]
    rows["label"], names = encode(values, dataset.labels)
    unknown = [name for name in dataset.prompt.descriptions if name not in names]
    if unknown:
        raise UserError(
            f"prompt.descriptions in params.yaml: '{unknown[0]}' is no label{nearest(unknown[0], names)}"
        )
    spelling = Spelling.of(values, rows["test"], dataset.labels, names)
    rows = _drop(
        rows, rows["label"].map(rows["label"].value_counts()) == 1, "single_row_class", excluded
    )
    if rows["label"].nunique() < 2:
        left = [names[k] for k in rows["label"].unique()]
        raise UserError(
            " ".join([_one_class(dataset, left, source_rows, excluded), *spelling.warnings()])
        )

    rows = rows.sort_values("id", ignore_index=True)
    ungrouped = int(rows["group"].isna().sum())
    joined = groups.find(rows, dataset.split.near)
    rows["group"] = joined.names
    if dataset.split.by == "group":
        _check_largest(rows)
    rows["side"] = _sides(rows, dataset.split, seed, given_test)
    rows["order"] = -1
    for split in SPLITS:
        _order(rows, split, getattr(dataset.max_rows, split), seed)
    for side, count in rows["side"].value_counts().items():
        if side not in SPLITS:
            excluded[str(side)] = int(count)

    train = np.bincount(rows.loc[rows["side"] == "train", "label"], minlength=len(names))
    kept = np.flatnonzero(train)
    labels = Labels(tuple(names[k] for k in kept), tuple(int(n) for n in train[kept]))
    _check_splits(rows, labels, dataset, spelling)
    counts = {"source": source_rows, "ungrouped": ungrouped}
    report = audit(dataset, rows, joined, names, labels, counts, excluded, commit, spelling)
    report["data"] = version.of_rows(rows, names)
    rows["label"] = np.cumsum(train > 0)[rows["label"]] - 1
    placed = rows["order"].to_numpy().argsort(kind="stable")
    sides = rows["side"].to_numpy()[placed]
    return PreparedDataset(
        {split: rows.iloc[placed[sides == split]] for split in SPLITS}, labels, report
    )


def _read(name: str, dataset: DatasetSettings, folder: Path) -> tuple[pd.DataFrame, str | None]:
    """Rows: id, text, label and group (null where missing), test; and the commit of what the hub holds."""
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
    assert isinstance(dataset.labels, list)  # settings say so
    return vader.read(source, dataset.labels).assign(test=False), None


def _drop(
    rows: pd.DataFrame, mask: pd.Series, reason: str, excluded: dict[str, int]
) -> pd.DataFrame:
    if not mask.any():
        return rows
    excluded[reason] = int(mask.sum())
    return rows[~mask]


def _one_class(
    dataset: DatasetSettings, left: list[str], source_rows: int, excluded: dict[str, int]
) -> str:
    source = dataset.source
    if isinstance(source, FileSource | HubSource):
        where, key = f"column '{source.label}' of {source.file}", "source.label"
    elif isinstance(source, LinesSource):
        where, key = source.label_file, "source.label_file"
    else:
        where, key = source.file, "source.cuts"
    found = f"only '{left[0]}'" if left else "no class of two usable rows"
    counts = (
        ", ".join(f"{count} {reason.replace('_', ' ')}" for reason, count in excluded.items())
        or "none"
    )
    return (
        f"a comparison needs two classes; {where} holds {found} ({source_rows} rows, left out: {counts}). "
        f"Check {key} in params.yaml, or add rows of another class."
    )


def _check_largest(rows: pd.DataFrame) -> None:
    sizes = rows["group"].value_counts()
    share = sizes.iloc[0] / len(rows)
    if share > TOO_LARGE:
        text = rows.loc[rows["group"] == sizes.index[0], "text"].iloc[0][:80]
        raise UserError(
            f"one group holds {share:.0%} of the rows, so no split is possible; a text of it: {text!r}. "
            "Check source.group, remove repeats of that text, or set split.near: null"
        )


def _sides(rows: pd.DataFrame, split: SplitSettings, seed: int, given_test: bool) -> np.ndarray:
    """Of each row: its split, or why it is in none."""
    labels, names = (
        rows["label"].to_numpy(),
        rows["id" if split.by == "row" else "group"].to_numpy(),
    )
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
    """Write the nested order of one split into `rows`, and put what lies over the cap out of it.

    An LLM is measured on the first rows of validation: they must be a fair sample of it.
    """
    part = rows.loc[rows["side"] == split, ["label", "group"]]
    labels, groups = part["label"].to_numpy(), part["group"].to_numpy()
    part = part.iloc[nested_order(labels, groups, seed, every_class=split != "validation")]
    if cap is not None:
        kept = first_groups(part, cap, every_class=split == "train")
        rows.loc[part.index[len(kept) :], "side"] = "over_max_rows"
        part = kept
    rows.loc[part.index, "order"] = np.arange(len(part))


def _check_splits(
    rows: pd.DataFrame, labels: Labels, dataset: DatasetSettings, spelling: Spelling
) -> None:
    if len(labels.names) < 2:
        found = f"only '{labels.names[0]}'" if labels.names else "none"
        raise UserError(
            f"a comparison needs two classes; train holds {found}; see the labels and the test file"
        )
    for split in SPLITS:
        if not (rows["side"] == split).any():
            if dataset.has_test_file and split == "test":
                raise UserError(_no_test_rows(spelling, labels))
            raise UserError(
                f"too few rows to split: {split} has none, as {_too_few(rows, dataset)}"
            )


def _no_test_rows(spelling: Spelling, labels: Labels) -> str:
    lacking = spelling.only_in_test(labels.names)
    held = f"; it holds {lacking}" if lacking else ""
    said = (
        f"no row of the test file has a text and a label of train{held}; see source in params.yaml"
    )
    return f"{said}. {MERGE}:\n{spelling.merged}" if spelling.merged else said


def _too_few(rows: pd.DataFrame, dataset: DatasetSettings) -> str:
    """Why a side is left without a row, and what helps: a class of a group for each side has a row on all of them."""
    by_row, given_test = dataset.split.by == "row", dataset.has_test_file
    pool = rows[~rows["test"] & (rows["side"] != "shared_with_test")]
    held = pool.groupby("id" if by_row else "group")["label"].agg(["nunique", "first"])
    most = held.loc[held["nunique"] == 1, "first"].value_counts().to_numpy().max(initial=0)
    number, sides = (
        ("two", "train and validation") if given_test else ("three", "train, validation and test")
    )
    what = "rows" if by_row else "groups of its own"
    once = (
        ""
        if by_row
        else "; copies of a text, near copies and rows of one source.group are one group"
    )
    test_file = "" if given_test else ", or name a test file of its own in `source`"
    return (
        f"no class has {number} {what}, one for each of {sides} (the most is {most}{once}). Add rows "
        f"until each of the {pool['label'].nunique()} classes has {number} or more"
        f"{', or' if given_test else ','} join classes by `labels: {{value: name}}`{test_file}"
    )
