"""The rows of one split that both sides of a cascade predict: who answers them, and what that asks of the LLM."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from slingshot.metrics import calibration
from slingshot.metrics.estimates import value_of
from slingshot.metrics.scored import Scored, SeedRun


@dataclass(frozen=True)
class Escalation:
    """What of some rows the LLM is asked."""

    rows: float
    """Their share."""
    tokens: float
    """The escalated rows' share of the LLM's tokens on all these rows, and so of what it would bill for them all."""
    small_reads: bool
    """Whether the small model reads every text. It does unless the LLM always answers."""


@dataclass(frozen=True)
class Rows:
    """Rows that both sides predict, in one order. A threshold of None lets the LLM answer always."""

    small: pd.DataFrame
    """Of one seed, its scores scaled by the temperature."""
    large: pd.DataFrame
    confidence: np.ndarray
    """The small model's, calibrated; shape (rows,)."""

    @classmethod
    def of(cls, split: str, small: pd.DataFrame, large: pd.DataFrame, temperature: float) -> Rows:
        """The rows of a split. `small` holds predictions of one seed, whose scores are scaled here."""
        ours, theirs = (
            side[side["split"] == split].set_index("id").sort_index() for side in (small, large)
        )
        ours = ours.loc[theirs.index]
        scores = calibration.scaled(np.stack(ours["scores"].to_list()), temperature)
        ours["scores"] = pd.Series(list(scores), index=ours.index, dtype=object)
        confidence = calibration.confidence(SeedRun(0, ours["prediction"].to_numpy(), scores))
        return cls(ours.reset_index(), theirs.reset_index(), confidence)

    def answered(self, threshold: float | None) -> pd.DataFrame:
        """Predictions of the cascade. Of an escalated row both sides read the text, so its input tokens add up."""
        up = self._escalated(threshold)
        rows = self.small.copy()
        for column in ("prediction", "scores", "score_source", "status", "output_tokens"):
            rows[column] = self.large[column].where(up, self.small[column])
        rows["input_tokens"] = self.small["input_tokens"] + self.large["input_tokens"].where(up, 0)
        if threshold is None:
            rows["input_tokens"] = self.large["input_tokens"]
        return rows

    def asked(self, threshold: float | None) -> Escalation:
        """What the LLM is asked. Without tokens every row weighs the same."""
        tokens = (self.large["input_tokens"] + self.large["output_tokens"]).to_numpy(dtype=float)
        weights = tokens if tokens.sum() else np.ones(len(tokens))
        up = self._escalated(threshold)
        share = float(weights[up].sum() / weights.sum())
        return Escalation(float(up.mean()), share, threshold is not None)

    def _escalated(self, threshold: float | None) -> np.ndarray:
        """Which rows the LLM answers: those under the threshold, or all; shape (rows,)."""
        return np.ones(len(self.small), bool) if threshold is None else self.confidence < threshold


@dataclass(frozen=True)
class Prices:
    """Of 1,000 texts, in `cost.currency`; None where it is unknown."""

    small: float | None
    large: float | None

    def of(self, rows: Rows, threshold: float | None) -> float | None:
        """What the cascade costs on these rows; None where a price is unknown."""
        if self.small is None or self.large is None:
            return None
        if threshold is None:
            return self.large
        return self.small + rows.asked(threshold).tokens * self.large


@dataclass(frozen=True)
class Scoring:
    """By what rows are scored."""

    primary: str
    classes: int
    """Number of classes of the data set."""

    def value(self, frame: pd.DataFrame) -> float | None:
        """The primary metric of a frame's rows; None where it is undefined."""
        run = SeedRun(0, frame["prediction"].to_numpy(), None)
        if self.primary == "auroc":
            # A failed answer has no scores: it counts as uniform, as in metrics.scored.
            uniform = np.full(self.classes, 1 / self.classes)
            scores = [uniform if row is None else row for row in frame["scores"]]
            run = SeedRun(0, run.predictions, np.stack(scores))
        rows = np.arange(len(frame))
        ids, labels = frame["id"].to_numpy(), frame["label"].to_numpy()
        return value_of(self.primary, Scored(ids, labels, rows, "any", (run,), {}))
