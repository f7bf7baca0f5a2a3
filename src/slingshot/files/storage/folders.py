"""Folders with one file for each contestant."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path


def keep_only(folder: Path, names: Collection[str]) -> None:
    """Delete the files whose stem is not one of `names`: their contestants have left the study."""
    for file in folder.iterdir():
        if file.is_file() and file.suffix and file.stem not in names:
            file.unlink()
