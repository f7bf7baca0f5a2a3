"""Reads the text that an LLM wrote: a label, a status and class probabilities.

An answer that can't be read is a wrong answer, not a missing one. Its status says why it can't be read. An answer that
is spelt exactly like a label means that label. An answer that may mean several labels means none.
"""

from __future__ import annotations

import json
import string
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from slingshot.files.codes import FAILED

PAIRED = "\"'`*"
"""Marks that may be around a label: quotes, and Markdown's marks for bold and code."""
MARKS = PAIRED + "." + string.whitespace
"""Characters that may be at the ends of a label without belonging to it."""
LAYERS = 8
"""The most layers of marks that are removed one by one."""


@dataclass(frozen=True)
class Answer:
    """One answer, read."""

    status: str
    """One of STATUSES."""
    label: int = FAILED
    """FAILED unless `status` is ok."""
    confidence: float | None = None
    """From 0 to 1; None where the LLM stated none."""
    text: str = ""
    """The text that the LLM wrote."""


class AnswerKeys:
    """The spellings of each label: its name and its id."""

    def __init__(self, ids: Sequence[str], names: Sequence[str]) -> None:
        self._names = {name: number for number, name in enumerate(names)}
        self._folded: dict[str, set[int]] = {}
        for number, spelt in enumerate(zip(ids, names, strict=True)):
            for key in map(folded, spelt):
                self._folded.setdefault(key, set()).add(number)

    def named(self, text: str) -> int | None:
        """The label with exactly this name."""
        return self._names.get(text, self._names.get(text.strip()))

    def meant(self, text: str) -> set[int]:
        """The label with exactly this name, or else those whose name or id differs only in case and white space."""
        label = self.named(text)
        return self._folded.get(folded(text), set()) if label is None else {label}

    def meant_alone(self, text: str) -> set[int]:
        """The labels that a text may mean if it is only a label, maybe with marks around it.

        A text in double quotes means the label with exactly that name, if there is one. Where a mark may belong to a
        label, the text may mean the label with it or without it: "**C.**" means "C" or "C.".
        """
        spelt = text.strip()
        quoted = spelt[:1] == spelt[-1:] == '"'
        for exact in (spelt, spelt[1:-1] if quoted else spelt):
            if self.named(exact) is not None:
                return self.meant(exact)
        return set().union(*map(self.meant, _peeled(text))) or self.meant(text.strip(MARKS))


def read_text(text: str, keys: AnswerKeys, *, truncated: bool = False) -> Answer:
    """The answer in a text that is a label, or has JSON with `label`. `truncated`: the limit of tokens cut the text."""
    if not text.strip():
        return Answer("truncated" if truncated else "empty", text=text)
    # A cut text may be the beginning of another label.
    labels = set() if truncated else keys.meant_alone(text)
    if labels:
        return _answer(labels, text)
    parsed = _json(text)
    value: dict[str, object] = parsed if isinstance(parsed, dict) else {}
    label = _label(value, keys)
    if label is None:
        return Answer("truncated" if truncated else "invalid", text=text)
    return _answer(keys.meant(label), text, _confidence(value.get("confidence")))


def verbalised(answer: Answer, classes: int) -> np.ndarray | None:
    """Class probabilities, shape (classes,), from a stated confidence. The other labels share the rest equally.

    None where no confidence was stated. A confidence below 1 / classes would make another label likelier than the
    answer, so it counts as 1 / classes.
    """
    if answer.label == FAILED or answer.confidence is None:
        return None
    confidence = max(answer.confidence, 1 / classes)
    scores = np.full(classes, (1 - confidence) / (classes - 1))
    scores[answer.label] = confidence
    return scores


def votes(answers: Sequence[Answer], classes: int) -> tuple[int, np.ndarray | None]:
    """The label with most votes, and each label's share of the votes, shape (classes,).

    The label with the earliest vote wins a tie. Without a valid answer the result is FAILED and None.
    """
    cast = [answer.label for answer in answers if answer.label != FAILED]
    if not cast:
        return FAILED, None
    counts = np.bincount(cast, minlength=classes)
    return max(dict.fromkeys(cast), key=lambda label: counts[label]), counts / len(cast)


def folded(text: str) -> str:
    """The text without differences of case and white space."""
    return " ".join(text.casefold().split())


def bare(text: str) -> str:
    """The text without differences of case and white space, and without marks around it."""
    return folded(text).strip(MARKS)


def _peeled(text: str) -> Iterator[str]:
    """The text, then the text with one layer less each time. A layer is a pair of marks around it, or a final dot."""
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


def _answer(labels: set[int], text: str, confidence: float | None = None) -> Answer:
    """The answer that means these labels: valid if it means exactly one."""
    if len(labels) != 1:
        return Answer("off_list", text=text)
    [label] = labels
    return Answer("ok", label, confidence, text)


class _Number(str):
    """A number in JSON with its spelling: the label 1.50 is not the label 1.5."""


def _json(text: str) -> object:
    """The JSON that the text is or contains, with each number as a _Number; None where there is none."""
    for part in (text, text[text.find("{") : text.rfind("}") + 1]):
        try:
            return json.loads(part, parse_int=_Number, parse_float=_Number, parse_constant=_Number)
        except (ValueError, RecursionError):
            continue
    return None


def _label(value: dict[str, object], keys: AnswerKeys) -> str | None:
    """The spelling of the label in JSON; None without one. A label's name may be true, false or null."""
    label = value.get("label", {})
    if isinstance(label, bool):
        return json.dumps(label)
    if label is None and keys.named("null") is not None:
        return "null"
    return label if isinstance(label, str) else None


def _confidence(value: object) -> float | None:
    """A confidence from 0 to 1, which the answer states in per cent; None for anything else."""
    if isinstance(value, _Number) and 0 <= float(value) <= 100:
        return float(value) / 100
    return None
