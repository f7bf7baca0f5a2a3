"""Notes of metrics/pairs: why a difference is missing, or why there is no claim about it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from slingshot.files.notes.base import Note, named
from slingshot.files.notes.figures import TestGroups, Undefined
from slingshot.settings.catalogue import METRICS

ENOUGH_ROWS = 10
"""The fewest test rows of a class that show how well a contestant predicts it."""


class UndefinedFigure(Note):
    """A side without a figure; no name where that holds for both sides."""

    code: Literal["undefined_figure"] = "undefined_figure"
    contestant: str | None
    reason: Undefined

    @property
    def words(self) -> str:
        return f"{self.contestant}: {self.reason.words}" if self.contestant else self.reason.words


class NoRowDiffers(Note):
    code: Literal["no_row_differs"] = "no_row_differs"

    @property
    def words(self) -> str:
        return "both predict the same for every test row"


class RareClasses(Note):
    """Classes with few test rows, which together could move a macro figure by more than the margin."""

    code: Literal["rare_classes"] = "rare_classes"
    metric: str
    margin: float
    classes: int
    """Classes in test."""
    rare: dict[str, int]
    """Class -> its test rows, of those with under ENOUGH_ROWS."""

    @property
    def words(self) -> str:
        rarest_first = sorted(self.rare.items(), key=lambda item: item[1])
        rows = [f"{name}: {rows}" for name, rows in rarest_first]
        have = "has" if len(rows) == 1 else "have"
        return (
            f"{len(rows)} of {self.classes} classes {have} under "
            f"{ENOUGH_ROWS} test rows ({named(rows)}) and could move {METRICS[self.metric].title} by "
            f"{len(rows) / self.classes:.3g}, more than the margin of {self.margin:g}, so nothing is claimed"
        )


class ScoreSources(Note):
    """AUROCs that differ in their scores. Votes have few levels, and an LLM states its confidence itself."""

    code: Literal["score_sources"] = "score_sources"
    sources: dict[str, str]
    """Contestant -> where its scores come from."""

    @property
    def words(self) -> str:
        listed = ", ".join(f"{name}: {source}" for name, source in self.sources.items())
        return f"the AUROCs come from different kinds of scores ({listed})"


OfPair = Annotated[UndefinedFigure | NoRowDiffers, Field(discriminator="code")]
OfPairs = Annotated[TestGroups | ScoreSources, Field(discriminator="code")]
"""What holds for all pairs of a data set."""
