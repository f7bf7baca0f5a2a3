"""How many rows of one data set `prepare` takes. It has all of them in memory, several times over."""

from __future__ import annotations

from pathlib import Path

from slingshot.settings import UserError

ROWS = 10_000_000
SIZE = 2 * 2**30
"""Most bytes of the columns that are used."""


class RowLimit:
    """Counts the rows and bytes of all files of a data set, and refuses more than ROWS or SIZE."""

    def __init__(self) -> None:
        self._rows = self._size = 0

    def add(self, path: Path, rows: int, size: int) -> None:
        """Count rows and their bytes before they are kept. Raises UserError if they are too many."""
        self._rows += rows
        self._size += size
        if self._rows > ROWS:
            raise over_limit(path, f"{ROWS:,} rows")
        if self._size > SIZE:
            raise over_limit(path, f"{SIZE:,} bytes in the columns that are used")


def over_limit(path: Path, most: str) -> UserError:
    """The error of a data set that is too large. most: the limit in words."""
    return UserError(
        f"{path}: with this file the data set has more than {most}; put a sample of its rows there instead"
    )
