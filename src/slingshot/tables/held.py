"""How much of a data set's files `prepare` takes: it holds all rows in memory, several times over."""

from __future__ import annotations

from pathlib import Path

from slingshot.settings import UserError

ROWS = 10_000_000
SIZE = 2 * 2**30
"""Bytes of the used columns."""


class Held:
    """Counts what is held of one data set, file by file."""

    def __init__(self) -> None:
        self._rows = self._size = 0

    def add(self, path: Path, rows: int, size: int) -> None:
        """Count rows and their bytes before they are kept. Raises UserError where they are too many."""
        self._rows += rows
        self._size += size
        if self._rows > ROWS:
            raise too_much(path, f"{ROWS:,} rows")
        if self._size > SIZE:
            raise too_much(path, f"{SIZE:,} bytes in the columns that are used")


def too_much(path: Path, most: str) -> UserError:
    """The error of a data set that is too large."""
    return UserError(
        f"{path}: with it the data set has more than {most}; put a sample of its rows there instead"
    )
