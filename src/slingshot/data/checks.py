"""Checks of `prepare` that rows can be split and compared. Their errors say what is missing and what helps."""

from __future__ import annotations

import pandas as pd

from slingshot.data.audit import largest_group
from slingshot.data.spelling import MERGE, Spelling
from slingshot.files.codes import SPLITS
from slingshot.files.labels import Labels
from slingshot.files.notes.base import counted
from slingshot.files.notes.labels import untrained
from slingshot.settings import (
    DatasetSettings,
    FileSource,
    HubSource,
    LinesSource,
    UserError,
)

TOO_LARGE = 0.4
"""Share of the rows above which one group leaves nothing to split."""


def one_class(
    dataset: DatasetSettings, left: list[str], source_rows: int, excluded: dict[str, int]
) -> str:
    """The error message where fewer than two classes are `left`: what was left out, and which key to look at."""
    source = dataset.source
    if isinstance(source, FileSource | HubSource):
        where, key = f"column '{source.label}' of {source.file}", "source.label"
    elif isinstance(source, LinesSource):
        where, key = source.label_file, "source.label_file"
    else:
        where, key = source.file, "source.cuts"
    remaining = f"only '{left[0]}'" if left else "no class of two usable rows"
    left_out = counted(excluded) or "none"
    return (
        f"a comparison needs two classes; {where} holds {remaining} ({source_rows} rows, left out: {left_out}). "
        f"Check {key} in params.yaml, or add rows of another class."
    )


def check_largest(rows: pd.DataFrame) -> None:
    """Raises UserError where one group holds so many rows that no split is possible."""
    group = largest_group(rows)
    if group.largest_share > TOO_LARGE:
        raise UserError(
            f"one group holds {group.largest_share:.0%} of the rows, so no split is possible; one of its texts is "
            f"{group.largest_text!r}. Check source.group, remove repeats of that text, or set split.near: null"
        )


def check_splits(
    rows: pd.DataFrame, labels: Labels, dataset: DatasetSettings, spelling: Spelling
) -> None:
    """Raises UserError where fewer than two classes are in train, or a split has no row."""
    if len(labels.names) < 2:
        remaining = f"only '{labels.names[0]}'" if labels.names else "none"
        raise UserError(
            f"a comparison needs two classes, but train holds {remaining}; check the labels and the test file"
        )
    for split in SPLITS:
        if not (rows["side"] == split).any():
            if dataset.has_test_file and split == "test":
                raise UserError(_no_test_rows(spelling, labels))
            raise UserError(
                f"too few rows to split: {split} has none, because {_too_few(rows, dataset)}"
            )


def _no_test_rows(spelling: Spelling, labels: Labels) -> str:
    test_labels, more = spelling.untrained(labels.names)
    hint = f"; it holds {untrained(test_labels, more)}" if test_labels else ""
    message = f"no row of the test file has a text and a label of train{hint}; check source in params.yaml"
    return f"{message}. {MERGE}:\n{spelling.merged}" if spelling.merged else message


def _too_few(rows: pd.DataFrame, dataset: DatasetSettings) -> str:
    """Why a split has no row, and what helps: a class with a group for each split would have a row in all of them."""
    unit = "row" if dataset.split.by == "row" else "group"
    pool = rows[~rows["test"] & (rows["side"] != "shared_with_test")]
    # A group with rows of several classes counts for none of them.
    labels = pool.groupby("id" if unit == "row" else "group")["label"].agg(["nunique", "first"])
    most = labels.loc[labels["nunique"] == 1, "first"].value_counts().to_numpy().max(initial=0)
    units, one_group = "rows", ""
    if unit == "group":
        units = "groups of its own"
        one_group = "; copies of a text, near copies and rows of one source.group are one group"
    number, splits, comma = "three", "train, validation and test", ","
    test_file = ", or name a test file of its own in `source`"
    if dataset.has_test_file:
        number, splits, comma, test_file = "two", "train and validation", ", or", ""
    return (
        f"no class has {number} {units}, one for each of {splits} (the most is {most}{one_group}). Add rows "
        f"until each of the {pool['label'].nunique()} classes has {number} or more"
        f"{comma} join classes by `labels: {{value: name}}`{test_file}"
    )
