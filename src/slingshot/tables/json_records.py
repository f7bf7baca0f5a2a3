"""Objects of a user's JSONL file, one per line, for `prepare` and `predict` alike."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from slingshot.settings import UserError

LINES = "write one object per line, e.g. with jq -c '.[]' of a list"


class JsonObject(dict[str, object]):
    """An object of a JSONL file."""

    repeated: frozenset[str] = frozenset()
    """Keys that it has more than once; the last value of each is kept."""
    size: int
    """Characters of its line."""


def json_objects(
    file: Path, lines: Iterable[str], used: Collection[str], *, as_written: bool
) -> Iterator[tuple[int, JsonObject]]:
    """The objects of a JSONL file, each with its line. NaN and Infinity are missing values, as null is.

    as_written: whether numbers become strings as they are written, so that 1 is not read as 1.0 beside a missing value.
    Raises UserError with the line if it is not a JSON object, or if it has a used key twice.
    """
    decoder = json.JSONDecoder(
        object_pairs_hook=_object,
        parse_constant=_missing,
        parse_int=str if as_written else int,
        parse_float=str if as_written else _finite,
    )
    for line, text in enumerate(lines, 1):
        if not text.strip():
            continue
        try:
            record = decoder.decode(text.strip())
        except json.JSONDecodeError as error:
            raise UserError(
                f"{file}: line {line} is not valid JSON: {error.msg}, column {error.colno}; {LINES}"
            ) from None
        except (ValueError, RecursionError) as error:
            raise UserError(f"{file}: line {line} is not valid JSON: {error}") from None
        if not isinstance(record, JsonObject):
            raise UserError(
                f"{file}: line {line} is not a JSON object, which has the columns as keys; {LINES}"
            )
        record.size = len(text)
        for key in sorted(record.repeated.intersection(used)):
            raise UserError(f"{file}: line {line}: key '{key}' appears twice; take one out")
        yield line, record


def shown_type(value: object) -> str:
    """The type of a JSON value in words."""
    if isinstance(value, dict):
        return "an object"
    return "a list" if isinstance(value, list) else type(value).__name__


def _object(pairs: list[tuple[str, object]]) -> JsonObject:
    record = JsonObject(pairs)
    if len(record) < len(pairs):
        counts = Counter(name for name, _ in pairs)
        record.repeated = frozenset(name for name in record if counts[name] > 1)
    return record


def _finite(number: str) -> float | None:
    """The number; None if it is too large, which counts as Infinity."""
    value = float(number)
    return value if math.isfinite(value) else None


def _missing(constant: str) -> None:
    """None for NaN, Infinity or -Infinity."""
