"""The decision for one data set: fine-tune, prompt, a cascade of both, or undecided and what would decide it.

report.rules has the rules, as the page prints them. This module only compares figures in files, and estimates how many
test rows, and how many labels, would decide.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from slingshot.files.notes.pairs import RareClasses
from slingshot.files.notes.verdicts import (
    Empty,
    Kind,
    Miss,
    NoChoice,
    NoneMeets,
    Plain,
    Reason,
    Stands,
)
from slingshot.files.pairs import Difference
from slingshot.files.verdict import Decision, Verdict
from slingshot.metrics import rule
from slingshot.report import advice, total
from slingshot.report.choice import KINDS, best, shared, unranked
from slingshot.report.inputs import Contestant, Results
from slingshot.report.required import misses
from slingshot.settings import Settings

AS_GOOD = ("better", "as good")


@dataclass(frozen=True)
class Chosen:
    """The chosen contestant of each kind; None if no contestant of it takes part, or can be chosen."""

    left: Mapping[Kind, Sequence[Contestant]]
    """Kind -> the contestants that take part and meet the requirements."""
    excluded: Mapping[str, Miss]
    small: Contestant | None
    large: Contestant | None
    cascade: Contestant | None

    @classmethod
    def of(cls, results: Results, settings: Settings) -> Chosen:
        """Choose by requirements and validation rows alone."""
        excluded = {c.name: why for c in results.shown if (why := misses(c, settings))}
        left = {
            kind: [c for c in results.shown if c.kind == kind and c.name not in excluded]
            for kind in KINDS
        }
        small, large, cascade = (best(left[kind]) for kind in KINDS)
        return cls(left, excluded, small, large, cascade)

    @property
    def unchosen(self) -> list[Reason]:
        """A reason for each compared kind with contestants that are left but can't be chosen without a figure."""
        sides: dict[Kind, Contestant | None] = {"model": self.small, "llm": self.large}
        return [NoChoice(kind=kind) for kind, side in sides.items() if self.left[kind] and not side]

    def verdict(self, decision: Decision, choice: str | None, reasons: Sequence[Reason]) -> Verdict:
        """The verdict without its pairs."""
        names = [c.name if c else None for c in (self.small, self.large, self.cascade)]
        left = [self.left[kind] for kind in KINDS]
        return Verdict(
            decision=decision,
            choice=choice,
            small=names[0],
            large=names[1],
            cascade=names[2],
            excluded=dict(self.excluded),
            unranked=unranked(left),
            shared=shared(left),
            reasons=tuple(reasons),
        )


def decide(results: Results, settings: Settings) -> Verdict:
    """The decision, without its words and costs."""
    chosen = Chosen.of(results, settings)
    kinds = {contestant.kind for contestant in results.contestants}
    sides: tuple[Kind, Kind] = ("model", "llm")
    empty = [Empty(kind=kind) for kind in sides if kind not in kinds]
    if empty:
        only = chosen.small or chosen.large
        reasons = [*empty, *chosen.unchosen]
        return chosen.verdict("no comparison", only.name if only else None, reasons)
    if chosen.unchosen:
        return chosen.verdict("undecided", None, chosen.unchosen)
    return _compared(results, chosen, settings)


def _compared(results: Results, chosen: Chosen, settings: Settings) -> Verdict:
    """The verdict if both kinds take part. A kind has no chosen contestant if none of it meets the requirements."""
    small, large, cascade = chosen.small, chosen.large, chosen.cascade
    deciding = [(small.name, large.name)] if small and large else []
    judged_results = _judged(results, deciding)
    pair = judged_results.pair(small, large) if small and large else None
    decision, reasons = _of_two(small, large, pair, results.pairs.undecidable)
    winner = {"fine-tune": small, "prompt": large}.get(decision)
    if cascade and winner:
        deciding.append((cascade.name, winner.name))
        judged_results = _judged(results, deciding)
    if cascade and (why := _preferred(cascade, winner, judged_results, only=not (small or large))):
        decision, reasons, winner = "cascade", why, cascade
    verdict = chosen.verdict(decision, winner.name if winner else None, reasons)
    others = [side for side in (small, large) if side and cascade]
    update = {
        "deciding": tuple(deciding),
        "pair": pair,
        "cascade_pairs": tuple(judged_results.pair(cascade, o) for o in others if cascade),
        "small_cost_per_1000_texts": _price(small),
        "large_cost_per_1000_texts": _price(large),
    }
    verdict = verdict.model_copy(update=update)
    if decision == "undecided" and pair is not None and not results.pairs.undecidable:
        verdict = _advised(verdict, pair, cheaper(small, large), results, settings)
    return verdict


