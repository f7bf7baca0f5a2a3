"""A figure for each metric of the catalogue. A file has them as keys beside its other keys."""

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
    """In a file each metric has a key of its own, beside the keys of the other fields."""

    metrics: dict[str, float | None]
    """Metric -> its figure, for every metric; None where it is undefined."""

    @classmethod
    def file_keys(cls) -> Collection[str]:
        return {*METRICS, *cls.model_fields} - {"metrics"}

    @model_validator(mode="before")
    @classmethod
    def _gathered(cls, value: Any) -> Any:
        if not isinstance(value, dict) or "metrics" in value:
            return value
        fields = {key: field for key, field in value.items() if key not in METRICS}
        figures = {key: value[key] for key in METRICS if key in value}
        return fields | {"metrics": figures}

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
