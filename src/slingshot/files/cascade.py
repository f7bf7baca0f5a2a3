"""metrics/cascade/D/NAME.json: how a cascade's threshold was chosen on validation rows, and its result on test."""

from __future__ import annotations

from typing import Literal

from slingshot.files.notes.cascades import OfCascade
from slingshot.files.storage.record import Record


class CascadeSeed(Record):
    """The cascade of one training run of its small model."""

    seed: int
    temperature: float
    threshold: float | None
    """The calibrated confidence from which the small model answers; None where the LLM always answers."""
    rows: int
    """Validation rows that both sides predict."""
    escalated_validation: float
    """Share of these rows that the LLM answers."""
    escalated_test: float
    """Share of the test rows that the LLM answers."""
    validation: float | None
    """The cascade's primary metric on these validation rows."""
    small_validation: float | None
    large_validation: float | None


class CascadePoint(Record):
    """The result on test rows of a threshold that was tried. Test rows choose nothing."""

    seed: int
    threshold: float | None
    escalated: float
    value: float | None
    cost_per_1000_texts: float | None
    chosen: bool


class CascadeReport(Record):
    """The whole file."""

    name: str
    small: str
    large: str
    max_cost: float | None
    primary: str
    alone: Literal["small", "large"] | None
    """The side that answers every test row under every seed; None where both sides answer some."""
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
        """The contestant that answers every test row; None where both sides answer some."""
        return {"small": self.small, "large": self.large}[self.alone] if self.alone else None
