"""What is said of a pair of contestants: what one is against the other, by how much, and of whom that is claimed."""

from __future__ import annotations

from collections.abc import Sequence

from slingshot.metrics.rule import UNRESOLVED
from slingshot.report.inputs import Contestant, Results
from slingshot.report.numbers import count, percent, score, signed
from slingshot.report.pair import Pair, assumed, find_pair
from slingshot.settings.catalogue import METRICS

FEW_ROWS = 1_000
"""Training rows under which the spread of training seeds grows (metrics/curve of the default study, 140 to 560)."""
FEW = (
    f"Models trained on fewer than {count(FEW_ROWS)} rows may vary two to four times as much between seeds as on "
    "thousands: three `seeds` in params.yaml measure it."
)
_AGAINST = {
    "better": "better than",
    "worse": "worse than",
    "as good": "as good as",
    "not resolved": "not resolved against",
}


def comparison(
    results: Results, pair: Pair, small: Contestant, large: Contestant, primary: str
) -> str:
    if pair.difference is None:
        why = f" ({'; '.join(pair.notes)})" if pair.notes else ""
        return f"{small.title} and {large.title} could not be compared{why}."
    return (
        f"Over {count(results.pairs.get('test_rows'))} test rows {small.title} has {METRICS[primary].title} "
        f"{score(pair.a_value)} and {large.title} {score(pair.b_value)}: a difference of {_difference(results, pair)}"
        f"{'' if pair.p_corrected is None else f', p {pair.p_words}'}."
    )


def standing(
    results: Results, chosen: Contestant, others: Sequence[Contestant], what: str
) -> list[str]:
    """Where the chosen one stands against `others`, one clause each; nothing where there are none."""
    clauses = [
        clause(results, find_pair(results.pairs, chosen.name, other.name), other)
        for other in others
    ]
    those = f"the {what}" if len(clauses) == 1 else f"each {what}"
    return [f"Against {those}, {chosen.title} is {'; '.join(clauses)}."] if clauses else []


def clause(results: Results, pair: Pair | None, other: Contestant) -> str:
    """What the first of a pair is against `other`."""
    if pair is None or pair.difference is None:
        return f"not compared with {other.title}"
    return f"{_AGAINST.get(pair.verdict or '', 'not resolved against')} {other.title}, {_difference(results, pair)}"


def _difference(results: Results, pair: Pair) -> str:
    if pair.low is None:
        return f"{signed(pair.difference)}, without an interval"
    interval = f"{signed(pair.low)} to {signed(pair.high)}"
    return f"{signed(pair.difference)} ({percent(results.pairs['confidence'])} interval {interval})"


def of_whom(results: Results, pair: Pair | None, small: Contestant, large: Contestant) -> list[str]:
    """Whether the claims are of trained models or of recipes, and in the first case what may be said of the recipe."""
    if pair is None or pair.p is None or not small.seeds():
        return []
    if pair.recipe is None:
        return [
            f"These are claims of the recipe: intervals hold what {len(small.seeds())} training seeds differ by."
        ]
    open_ = pair.recipe.verdict == UNRESOLVED != pair.verdict
    few = (small.scores.get("train_rows") or FEW_ROWS) < FEW_ROWS
    return [
        f"These are claims of the models trained here. The recipe, that is any training of {small.title}, is "
        f"{clause(results, pair.recipe, large)}, if {assumed(results)}."
        f"{' More training seeds may tell more.' if open_ else ''}",
        *([FEW] if few else []),
    ]
