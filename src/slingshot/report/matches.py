"""The number of labels that a model needs to match an LLM, from the learning curve, and its sentences."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from slingshot.files.points import Point
from slingshot.metrics.learning import ENOUGH_LEVELS
from slingshot.metrics.matching import INSIDE, Match, NoInterval, NoMatch, match
from slingshot.metrics.scored import ENOUGH_SEEDS
from slingshot.report.inputs import Contestant, Results
from slingshot.report.numbers import count, percent

_REASONS: dict[NoMatch, str] = {
    "few_levels": "{small} was trained on one number of rows only, so no match with {large} can be said",
    "other_rows": "{small} can't be matched with {large}, which wasn't asked about the curve's test rows",
    "rare_classes": "how many labels {small} needs to match {large} is not estimated",
    "ahead": "{small} already beats {large} with {edge} labels, the fewest tried",
    "behind": "{small} is still behind {large} with {edge} labels, the most tried",
    "perhaps_ahead": "{small} scores above {large} with {edge} labels, the fewest tried, but {doubt}",
    "perhaps_behind": "{small} scores below {large} with {edge} labels, the most tried, but {doubt}",
}
_NO_INTERVAL: dict[NoInterval, str] = {
    "no_spread": "no interval, because the spread of their difference on test is not known",
    "few_seeds": (
        f"no interval, because that takes {ENOUGH_SEEDS} training seeds or {ENOUGH_LEVELS} numbers of training rows"
    ),
}


def matches(results: Results, primary: str) -> list[Match]:
    """The labels to match, for each model with a curve and each LLM."""
    trained = {point.contestant for point in results.curve if point.fraction is not None}
    models = [model for model in results.of_kind("model") if model.name in trained]
    return [
        _match(results, primary, small, large)
        for small in models
        for large in results.of_kind("llm")
    ]


def _match(results: Results, primary: str, small: Contestant, large: Contestant) -> Match:
    if results.pairs.undecidable:
        return Match(small.name, large.name, reason="rare_classes")
    spread = _spread(results, small, large)
    return match(_current(results, large), primary, small.name, large.name, spread)


def _spread(results: Results, small: Contestant, large: Contestant) -> float | None:
    """The standard error of their difference on the test rows, without the part that differs between seeds. The points
    of the curve show that part, and the variance of training."""
    variances = results.pair(small, large).variances
    return math.sqrt(max(0.0, variances.rows.value - variances.noise)) if variances else None


def _current(results: Results, llm: Contestant) -> list[Point]:
    """All points, except those of the LLM with another number of shots than now."""
    return [
        point
        for point in results.curve
        if point.contestant != llm.name or point.train_rows == llm.scores.train_rows
    ]


def sentences(results: Results, primary: str) -> Iterator[str]:
    """A sentence for each match; or one sentence for all if rare classes allow no claim."""
    rows = matches(results, primary)
    if results.pairs.undecidable and rows:
        why = results.pairs.undecidable.words
        yield f"How many labels match an LLM is not estimated: {why}."
        return
    for row in rows:
        yield words(row, results.titles, results.audit.rows.validation)


def words(row: Match, titles: Mapping[str, str], validation: int) -> str:
    """`minilm matches Gemma with about 310 training labels (95% interval 180 to 560), plus 840 validation labels.`"""
    small, large = titles.get(row.small, row.small), titles.get(row.large, row.large)
    if row.rows is not None:
        return (
            f"{small} matches {large} with about {count(row.rows)} training labels "
            f"({_interval(row)}), plus {count(validation)} validation labels."
        )
    assert row.reason, "a match without rows has its reason"
    doubt = "the difference is within noise"
    if row.no_interval:
        doubt = f"there is {_NO_INTERVAL[row.no_interval]}"
    reason = _REASONS[row.reason]
    return f"{reason.format(small=small, large=large, edge=count(row.edge), doubt=doubt)}."


def _interval(row: Match) -> str:
    """`95% interval 180 to 560`, open at an end of the curve; or why there is none."""
    if row.no_interval:
        return _NO_INTERVAL[row.no_interval]
    if row.low is None and row.high is None:
        return f"{percent(INSIDE)} interval wider than the curve"
    if row.low is None:
        bounds = f"up to {count(row.high)}"
    elif row.high is None:
        bounds = f"{count(row.low)} or more"
    else:
        bounds = f"{count(row.low)} to {count(row.high)}"
    return f"{percent(INSIDE)} interval {bounds}"
