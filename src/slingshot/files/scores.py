"""metrics/scores/D/C.json: a contestant's point figures on test, means over its seeds, for `dvc metrics diff`."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from pydantic import model_validator

from slingshot.files.figures import Figures
from slingshot.settings.catalogue import PRIMARY

VALIDATION = "validation_"


class Scores(Figures):
    """In the file the key of `validation` names the primary metric, e.g. `validation_macro_f1`."""

    auroc_classes: int | None
    """Classes over which AUROC is a mean; None where it is undefined."""
    fraction: float | None
    """The share of all training rows that was used; None for an LLM."""
    train_rows: int
    """For an LLM, the number of its shots."""
    test_rows: int
    primary: str
    validation: float | None
    """The primary metric on all validation rows that are predicted."""

    @classmethod
    def file_keys(cls) -> Collection[str]:
        own = set(super().file_keys()) - {"primary", "validation"}
        return own | {VALIDATION + metric for metric in PRIMARY}

    @model_validator(mode="before")
    @classmethod
    def _named(cls, value: Any) -> Any:
        primaries = {VALIDATION + metric: metric for metric in PRIMARY}
        keys = [key for key in primaries if key in value] if isinstance(value, dict) else []
        if len(keys) != 1:  # the check of the fields reports a missing or unknown key
            return value
        fields = {key: field for key, field in value.items() if key != keys[0]}
        return fields | {"primary": primaries[keys[0]], "validation": value[keys[0]]}

    def as_json(self) -> dict[str, Any]:
        """As in the file: with the figures as keys, and without `primary`."""
        fields = super().as_json()
        fields[VALIDATION + fields.pop("primary")] = fields.pop("validation")
        return fields
