"""A pair of contestants, from metrics/pairs/D.json, read from whichever side is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any


@dataclass(frozen=True)
class Pair:
    """Contestant `a` against `b` on the primary metric; the difference is a's value minus b's."""

    a: str
    b: str
    a_value: float | None = None
    b_value: float | None = None
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    p_holm: float | None = None
    verdict: str | None = None
    reverse_verdict: str | None = None
    rows_to_resolve: int | None = None
    notes: tuple[str, ...] = ()


def find_pair(pairs: Mapping[str, Any], a: str, b: str) -> Pair | None:
    """The pair of `a` against `b`, turned round where the file has b against a; None if it has neither."""
    for row in pairs.get("pairs") or []:
        if {row.get("a"), row.get("b")} == {a, b}:
            known = {key: row.get(key) for key in Pair.__dataclass_fields__ if key != "notes"}
            pair = Pair(**known, notes=tuple(row.get("notes") or ()))
            return pair if pair.a == a else _turned(pair)
    return None


def _turned(pair: Pair) -> Pair:
    def minus(value: float | None) -> float | None:
        return None if value is None else -value

    return replace(
        pair,
        a=pair.b,
        b=pair.a,
        a_value=pair.b_value,
        b_value=pair.a_value,
        difference=minus(pair.difference),
        low=minus(pair.high),
        high=minus(pair.low),
        verdict=pair.reverse_verdict,
        reverse_verdict=pair.verdict,
    )
