"""A figure for each metric of the catalogue, as files hold them: flat, beside what else a file says."""

from __future__ import annotations

from collections.abc import Collection
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
    """In a file each metric is a key of its own, beside those of the other fields."""

    metrics: dict[str, float | None]
    """Metric -> its figure, of all metrics; None where it is undefined."""

    @classmethod
    def file_keys(cls) -> Collection[str]:
        return {*METRICS, *cls.model_fields} - {"metrics"}

    @model_validator(mode="before")
    @classmethod
    def _gathered(cls, value: Any) -> Any:
        if not isinstance(value, dict) or "metrics" in value:
            return value
        others = {key: other for key, other in value.items() if key not in METRICS}
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
        fields = dict(handler(self))
        return {**fields.pop("metrics"), **fields}
