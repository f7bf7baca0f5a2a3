"""One figure a metric of the catalogue, as files hold them: flat, beside what else a file says."""

from __future__ import annotations

from typing import Any

from pydantic import (
    SerializerFunctionWrapHandler,
    field_validator,
    model_serializer,
    model_validator,
)

from slingshot.files.storage.record import Record
from slingshot.settings.catalogue import METRICS


class Figures(Record):
    """In a file each metric is a key of its own."""

    metrics: dict[str, float | None]
    """Metric -> its figure, of all metrics; None where it is undefined."""

    @model_validator(mode="before")
    @classmethod
    def _gathered(cls, value: Any) -> Any:
        if not isinstance(value, dict) or "metrics" in value:
            return value
        others = {key: held for key, held in value.items() if key not in METRICS}
        return others | {"metrics": {key: value[key] for key in METRICS if key in value}}

    @field_validator("metrics")
    @classmethod
    def _complete(cls, value: dict[str, float | None]) -> dict[str, float | None]:
        missing = [key for key in METRICS if key not in value]
        if missing:
            raise ValueError(f"{', '.join(missing)} is missing")
        return value

    @model_serializer(mode="wrap")
    def _flat(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        told = dict(handler(self))
        return {**told.pop("metrics"), **told}
