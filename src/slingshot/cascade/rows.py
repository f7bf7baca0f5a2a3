"""The rows of one split that both sides of a cascade predict: which side answers them, what it costs, how it scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from slingshot.metrics import calibration
from slingshot.metrics.estimates import value_of
from slingshot.metrics.scored import Scored, SeedRun


@dataclass(frozen=True)
class Escalation:
    """How much of some rows the LLM answers."""

    rows: float
    """The share of the rows that the LLM answers, i.e. of the escalated rows."""
    tokens: float
    """The escalated rows' share of the tokens that the LLM used on all rows, and so of its bill."""
    small_reads: bool
    """Whether the small model reads every text. It does so unless the LLM always answers."""


@dataclass(frozen=True)
class Rows:
    """Rows that both sides predict, in the same order. With a threshold of None the LLM always answers."""

    small: pd.DataFrame
    """The small model's predictions of one seed, with scores scaled by the temperature."""
    large: pd.DataFrame
    """The LLM's predictions."""
    confidence: np.ndarray
    """The small model's calibrated confidence, shape (rows,)."""

    @classmethod
    def of(cls, split: str, small: pd.DataFrame, large: pd.DataFrame, temperature: float) -> Rows:
        """The rows of a split. `small` has the predictions of one seed, and this method scales their scores."""
        of_small, of_large = (
            side[side["split"] == split].set_index("id").sort_index() for side in (small, large)
        )
        of_small = of_small.loc[of_large.index]
        scores = calibration.scaled(np.stack(of_small["scores"].to_list()), temperature)
        of_small["scores"] = pd.Series(list(scores), index=of_small.index, dtype=object)
        run = SeedRun(0, of_small["prediction"].to_numpy(), scores)
        return cls(of_small.reset_index(), of_large.reset_index(), calibration.confidence(run))

    def predictions(self, threshold: float | None) -> pd.DataFrame:
        """The cascade's predictions. Both sides read the text of an escalated row, so its input tokens add up."""
        escalated = self._escalated(threshold)
        rows = self.small.copy()
        for column in ("prediction", "scores", "score_source", "status", "output_tokens"):
            rows[column] = self.large[column].where(escalated, self.small[column])
        of_large = self.large["input_tokens"]
        rows["input_tokens"] = self.small["input_tokens"] + of_large.where(escalated, 0)
        if threshold is None:
            rows["input_tokens"] = of_large
        return rows

    def escalation(self, threshold: float | None) -> Escalation:
        """How much of the rows the LLM answers. If no tokens were counted, all rows weigh the same."""
        tokens = (self.large["input_tokens"] + self.large["output_tokens"]).to_numpy(dtype=float)
        weights = tokens if tokens.sum() else np.ones(len(tokens))
        escalated = self._escalated(threshold)
        share = float(weights[escalated].sum() / weights.sum())
        return Escalation(float(escalated.mean()), share, threshold is not None)

    def _escalated(self, threshold: float | None) -> np.ndarray:
        """Whether the LLM answers each row, because its confidence is under the threshold; shape (rows,)."""
        return np.ones(len(self.small), bool) if threshold is None else self.confidence < threshold


@dataclass(frozen=True)
class Prices:
    """The cost of 1,000 texts for each side, in `cost.currency`; None where it is not known."""

    small: float | None
    large: float | None

    def of(self, rows: Rows, threshold: float | None) -> float | None:
        """The cascade's cost of 1,000 texts such as these rows; None where a price is not known."""
        if self.small is None or self.large is None:
            return None
        if threshold is None:
            return self.large
        return self.small + rows.escalation(threshold).tokens * self.large


@dataclass(frozen=True)
class Scoring:
    """How rows are scored."""

    primary: str
    classes: int
    """The number of classes of the data set."""

    def value(self, frame: pd.DataFrame) -> float | None:
        """The primary metric of predictions; None where it is undefined."""
        return value_of(self.primary, self._scored(frame))

    def values(self, frame: pd.DataFrame, parts: Sequence[np.ndarray]) -> list[float | None]:
        """The primary metric of each part of the predictions. A part is a mask of shape (rows,)."""
        scored = self._scored(frame)
        return [value_of(self.primary, scored.only(part)) for part in parts]

    def _scored(self, frame: pd.DataFrame) -> Scored:
        run = SeedRun(0, frame["prediction"].to_numpy(), None)
        if self.primary == "auroc":
            # A failed answer has no scores: it counts as uniform, as in metrics.scored.
            uniform = np.full(self.classes, 1 / self.classes)
            scores = [uniform if row is None else row for row in frame["scores"]]
            run = SeedRun(0, run.predictions, np.stack(scores))
        rows = np.arange(len(frame))
        ids, labels = frame["id"].to_numpy(), frame["label"].to_numpy()
        return Scored(ids, labels, rows, "any", (run,), {})
