"""Chooses a local LLM's number of shots and its calibration on the first validation rows.

Each number of shots takes one pass over these rows, which serves every calibration.
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
    """The scores of the first rows with one number of shots."""

    examples: Examples
    first: np.ndarray
    """The labels' log-likelihoods after each of the first rows: shape (rows, labels)."""
    null: np.ndarray | None
    """The same after the content-free text: shape (rows or 1, labels); None where no calibration needs it."""

    def shares(self, calibration: str) -> np.ndarray:
        """The first rows' label probabilities, shape (rows, labels)."""
        return probabilities(self.first, self.null if calibration == "contextual" else None)


@dataclass(frozen=True)
class Trial:
    """An option, and its primary metric on the first validation rows."""

    shots: int
    calibration: str
    score: float


@dataclass(frozen=True)
class Choice:
    """The chosen option, and the work of choosing it."""

    shots: int
    calibration: str
    tried: list[Trial]
    seconds: float
    requests: int

    def details(self) -> dict[str, object]:
        """The choice as JSON for data/usage."""
        return {
            "chosen": {"shots": self.shots, "calibration": self.calibration},
            "tried": [asdict(trial) for trial in self.tried],
            "choosing_seconds": self.seconds,
            "choosing_requests": self.requests,
        }


def run_pass(examples: Examples, texts: list[str], llm: CausalLmSettings, advance: Advance) -> Pass:
    """Score the texts after these examples."""
    null = examples.null(texts) if "contextual" in llm.calibration else None
    return Pass(examples, examples.score(texts, advance), null)


def choose(
    passes: Iterable[Pass], llm: CausalLmSettings, labels: np.ndarray, primary: Primary
) -> tuple[Pass, str, list[Trial]]:
    """The option with the best primary metric on the first validation rows: its pass, its calibration, and all trials.

    The option that params.yaml names first wins a tie.
    """
    tried, metric = [], chosen_by(primary, labels)
    options = list(itertools.product(passes, llm.calibration))
    for candidate, calibration in options:
        score = primary_score(metric, labels, candidate.shares(calibration))
        tried.append(Trial(candidate.examples.shots, calibration, score))
    chosen, calibration = options[int(np.argmax([trial.score for trial in tried]))]
    return chosen, calibration, tried


def probabilities(log_likelihoods: np.ndarray, null: np.ndarray | None = None) -> np.ndarray:
    """Label probabilities, shape (texts, labels). They sum to 1 over the labels.

    `null` are log-likelihoods after the content-free text: shape (labels,), or a row for each text. With them, each
    label's probability is first divided by its probability after that text. This is contextual calibration with
    W = diag(p_cf)^-1 (Zhao et al. 2021, arXiv 2102.09690, section 5).
    """
    logits = log_likelihoods if null is None else log_likelihoods - null
    return np.asarray(softmax(logits, axis=1))
