"""The verdict in one paragraph of plain words; every figure in it stands in a file of metrics/ or in verdict.json."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from slingshot.metrics.scored import ENOUGH_SEEDS
from slingshot.report import cost_words, total
from slingshot.report.choice import unmeasured
from slingshot.report.claims import clause, comparison, of_whom, standing
from slingshot.report.inputs import Contestant, Results
from slingshot.report.numbers import count, listed, percent, rounded, score
from slingshot.report.pair import Pair
from slingshot.report.pay_back import pay_back
from slingshot.report.required import thin_latency
from slingshot.report.verdict import Verdict, cheaper, decide, judged
from slingshot.settings import Settings
from slingshot.settings.catalogue import METRICS


def verdict(results: Results, settings: Settings) -> Verdict:
    """The decision for one data set with its reasons and its paragraph."""
    decided = decide(results, settings)
    small, large = (results.named(name) for name in (decided.small, decided.large))
    return replace(
        decided,
        horizon=total.horizon(settings.decision),
        totals={c.name: c.total.as_json() for c in results.contestants if c.total},
        pay_back=pay_back(small, large, settings) if small and large else None,
        words=" ".join(_sentences(judged(results, decided), decided, settings)),
    )


def _sentences(results: Results, decided: Verdict, settings: Settings) -> list[str]:
    named = {contestant.name: contestant for contestant in results.contestants}
    small, large, cascade = (
        named.get(name or "") for name in (decided.small, decided.large, decided.cascade)
    )
    primary = settings.metrics.primary
    if decided.decision == "no comparison":
        return _without_comparison(results, decided, settings)
    sentences = [_decision(decided, small, large, cascade)]
    if small and large and decided.pair:
        sentences.append(comparison(results, decided.pair, small, large, primary))
    if decided.pair is None or decided.pair.difference is not None:
        sentences.append(_because(decided))
    sentences += (
        [_cascade(results, cascade, decided, named)] if cascade and decided.cascade_pairs else []
    )
    sentences += _alone(results, named)
    sentences += _against_majority(results, named.get(decided.choice or ""), primary)
    sentences += [
        *_excluded(decided, named),
        *_doubted(results, settings),
        *_unranked(decided, named, primary),
    ]
    sentences += _shared(decided)
    sentences += cost_words.sentences(
        [c for c in (small, large, cascade) if c], small, large, settings
    )
    if decided.decision == "undecided" and decided.pair and small and large:
        sentences.append(
            _what_would_decide(results, decided, decided.pair, cheaper(small, large), primary)
        )
    elif decided.decision == "undecided" and decided.unranked:
        sentences.append(_defined("Validation", primary))
    sentences += of_whom(results, decided.pair, small, large) if small and large else []
    sentences += _caveats(results, decided)
    if small:
        others = [c for c in results.of_kind("model") if cheaper(c, small)]
        sentences += standing(results, small, others, "cheaper model")
    return sentences


def _decision(
    decided: Verdict, small: Contestant | None, large: Contestant | None, cascade: Contestant | None
) -> str:
    if decided.decision == "fine-tune" and small:
        return f"Fine-tune {small.title}."
    if decided.decision == "prompt" and large:
        return f"Prompt {large.title}."
    if decided.decision == "cascade" and cascade:
        return f"Use {cascade.title}."
    if small and large:
        return f"Undecided between fine-tuning {small.title} and prompting {large.title}."
    return "Undecided."


def _cascade(
    results: Results, cascade: Contestant, decided: Verdict, named: Mapping[str, Contestant]
) -> str:
    """The cascade against each side, one clause each."""
    made = cascade.cascade or {}
    seeds = made.get("seeds") or []
    share = sum(row["escalated_test"] for row in seeds) / len(seeds) if seeds else 0.0
    clauses = [clause(results, pair, named[pair.b]) for pair in decided.cascade_pairs]
    return (
        f"{cascade.title} asks the LLM about {percent(round(share, 3))} of the test texts, by a threshold from "
        f"{count(made.get('rows'))} validation rows: it is {' and '.join(clauses)}.{_notes(cascade)}"
    )


def _alone(results: Results, named: Mapping[str, Contestant]) -> list[str]:
    """The cascades that are one of their sides, a sentence each."""
    found = []
    for cascade in results.of_kind("cascade"):
        made = cascade.cascade or {}
        if cascade.alone:
            found.append(
                f"{cascade.title}, chosen on {count(made.get('rows'))} validation rows, "
                f"{'never' if made['alone'] == 'small' else 'always'} asks the LLM about the test texts: it is "
                f"{named[cascade.alone].title} alone.{_notes(cascade)}"
            )
    return found


def _notes(cascade: Contestant) -> str:
    return "".join(
        f" {note[0].upper()}{note[1:]}." for note in (cascade.cascade or {}).get("notes") or []
    )


def _against_majority(results: Results, chosen: Contestant | None, primary: str) -> list[str]:
    """A sentence where the one that is recommended is not shown to beat the majority class."""
    majority = (results.audit.get("majority") or {}).get(primary)
    low = (
        ((chosen.intervals.get("metrics") or {}).get(primary) or {}).get("low") if chosen else None
    )
    if chosen is None or majority is None or low is None or low > majority:
        return []
    return [
        f"{chosen.title} is not shown to beat the majority class, which has {METRICS[primary].title} {score(majority)} "
        "without reading a text."
    ]


def _excluded(decided: Verdict, named: Mapping[str, Contestant]) -> list[str]:
    return [f"{named[name].title} is out: {why}." for name, why in decided.excluded.items()]


def _doubted(results: Results, settings: Settings) -> list[str]:
    """Whose latency rests on too few texts to exclude it."""
    thin = ((c, thin_latency(c, settings)) for c in results.contestants)
    return [f"{c.title} is not judged by its latency: {why}." for c, why in thin if why]


def _unranked(decided: Verdict, named: Mapping[str, Contestant], primary: str) -> list[str]:
    """Who could not be chosen for want of a figure on validation rows, one sentence a reason."""
    told: dict[str, list[str]] = {}
    for name, why in decided.unranked.items():
        told.setdefault(why, []).append(named[name].title)
    return [
        f"{listed(titles)} could not be chosen by {METRICS[primary].title} on validation rows ({why})."
        for why, titles in told.items()
    ]


def _shared(decided: Verdict) -> list[str]:
    """Who was chosen on fewer validation rows than some answered, a sentence a kind."""
    kinds = {"model": "models", "llm": "LLMs", "cascade": "cascades"}
    return [
        f"The {kinds[kind]} to choose from are compared on the {count(rows)} validation row{'s' if rows > 1 else ''} "
        "that all of them answered; some answered more."
        for kind, rows in decided.shared.items()
    ]


def _because(decided: Verdict) -> str:
    reasons = " and ".join(decided.reasons)
    return f"{reasons[0].upper()}{reasons[1:]}."


def _defined(split: str, primary: str) -> str:
    return f"{split} rows on which {METRICS[primary].title} is defined, or another metrics.primary, may decide it."


def _what_would_decide(
    results: Results, decided: Verdict, pair: Pair, small_is_cheaper: bool | None, primary: str
) -> str:
    if pair.difference is None:
        return (
            _defined("Test", primary) if pair.verdict else "Figures for that pair would decide it."
        )
    if pair.low is None:
        return "Test rows of more groups would decide it: so few resolve nothing."
    if pair.variances is None:
        return "What its interval is made of is not in metrics/pairs: `dvc repro` tells how many rows would decide it."
    if pair.p is None:
        return "More test rows of the classes that have few, or another metrics.primary, may decide it."
    labels = (
        f"by the fitted power law the model would be chosen with about {rounded(decided.labels_to_decide)} labelled "
        "training rows, an estimate"
    )
    if "as good" in (pair.verdict, pair.reverse_verdict) and small_is_cheaper is None:
        return "To know which of the two costs less may decide it."
    grouped = 2 * results.pairs["groups"] < results.pairs["test_rows"]
    where = ", in as many more groups like these," if grouped else ""
    measured = "the difference" + (
        ", and what training seeds differ by," if pair.variances["training"] else ""
    )
    if decided.rows_to_decide:
        besides = f" Or more labels: {labels}." if decided.labels_to_decide else ""
        return (
            f"About {rounded(decided.rows_to_decide)} test rows{where} would decide it in 80 of 100 studies, "
            f"were {measured} truly as measured; to look again after adding rows is another test.{besides}"
        )
    if decided.labels_to_decide:
        return f"More labels might: {labels}."
    seeds = " More training seeds may." if decided.seeds_may_decide else ""
    return f"No number of test rows would decide it in 80 of 100 studies, were {measured} truly as measured.{seeds}"


def _variance(chosen: Contestant) -> list[str]:
    seeds = len(chosen.seeds())
    if not 0 < seeds < ENOUGH_SEEDS:
        return []
    return [
        f"Training variance is not included: {chosen.title} was trained with {seeds} seed{'s' if seeds > 1 else ''}."
    ]


def _caveats(results: Results, decided: Verdict) -> list[str]:
    """What must be said of all pairs, where it is no reason of the decision."""
    undecidable = results.pairs.get("undecidable")
    notes = [*(results.pairs.get("notes") or []), *([undecidable] if undecidable else [])]
    return [f"{note[:1].upper()}{note[1:]}." for note in notes if note not in decided.reasons]


def _without_comparison(results: Results, decided: Verdict, settings: Settings) -> list[str]:
    named = {contestant.name: contestant for contestant in results.contestants}
    out = _excluded(decided, named)
    if not named:
        return ["No model and no LLM takes part, so there is nothing to compare."]
    chosen = named.get(decided.choice or "")
    missing, there = ("LLM", "model") if results.of_kind("model") else ("model", "LLM")
    sentences = [f"No {missing} takes part, so fine-tuning is not compared with prompting."]
    key = settings.metrics.primary
    without = _unranked(decided, named, key)
    if chosen is None:
        lacking = f"No {there} can be chosen." if without else f"No {there} meets what is required."
        return [*sentences, lacking, *out, *_doubted(results, settings), *without]
    those = f"{there}s that meet what is required" if out else f"{there}s"
    others = [
        c
        for c in results.of_kind(chosen.kind)
        if c is not chosen and c.name not in decided.excluded
    ]
    return [
        *sentences,
        f"{chosen.title} {_alone_or_best(chosen, key, those, alone=not others)}, and {_on_test(chosen, key)}.",
        *_against_majority(results, chosen, key),
        *out,
        *_doubted(results, settings),
        *without,
        *_shared(decided),
        *_variance(chosen),
        *_caveats(results, decided),
        *standing(results, chosen, others, f"other {there}"),
    ]


def _alone_or_best(chosen: Contestant, primary: str, those: str, *, alone: bool) -> str:
    if alone and unmeasured(chosen, primary):
        return f"is the only one of the {those}"
    return f"has the best validation {METRICS[primary].title} of the {those}"


def _on_test(contestant: Contestant, primary: str) -> str:
    value, rows = contestant.scores.get(primary), count(contestant.scores.get("test_rows"))
    if value is not None:
        return f"{METRICS[primary].title} {score(value)} on {rows} test rows"
    reason = contestant.intervals["metrics"][primary]["reason"]
    return f"no {METRICS[primary].title} on {rows} test rows ({reason})"