def _advised(
    verdict: Verdict,
    pair: Difference,
    small_is_cheaper: bool | None,
    results: Results,
    settings: Settings,
) -> Verdict:
    """The undecided verdict, with estimates of what would decide it."""
    rows = advice.rows_to_decide(pair, small_is_cheaper, results.pairs)
    seeds = rows is None and advice.seeds_may_decide(pair, small_is_cheaper, results.pairs)
    labels = advice.labels_to_decide(pair, small_is_cheaper, results, settings.metrics.primary)
    resolved = pair.model_copy(update={"rows_to_resolve": rows or pair.rows_to_resolve})
    update = {
        "pair": resolved,
        "rows_to_decide": rows,
        "seeds_may_decide": seeds,
        "labels_to_decide": labels,
    }
    return verdict.model_copy(update=update)


def _judged(results: Results, deciding: Sequence[tuple[str, str]]) -> Results:
    """The results with the verdicts of their pairs; the pairs `deciding` are tested one after the other."""
    return replace(results, pairs=rule.judged(results.pairs, deciding))


def judged(results: Results, verdict: Verdict) -> Results:
    """The results with the verdicts of their pairs, as the decision used them. The deciding pair gets the verdict's
    number of rows, so that all tables show the same number."""
    results = _judged(results, verdict.deciding)
    if not verdict.rows_to_decide:
        return results
    deciding = {verdict.small, verdict.large}
    update = {"rows_to_resolve": verdict.rows_to_decide}
    pairs = [
        pair.model_copy(update=update) if {pair.a, pair.b} == deciding else pair
        for pair in results.pairs.pairs
    ]
    return replace(results, pairs=results.pairs.model_copy(update={"pairs": tuple(pairs)}))


def cheaper(a: Contestant | None, b: Contestant | None) -> bool | None:
    """Whether `a` costs less than `b` in total; None if that is unknown or can't be told."""
    return total.cheaper(a.total, b.total) if a and b else None


def _price(contestant: Contestant | None) -> float | None:
    return contestant.cost.cost_per_1000_texts if contestant else None


def _of_two(
    small: Contestant | None,
    large: Contestant | None,
    pair: Difference | None,
    undecidable: RareClasses | None,
) -> tuple[Decision, list[Reason]]:
    """The model against the LLM, either of which may be excluded; `undecidable` says why no pair can be decided."""
    if small is None or large is None or pair is None:
        if small is None and large is None:
            return "undecided", [NoneMeets(kinds=("model", "llm"))]
        missing: Kind = "llm" if small else "model"
        return "fine-tune" if small else "prompt", [NoneMeets(kinds=(missing,))]
    if pair.difference is None:
        return "undecided", [Plain(code="no_figures")]
    small_is_cheaper = cheaper(small, large)
    # A side that is as good and cheaper is chosen even if the other is better, because that lead is below the margin.
    if pair.verdict in AS_GOOD and small_is_cheaper:
        return "fine-tune", [_how_good(pair), _stands("cheaper", small, large)]
    if pair.reverse_verdict in AS_GOOD and small_is_cheaper is False:
        return "prompt", [_how_good(pair.turned()), _stands("cheaper", large, small)]
    if pair.verdict == "better":
        return "fine-tune", [_stands("better", small, large)]
    if pair.reverse_verdict == "better":
        return "prompt", [_stands("better", large, small)]
    return "undecided", _why_undecided(small, large, pair, undecidable)


def _why_undecided(
    small: Contestant, large: Contestant, pair: Difference, undecidable: RareClasses | None
) -> list[Reason]:
    sides = [(small, large, pair.verdict), (large, small, pair.reverse_verdict)]
    as_good = [(side, other) for side, other, verdict in sides if verdict in AS_GOOD]
    if not as_good:
        return [undecidable or Plain(code="unresolved")]
    if cheaper(small, large) is None:
        stand = [_stands("as_good", side, other) for side, other in as_good]
        return [*stand, total.why_neither(small.total, large.total)]
    side, other = as_good[0]
    return [_stands("as_good_but_dearer", side, other)]


StandsCode = Literal["better", "as_good", "within_margin", "cheaper", "as_good_but_dearer"]


def _stands(code: StandsCode, contestant: Contestant, other: Contestant) -> Stands:
    return Stands(code=code, contestant=contestant.name, other=other.name)


def _how_good(pair: Difference) -> Stands:
    """Why the first of a pair can be chosen."""
    behind: StandsCode = "within_margin" if pair.reverse_verdict == "better" else "as_good"
    code: StandsCode = "better" if pair.verdict == "better" else behind
    return Stands(code=code, contestant=pair.a, other=pair.b)


def _preferred(
    cascade: Contestant, winner: Contestant | None, results: Results, *, only: bool
) -> list[Reason]:
    """Why the cascade replaces the winner of the two; empty if it does not."""
    if only:
        return [Plain(code="only_cascade_meets")]
    if winner is None:
        return []
    pair = results.pair(cascade, winner)
    if pair.verdict in AS_GOOD and cheaper(cascade, winner):
        return [_how_good(pair), _stands("cheaper", cascade, winner)]
    # If the winner is as good and cheaper, the cascade's lead is below the margin and does not count.
    small_lead = pair.reverse_verdict in AS_GOOD and cheaper(winner, cascade)
    if pair.verdict == "better" and not small_lead:
        return [_stands("better", cascade, winner)]
    return []
