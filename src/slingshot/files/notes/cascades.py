"""Notes of metrics/cascade: why no threshold was chosen."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from slingshot.files.notes.base import Note, plural
from slingshot.settings.catalogue import METRICS


class NoThreshold(Note):
    """The primary metric is undefined on the validation rows, as they are of one class."""

    code: Literal["no_threshold"] = "no_threshold"
    metric: str
    rows: int
    small: str

    @property
    def words(self) -> str:
        return (
            f"its {plural(self.rows, 'validation row')} are all of one class, on which "
            f"{METRICS[self.metric].title} is undefined, so no threshold could be chosen "
            f"and {self.small} always answers"
        )


class MaxCostTooLow(Note):
    code: Literal["max_cost_too_low"] = "max_cost_too_low"
    small: str

    @property
    def words(self) -> str:
        return f"its max_cost is less than {self.small} alone costs, so {self.small} always answers"


OfCascade = Annotated[NoThreshold | MaxCostTooLow, Field(discriminator="code")]
