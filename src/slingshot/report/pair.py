"""The pairs of a data set as a table, and a pair's figures as words."""

from __future__ import annotations

from itertools import combinations

from slingshot.files.pairs import UNRESOLVED, Claims, Difference
from slingshot.report.grid import Grid
from slingshot.report.inputs import Results
from slingshot.report.numbers import MISSING, count, listed, percent, signed, significant

FLOOR = 0.0001
"""A smaller p is written as `< 0.0001`."""


def p_words(claims: Claims) -> str:
    """The corrected p, e.g. `0.031`; `< 0.0001` if it is smaller."""
    if claims.p_corrected is not None and claims.p_corrected < FLOOR:
        return f"< {FLOOR:.4f}"
    return significant(claims.p_corrected, 2)


def standing(pair: Difference) -> str:
    """The verdict about the first of a pair, for the table."""
    parts = [pair.verdict or MISSING]
    if (pair.verdict, pair.reverse_verdict) == (UNRESOLVED, "as good"):
        parts.append("the second is as good")
    if pair.recipe:
        parts.append(f"trained again: {pair.recipe.verdict}")
    return "; ".join([*parts, *(note.words for note in pair.notes)])


def every_pair(results: Results) -> list[Difference]:
    """The pairs in the order of the study, without cascades that equal one of their sides."""
    return [results.pair(a, b) for a, b in combinations(results.shown, 2)]


def grid(results: Results, deciding: tuple[tuple[str, str], ...] = ()) -> Grid:
    """The pairs as a table; `deciding` are those whose p is not corrected."""
    labels = {contestant.name: contestant.label for contestant in results.contestants}
    pairs = results.pairs
    rows = [
        (
            labels[pair.a],
            labels[pair.b],
            signed(pair.difference),
            MISSING if pair.low is None else f"{signed(pair.low)} to {signed(pair.high)}",
            p_words(pair),
            standing(pair),
            count(pair.rows_to_resolve),
        )
        for pair in every_pair(results)
    ]
    columns = ("First", "Second", "Difference", f"{percent(pairs.confidence)} interval")
    return Grid(
        heading="Every pair",
        caption=f"First minus second on the same test rows; the margin is {pairs.margin:g}.",
        columns=(*columns, "p, corrected", "The first is", "Rows needed"),
        rows=tuple(rows),
        notes=tuple(_notes(results, deciding)),
    )


def _notes(results: Results, deciding: tuple[tuple[str, str], ...]) -> list[str]:
    notes = [
        "'Rows needed' estimates the test rows that would settle a pair in 80 of 100 studies if the difference held. "
        "A dash: settled, or no number would be enough.",
        f"p is corrected for the number of pairs{_except(results, deciding)}.",
    ]
    if results.pairs.undecidable:
        notes.append(f"No pair is judged: {results.pairs.undecidable.words}.")
    if any(pair.recipe for pair in every_pair(results)):
        notes.append(
            "Differences are between the models trained here. 'Trained again' says what is true on average over "
            f"trainings with the same settings if {assumed(results)}."
        )
    elif any(contestant.seeds() for contestant in results.contestants):
        notes.append("Intervals include the variation between training seeds.")
    return notes


def _except(results: Results, deciding: tuple[tuple[str, str], ...]) -> str:
    names = [f"{results.titles[a]} against {results.titles[b]}" for a, b in deciding]
    return f", except for the pairs that decide ({listed(names)})" if names else ""


def assumed(results: Results) -> str:
    """The assumption about training if few seeds were run."""
    return f"training runs have a standard deviation of {results.pairs.seed_sd:g} (metrics.seed_sd)"
