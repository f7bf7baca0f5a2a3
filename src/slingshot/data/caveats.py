"""The audit's warnings: what a reader of the scores must know of the rows behind them."""

from __future__ import annotations

from typing import Any

from slingshot.data.spelling import Spelling
from slingshot.data.split import LARGEST_SHARE
from slingshot.settings import DatasetSettings

LARGE = 0.1
"""Share of the rows above which the largest group is named."""
FEW = 10
"""Test rows under which a class's own figures say little."""
FAR = 0.5
"""Of the rows that a split was to have, how many it may lack, or have too many, without a word."""


def caveats(
    dataset: DatasetSettings,
    audit: dict[str, Any],
    unseen: list[str],
    ungrouped: int,
    spelling: Spelling,
) -> list[str]:
    """Sentences, the weightiest first. unseen: classes without a row in train."""
    in_test = spelling.only_in_test(audit["classes"])
    found = [
        *_labels(dataset, audit),
        *spelling.warnings(),
        *_classes(dataset, audit, unseen, in_test),
    ]
    found += [*_duplicates(dataset, audit), *_sizes(audit)]
    if getattr(dataset.source, "group", None) and ungrouped:
        found.append(
            f"{ungrouped} rows have no value in the group column: their text alone groups them."
        )
    cap, train = dataset.max_rows.train, audit["rows"]["train"]
    if cap and train > cap:
        found.append(f"train holds {train} rows, over max_rows.train, to keep every class.")
    return found


def _labels(dataset: DatasetSettings, audit: dict[str, Any]) -> list[str]:
    found = []
    if dataset.label_source != "human":
        source = dataset.label_source
        found.append(
            f"Labels were written by {source}: a score here is agreement with {source}, not with people."
        )
    within, whole = audit["ceiling"]["test"]["within"], audit["ceiling"]["test"]["whole"]
    if min(within, whole) < 0.99:
        found.append(
            f"{audit['duplicates']['conflicting_texts']} texts, compared after folding case and white space, stand "
            f"under several labels: a contestant that ignores both can score no more than {within:.1%} accuracy on "
            f"test, and each text's usual label in the whole data set scores {whole:.1%}."
        )
    return found


def _classes(
    dataset: DatasetSettings, audit: dict[str, Any], unseen: list[str], in_test: str
) -> list[str]:
    found = []
    if unseen:
        lost = f" The test file holds {in_test}." if in_test else ""
        found.append(f"{_list(unseen)}: no row in train, so left out of the classes.{lost}")
    for split in ("validation", "test"):
        missing = [name for name, counts in audit["classes"].items() if not counts[split]]
        if missing:
            made = split == "validation" or not dataset.has_test_file
            why = f" (three splits need three {dataset.split.by}s of a class)" if made else ""
            found.append(f"{_list(missing)}: no row in {split}{why}.")
    few = [name for name, counts in audit["classes"].items() if 0 < counts["test"] < FEW]
    if few:
        found.append(
            f"{_list(few)}: under {FEW} test rows, so these classes' own figures say little."
        )
    return found


def _duplicates(dataset: DatasetSettings, audit: dict[str, Any]) -> list[str]:
    found = []
    shared, groups = audit["shared_texts"], audit["groups"]
    if shared and dataset.split.by == "row":
        found.append(_leak(dataset, audit))
    elif shared and shared["train_rows"]:
        dropped = (
            "dropped"
            if dataset.split.drop_shared
            else "kept (split.drop_shared: false), which flatters scores"
        )
        found.append(
            f"{shared['test_rows']} texts of the test file stand in train too, {shared['same_label']} with the same "
            f"label; {shared['train_rows']} train rows that share a group with test are {dropped}."
        )
    if dataset.split.near is None and audit["duplicates"]["near_rows"]:
        found.append(
            f"{audit['duplicates']['near_rows']} rows have near duplicates, which may lie on both sides."
        )
    if groups["largest_share"] > LARGE:
        share, text = groups["largest_share"], groups["largest_text"]
        found.append(
            f"One group holds {share:.0%} of the rows ({groups['largest_rows']}); a text of it: {text!r}."
        )
    return found


def _sizes(audit: dict[str, Any]) -> list[str]:
    found = []
    for split in ("validation", "test"):
        rows, held = audit["rows"][split], audit["groups"]["splits"][split]
        wanted = audit["wanted_rows"].get(split, rows)
        if abs(rows - wanted) > FAR * wanted:
            found.append(
                f"{split} holds {rows} rows, and was to have {wanted:.0f}: groups stay whole, large ones go to train, "
                "and each class that can be is in every split."
            )
        if held["largest_share"] > LARGEST_SHARE and held["largest_rows"] > 1:
            found.append(
                f"One group holds {held['largest_share']:.0%} of {split} ({held['largest_rows']} of {rows} rows), so "
                f"that scores there are much that group's; a text of it: {held['largest_text']!r}."
            )
    return found


def _leak(dataset: DatasetSettings, audit: dict[str, Any]) -> str:
    shared = audit["shared_texts"]
    kept = not dataset.has_test_file or not dataset.split.drop_shared
    sides = "train, validation and test" if kept else "train and validation"
    said = (
        f"The split is by row, on purpose (split.by: row): rows of one text stand in {sides} alike"
    )
    if not kept:
        return f"{said}; {shared['train_rows']} train rows that share a group with the test file are dropped."
    return (
        f"{said}. {shared['test_rows']} test rows have their text in train too, {shared['same_label']} of them with "
        "the same label, so a score here is not comparable with one from a split without that leak."
    )


def _list(names: list[str]) -> str:
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return f"{'Class' if len(names) == 1 else 'Classes'} {', '.join(names[:5])}{more}"
