"""The examples that a local LLM sees before a text: the same rows before every text, or the rows nearest to each."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from slingshot.llm.local.rendering import Form, Tokens
from slingshot.llm.local.scoring import CausalLm, Prefix
from slingshot.llm.prompt import NULL_TEXT
from slingshot.llm.shots import Nearest
from slingshot.llm.task import PromptTask
from slingshot.settings import CausalLmSettings

Advance = Callable[[int], object]
"""Called with the number of texts that are newly done."""


class Neighbours:
    """Looks up the rows nearest to a text, once, as many as the largest number of shots."""

    def __init__(self, task: PromptTask, settings: CausalLmSettings) -> None:
        assert settings.encoder is not None  # settings say so
        self.pool, self._most = task.pool, max(settings.shots)
        self._nearest = Nearest(task.pool, settings.encoder, task.params.run)
        self._known: dict[str, pd.DataFrame] = {}

    def of(self, texts: Sequence[str], shots: int) -> list[pd.DataFrame]:
        """For each text its `shots` nearest rows, the nearest last."""
        new = list(dict.fromkeys(text for text in texts if text not in self._known))
        if new:
            self._known.update(zip(new, self._nearest.of(new, self._most), strict=True))
        return [self._known[text].tail(shots) for text in texts]

    def forget(self, text: str) -> None:
        """Look the text up anew next time."""
        self._known.pop(text, None)


class SameExamples:
    """The same rows of train before every text: the prompt up to the text is run once."""

    def __init__(
        self, lm: CausalLm, wording: Form, chosen: pd.DataFrame, shots: int, max_length: int
    ) -> None:
        """Raises UserError where a prompt with a text of `max_length` tokens is longer than the LLM reads."""
        self.shots, self.rows, self._lm, self._wording = shots, len(chosen), lm, wording
        self.shared = wording.prefix(chosen["text"].tolist(), chosen["label"].tolist())
        probe = wording.query(NULL_TEXT)
        lm.check_room(len(self.shared) + len(wording.query("")) + max_length)
        self._prefix = lm.prefix(self.shared, probe)
        self._null = lm.log_likelihoods(self._prefix, [probe])

    def queries(self, texts: Sequence[str]) -> list[Tokens]:
        """The tokens of each text's prompt that are not shared."""
        return [self._wording.query(text) for text in texts]

    def score(self, texts: Sequence[str], advance: Advance = lambda texts: None) -> np.ndarray:
        """The labels' log-likelihoods after each text: shape (texts, labels)."""
        return self._lm.log_likelihoods(self._prefix, self.queries(texts), advance)

    def null(self, texts: Sequence[str]) -> np.ndarray:
        """The labels' log-likelihoods after the content-free text: shape (texts or 1, labels)."""
        return self._null

    def forget(self, text: str) -> None:
        """Score the text next time as if it had never been seen."""


class NearestExamples:
    """Before each text the rows of train nearest to it: nothing is shared."""

    shared: Tokens = ()

    def __init__(self, lm: CausalLm, wording: Form, near: Neighbours, shots: int) -> None:
        self.shots, self._lm, self._wording, self._near = shots, lm, wording, near
        self.rows = len(near.pool) if shots else 0
        self._prefix: Prefix | None = None

    def queries(self, texts: Sequence[str]) -> list[Tokens]:
        """The tokens of each text's whole prompt."""
        return self._prompts(texts, texts)

    def score(self, texts: Sequence[str], advance: Advance = lambda texts: None) -> np.ndarray:
        """See SameExamples. Raises UserError where a prompt is longer than the LLM reads."""
        return self._score(self.queries(texts), advance)

    def null(self, texts: Sequence[str]) -> np.ndarray:
        return self._score(self._prompts(texts, [NULL_TEXT] * len(texts)), lambda texts: None)

    def forget(self, text: str) -> None:
        self._near.forget(text)

    def _prompts(self, texts: Sequence[str], asked: Sequence[str]) -> list[Tokens]:
        """The prompts that show the examples of `texts` and ask about `asked`."""
        neighbours = self._near.of(texts, self.shots)
        return [
            self._wording.prefix(rows["text"].tolist(), rows["label"].tolist())
            + self._wording.query(text)
            for rows, text in zip(neighbours, asked, strict=True)
        ]

    def _score(self, prompts: list[Tokens], advance: Advance) -> np.ndarray:
        longest = max(prompts, key=len)
        self._lm.check_room(len(longest))
        self._prefix = self._prefix or self._lm.prefix((), longest)
        return self._lm.log_likelihoods(self._prefix, prompts, advance)


Examples = SameExamples | NearestExamples
