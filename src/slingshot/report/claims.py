"""Sentences about two contestants: which is better, by how much, and whether that is true for other trainings."""

from __future__ import annotations

from collections.abc import Sequence

from slingshot.files.pairs import UNRESOLVED, Difference
from slingshot.report.inputs import Contestant, Results
from slingshot.report.numbers import count, listed, percent, score, signed
from slingshot.report.pair import assumed
from slingshot.settings.catalogue import METRICS

FEW_ROWS = 1_000
"""With fewer training rows, training seeds differ more (metrics/curve of the default study, 140 to 560 rows)."""


def comparison(results: Results, pair: Difference, primary: str) -> str:
    """The two figures and their difference. A contestant that is better comes first."""
    if pair.difference is None:
        reasons = "; ".join(note.words for note in pair.notes)
        return f"The two could not be compared{f': {reasons}' if reasons else ''}."
    pair = pair.turned() if pair.reverse_verdict == "better" else pair
    titles, noun = results.titles, "a lead" if pair.verdict == "better" else "a difference"
    return (
        f"On {count(results.pairs.test_rows)} test rows {titles[pair.a]} has {METRICS[primary].title} "
        f"{score(pair.a_value)} and {titles[pair.b]} {score(pair.b_value)}, {noun} of {gap(results, pair)}."
    )


def gap(results: Results, pair: Difference) -> str:
    """The difference with its interval; without a sign if the first is better."""
    written = score if pair.verdict == "better" else signed
    if pair.low is None:
        return f"{written(pair.difference)}, without an interval"
    confidence = percent(results.pairs.confidence)
    return f"{written(pair.difference)} ({confidence} interval {written(pair.low)} to {written(pair.high)})"


def clause(results: Results, pair: Difference) -> str:
    """The verdict about the first of a pair: `beats tfidf by 0.117 (95% interval 0.087 to 0.147)`."""
    other = results.titles[pair.b]
    if pair.difference is None:
        return f"can't be compared with {other}"
    if pair.verdict == "better":
        return f"beats {other} by {gap(results, pair)}"
    if pair.reverse_verdict == "better":
        words = f"is behind {other} by {gap(results, pair.turned())}"
        return f"{words}, less than the margin" if pair.verdict == "as good" else words
    if pair.verdict == "as good":
        return f"is as good as {other}: the difference is {gap(results, pair)}"
    return f"can't be told apart from {other}: the difference is {gap(results, pair)}"


def against(
    results: Results, chosen: Contestant, others: Sequence[Contestant], which: str
) -> list[str]:
    """Sentences that compare `chosen` with `others`; `which` describes the others, e.g. `cheaper model`."""
    pairs = [results.pair(chosen, other) for other in others]
    if not pairs:
        return []
    if any(pair.verdict != "better" for pair in pairs):
        return [f"{chosen.title} {clause(results, pair)}." for pair in pairs]
    if len(pairs) == 1:
        other = results.titles[pairs[0].b]
        return [
            f"{chosen.title} also beats {other}, the only {which}, by {gap(results, pairs[0])}."
        ]
    leads = [f"{results.titles[pair.b]} by {gap(results, pair)}" for pair in pairs]
    return [f"{chosen.title} also beats the {which}s: {listed(leads)}."]


def of_whom(results: Results, pair: Difference | None, small: Contestant) -> list[str]:
    """Whether claims are about the trained models or the average training; empty if `small` has no training seed."""
    if pair is None or pair.p is None or not small.seeds():
        return []
    recipe = pair.of_recipe
    if recipe is None:
        return [
            f"The claims are about {small.title} averaged over training runs: intervals include the variation "
            "between its training seeds."
        ]
    more = " More training seeds may settle it." if differs(pair) else ""
    sentences = [
        f"The claims are about the models trained here. Averaged over training runs, {small.title} "
        f"{clause(results, recipe)}, if {assumed(results)}.{more}"
    ]
    if small.scores.train_rows < FEW_ROWS:
        sentences.append(
            f"On fewer than {count(FEW_ROWS)} training rows, seeds may differ two to four times as much as on "
            "thousands; three `seeds` in params.yaml measure it."
        )
    return sentences


def differs(pair: Difference) -> bool:
    """Whether a claim about the trained models is not resolved for other trainings."""
    return pair.recipe is not None and pair.recipe.verdict == UNRESOLVED != pair.verdict
