"""Rows worth reading: confident mistakes, rows on which contestants differ, rows on which all agree against the label.

The result contains texts, so it stays in data/errors and never reaches git or a metrics file.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from slingshot.files.codes import FAILED_NAME
from slingshot.files.errors import Answers, Disagreement, Errors, ErrorText, Mistake
from slingshot.metrics import calibration
from slingshot.metrics.scored import PreparedRows, Scored

CHARACTERS = 400
"""Characters of a text that are shown."""
AGREED, CONFIDENT, EXAMPLES = 50, 20, 20
"""The most rows that are shown: all agree against the label; mistakes of one contestant; contestants differ."""


def find(contestants: dict[str, Scored], prepared: PreparedRows) -> Errors:
    """The contents of data/errors/D.json. All contestants must be scored on the same rows."""
    # A failed answer, -1, indexes the last name.
    votes = Votes.of(contestants, [*prepared.labels, FAILED_NAME])
    agreed = votes.agreed()
    agreed.sort(key=lambda row: -(votes.mean_confidence(row) or 0))
    first = next(iter(contestants))
    against = tuple(
        votes.mistake(first, row, votes.mean_confidence(row)) for row in agreed[:AGREED]
    )
    confident = {name: votes.confident_mistakes(name) for name in contestants}
    examples = tuple(votes.answers(row) for row in votes.most_different()[:EXAMPLES])

    shown = {row.id for row in against} | {row.id for row in examples}
    shown |= {row.id for mistakes in confident.values() for row in mistakes}
    rows = prepared.test[prepared.test["id"].isin(shown)].sort_values("id")
    texts = {}
    for key, text, label in zip(rows["id"], rows["text"], rows["label"], strict=True):
        texts[key] = ErrorText(text=_cut(text), label=prepared.labels[label])
    return Errors(
        texts=texts,
        agree_against_label=against,
        agree_against_label_rows=len(agreed),
        confident_errors=confident,
        disagreements=tuple(_both(a, b, contestants) for a, b in combinations(contestants, 2)),
        disagreement_examples=examples,
    )


@dataclass(frozen=True)
class Votes:
    """The answer of each contestant to each test row, over its seeds. Arrays have shape (rows,)."""

    ids: np.ndarray
    labels: np.ndarray
    names: Sequence[str]
    """Class names in label order, then the name of a failed answer."""
    predictions: Mapping[str, np.ndarray]
    """Contestant -> each row's most frequent prediction."""
    confidence: Mapping[str, np.ndarray | None]
    """Contestant -> each row's mean confidence; None without scores."""

    @classmethod
    def of(cls, contestants: Mapping[str, Scored], names: Sequence[str]) -> Votes:
        first = next(iter(contestants.values()))
        return cls(
            first.ids,
            first.labels,
            names,
            {name: _majority(scored) for name, scored in contestants.items()},
            {name: _confidence(scored) for name, scored in contestants.items()},
        )

    def mean_confidence(self, row: int) -> float | None:
        """The mean over contestants with scores; None if no contestant has scores."""
        known = [values[row] for values in self.confidence.values() if values is not None]
        return float(np.mean(known)) if known else None

    def mistake(self, name: str, row: int, confidence: float | None) -> Mistake:
        answer = self.names[self.predictions[name][row]]
        return Mistake(id=self.ids[row], prediction=answer, confidence=confidence)

    def answers(self, row: int) -> Answers:
        answers = {name: self.names[vote[row]] for name, vote in self.predictions.items()}
        return Answers(id=self.ids[row], predictions=answers)

    def confident_mistakes(self, name: str) -> tuple[Mistake, ...]:
        """The mistakes of a contestant, the most confident first; without failed answers."""
        confidence, vote = self.confidence[name], self.predictions[name]
        if confidence is None:
            return ()
        wrong = (vote != self.labels) & (vote >= 0)
        rows = [row for row in np.argsort(-confidence, kind="stable") if wrong[row]]
        return tuple(self.mistake(name, row, float(confidence[row])) for row in rows[:CONFIDENT])

    def agreed(self) -> list[int]:
        """Rows on which all contestants, at least two, give the same valid answer, and it is not the label."""
        if len(self.predictions) < 2:
            return []
        stacked = np.stack(list(self.predictions.values()))
        alike = (stacked == stacked[0]).all(axis=0) & (stacked[0] >= 0)
        return np.flatnonzero(alike & (stacked[0] != self.labels)).tolist()

    def most_different(self) -> list[int]:
        """Rows with two or more different answers; rows with the most answers come first."""
        stacked = np.sort(np.stack(list(self.predictions.values())), axis=0)
        answers = 1 + (np.diff(stacked, axis=0) != 0).sum(axis=0)
        order = np.argsort(-answers, kind="stable")
        return [int(row) for row in order if answers[row] > 1]


def _majority(scored: Scored) -> np.ndarray:
    """Each row's most frequent prediction over seeds; a tie gives the lowest class. Shape (rows,)."""
    stacked = np.stack([run.predictions for run in scored.runs])
    if len(stacked) == 1:
        return np.asarray(stacked[0])
    tallies = [Counter(column.tolist()) for column in stacked.T]
    return np.array([min(tally, key=lambda answer: (-tally[answer], answer)) for tally in tallies])


def _confidence(scored: Scored) -> np.ndarray | None:
    """Each row's mean confidence over seeds, shape (rows,); None without scores."""
    if scored.score_source == "none":
        return None
    return np.asarray(np.mean([calibration.confidence(run) for run in scored.runs], axis=0))


def _both(a: str, b: str, contestants: Mapping[str, Scored]) -> Disagreement:
    """How often the first runs of two contestants are right together, alone, or wrong together."""
    left, right = contestants[a].runs[0].predictions, contestants[b].runs[0].predictions
    labels = contestants[a].labels
    a_right, b_right = left == labels, right == labels
    neither = ~a_right & ~b_right
    return Disagreement(
        a=a,
        b=b,
        rows=len(labels),
        both_right=int((a_right & b_right).sum()),
        only_a=int((a_right & ~b_right).sum()),
        only_b=int((b_right & ~a_right).sum()),
        both_wrong_alike=int((neither & (left == right)).sum()),
        both_wrong_apart=int((neither & (left != right)).sum()),
    )


def _cut(text: str) -> str:
    return text if len(text) <= CHARACTERS else f"{text[:CHARACTERS]} …"
