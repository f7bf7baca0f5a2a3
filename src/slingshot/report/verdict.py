"""The decision for one data set: fine-tune, prompt, a cascade of both, or undecided and what would decide it.

RULES says how, in the words that the report prints. Nothing is computed here but the choice between figures in files,
and two estimates: how many test rows, and how many labels, would decide.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

from slingshot.metrics import rule
from slingshot.report import advice, total
from slingshot.report.choice import KINDS, best, shared, unranked
from slingshot.report.inputs import Contestant, Results
from slingshot.report.pair import Pair, find_pair
from slingshot.report.pay_back import PayBack
from slingshot.report.required import misses
from slingshot.settings import Settings

RULES = (
    "Who misses what `decision` in params.yaml requires, or was not measured on it, is out: the latency within which "
    "95 of 100 single texts are answered, and what prediction of a month's texts costs.",
    "Of those left, the small model is the one of study.models with the highest primary metric on validation rows, "
    "the LLM the one of study.llms, the cascade the one of study.cascades; the first in study wins a tie. Those of one "
    "kind are compared on the validation rows that all of them answered. Where there are several, one without a figure "
    "there can't be chosen; without a model, or an LLM, that can be, the verdict is undecided. Test rows choose "
    "none of the three.",
    "Two pairs decide, one after the other, each at the full level: the small model against the LLM, and, if that gave "
    "one to take, the cascade against that one. Who these three are, and their order, is fixed before the test rows "
    "are seen. So a claim of each pair is false in at most 1 minus the confidence of all studies, and one of either in "
    "at most twice as many. Claims of all other pairs are corrected together (Holm's procedure, with Shaffer's "
    "multiplier: the number of pairs with an open claim), so that one of them is false in as many again at most. "
    "Claims of recipes are corrected apart from those of trained models. Contestants with the same predictions count "
    "once.",
    "Better: p of no difference is below 1 minus the confidence of the intervals. As good: not better, and the lower "
    "bound of the difference's interval is above minus the margin, which is stated beforehand; of the pairs that do "
    "not decide, that of the interval as the correction widens it, not as it is shown. One that is behind for sure, "
    "but by less than the margin, is as good. Worse: the other is better, and it is not as good. Otherwise the "
    "pair is not resolved. Where fewer than 25 groups of test rows tell two apart on accuracy, p is that of their "
    "exact sign test if it is larger; under 20 groups, counted as equal ones, nothing is resolved.",
    "Where the classes with under 10 test rows could together move balanced accuracy, macro-F1 or AUROC by more than "
    "the margin, each by 1 / the number of classes in test, nothing is claimed on that metric: no pair is better, as "
    "good or worse, and the verdict is undecided, or rests on what `decision` requires.",
    "With fewer than three training seeds these are claims of the models trained here. What may be claimed of the "
    "recipes, that is of any training by them, stands beside: by an interval that holds metrics.seed_sd as the "
    "standard deviation between seeds too. From three seeds on it is estimated, and all claims are of the recipes.",
    "First it is asked who is as good, or better, and cheaper: that one is taken. Else the one that is better, or the "
    "only one of the two left. Fine-tune where that is the model, prompt where it is the LLM, undecided otherwise. "
    "Whoever is taken and not shown to beat the majority class is named so.",
    "A cascade takes the place of the one chosen of the two where it is as good, or better, and cheaper; or better, "
    "unless the one chosen is as good and cheaper; or where it alone meets what is required. A cascade that "
    "never asks its LLM about the test rows, or always asks it, is one of its sides: it takes no part.",
    "Test rows that would decide, or resolve a pair, are those with which 80 of 100 studies would, were the "
    "difference, and what training seeds differ by, truly as measured. Three or four seeds measure the latter badly: "
    "more of them tell more. Rows tell nothing of training: where seeds hide the difference, no number of rows is "
    "given. To look again after adding rows is another test.",
    "Cheaper: training and prediction cost less in all, over decision.horizon_months of decision.monthly_texts texts "
    "each (12 months and 100,000 texts are assumed where these are null), on a machine paid by use, or always on "
    "where cost.always_on says so. Labels of training rows, or shots, and of validation rows count where "
    "decision.count_labels says that they are still to be paid for; those of test rows never do, as any comparison "
    "needs them. Both totals are shown.",
    "Costs can't be told apart where they differ by less than 1%, or by less than the machine's seconds may be off: "
    "by three standard errors of the timing of prediction, from parts of one run, and by 20% at least, as one run "
    "sees no other load. On another kind of machine all seconds change, and so does what an API costs against them.",
    "A latency of fewer than 100 single texts puts nobody out.",
)

Decision = Literal["fine-tune", "prompt", "cascade", "undecided", "no comparison"]
AS_GOOD = ("better", "as good")


@dataclass(frozen=True)
class Verdict:
    """One data set's entry in report/verdict.json; `small`, `large` and `cascade` are contestants' names."""

    decision: Decision
    choice: str | None
    small: str | None
    large: str | None
    deciding: list[tuple[str, str]] = field(default_factory=list)
    """The pairs that are tested one after the other, at the full level; claims of all others are corrected together."""
    pair: Pair | None = None
    """`small` against `large`."""
    small_cost_per_1000_texts: float | None = None
    large_cost_per_1000_texts: float | None = None
    cascade: str | None = None
    cascade_pairs: list[Pair] = field(default_factory=list)
    """The cascade against `small` and against `large`."""
    excluded: dict[str, str] = field(default_factory=dict)
    """Contestant -> what it misses of what is required."""
    unranked: dict[str, str] = field(default_factory=dict)
    """Contestant -> why it could not be chosen among others: its primary metric is undefined on validation rows."""
    shared: dict[str, int] = field(default_factory=dict)
    """Kind -> the number of validation rows that all of it answered, where some answered more."""
    rows_to_decide: int | None = None
    """Estimated test rows; null where the pair is decided or no number of rows would do."""
    seeds_may_decide: bool = False
    """Whether more training seeds may decide the pair, where no number of rows would do."""
    horizon: str = ""
    """Months and texts over which `totals` are added up, and which of the two are assumed."""
    totals: dict[str, dict[str, float | None]] = field(default_factory=dict)
    """Contestant -> its total cost in `cost.currency` and what that is made of; without those whose price is not
    known."""
    pay_back: PayBack | None = None
    """Of `small` and `large`, when the one with the dearer start has paid for itself."""
    labels_to_decide: int | None = None
    """Estimated training rows at which the small model would be chosen; null where that can't be said."""
    reasons: list[str] = field(default_factory=list)
    words: str = ""

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def decide(results: Results, settings: Settings) -> Verdict:
    """The decision, without its words."""
    primary = settings.metrics.primary
    kinds = {contestant.kind for contestant in results.contestants}
    taking_part = [c for c in results.contestants if not c.alone]
    excluded = {c.name: why for c in taking_part if (why := misses(c, settings))}
    left = [[c for c in taking_part if c.kind == kind and c.name not in excluded] for kind in KINDS]
    small, large, cascade = (best(contestants) for contestants in left)
    unchosen = [
        f"no {who} can be chosen"
        for who, held, one in (("model", left[0], small), ("LLM", left[1], large))
        if held and not one
    ]
    named: dict[str, Any] = {
        **{
            key: one.name if one else None
            for key, one in (("small", small), ("large", large), ("cascade", cascade))
        },
        "excluded": excluded,
        "unranked": unranked(left, primary),
        "shared": shared(left),
    }
    empty = [key for key, held in (("models", "model"), ("llms", "llm")) if held not in kinds]
    if empty:
        choice = named["small"] or named["large"]
        reasons = [*(f"study.{key} is empty" for key in empty), *unchosen]
        return Verdict("no comparison", choice, **named, reasons=reasons)
    if unchosen:
        return Verdict("undecided", None, **named, reasons=unchosen)
    deciding = [(small.name, large.name)] if small and large else []
    told = _judged(results, deciding)
    pair = _pair(told, small, large) if small and large else None
    undecidable = told.pairs.get("undecidable")
    decision, reasons = _of_two(small, large, pair, undecidable)
    chosen = {"fine-tune": small, "prompt": large}.get(decision)
    if cascade and chosen:
        deciding.append((cascade.name, chosen.name))
        told = _judged(results, deciding)
    if cascade and (why := _preferred(cascade, chosen, told, alone=not (small or large))):
        decision, reasons, chosen = "cascade", [why], cascade
    rows, seeds, labels = None, False, None
    if decision == "undecided" and pair is not None and not undecidable:
        rows = advice.rows_to_decide(pair, cheaper(small, large), results.pairs)
        seeds = rows is None and advice.seeds_may_decide(pair, cheaper(small, large), results.pairs)
        labels = advice.labels_to_decide(pair, cheaper(small, large), results, primary)
        pair = replace(pair, rows_to_resolve=rows or pair.rows_to_resolve)
    return Verdict(
        decision,
        chosen.name if chosen else None,
        **named,
        deciding=deciding,
        pair=pair,
        small_cost_per_1000_texts=_price(small),
        large_cost_per_1000_texts=_price(large),
        cascade_pairs=[
            _pair(told, cascade, other) for other in (small, large) if cascade and other
        ],
        rows_to_decide=rows,
        seeds_may_decide=seeds,
        labels_to_decide=labels,
        reasons=reasons,
    )


