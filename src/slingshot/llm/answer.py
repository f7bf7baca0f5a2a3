"""From what an LLM wrote to a label, a status and class probabilities.

An answer that can't be read is a wrong answer, not a missing one: it gets a status that says what it was instead. One
that is spelt as a label is, to the letter, means that label; one that may mean several means none.
"""

from __future__ import annotations

import json
import string
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from slingshot.files.codes import FAILED

PAIRED = "\"'`*"
"""What may stand around a label: quotes, and what makes it bold."""
MARKS = PAIRED + "." + string.whitespace
"""All that may stand at its ends."""
LAYERS = 8
"""Most layers of marks that are taken off one by one."""


@dataclass(frozen=True)
class Answer:
    """`label` is FAILED unless `status` is ok; `confidence` is from 0 to 1, where one was stated."""

    status: str
    label: int = FAILED
    confidence: float | None = None
    text: str = ""
    """What the LLM wrote."""


class AnswerKeys:
    """What stands for each label: its name and its id."""

    def __init__(self, ids: Sequence[str], names: Sequence[str]) -> None:
        self._names = {name: number for number, name in enumerate(names)}
        self._folded: dict[str, set[int]] = {}
        for number, spelt in enumerate(zip(ids, names, strict=True)):
            for key in map(folded, spelt):
                self._folded.setdefault(key, set()).add(number)

    def named(self, text: str) -> int | None:
        """The label whose name this is, to the letter."""
        return self._names.get(text, self._names.get(text.strip()))

    def meant(self, text: str) -> set[int]:
        """The label whose name this is, or else those that are spelt so but for capitals and white space."""
        label = self.named(text)
        return self._folded.get(folded(text), set()) if label is None else {label}

    def meant_alone(self, text: str) -> set[int]:
        """The labels that a text may mean that is a label and nothing else, maybe with marks around it.

        What stands in quotes is a name to the letter, if there is such a one. Where a mark may else as well be the
        label's own ("**C.**" of "C" and "C."), it may mean either.
        """
        spelt = text.strip()
        for exact in (spelt, spelt[1:-1] if spelt[:1] == spelt[-1:] == '"' else spelt):
            if self.named(exact) is not None:
                return self.meant(exact)
        return set().union(*map(self.meant, _peeled(text))) or self.meant(text.strip(MARKS))


def read_text(text: str, keys: AnswerKeys, *, truncated: bool = False) -> Answer:
    """The answer in what an LLM wrote: a label and nothing else, or JSON with `label`."""
    if not text.strip():
        return Answer("truncated" if truncated else "empty", text=text)
    alone = set() if truncated else keys.meant_alone(text)  # what was cut may begin another label
    if alone:
        return _answer(alone, text)
    value = _json(text)
    label = value.get("label", {}) if isinstance(value, dict) else None
    if isinstance(label, bool):
        label = json.dumps(label)
    if label is None and isinstance(value, dict) and keys.named("null") is not None:
        label = "null"
    if not isinstance(label, str):
        return Answer("truncated" if truncated else "invalid", text=text)
    return _answer(keys.meant(label), text, _confidence(value.get("confidence")))


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


def folded(text: str) -> str:
    """The text whatever its capitals and white space."""
    return " ".join(text.casefold().split())


def bare(text: str) -> str:
    """The text whatever its capitals, its white space and the marks around it."""
    return folded(text).strip(MARKS)


def _peeled(text: str) -> Iterator[str]:
    """The text, then a layer less each time: a pair of marks around it, or the dot behind it."""
    yield text
    for _ in range(LAYERS):
        inner = text.strip()
        if len(inner) > 1 and inner[0] == inner[-1] in PAIRED:
            text = inner[1:-1]
        elif inner.endswith("."):
            text = inner[:-1]
        else:
            return
        yield text


def _answer(meant: set[int], text: str, confidence: float | None = None) -> Answer:
    if len(meant) != 1:
        return Answer("off_list", text=text)
    [label] = meant
    return Answer("ok", label, confidence, text)


class _Number(str):
    """A number in JSON, spelt as it is there: the label 1.50 is not the label 1.5."""


def _json(text: str) -> Any:
    """The JSON that the text is or holds, with each number as a _Number; None where there is none."""
    for part in (text, text[text.find("{") : text.rfind("}") + 1]):
        try:
            return json.loads(part, parse_int=_Number, parse_float=_Number, parse_constant=_Number)
        except (ValueError, RecursionError):
            continue
    return None


def _confidence(value: Any) -> float | None:
    known = isinstance(value, _Number) and 0 <= float(value) <= 100
    return float(value) / 100 if known else None
