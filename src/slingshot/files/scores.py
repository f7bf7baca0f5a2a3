"""metrics/scores/D/C.json: a contestant's point figures on test, means over its seeds, for `dvc metrics diff`."""

from __future__ import annotations

from typing import Any

from pydantic import model_validator

from slingshot.files.figures import Figures
from slingshot.settings.catalogue import PRIMARY

VALIDATION = "validation_"


class Scores(Figures):
    """The file holds flat figures; the one on validation rows stands under `validation_` and the primary metric."""

    auroc_classes: int | None
    """Classes over which AUROC is a mean; None where it is undefined."""
    fraction: float | None
    """Of the training rows; None for an LLM."""
    train_rows: int
    """Or shots."""
    test_rows: int
    primary: str
    validation: float | None
    """The primary metric on all validation rows that are predicted."""

    @model_validator(mode="before")
    @classmethod
    def _named(cls, value: Any) -> Any:
        keys = {VALIDATION + metric: metric for metric in PRIMARY}
        found = [key for key in keys if key in value] if isinstance(value, dict) else []
        if len(found) != 1:
            return value
        others = {key: held for key, held in value.items() if key != found[0]}
        return others | {"primary": keys[found[0]], "validation": value[found[0]]}

    def as_json(self) -> dict[str, Any]:
        """As the file holds them: flat."""
        told = super().as_json()
        told[VALIDATION + told.pop("primary")] = told.pop("validation")
        return told
