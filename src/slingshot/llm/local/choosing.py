"""Chooses a local LLM's number of shots and its calibration on the first validation rows.

Each number of shots takes one pass over these rows. Each calibration is read off the same pass.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import asdict, dataclass

import numpy as np
from scipy.special import softmax

from slingshot.llm.local.examples import Advance, Examples
from slingshot.metrics.choosing import chosen_by, primary_score
from slingshot.settings import CausalLmSettings, Primary


@dataclass(frozen=True)
class Pass:
    """The log-likelihoods of the first rows and of the content-free text, with one number of shots."""

    examples: Examples
    first: np.ndarray
    null: np.ndarray | None

    def shares(self, calibration: str) -> np.ndarray:
        """The first rows' label probabilities."""
        return probabilities(self.first, self.null if calibration == "contextual" else None)


@dataclass(frozen=True)
class Trial:
    """One option, and its primary metric on the first validation rows."""

    shots: int
    calibration: str
    score: float


@dataclass(frozen=True)
class Choice:
    """The chosen option, and what choosing it took."""

    shots: int
    calibration: str
    tried: list[Trial]
    seconds: float
    requests: int

    def details(self) -> dict[str, object]:
        """The choice as data/usage shows it."""
        return {
            "chosen": {"shots": self.shots, "calibration": self.calibration},
            "tried": [asdict(trial) for trial in self.tried],
            "choosing_seconds": self.seconds,
            "choosing_requests": self.requests,
        }


def run_pass(
    examples: Examples, texts: list[str], settings: CausalLmSettings, advance: Advance
) -> Pass:
    """Score the texts with one kind of examples."""
    null = examples.null(texts) if "contextual" in settings.calibration else None
    return Pass(examples, examples.score(texts, advance), null)


def choose(
    passes: Iterable[Pass], settings: CausalLmSettings, labels: np.ndarray, primary: Primary
) -> tuple[Pass, str, list[Trial]]:
    """The option with the best primary metric on the first validation rows. The one that params.yaml names first wins a
    tie."""
    tried, metric = [], chosen_by(primary, labels)
    options = list(itertools.product(passes, settings.calibration))
    for candidate, calibration in options:
        score = primary_score(metric, labels, candidate.shares(calibration))
        tried.append(Trial(candidate.examples.shots, calibration, score))
    chosen, calibration = options[int(np.argmax([trial.score for trial in tried]))]
    return chosen, calibration, tried


def probabilities(log_likelihoods: np.ndarray, null: np.ndarray | None = None) -> np.ndarray:
    """Label probabilities, shape (texts, labels), normalised over the labels.

    `null` are log-likelihoods of the content-free text: shape (labels,), or a row for each text. With them, each
    label's probability is first divided by its content-free one: contextual calibration, Zhao et al. 2021, section 5,
    W = diag(p_cf)^-1.
    """
    logits = log_likelihoods if null is None else log_likelihoods - null
    return np.asarray(softmax(logits, axis=1))
