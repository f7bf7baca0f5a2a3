"""A study file (studies/NAME.yaml) into the `-S key=value` that `dvc exp run` takes.

`-S` takes single values only, in Hydra's grammar, and leaves params.yaml silently as it is when it
does not know the key: so a file is checked against Settings before a call is made of it, and a key
that params.yaml lacks is added with `++`.
"""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from slingshot.settings import UserError

PLAIN = re.compile(r"[A-Za-z_][\w.-]*")
OWN_PLACE = "put its mapping into params.yaml itself"
RESERVED = ("null", "true", "false", "inf", "nan")
"""Words that Hydra reads as values: as strings they are quoted."""


def merged(values: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """`values` with `changes`: mappings merge key by key, everything else is replaced."""
    result = dict(values)
    for key, change in changes.items():
        below = result.get(key)
        if isinstance(below, Mapping) and isinstance(change, Mapping):
            change = merged(below, change)
        result[key] = change
    return result


def flattened(values: Mapping[str, Any], changes: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    """`a.b=value` for every change, in the order of the file."""
    for key, change in changes.items():
        below, name = values.get(key), f"{prefix}{_part(key)}"
        if isinstance(below, Mapping) and isinstance(change, Mapping):
            yield from flattened(below, change, f"{name}.")
        else:
            yield f"{'' if key in values else '++'}{name}={literal(change)}"


def literal(value: Any) -> str:
    """A value in Hydra's override grammar: {a:1,b:[x,'y z']}. Raises UserError for what it can't say."""
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{_key(key)}:{literal(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(literal, value)) + "]"
    if value is None or isinstance(value, bool | int | float):
        return json.dumps(value)
    if isinstance(value, datetime.date):  # it would come back as a string
        raise UserError(f"the date {value} can't be set by `dvc exp run -S`: put it into params.yaml itself")
    return str(value) if _plain(str(value)) else _quoted(str(value))


def _part(key: Any) -> str:
    if "." in str(key):
        raise UserError(f"the key {key!r} can't be set by `dvc exp run -S`, which splits it at its dot: {OWN_PLACE}")
    return str(key)


def _key(key: Any) -> str:
    if not isinstance(key, str) or not _plain(key):
        raise UserError(f"the key {key!r} can't be set by `dvc exp run -S`: {OWN_PLACE}")
    return key


def _plain(text: str) -> bool:
    return bool(PLAIN.fullmatch(text)) and text.lower() not in RESERVED


def _quoted(text: str) -> str:
    from hydra.core.override_parser.types import Quote, QuotedString

    return QuotedString(text, Quote.single).with_quotes()
