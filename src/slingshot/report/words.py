"""The verdict in at most four sentences: the decision, by how much, what each costs, and the caveat that matters most.

All other sentences are printed below it, in groups (report.details). Every figure is in a file of metrics/, or in
verdict.json.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from slingshot.files.notes.base import sentence
from slingshot.files.notes.verdicts import Stands
from slingshot.files.verdict import Verdict
from slingshot.report import cost_words, total
from slingshot.report.caveats import caveats
from slingshot.report.claims import comparison
from slingshot.report.inputs import Contestant, Results
from slingshot.report.numbers import count, listed, percent, score
from slingshot.report.pay_back import pay_back
from slingshot.report.undecided import what_would_decide
from slingshot.report.verdict import decide, judged
from slingshot.settings import Settings
from slingshot.settings.catalogue import METRICS


@dataclass(frozen=True)
class Sides:
    """The contestants in the verdict."""

    small: Contestant | None
    large: Contestant | None
    cascade: Contestant | None
    choice: Contestant | None

    @classmethod
    def of(cls, results: Results, verdict: Verdict) -> Sides:
        names = (verdict.small, verdict.large, verdict.cascade, verdict.choice)
        return cls(*(results.named(name) for name in names))

    @property
    def priced(self) -> list[Contestant]:
        """The contestants with costs in the verdict."""
        return [side for side in (self.small, self.large, self.cascade) if side]


def verdict(results: Results, settings: Settings) -> Verdict:
    """The decision for one data set with its reasons, costs and words."""
    decided = decide(results, settings)
    sides = Sides.of(results, decided)
    paid = pay_back(sides.small, sides.large, settings) if sides.small and sides.large else None
    sentences = _sentences(judged(results, decided), decided, sides, settings)
    update = {
        "horizon": total.horizon(settings.decision),
        "totals": {c.name: c.total.figures for c in results.contestants if c.total},
        "pay_back": paid,
        "words": " ".join(sentences),
    }
    return decided.model_copy(update=update)


def _sentences(results: Results, decided: Verdict, sides: Sides, settings: Settings) -> list[str]:
    if decided.decision == "no comparison":
        return _without_comparison(results, decided, sides, settings)
    primary = settings.metrics.primary
    sentences = [_decision(results, decided, sides)]
    pair = decided.pair
    if decided.decision == "cascade" and decided.cascade_pairs:
        pair = next((p for p in decided.cascade_pairs if (p.a, p.b) in decided.deciding), pair)
    if pair is not None:
        sentences.append(comparison(results, pair, primary))
    sentences += cost_words.costs(sides.priced, settings)
    if decided.decision == "undecided":
        return [*sentences, *what_would_decide(results, decided, settings)[:1]]
    return [*sentences, *caveats(results, decided, settings)[:1]]


def _decision(results: Results, decided: Verdict, sides: Sides) -> str:
    """The decision and its reasons."""
    choice, titles = sides.choice, results.titles
    if choice is None:
        between = ""
        if sides.small and sides.large:
            between = f" between fine-tuning {sides.small.title} and prompting {sides.large.title}"
        reasons = [
            note.said(titles) if isinstance(note, Stands) else note.words
            for note in decided.reasons
        ]
        return f"Undecided{between}: {listed(reasons)}."
    act = {"fine-tune": "Fine-tune", "prompt": "Prompt"}.get(decided.decision, "Use")
    clauses = [note.clause(titles) for note in decided.reasons if isinstance(note, Stands)]
    if clauses:
        return f"{act} {choice.title}: it {listed(clauses)}."
    return f"{act} {choice.title}: {listed([note.words for note in decided.reasons])}."


def _without_comparison(
    results: Results, decided: Verdict, sides: Sides, settings: Settings
) -> list[str]:
    """The sentences if only one kind takes part, or none."""
    if not results.contestants:
        return ["No model and no LLM takes part, so there is nothing to compare."]
    missing, present = ("LLM", "model") if results.of_kind("model") else ("model", "LLM")
    first = f"No {missing} takes part, so fine-tuning is not compared with prompting."
    choice = sides.choice
    if choice is None:
        why = "can be chosen" if decided.unranked else "meets what `decision` requires"
        return [first, f"No {present} {why}."]
    others = [c for c in results.of_kind(choice.kind) if c.name not in decided.excluded]
    return [
        first,
        _best(choice, others, present, settings.metrics.primary),
        *cost_words.costs([choice], settings),
        *caveats(results, decided, settings)[:1],
    ]


def _best(choice: Contestant, others: Sequence[Contestant], kind: str, primary: str) -> str:
    """Why it is chosen among its kind, and its score on test rows."""
    title, interval = METRICS[primary].title, choice.interval(primary)
    why = (
        f"is the only {kind}"
        if len(others) == 1
        else f"has the best validation {title} of the {kind}s"
    )
    rows = f"{count(choice.scores.test_rows)} test rows"
    if interval.value is None:
        reason = interval.reason.words if interval.reason else "not measured"
        return f"{choice.title} {why}; it has no {title} on {rows}: {sentence(reason)}"
    between = ""
    if interval.low is not None:
        confidence = percent(choice.intervals.confidence)
        between = f" ({confidence} interval {score(interval.low)} to {score(interval.high)})"
    return f"{choice.title} {why}, and has {title} {score(interval.value)}{between} on {rows}."
