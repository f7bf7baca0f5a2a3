"""Which labels are several labels in one: lists, JSON as annotation tools export it, and `a#b`, `a|b`, `a;b`, `a,b`."""

from __future__ import annotations

import ast
import contextlib
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from slingshot.data.alike import key

SEPARATORS = "#|;,"
ALONE = -1
"""Place of a part that is a whole label."""
DECIMAL = re.compile(r"[+-]?\d+,\d+")
"""A number with a decimal comma, which separates nothing."""
JOINED = re.compile(r"[^\s#|][#|][^\s#|]")
"""A separator that hardly a name has inside it."""
ARRAY = re.compile(r"\[('[^']+'\s*)+\]")
"""As numpy prints one: Python would join its strings."""


def several(labels: Iterable[str]) -> list[str]:
    """The labels that hold two labels or more, in their order.

    A list says so itself, and a `#` or `|` that joins words of several labels. Else a separator does where parts of
    a label recur in others: so `C#`, `Ticket #1` and `no, thanks` are not taken apart.
    """
    names = list(dict.fromkeys(labels))
    listed = {name for name in names if len(_listed(name)) > 1}
    joined = {name for name in names if JOINED.search(name)}
    split = {
        name
        for separator in SEPARATORS
        for name in _split([n for n in names if n not in listed], separator)
    }
    return [
        name for name in names if name in listed | split or (len(joined) > 1 and name in joined)
    ]


def _listed(label: str) -> list[str]:
    """The labels in a JSON or Python list or object; none where the label is neither."""
    if not label.startswith(("[", "{", "(")):
        return []
    if ARRAY.fullmatch(label):
        return re.findall(r"'[^']+'", label)
    for read in (json.loads, ast.literal_eval):
        with contextlib.suppress(ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            return list(_leaves(read(label)))
    return []


def _leaves(value: Any) -> Iterator[str]:
    """The strings in it, and whatever its lists hold; a number in an object is a figure such as a confidence."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            if isinstance(inner, str | Mapping | list | tuple | set):
                yield from _leaves(inner)
    elif isinstance(value, list | tuple | set):
        for inner in value:
            yield from _leaves(
                inner if isinstance(inner, Mapping | list | tuple | set) else str(inner)
            )


def _split(names: list[str], separator: str) -> set[str]:
    """The names that this separator makes of several labels."""
    ends = f"[]{{}}() {separator}"
    parts = {name: [key(part) for part in name.strip(ends).split(separator)] for name in names}
    holders: dict[str, set[str]] = defaultdict(set)
    places: dict[str, set[int]] = defaultdict(set)
    for name, found in parts.items():
        for place, part in enumerate(found):
            holders[part].add(key(name))
            places[part].add(place if len(found) > 1 else ALONE)
    joined = {
        name: found
        for name, found in parts.items()
        if len(set(found)) > 1 and all(found) and not DECIMAL.fullmatch(name)
    }

    def told(found: list[str]) -> bool:
        # A comma also stands inside names, such as those of towns and their states, whose parts keep their places.
        moves = separator != "," or any(len(places[part]) > 1 for part in found)
        recurring = [len(holders[part]) > 1 for part in found]
        return moves and (any(recurring) if separator in "#|" else all(recurring))

    if not any(map(told, joined.values())):
        return set()
    return {name for name, found in joined.items() if any(len(holders[part]) > 1 for part in found)}
