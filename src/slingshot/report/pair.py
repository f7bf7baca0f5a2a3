"""A pair of contestants, from metrics/pairs/D.json, read from whichever side is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

from slingshot.report.grid import Grid
from slingshot.report.inputs import Results
from slingshot.report.numbers import MISSING, count, percent, signed, significant

FLOOR = 0.0001
"""Under which a p is not told further."""


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
    variances: Mapping[str, Any] | None = None
    """What the interval is made of: `rows`, what test rows add, and `training`, what each side's training does, with
    degrees of freedom, None where known; `noise` is what of the estimated training is chance of the rows."""
    p: float | None = None
    p_corrected: float | None = None
    verdict: str | None = None
    reverse_verdict: str | None = None
    rows_to_resolve: int | None = None
    recipe: Pair | None = None
    """The same of any training by the recipes, where what stands here is only of the models that were trained."""
    notes: tuple[str, ...] = ()

    @property
    def p_words(self) -> str:
        """The corrected p, e.g. `0.031`; `< 0.0001` where it is smaller still."""
        small = self.p_corrected is not None and self.p_corrected < FLOOR
        return f"< {FLOOR:.4f}" if small else significant(self.p_corrected, 2)

    @property
    def words(self) -> str:
        """What `a` is against `b`."""
        other = (
            ["the second is as good"]
            if (self.verdict, self.reverse_verdict) == ("not resolved", "as good")
            else []
        )
        anew = [f"trained anew: {self.recipe.verdict}"] if self.recipe else []
        return "; ".join([self.verdict or MISSING, *other, *anew, *self.notes])


def find_pair(pairs: Mapping[str, Any], a: str, b: str) -> Pair | None:
    """The pair of `a` against `b`, turned round where the file has b against a; None if it has neither."""
    for row in pairs.get("pairs") or []:
        if {row.get("a"), row.get("b")} == {a, b}:
            pair = _read(row)
            if row.get("recipe"):
                pair = replace(pair, recipe=replace(_read({**row, **row["recipe"]}), notes=()))
            return pair if pair.a == a else _turned(pair)
    return None


def _read(row: Mapping[str, Any]) -> Pair:
    known: dict[str, Any] = {
        key: row.get(key) for key in Pair.__dataclass_fields__ if key not in ("recipe", "notes")
    }
    return Pair(**known, notes=tuple(row.get("notes") or ()))


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
        recipe=_turned(pair.recipe) if pair.recipe else None,
    )


def every_pair(results: Results) -> list[Pair]:
    """In the order of the study."""
    found = (
        find_pair(results.pairs, a.name, b.name) for a, b in combinations(results.contestants, 2)
    )
    return [pair for pair in found if pair]


def grid(results: Results) -> Grid:
    """The pairs as a table."""
    titles = {contestant.name: contestant.title for contestant in results.contestants}
    undecidable = results.pairs.get("undecidable")
    return Grid(
        heading="Every pair",
        caption=f"Difference on the same test rows, first minus second; margin {results.pairs['margin']:g}.",
        columns=(
            *("First", "Second", "Difference", f"{percent(results.pairs['confidence'])} interval"),
            *("p, corrected", "The first is", "Rows that would resolve it"),
        ),
        rows=tuple(
            (
                titles[pair.a],
                titles[pair.b],
                signed(pair.difference),
                MISSING if pair.low is None else f"{signed(pair.low)} to {signed(pair.high)}",
                pair.p_words,
                pair.words,
                count(pair.rows_to_resolve),
            )
            for pair in every_pair(results)
        ),
        notes=(
            "The rows that would resolve a pair leave neither unresolved against the other in 80 of 100 studies, were "
            "the difference, and what training seeds differ by, truly as measured, and as many pairs compared as here; "
            f"{MISSING} where it is resolved, or no number would do. To look again after adding rows is another test.",
            "p is as it is for the pairs that decide, and corrected together with all other claims for the rest.",
            *([f"Nothing is claimed of any pair: {undecidable}."] if undecidable else []),
            *_of_whom(results),
        ),
    )


def _of_whom(results: Results) -> list[str]:
    """Whether the pairs are of trained models or of recipes; nothing where nobody was trained."""
    if any(pair.recipe for pair in every_pair(results)):
        return [
            "Differences are those of the models trained here. Trained anew: the same claim of any training by the "
            f"same recipe, if {assumed(results)}."
        ]
    trained = any(contestant.seeds() for contestant in results.contestants)
    return (
        ["Differences are those of the recipes: intervals hold what training seeds differ by."]
        if trained
        else []
    )


def assumed(results: Results) -> str:
    """What is taken of training where few seeds tell."""
    return f"training seeds have a standard deviation of {results.pairs['seed_sd']:g} (metrics.seed_sd)"
