"""JSON files as frozen classes. Every read checks types strictly, and refuses unknown keys."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from slingshot.files.storage.json_files import JsonObject, write_json
from slingshot.settings import UserError, nearest


class Record(BaseModel):
    """A JSON file, or an object in one."""

    model_config = ConfigDict(
        frozen=True, strict=True, extra="forbid", allow_inf_nan=False, protected_namespaces=()
    )

    @classmethod
    def file_keys(cls) -> Collection[str]:
        """The keys that the file may have."""
        return cls.model_fields

    def as_json(self) -> JsonObject:
        """Plain JSON values, as in the file."""
        return self.model_dump(mode="json")

    def write(self, path: Path) -> None:
        """Write the file atomically, its keys sorted."""
        write_json(path, self.as_json())

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read the file. Raises UserError with the file, the key and the remedy where it is missing or malformed."""
        try:
            text = path.read_text(encoding="utf-8")
        except FileNotFoundError:
            raise UserError(f"{path}: not found; run `dvc repro`") from None
        except UnicodeDecodeError:
            raise UserError(f"{path}: not valid JSON: not UTF-8; run `dvc repro`") from None
        return cls.parse(text, str(path), "run `dvc repro`")

    @classmethod
    def parse(cls, text: str | bytes, where: str, remedy: str) -> Self:
        """The record of a JSON text. Raises UserError with `where`, up to five wrong keys and the remedy."""
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            problems = "; ".join(_problem(cls, details) for details in error.errors()[:5])
            raise UserError(f"{where}: {problems}; {remedy}") from None


def _problem(record: type[Record], error: ErrorDetails) -> str:
    """One of pydantic's errors in words."""
    if error["type"] == "json_invalid":
        return f"not valid JSON: {error['ctx']['error']}"
    key = ".".join(map(str, error["loc"])) or "the file"
    if error["type"] == "extra_forbidden":
        # Only a key of the file itself is compared with the known ones: a deeper one is of another class.
        known = record.file_keys() if len(error["loc"]) == 1 else ()
        return f"unknown key '{key}'{nearest(key, known) if known else ''}"
    if error["type"] == "missing":
        return f"key '{key}' is missing"
    return f"{key}: {error['msg'][0].lower()}{error['msg'][1:]}"
