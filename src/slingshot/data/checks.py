"""The checks of `prepare` that rows can be split and compared, and their errors: what is lacking, and what helps."""

from __future__ import annotations

import pandas as pd

from slingshot.data.spelling import MERGE, Spelling
from slingshot.files.codes import SPLITS
from slingshot.files.labels import Labels
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
    """The error of a data set with fewer than two classes `left`: what was left out, and which key to look at."""
    source = dataset.source
    if isinstance(source, FileSource | HubSource):
        where, key = f"column '{source.label}' of {source.file}", "source.label"
    elif isinstance(source, LinesSource):
        where, key = source.label_file, "source.label_file"
    else:
        where, key = source.file, "source.cuts"
    remaining = f"only '{left[0]}'" if left else "no class of two usable rows"
    counts = (
        ", ".join(f"{count} {reason.replace('_', ' ')}" for reason, count in excluded.items())
        or "none"
    )
    return (
        f"a comparison needs two classes; {where} holds {remaining} ({source_rows} rows, left out: {counts}). "
        f"Check {key} in params.yaml, or add rows of another class."
    )


def check_largest(rows: pd.DataFrame) -> None:
    """Raises UserError where one group holds so many rows that no split is possible."""
    sizes = rows["group"].value_counts()
    share = sizes.iloc[0] / len(rows)
    if share > TOO_LARGE:
        text = rows.loc[rows["group"] == sizes.index[0], "text"].iloc[0][:80]
        raise UserError(
            f"one group holds {share:.0%} of the rows, so no split is possible; a text of it: {text!r}. "
            "Check source.group, remove repeats of that text, or set split.near: null"
        )


def check_splits(
    rows: pd.DataFrame, labels: Labels, dataset: DatasetSettings, spelling: Spelling
) -> None:
    """Raises UserError where fewer than two classes are in train, or a split has no row."""
    if len(labels.names) < 2:
        remaining = f"only '{labels.names[0]}'" if labels.names else "none"
        raise UserError(
            f"a comparison needs two classes; train holds {remaining}; see the labels and the test file"
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
    hint = f"; it holds {lacking}" if lacking else ""
    message = (
        f"no row of the test file has a text and a label of train{hint}; see source in params.yaml"
    )
    return f"{message}. {MERGE}:\n{spelling.merged}" if spelling.merged else message


def _too_few(rows: pd.DataFrame, dataset: DatasetSettings) -> str:
    """Why a side has no row, and what helps: a class with a group for each side would have a row on all of them."""
    by_row, given_test = dataset.split.by == "row", dataset.has_test_file
    pool = rows[~rows["test"] & (rows["side"] != "shared_with_test")]
    labels = pool.groupby("id" if by_row else "group")["label"].agg(["nunique", "first"])
    most = labels.loc[labels["nunique"] == 1, "first"].value_counts().to_numpy().max(initial=0)
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
