"""The verdict in one paragraph of plain words; every figure in it stands in a file of metrics/."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from slingshot.report.inputs import Contestant, Results
from slingshot.report.numbers import count, percent, score, signed, significant
from slingshot.report.verdict import Pair, Verdict, cheaper, decide, find_pair
from slingshot.settings import Settings

METRIC_NAMES = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "macro_f1": "macro-F1",
    "auroc": "AUROC",
}
_AGAINST = {
    "better": "better than",
    "worse": "worse than",
    "as good": "as good as",
    "not resolved": "not resolved against",
}
ENOUGH_SEEDS = 3
"""Training seeds from which the interval resamples seeds as well as rows."""


def verdict(results: Results, settings: Settings) -> Verdict:
    """The decision for one data set with its reasons and its paragraph."""
    decided = decide(results, settings.metrics.primary)
    return replace(decided, words=" ".join(_sentences(results, decided, settings)))


def _sentences(results: Results, decided: Verdict, settings: Settings) -> list[str]:
    named = {contestant.name: contestant for contestant in results.contestants}
    small, large = named.get(decided.small or ""), named.get(decided.large or "")
    pair = decided.pair
    if small is None or large is None or pair is None:
        return _without_comparison(results, small or large, settings)
    return [
        {
            "fine-tune": f"Fine-tune {small.title}.",
            "prompt": f"Prompt {large.title}.",
        }.get(decided.decision, f"Undecided between fine-tuning {small.title} and prompting {large.title}."),
        _comparison(results, pair, small, large, settings.metrics.primary),
        *([_because(decided)] if pair.difference is not None else []),
        *_costs(small, large, settings.cost.currency),
        *([_what_would_decide(decided, pair, cheaper(small, large))] if decided.decision == "undecided" else []),
        *_variance(small),
        *_caveats(results),
        _standing(results, small, [c for c in results.of_kind("model") if cheaper(c, small)], "cheaper model"),
    ]


def _comparison(results: Results, pair: Pair, small: Contestant, large: Contestant, primary: str) -> str:
    if pair.difference is None:
        why = f" ({'; '.join(pair.notes)})" if pair.notes else ""
        return f"{small.title} and {large.title} could not be compared{why}."
    return (
        f"Over {count(results.pairs.get('test_rows'))} test rows {small.title} has {METRIC_NAMES[primary]} "
        f"{score(pair.a_value)} and {large.title} {score(pair.b_value)}: a difference of {_difference(results, pair)}, "
        f"p after Holm {significant(pair.p_holm, 2)}."
    )


def _difference(results: Results, pair: Pair) -> str:
    interval = f"{signed(pair.low)} to {signed(pair.high)}"
    return f"{signed(pair.difference)} ({percent(results.pairs['confidence'])} interval {interval})"


def _because(decided: Verdict) -> str:
    reasons = " and ".join(decided.reasons)
    return f"{reasons[0].upper()}{reasons[1:]}."


def _costs(small: Contestant, large: Contestant, currency: str) -> list[str]:
    def money(contestant: Contestant, key: str) -> str:
        value = contestant.cost.get(key)
        return "an unknown sum" if value is None else f"{currency} {significant(value)}"

    sentences = [
        f"1,000 texts cost {money(small, 'cost_per_1000_texts')} with {small.title} and "
        f"{money(large, 'cost_per_1000_texts')} with {large.title}."
    ]
    if small.cost.get("train_seconds") is not None:
        sentences.append(
            f"First, {small.title} took {significant(small.cost['train_seconds'])} s of training "
            f"({money(small, 'train_cost')}) on {count(small.cost.get('train_rows'))} labelled rows "
            f"({money(small, 'labelling_cost')} at the price of a label)."
        )
    return sentences


def _what_would_decide(decided: Verdict, pair: Pair, small_is_cheaper: bool | None) -> str:
    if pair.difference is None:
        return "Figures for that pair would decide it."
    if decided.rows_to_decide:
        size = decided.rows_to_decide
        rounded = round(size, 1 - math.floor(math.log10(size)))
        return (
            f"About {count(rounded)} test rows would decide it if the difference stays as measured: an estimate, "
            "as the interval narrows with the square root of the rows."
        )
    if "as good" in (pair.verdict, pair.reverse_verdict) and small_is_cheaper is None:
        return "A known difference in cost per 1,000 texts would decide it."
    return "More test rows, or fewer contestants to correct the p value for, would decide it."


def _variance(small: Contestant) -> list[str]:
    seeds = len(small.seeds())
    if not 0 < seeds < ENOUGH_SEEDS:
        return []
    return [f"Training variance not included: {small.title} was trained with {seeds} seed{'s' if seeds > 1 else ''}."]


def _caveats(results: Results) -> list[str]:
    return [f"{note[:1].upper()}{note[1:]}." for note in results.pairs.get("notes") or []]


def _standing(results: Results, chosen: Contestant, others: Sequence[Contestant], what: str) -> str:
    """Where the chosen one stands against `others`, one clause each."""
    clauses = []
    for other in others:
        pair = find_pair(results.pairs, chosen.name, other.name)
        if pair is None or pair.difference is None:
            clauses.append(f"not compared with {other.title}")
        else:
            clauses.append(
                f"{_AGAINST.get(pair.verdict or '', 'not resolved against')} {other.title}, "
                f"{_difference(results, pair)}"
            )
    if not clauses:
        return f"No {what} takes part."
    return f"Against each {what}, {chosen.title} is {'; '.join(clauses)}."


def _without_comparison(results: Results, chosen: Contestant | None, settings: Settings) -> list[str]:
    if chosen is None:
        return ["No model and no LLM takes part, so there is nothing to compare."]
    missing, there = ("LLM", "model") if chosen.kind == "model" else ("model", "LLM")
    primary = METRIC_NAMES[settings.metrics.primary]
    others = [c for c in results.of_kind(chosen.kind) if c is not chosen]
    return [
        f"No {missing} takes part, so fine-tuning is not compared with prompting.",
        f"{chosen.title} has the best validation {primary} of the {there}s, and {primary} "
        f"{score(chosen.scores.get(settings.metrics.primary))} on {count(chosen.scores.get('test_rows'))} test rows.",
        *_variance(chosen),
        *_caveats(results),
        _standing(results, chosen, others, f"other {there}"),
    ]
