"""The examples that a local LLM sees before a text: the same rows for every text, or the rows nearest to each text."""

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
"""A function that gets the number of texts that were just finished."""


class Neighbours:
    """Finds the rows nearest to a text once, for the largest number of shots, and remembers them."""

    def __init__(self, task: PromptTask, llm: CausalLmSettings) -> None:
        assert llm.encoder is not None  # the settings check it
        self.pool, self._most = task.pool, max(llm.shots)
        self._nearest = Nearest(task.pool, llm.encoder, task.settings.run)
        self._cache: dict[str, pd.DataFrame] = {}

    def of(self, texts: Sequence[str], shots: int) -> list[pd.DataFrame]:
        """For each text its `shots` nearest rows, the nearest last."""
        new = list(dict.fromkeys(text for text in texts if text not in self._cache))
        if new:
            self._cache.update(zip(new, self._nearest.of(new, self._most), strict=True))
        return [self._cache[text].tail(shots) for text in texts]

    def forget(self, text: str) -> None:
        """Find the text's rows again next time."""
        self._cache.pop(text, None)


class SameExamples:
    """The same rows of train before every text. The model reads them once, for all texts."""

    def __init__(
        self, scorer: CausalLm, wording: Form, chosen: pd.DataFrame, shots: int, max_length: int
    ) -> None:
        """Raises UserError where a prompt with a text of `max_length` tokens would be too long for the LLM."""
        self.shots, self.rows, self._scorer, self._wording = shots, len(chosen), scorer, wording
        self.shared = wording.prefix(chosen["text"].tolist(), chosen["label"].tolist())
        probe = wording.query(NULL_TEXT)
        scorer.check_room(len(self.shared) + len(wording.query("")) + max_length)
        self._prefix = scorer.prefix(self.shared, probe)
        self._null = scorer.log_likelihoods(self._prefix, [probe])

    def queries(self, texts: Sequence[str]) -> list[Tokens]:
        """The tokens of each text's prompt after the shared ones."""
        return [self._wording.query(text) for text in texts]

    def score(self, texts: Sequence[str], advance: Advance = lambda texts: None) -> np.ndarray:
        """The labels' log-likelihoods after each text: shape (texts, labels)."""
        return self._scorer.log_likelihoods(self._prefix, self.queries(texts), advance)

    def null(self, texts: Sequence[str]) -> np.ndarray:
        """The labels' log-likelihoods after the content-free text, shape (1, labels): the same for all texts."""
        return self._null

    def forget(self, text: str) -> None:
        """Forget the text's neighbours. Here there are none."""


class NearestExamples:
    """The rows of train that are nearest to each text. The prompts share no tokens."""

    shared: Tokens = ()

    def __init__(self, scorer: CausalLm, wording: Form, near: Neighbours, shots: int) -> None:
        self.shots, self._scorer, self._wording, self._near = shots, scorer, wording, near
        self.rows = len(near.pool) if shots else 0
        self._prefix: Prefix | None = None

    def queries(self, texts: Sequence[str]) -> list[Tokens]:
        """The tokens of each text's whole prompt."""
        return self._prompts(texts, texts)

    def score(self, texts: Sequence[str], advance: Advance = lambda texts: None) -> np.ndarray:
        """The labels' log-likelihoods, shape (texts, labels). Raises UserError where a prompt is too long."""
        return self._score(self.queries(texts), advance)

    def null(self, texts: Sequence[str]) -> np.ndarray:
        """The labels' log-likelihoods after the content-free text and each text's examples: shape (texts, labels)."""
        return self._score(self._prompts(texts, [NULL_TEXT] * len(texts)), lambda texts: None)

    def forget(self, text: str) -> None:
        """Find the text's neighbours again next time."""
        self._near.forget(text)

    def _prompts(self, texts: Sequence[str], questions: Sequence[str]) -> list[Tokens]:
        """The prompts with the examples of each of `texts`, and the text of `questions` at the same place to label."""
        neighbours = self._near.of(texts, self.shots)
        return [
            self._wording.prefix(rows["text"].tolist(), rows["label"].tolist())
            + self._wording.query(text)
            for rows, text in zip(neighbours, questions, strict=True)
        ]

    def _score(self, prompts: list[Tokens], advance: Advance) -> np.ndarray:
        longest = max(prompts, key=len)
        self._scorer.check_room(len(longest))
        self._prefix = self._prefix or self._scorer.prefix((), longest)
        return self._scorer.log_likelihoods(self._prefix, prompts, advance)


Examples = SameExamples | NearestExamples
