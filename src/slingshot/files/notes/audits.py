"""Notes of metrics/audit: what a reader of the scores must know of the rows behind them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from slingshot.files.notes.base import Note


class ModelLabels(Note):
    """Labels that a model wrote."""

    code: Literal["model_labels"] = "model_labels"
    source: str

    @property
    def words(self) -> str:
        return f"labels were written by {self.source}: a score here is agreement with {self.source}, not with people"


class Ungrouped(Note):
    code: Literal["ungrouped"] = "ungrouped"
    rows: int

    @property
    def words(self) -> str:
        return f"{self.rows:,} rows have no value in the group column: their text alone groups them"


OfAudit = Annotated[ModelLabels | Ungrouped, Field(discriminator="code")]
