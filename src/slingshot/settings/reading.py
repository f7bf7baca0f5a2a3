"""Reads params.yaml, which no other module does, and any other YAML file."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from slingshot.settings.base import NAME, PARAMS, UserError, nearest
from slingshot.settings.params import Settings

MISSING = "is missing; add it"
OWN_WORDS = ("unknown_key", "study", "value_error", "missing", "bare_date")
"""Kinds of errors with a message that needs no `(found ...)` after it."""
TAGGED: dict[int | str, int] = {"models": 2, "llms": 2, "datasets": 3}
"""Block -> the number of keys that lead to a mapping with a tag, such as models.minilm or datasets.tweets.source. The
tag (family, provider or kind) names the mapping's class."""


def read_yaml(path: Path) -> Any:
    """Parse YAML 1.2, as DVC does. Raises UserError with the line where it is malformed."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise UserError(f"{path}: not found; run this in the root of the repository") from None
    except UnicodeDecodeError:
        raise UserError(f"{path}: not UTF-8 text; save it as UTF-8") from None
    try:
        return YAML(typ="safe").load(text)
    except YAMLError as error:
        mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None)
        where = f", line {mark.line + 1}" if mark else ""
        if twice := re.match('found duplicate key "(.*?)"', problem or ""):
            raise UserError(
                f"{path}{where}: the key '{twice[1]}' appears twice; write its lines under the first one"
            ) from None
        is_tab = mark is not None and text[mark.index : mark.index + 1] == "\t"
        remedy = "; indent with spaces, not with tabs" if is_tab else ""
        raise UserError(f"{path}{where}: not valid YAML: {problem or error}{remedy}") from None


def load(path: Path = PARAMS) -> Settings:
    """Read and validate params.yaml. Raises one UserError that lists everything wrong in it."""
    return validated(read_yaml(path), path)


def validated(values: object, path: Path) -> Settings:
    """Settings from the parsed contents of `path`. Raises one UserError that lists everything wrong."""
    if not isinstance(values, dict):
        raise UserError(
            f"{path}: expected keys such as `study:` and `datasets:`, found {type(values).__name__}"
        )
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        lines = "\n  ".join(_line(details) for details in error.errors())
        raise UserError(f"{path}:\n  {lines}") from None


def _line(error: ErrorDetails) -> str:
    """One of pydantic's errors as `key: what is wrong`."""
    key = ".".join(str(part) for part in _without_tag(error["loc"]))
    kind, context = error["type"], error.get("ctx", {})
    if kind == "union_tag_not_found":
        tag = context["discriminator"].strip("'")
        return f"{key}.{tag}: {MISSING}"
    if kind == "union_tag_invalid":
        tags = [tag.strip().strip("'") for tag in context["expected_tags"].split(",")]
        tag = context["discriminator"].strip("'")
        return f"{key}.{tag}: unknown '{context['tag']}'{nearest(context['tag'], tags)}"
    message = MISSING if kind == "missing" else error["msg"].removeprefix("Value error, ")
    if kind == "string_pattern_mismatch" and context["pattern"] == NAME:
        message = "a name begins with a small letter and holds small letters, digits and _"
    if kind not in OWN_WORDS:
        message += f" (found {error['input']!r})"
    return f"{key}: {message}" if key else message


def _without_tag(loc: tuple[int | str, ...]) -> tuple[int | str, ...]:
    """The keys of an error, as in params.yaml.

    Pydantic puts the tag of a mapping after the mapping's keys: an error in models.minilm.epochs has the keys models,
    minilm, transformer, epochs.
    """
    keys = TAGGED.get(loc[0]) if loc else None
    if keys is None or (loc[0] == "datasets" and loc[2:3] != ("source",)):
        return loc
    return loc[:keys] + loc[keys + 1 :]
