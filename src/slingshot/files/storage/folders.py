"""Folders of one file a contestant."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path


def keep_only(folder: Path, names: Collection[str]) -> None:
    """Delete the files of the folder whose stem is none of the names: those of contestants that left the study."""
    for file in folder.iterdir():
        if file.is_file() and file.suffix and file.stem not in names:
            file.unlink()
