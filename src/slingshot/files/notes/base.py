"""What all notes share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from slingshot.files.storage.record import Record


class Note(Record):
    """A code, and the values that its words need. Each subclass has its own `code`."""

    code: Any

    @property
    def words(self) -> str:
        """In plain English, without a capital at its start and a full stop at its end."""
        raise NotImplementedError


def sentence(words: str) -> str:
    """The words with a capital and a full stop."""
    return f"{words[:1].upper()}{words[1:]}."


def plural(count: int, noun: str) -> str:
    """`1 row`, `2 rows`, `2,000 rows`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def named(names: Sequence[str], most: int = 5) -> str:
    """The first `most` names, and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f"{', '.join(names[:most])}{more}"


def counted(counts: Mapping[str, int]) -> str:
    """`3 refused, 1 off list`."""
    return ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in counts.items())
