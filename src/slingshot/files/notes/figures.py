"""Notes of metrics/intervals: why a figure or its interval is missing, and what its reader must know."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from slingshot.files.notes.base import Note, counted, plural
from slingshot.settings.catalogue import METRICS

ENOUGH_GROUPS, FEW_GROUPS = 100, 20
"""Below these an interval from groups is slightly, and much, too narrow (Cameron, Gelbach and Miller, 2008)."""


class NeedsScores(Note):
    code: Literal["needs_scores"] = "needs_scores"
    metric: str

    @property
    def words(self) -> str:
        return f"{METRICS[self.metric].title} needs scores, and this contestant gives none"


class OneClass(Note):
    code: Literal["one_class"] = "one_class"
    metric: str

    @property
    def words(self) -> str:
        return f"{METRICS[self.metric].title} needs at least two classes among the scored rows"


class BinnedError(Note):
    """Why a calibration error in bins has no interval."""

    code: Literal["binned_error"] = "binned_error"

    @property
    def words(self) -> str:
        return "it has no interval, because resampling biases it upwards; the table of calibration has a test instead"


class NoValidationRows(Note):
    code: Literal["no_validation_rows"] = "no_validation_rows"

    @property
    def words(self) -> str:
        return "it predicts no validation row"


class NoScores(Note):
    """Why no temperature is fitted."""

    code: Literal["no_scores"] = "no_scores"

    @property
    def words(self) -> str:
        return "calibration needs scores, and this contestant gives none"


class NoValidationScores(Note):
    code: Literal["no_validation_scores"] = "no_validation_scores"

    @property
    def words(self) -> str:
        return "no validation row has scores"


class TestGroups(Note):
    """Test rows come in groups. With few groups, intervals are too narrow."""

    code: Literal["test_groups"] = "test_groups"
    groups: int
    effective: float
    """The number of groups of equal size that give as much information."""

    @property
    def words(self) -> str:
        groups = plural(self.groups, "test group")
        if round(self.effective) < self.groups:
            groups += f" of unequal size count as {self.effective:.0f} equal ones"
        if self.effective < FEW_GROUPS:
            return f"{groups}: too few to resolve a difference, and intervals are too narrow"
        return f"{groups}; intervals rest on groups, not on rows"


class FewSeeds(Note):
    """Training runs, too few to tell how much they vary."""

    code: Literal["few_seeds"] = "few_seeds"
    seeds: int

    @property
    def words(self) -> str:
        times = {1: "once", 2: "twice"}.get(self.seeds, f"{self.seeds} times")
        return f"trained {times}, so the interval ignores variation between training runs"


class FailedAnswers(Note):
    """Test answers that are not valid, by their status."""

    code: Literal["failed_answers"] = "failed_answers"
    kinds: dict[str, int]
    answers: int
    """All answers, over all seeds."""

    @property
    def words(self) -> str:
        failed = sum(self.kinds.values())
        return (
            f"{failed:,} of {self.answers:,} test answers are not valid and count as wrong: "
            f"{counted(self.kinds)}"
        )


Undefined = Annotated[NeedsScores | OneClass, Field(discriminator="code")]
"""Why a metric has no figure on some rows."""
NoInterval = Annotated[NeedsScores | OneClass | BinnedError, Field(discriminator="code")]
NoValidation = Annotated[NeedsScores | OneClass | NoValidationRows, Field(discriminator="code")]
"""Why there is no figure on validation rows."""
NoCalibration = Annotated[
    NoScores | NoValidationRows | NoValidationScores, Field(discriminator="code")
]
OfContestant = Annotated[TestGroups | FewSeeds | FailedAnswers, Field(discriminator="code")]
