"""From what an LLM wrote to a label, a status and class probabilities.

An answer that can't be read is a wrong answer, not a missing one: it gets a status that says what it was instead.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from slingshot.tables import FAILED


@dataclass(frozen=True)
class Answer:
    """`label` is FAILED unless `status` is ok; `confidence` is from 0 to 1, where one was stated."""

    status: str
    label: int = FAILED
    confidence: float | None = None
    text: str = ""
    """What the LLM wrote."""


class AnswerKeys:
    """The spellings that stand for each label: its id, and its name where no other label could be meant."""

    def __init__(self, ids: Sequence[str], names: Sequence[str]) -> None:
        folded = [_folded(name) for name in names]
        self._labels = {name: n for n, name in enumerate(folded) if folded.count(name) == 1}
        self._labels |= {slug: n for n, slug in enumerate(ids)}

    def find(self, text: str) -> int | None:
        """The label that is spelt so, whatever its capitals."""
        return self._labels.get(_folded(text))


def read_text(text: str, keys: AnswerKeys, *, truncated: bool = False) -> Answer:
    """The answer in what an LLM wrote: a label and nothing else, or JSON with `label`."""
    if not text.strip():
        return Answer("truncated" if truncated else "empty", text=text)
    for spelt in () if truncated else (text, text.strip().strip("\"'`.*")):  # what was cut may begin another label
        alone = keys.find(spelt)
        if alone is not None:
            return Answer("ok", alone, None, text)
    value = _json(text)
    named = value.get("label") if isinstance(value, dict) else None
    if isinstance(named, int):  # a label that is a number, or true or false
        named = json.dumps(named)
    if not isinstance(named, str):
        return Answer("truncated" if truncated else "invalid", text=text)
    label = keys.find(named)
    if label is None:
        return Answer("off_list", text=text)
    return Answer("ok", label, _confidence(value.get("confidence")), text)


def verbalised(answer: Answer, classes: int) -> np.ndarray | None:
    """Class probabilities (classes,) from a stated confidence: the rest is shared alike. None where none was stated.

    A confidence below chance would speak against the label that it stands beside; it is read as chance.
    """
    if answer.label == FAILED or answer.confidence is None:
        return None
    confidence = max(answer.confidence, 1 / classes)
    scores = np.full(classes, (1 - confidence) / (classes - 1))
    scores[answer.label] = confidence
    return scores


def votes(answers: Sequence[Answer], classes: int) -> tuple[int, np.ndarray | None]:
    """The label with most votes, ties to the one that got its first vote first, and the share of each label's votes.

    FAILED and None where no answer is valid.
    """
    cast = [answer.label for answer in answers if answer.label != FAILED]
    if not cast:
        return FAILED, None
    counts = np.bincount(cast, minlength=classes)
    return max(dict.fromkeys(cast), key=lambda label: counts[label]), counts / len(cast)


def _json(text: str) -> Any:
    """The JSON that the text is or holds; None where there is none."""
    for part in (text, text[text.find("{") : text.rfind("}") + 1]):
        try:
            return json.loads(part)
        except (ValueError, RecursionError):
            continue
    return None


def _confidence(value: Any) -> float | None:
    known = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 100
    return value / 100 if known else None


def _folded(text: str) -> str:
    return " ".join(text.casefold().split())