def _judged(results: Results, deciding: Sequence[tuple[str, str]]) -> Results:
    """The results with the verdicts of their pairs, of which `deciding` are tested one after the other."""
    return replace(results, pairs=rule.judged(results.pairs, deciding))


def judged(results: Results, decided: Verdict) -> Results:
    """The results with the verdicts of their pairs, as the decision read them. The pair that decides has one figure for
    the rows that it needs."""
    found = _judged(results, decided.deciding)
    if decided.rows_to_decide:
        for pair in found.pairs["pairs"]:
            if {pair["a"], pair["b"]} == {decided.small, decided.large}:
                pair["rows_to_resolve"] = decided.rows_to_decide
    return found


def _pair(results: Results, a: Contestant, b: Contestant) -> Pair:
    return find_pair(results.pairs, a.name, b.name) or Pair(a.name, b.name)


def cheaper(a: Contestant | None, b: Contestant | None) -> bool | None:
    """Whether `a` costs less than `b` in all; None where that is unknown or can't be told."""
    return total.cheaper(a.total, b.total) if a and b else None


def _price(contestant: Contestant | None) -> float | None:
    return contestant.cost.cost_per_1000_texts if contestant else None


def _of_two(
    small: Contestant | None, large: Contestant | None, pair: Pair | None, undecidable: str | None
) -> tuple[Decision, list[str]]:
    """The model against the LLM, either of which may be out; `undecidable` says why no pair can be decided."""
    if small is None or large is None or pair is None:
        left, who = (small, "LLM") if small else (large, "model")
        if left is None:
            return "undecided", ["no model and no LLM meets what is required"]
        return "fine-tune" if small else "prompt", [f"no {who} meets what is required"]
    if pair.difference is None or pair.verdict is None:
        return "undecided", ["the pair of the two has no figures", *pair.notes]
    small_is_cheaper = cheaper(small, large)
    good = {"model": pair.verdict in AS_GOOD, "LLM": pair.reverse_verdict in AS_GOOD}
    # Who is as good and cheaper is taken though the other is better: by less than the margin, which is what it is for.
    if good["model"] and small_is_cheaper:
        return "fine-tune", [
            _how_good("model", pair.verdict, pair.reverse_verdict),
            "the model is cheaper",
        ]
    if good["LLM"] and small_is_cheaper is False:
        return "prompt", [
            _how_good("LLM", pair.reverse_verdict, pair.verdict),
            "the LLM is cheaper",
        ]
    if pair.verdict == "better":
        return "fine-tune", ["the model is better"]
    if pair.reverse_verdict == "better":
        return "prompt", ["the LLM is better"]
    as_good = [who for who, held in good.items() if held]
    if not as_good:
        return "undecided", [undecidable or "neither is better, nor shown to be as good"]
    if small_is_cheaper is None:
        reasons = [f"the {who} is as good" for who in as_good]
        return "undecided", [*reasons, total.why_neither(small.total, large.total)]
    return "undecided", [f"the {as_good[0]} is as good, but dearer"]


def _how_good(who: str, verdict: str | None, other: str | None) -> str:
    """What is said of the one that is taken, by what it is against the other and the other against it."""
    if verdict == "better":
        return f"the {who} is better"
    return (
        f"the {who} is behind by less than the margin"
        if other == "better"
        else f"the {who} is as good"
    )


def _preferred(
    cascade: Contestant, chosen: Contestant | None, results: Results, *, alone: bool
) -> str | None:
    """Why the cascade takes the place of the one that was chosen of the two; None where it does not."""
    if alone:
        return "only the cascade meets what is required"
    pair = find_pair(results.pairs, cascade.name, chosen.name) if chosen else None
    if chosen is None or pair is None:
        return None
    if pair.verdict in AS_GOOD and cheaper(cascade, chosen):
        word = "better than" if pair.verdict == "better" else "as good as"
        return f"the cascade is {word} {chosen.title} and cheaper"
    # Where the one chosen is as good and cheaper, a lead of the cascade is a trifle, as it is between the two.
    if pair.verdict == "better" and not (
        pair.reverse_verdict in AS_GOOD and cheaper(chosen, cascade)
    ):
        return f"the cascade is better than {chosen.title}"
    return None
