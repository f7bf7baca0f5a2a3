"""Rows to read: where contestants are surely wrong, where they differ, where all agree against the label.

What this finds holds texts, so it stays in data/errors, out of git and of every metrics file.
"""

from __future__ import annotations

from collections import Counter
from itertools import combinations
from typing import Any

import numpy as np

from slingshot.files.codes import FAILED_NAME
from slingshot.metrics import calibration
from slingshot.metrics.scored import PreparedRows, Scored

CHARACTERS = 400
"""Of a text that are shown."""
AGREED, CONFIDENT, EXAMPLES = 50, 20, 20
"""Rows that are shown at most: of those on which all agree against the label, of each contestant, of differing rows."""


def find(contestants: dict[str, Scored], prepared: PreparedRows) -> dict[str, Any]:
    """The contents of data/errors/D.json. All contestants must be scored on the same rows."""
    first = next(iter(contestants.values()))
    names = [*prepared.labels, FAILED_NAME]  # -1 is the last
    votes = {name: _majority(one) for name, one in contestants.items()}
    sure = {name: _confidence(one) for name, one in contestants.items()}

    agreed = _agreed(votes, first.labels)
    order = sorted(agreed, key=lambda row: -(_mean(sure, row) or 0))
    against = [
        {
            "id": first.ids[row],
            "prediction": names[next(iter(votes.values()))[row]],
            "confidence": _mean(sure, row),
        }
        for row in order[:AGREED]
    ]
    confident = {
        name: [
            {
                "id": first.ids[row],
                "prediction": names[votes[name][row]],
                "confidence": float(held[row]),
            }
            for row in np.argsort(-held, kind="stable")
            if votes[name][row] != first.labels[row] and votes[name][row] >= 0
        ][:CONFIDENT]
        if held is not None
        else []
        for name, held in sure.items()
    }
    examples = [
        {
            "id": first.ids[row],
            "predictions": {name: names[vote[row]] for name, vote in votes.items()},
        }
        for row in _most_different(votes)[:EXAMPLES]
    ]
    shown = {
        row["id"]
        for row in [*against, *examples, *(row for rows in confident.values() for row in rows)]
    }
    rows = prepared.test[prepared.test["id"].isin(shown)].sort_values("id")
    columns = rows["id"], rows["text"], rows["label"]
    return {
        "texts": {
            key: {"text": _cut(text), "label": prepared.labels[label]}
            for key, text, label in zip(*columns, strict=True)
        },
        "agree_against_label": against,
        "agree_against_label_rows": len(agreed),
        "confident_errors": confident,
        "disagreements": [_both(a, b, contestants) for a, b in combinations(contestants, 2)],
        "disagreement_examples": examples,
    }


def _majority(scored: Scored) -> np.ndarray:
    """Each row's most frequent prediction over seeds, the lowest class of a tie; shape (rows,)."""
    stacked = np.stack([run.predictions for run in scored.runs])
    if len(stacked) == 1:
        return np.asarray(stacked[0])
    tallies = [Counter(column.tolist()) for column in stacked.T]
    return np.array([min(tally, key=lambda answer: (-tally[answer], answer)) for tally in tallies])


def _confidence(scored: Scored) -> np.ndarray | None:
    """Mean over seeds; None without scores."""
    if scored.score_source == "none":
        return None
    return np.asarray(np.mean([calibration.confidence(run) for run in scored.runs], axis=0))


def _mean(sure: dict[str, np.ndarray | None], row: int) -> float | None:
    held = [each[row] for each in sure.values() if each is not None]
    return float(np.mean(held)) if held else None


def _agreed(votes: dict[str, np.ndarray], labels: np.ndarray) -> list[int]:
    """Rows on which at least two contestants give one valid answer that is not the label."""
    if len(votes) < 2:
        return []
    stacked = np.stack(list(votes.values()))
    alike = (stacked == stacked[0]).all(axis=0) & (stacked[0] >= 0) & (stacked[0] != labels)
    return np.flatnonzero(alike).tolist()


def _most_different(votes: dict[str, np.ndarray]) -> list[int]:
    """Rows with two answers or more, those with the most first."""
    stacked = np.sort(np.stack(list(votes.values())), axis=0)
    answers = 1 + (np.diff(stacked, axis=0) != 0).sum(axis=0)
    order = np.argsort(-answers, kind="stable")
    return [int(row) for row in order if answers[row] > 1]


def _both(a: str, b: str, contestants: dict[str, Scored]) -> dict[str, Any]:
    """How often the first runs of two contestants are right together, alone, or wrong together."""
    left, right = contestants[a].runs[0].predictions, contestants[b].runs[0].predictions
    labels = contestants[a].labels
    a_right, b_right = left == labels, right == labels
    neither = ~a_right & ~b_right
    counted = {
        "both_right": a_right & b_right,
        "only_a": a_right & ~b_right,
        "only_b": b_right & ~a_right,
        "both_wrong_alike": neither & (left == right),
        "both_wrong_apart": neither & (left != right),
    }
    return {"a": a, "b": b, "rows": len(labels)} | {
        name: int(held.sum()) for name, held in counted.items()
    }


def _cut(text: str) -> str:
    return text if len(text) <= CHARACTERS else f"{text[:CHARACTERS]} …"
