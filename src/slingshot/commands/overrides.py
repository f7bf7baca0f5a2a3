"""Turns a study file (studies/NAME.yaml) into the options `-S key=value` of `dvc exp run`.

`-S` takes single values, in Hydra's grammar. An unknown key changes nothing, without a message. So a file is first
checked against Settings, and a key that params.yaml lacks is added with `++`. A mapping that changes its kind, or
becomes a list, is first removed with `~`. Otherwise the keys of its old kind would stay beside the new keys.
"""

from __future__ import annotations

import datetime
import itertools
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from slingshot.settings import Settings, UserError, validated

SWEEP, COPY = "sweep", "copy"
"""A study file's own keys. `sweep` is {dotted key of params.yaml: [values]}, with one experiment for each value. `copy`
lists paths without git tracking that are copied for a run in a copy of the work tree."""
TAGS = ("kind", "family", "provider")
"""Keys that say which other keys their mapping has."""
PLAIN = re.compile(r"[A-Za-z_][\w.-]*")
OWN_PLACE = "put its mapping into params.yaml itself"
RESERVED = ("null", "true", "false", "inf", "nan")
"""Words that Hydra reads as values; as strings they need quotes."""


@dataclass(frozen=True)
class StudyRun:
    """One experiment of a study."""

    point: Mapping[str, Any]
    """Swept key -> its value; empty without a sweep."""
    changes: Mapping[str, Any]
    """Its changes of params.yaml, including the swept values."""
    values: Mapping[str, Any]
    """params.yaml with these changes."""
    settings: Settings
    """These values, validated."""


def runs(values: Mapping[str, Any], study: Mapping[str, Any], path: Path) -> list[StudyRun]:
    """The experiments of a study file: one without a sweep, otherwise one for each combination of values.

    `values` is the content of params.yaml, `study` the content of `path`. Raises UserError for the first invalid
    experiment.
    """
    changes = {key: change for key, change in study.items() if key not in (SWEEP, COPY)}
    experiments = []
    for point in _points(study[SWEEP], path) if SWEEP in study else [{}]:
        changed = changes
        for key, value in point.items():
            changed = merged(changed, _nested(key, value))
        together = merged(values, changed)
        experiments.append(StudyRun(point, changed, together, validated(together, path)))
    return experiments


def copied(study: Mapping[str, Any], path: Path, *, must_exist: bool) -> list[str]:
    """The paths under `copy`. Raises UserError for the first that does not exist, if they must."""
    paths: list[str] = study.get(COPY, [])
    missing = [name for name in paths if not Path(name).exists()]
    if missing and must_exist:
        raise UserError(
            f"{path}: {COPY}: {missing[0]} not found; the file's first lines say what makes it"
        )
    return paths


def _points(sweep: object, path: Path) -> list[dict[str, Any]]:
    if (
        not isinstance(sweep, Mapping)
        or not sweep
        or not all(isinstance(v, list) and v for v in sweep.values())
    ):
        raise UserError(
            f"{path}: {SWEEP}: expected dotted keys, each with a list of values: {{fraction: [1.0, 0.25]}}"
        )
    return [
        dict(zip(map(str, sweep), chosen, strict=True))
        for chosen in itertools.product(*sweep.values())
    ]


def _nested(key: str, value: object) -> dict[str, Any]:
    """{a: {b: value}} for the dotted key a.b."""
    first, *others = key.split(".")
    return {first: _nested(".".join(others), value) if others else value}


def merged(values: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """`values` with `changes`. Mappings of one kind merge key by key, and everything else is replaced."""
    result = dict(values)
    for key, change in changes.items():
        below = result.get(key)
        if (
            isinstance(below, Mapping)
            and isinstance(change, Mapping)
            and not _of_another_kind(below, change)
        ):
            change = merged(below, change)
        result[key] = change
    return result


def _of_another_kind(below: object, change: object) -> bool:
    """Whether `change` replaces all of `below`, because their kinds differ."""
    if not isinstance(below, Mapping) or not isinstance(change, Mapping):
        return isinstance(below, Mapping) != isinstance(change, Mapping)
    return any(tag in below and tag in change and below[tag] != change[tag] for tag in TAGS)


def flattened(
    values: Mapping[str, Any], changes: Mapping[str, Any], prefix: str = ""
) -> Iterator[str]:
    """`a.b=value` for every change, in the order of the file."""
    for key, change in changes.items():
        below, name = values.get(key), f"{prefix}{_part(key)}"
        if key not in values:
            yield f"++{name}={literal(change)}"
        elif _of_another_kind(below, change):
            yield f"~{name}"
            yield f"++{name}={literal(change)}"
        elif isinstance(below, Mapping) and isinstance(change, Mapping):
            yield from flattened(below, change, f"{name}.")
        else:
            yield f"{name}={literal(change)}"


def literal(value: object) -> str:
    """A value in Hydra's override grammar: {a:1,b:[x,'y z']}. Raises UserError for a value that it can't express."""
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{_key(key)}:{literal(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(literal, value)) + "]"
    if value is None or isinstance(value, bool | int | float):
        return json.dumps(value)
    if isinstance(value, datetime.date):  # Hydra would turn it into a string
        raise UserError(
            f"the date {value} can't be set by `dvc exp run -S`: put it into params.yaml itself"
        )
    return str(value) if _plain(str(value)) else _quoted(str(value))


def _part(key: object) -> str:
    if "." in str(key):
        raise UserError(
            f"the key {key!r} can't be set by `dvc exp run -S`, which splits it at its dot: {OWN_PLACE}"
        )
    return str(key)


def _key(key: object) -> str:
    if not isinstance(key, str) or not _plain(key):
        raise UserError(f"the key {key!r} can't be set by `dvc exp run -S`: {OWN_PLACE}")
    return key


def _plain(text: str) -> bool:
    return bool(PLAIN.fullmatch(text)) and text.lower() not in RESERVED


def _quoted(text: str) -> str:
    from hydra.core.override_parser.types import Quote, QuotedString

    return QuotedString(text, Quote.single).with_quotes()
