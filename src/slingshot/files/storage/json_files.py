"""JSON and text files: written atomically and in one form, so that git shows what changed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from slingshot.files.storage.atomic import atomic
from slingshot.settings import UserError

JsonObject = dict[str, Any]
"""An object of JSON whose keys and values no class states."""


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text atomically."""
    with atomic(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def write_json(path: Path, value: object) -> None:
    """Write sorted, indented JSON that ends in a newline. Raises ValueError on NaN or infinity."""
    write_text(
        path,
        json.dumps(value, sort_keys=True, indent=2, ensure_ascii=False, allow_nan=False) + "\n",
    )


def read_json(path: Path) -> Any:
    """Read one JSON file. Raises UserError when it is missing or malformed."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path}: not found; run `dvc repro`") from None
    except ValueError as error:
        raise UserError(f"{path}: not valid JSON: {error}; run `dvc repro`") from None
