"""Finds labels that are several labels in one: lists, JSON of annotation tools, and `a#b`, `a|b`, `a;b` or `a,b`."""

from __future__ import annotations

import ast
import contextlib
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from slingshot.data.alike import key

SEPARATORS = "#|;,"
ALONE = -1
"""The place of a part that is a whole label."""
DECIMAL = re.compile(r"[+-]?\d+,\d+")
"""A number with a decimal comma, which separates nothing."""
JOINED = re.compile(r"[^\s#|][#|][^\s#|]")
"""A separator that hardly any single name contains."""
ARRAY = re.compile(r"\[('[^']+'\s*)+\]")
"""A list as numpy prints it, without commas. Python would join its strings into one."""


def several(labels: Iterable[str]) -> list[str]:
    """The labels that are two labels or more in one, in their order.

    A list counts as several labels. So does a label with a `#` or `|` between characters, if at least two labels have
    one. Otherwise a separator counts if parts of a label occur in other labels too. So `C#`, `Ticket #1` and
    `no, thanks` stay whole.
    """
    names = list(dict.fromkeys(labels))
    listed = {name for name in names if len(_listed(name)) > 1}
    joined = {name for name in names if JOINED.search(name)}
    others = [name for name in names if name not in listed]
    split = {name for separator in SEPARATORS for name in _split(others, separator)}
    compound = listed | split | (joined if len(joined) > 1 else set())
    return [name for name in names if name in compound]


def _listed(label: str) -> list[str]:
    """The labels in a JSON or Python list or object; empty if the label is neither."""
    if not label.startswith(("[", "{", "(")):
        return []
    if ARRAY.fullmatch(label):
        return re.findall(r"'[^']+'", label)
    for read in (json.loads, ast.literal_eval):
        with contextlib.suppress(ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            return list(_leaves(read(label)))
    return []


def _leaves(value: object) -> Iterator[str]:
    """The strings in the value, and all items of its lists.

    A number in an object is not a label but a figure such as a confidence.
    """
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            if isinstance(inner, str | Mapping | list | tuple | set):
                yield from _leaves(inner)
    elif isinstance(value, list | tuple | set):
        for inner in value:
            nested = isinstance(inner, Mapping | list | tuple | set)
            yield from _leaves(inner if nested else str(inner))


def _split(names: list[str], separator: str) -> set[str]:
    """The names in which this separator joins several labels.

    `holders` counts the labels that a part occurs in, `places` where in them it occurs.
    """
    ends = f"[]{{}}() {separator}"
    parts = {name: [key(part) for part in name.strip(ends).split(separator)] for name in names}
    holders: dict[str, set[str]] = defaultdict(set)
    places: dict[str, set[int]] = defaultdict(set)
    for name, pieces in parts.items():
        for place, part in enumerate(pieces):
            holders[part].add(key(name))
            places[part].add(place if len(pieces) > 1 else ALONE)
    joined = {
        name: pieces
        for name, pieces in parts.items()
        if len(set(pieces)) > 1 and all(pieces) and not DECIMAL.fullmatch(name)
    }

    def recur(pieces: list[str]) -> list[bool]:
        return [len(holders[part]) > 1 for part in pieces]

    def is_proof(pieces: list[str]) -> bool:
        """Whether this name shows that the separator joins labels."""
        # Names may contain a comma too, as those of towns and their states do; then their parts keep their places.
        moves = separator != "," or any(len(places[part]) > 1 for part in pieces)
        return moves and (any(recur(pieces)) if separator in "#|" else all(recur(pieces)))

    # One proof is enough for every name that has a recurring part.
    if not any(map(is_proof, joined.values())):
        return set()
    return {name for name, pieces in joined.items() if any(recur(pieces))}
