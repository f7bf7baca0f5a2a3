"""What a data set is made of and what limits any score on it: metrics/audit/D.json."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from slingshot.data.caveats import caveats
from slingshot.data.groups import Groups
from slingshot.data.spelling import Spelling
from slingshot.files.codes import SPLITS
from slingshot.files.labels import Labels
from slingshot.settings import DatasetSettings

CLIP = 1e-6
"""Smallest probability in a log-loss, as everywhere in Slingshot."""
MEANING = {
    "within": "Share of the scored rows that carry the most frequent label of their text, counted among the scored "
    "rows. Texts are compared after folding case and white space: no contestant that reads the text alone and ignores "
    "both can score higher; one that tells them apart may.",
    "whole": "Share of the scored rows that carry the most frequent label of their text, counted over all rows of the "
    "data set: what knowing every text's usual label would score. Equally frequent labels share the point.",
}


def audit(
    dataset: DatasetSettings,
    rows: pd.DataFrame,
    joined: Groups,
    names: list[str],
    labels: Labels,
    counts: dict[str, int],
    excluded: dict[str, int],
    commit: str | None,
    spelling: Spelling,
) -> dict[str, Any]:
    """The audit of `rows` (text, label, group, side, test), where `side` is a split or an exclusion.

    names: of all class numbers in `rows`; labels: of the classes in train. counts: rows of the
    source, and rows without a value in the user's group column. commit: of the hub's files, if they are its.
    `merged_labels` is in it only where labels read as one.
    """
    side, label = rows["side"].to_numpy(), rows["label"].to_numpy()
    test, used = side == "test", np.isin(side, SPLITS)
    sizes = {split: int((side == split).sum()) for split in SPLITS}
    report: dict[str, Any] = {
        "rows": {"source": counts["source"], "used": int(used.sum()), **sizes},
        "wanted_rows": _wanted(dataset, rows),
        "excluded": excluded,
        "classes": _classes(side, label, names, labels),
        "duplicates": _duplicates(joined, label),
        "ceiling": {
            "test": {
                "within": ceiling(joined.text, label, test, test),
                "whole": ceiling(joined.text, label, test),
            },
            "all": {"within": ceiling(joined.text, label)},
            "meaning": MEANING,
        },
        "shared_texts": _shared(dataset, rows, joined),
        "groups": _groups(rows),
        "words": _words(rows.loc[used, "text"]),
        "label_source": dataset.label_source,
        "licence": dataset.licence,
        "hub_id": getattr(dataset.source, "id", None),
        "revision": commit,
        "published": dataset.published.isoformat() if dataset.published else None,
        "description": dataset.description,
        "may_leave": dataset.may_leave,
        "majority": majority(labels, np.array([labels.names.index(names[k]) for k in label[test]])),
    }
    unseen = [name for name in names if name not in labels.names]
    report["warnings"] = caveats(dataset, report, unseen, counts["ungrouped"], spelling)
    return report | ({"merged_labels": spelling.merged} if spelling.merged else {})


def ceiling(
    texts: np.ndarray,
    labels: np.ndarray,
    scored: np.ndarray | None = None,
    counted: np.ndarray | None = None,
) -> float:
    """Share of the scored rows with the majority label of their text among the counted rows.

    texts: number of each row's distinct text; scored, counted: masks, null for all rows. Labels
    that tie for the majority share the point, so that no tie is broken in a row's favour.
    """
    whole = np.ones(len(texts), dtype=bool)
    scored, counted = whole if scored is None else scored, whole if counted is None else counted
    cell = texts * (labels.max() + 1) + labels
    votes = np.bincount(cell[counted], minlength=cell.max() + 1)
    table = pd.DataFrame({"text": texts, "cell": cell, "votes": votes[cell]}).drop_duplicates(
        "cell"
    )
    best = table.groupby("text")["votes"].transform("max") == table["votes"]
    tied = best.groupby(table["text"]).transform("sum")
    credit = pd.Series(best / tied).set_axis(table["cell"])
    return float(credit.loc[cell[scored]].mean())


def majority(labels: Labels, test: np.ndarray) -> dict[str, Any]:
    """Scores on test rows (class numbers) of always answering train's most frequent class.

    Its probabilities are train's class shares. Macro figures average over the classes with a test
    row. AUROC of a constant score is 0.5; of test rows of one class it is undefined, null.
    """
    shares = np.array(labels.train_counts) / sum(labels.train_counts)
    answer, classes = int(shares.argmax()), len(np.unique(test))
    accuracy = float((test == answer).mean())
    # One class has recall 1 and precision `accuracy`, every other has F1 0.
    return {
        "label": labels.names[answer],
        "accuracy": accuracy,
        "balanced_accuracy": float(accuracy > 0) / classes,
        "macro_f1": 2 * accuracy / (1 + accuracy) / classes,
        "log_loss": float(-np.log(shares[test].clip(min=CLIP)).mean()),
        "brier": float((1 - 2 * shares[test] + (shares**2).sum()).mean()),
        "auroc": 0.5 if classes > 1 else None,
    }


def _classes(
    side: np.ndarray, label: np.ndarray, names: list[str], labels: Labels
) -> dict[str, dict[str, int]]:
    counts = {split: np.bincount(label[side == split], minlength=len(names)) for split in SPLITS}
    return {
        name: {split: int(counts[split][names.index(name)]) for split in SPLITS}
        for name in labels.names
    }


def _duplicates(joined: Groups, label: np.ndarray) -> dict[str, int]:
    repeats = np.bincount(joined.text)
    near = np.isin(joined.text, joined.near)

    def conflicting(codes: np.ndarray) -> int:
        return int((pd.Series(label).groupby(codes).nunique() > 1).sum())

    return {
        "distinct_texts": len(repeats),
        "exact_rows": int((repeats[joined.text] > 1).sum()),
        "near_groups": len(np.unique(joined.duplicates[near])),
        "near_rows": int(near.sum()),
        "conflicting_texts": conflicting(joined.text),
        "conflicting_groups": conflicting(joined.duplicates),
        "short_not_joined": joined.short_not_joined,
    }


def _shared(dataset: DatasetSettings, rows: pd.DataFrame, joined: Groups) -> dict[str, int] | None:
    """How much of test stands in train too: of a given test file before dropping, of a split by row as it fell.

    Null where whole groups were split, which shares nothing.
    """
    if dataset.has_test_file:
        test = rows["test"].to_numpy()
        train = ~test
    elif dataset.split.by == "row":
        test, train = (rows["side"].eq(side).to_numpy() for side in ("test", "train"))
    else:
        return None
    both = pd.DataFrame({"text": joined.text, "label": rows["label"]})
    same = pd.MultiIndex.from_frame(both[test]).isin(pd.MultiIndex.from_frame(both[train]))
    return {
        "test_rows": int(np.isin(joined.text[test], joined.text[train]).sum()),
        "same_label": int(same.sum()),
        "train_rows": int(rows.loc[train, "group"].isin(rows.loc[test, "group"]).sum()),
    }


def _wanted(dataset: DatasetSettings, rows: pd.DataFrame) -> dict[str, int]:
    """Rows that the splits were to have by the settings: of validation, and of test where it is no file of its own."""
    dealt = int((~rows["test"] & (rows["side"] != "shared_with_test")).sum())
    made = ["validation"] if dataset.has_test_file else ["validation", "test"]
    shares, caps = dataset.split, dataset.max_rows
    return {
        name: min(round(getattr(shares, name) * dealt), getattr(caps, name) or dealt)
        for name in made
    }


def _groups(rows: pd.DataFrame) -> dict[str, Any]:
    """Of all rows the number of groups and the largest, and of each split the largest."""
    splits = {split: _largest(rows[rows["side"] == split]) for split in SPLITS}
    return {"count": rows["group"].nunique(), **_largest(rows), "splits": splits}


def _largest(rows: pd.DataFrame) -> dict[str, Any]:
    sizes = rows["group"].value_counts()
    return {
        "largest_rows": int(sizes.iloc[0]),
        "largest_share": float(sizes.iloc[0] / len(rows)),
        "largest_text": rows.loc[rows["group"] == sizes.index[0], "text"].iloc[0][:80],
    }


def _words(texts: pd.Series) -> dict[str, float]:
    lengths = np.array([len(text.split()) for text in texts])
    mean, median, p95 = lengths.mean(), np.median(lengths), np.percentile(lengths, 95)
    return {
        "mean": float(mean),
        "median": float(median),
        "p95": float(p95),
        "max": int(lengths.max()),
    }
