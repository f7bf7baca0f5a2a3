"""metrics/cascade/D/NAME.json: how a cascade's threshold was chosen on validation rows, and what it asks on test."""

from __future__ import annotations

from typing import Literal

from slingshot.files.notes.cascades import OfCascade
from slingshot.files.storage.record import Record


class CascadeSeed(Record):
    """The cascade of one training run of its small model."""

    seed: int
    temperature: float
    threshold: float | None
    """Of the calibrated confidence; None where the LLM always answers."""
    rows: int
    """Validation rows that both sides predict."""
    escalated_validation: float
    escalated_test: float
    """Share of the rows that the LLM answers."""
    validation: float | None
    small_validation: float | None
    large_validation: float | None
    """The primary metric on validation rows, of the cascade and of each side."""


class CascadePoint(Record):
    """What a threshold that was tried would have scored on test; test chooses nothing."""

    seed: int
    threshold: float | None
    escalated: float
    value: float | None
    cost_per_1000_texts: float | None
    chosen: bool


class CascadeReport(Record):
    name: str
    small: str
    large: str
    max_cost: float | None
    primary: str
    alone: Literal["small", "large"] | None
    """The side that the cascade is on the test rows under every seed; None where both answer some."""
    rows: int
    seeds: tuple[CascadeSeed, ...]
    curve: tuple[CascadePoint, ...]
    notes: tuple[OfCascade, ...]

    @property
    def escalated(self) -> float:
        """Share of the test rows that the LLM answers, mean over seeds."""
        return sum(seed.escalated_test for seed in self.seeds) / len(self.seeds)

    @property
    def alone_as(self) -> str | None:
        """The contestant that the cascade is the same as on test rows; None where both sides answer some."""
        return {"small": self.small, "large": self.large}[self.alone] if self.alone else None
