"""The decision for one data set: fine-tune, prompt, or undecided and what would decide it.

RULES says how, in the words that the report prints. Nothing is computed here but the choice
between figures in files, and one estimate: how many test rows would decide.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

from slingshot.report.inputs import Contestant, Results

RULES = (
    "The small model is the one of study.models with the highest primary metric on validation rows, the LLM the "
    "one of study.llms; the first in study wins a tie. Test rows choose nothing.",
    "The pair of the two on test rows decides. Better or worse: p after Holm, over all pairs of the data set, is "
    "below 1 minus the confidence of the intervals. As good: the lower bound of the difference's interval is above "
    "minus the margin, which is stated beforehand. Otherwise the pair is not resolved.",
    "Fine-tune: the model is better, or as good and cheaper per 1,000 texts. Prompt: the LLM is. Undecided "
    "otherwise. Labels and training are paid once and stand beside the cost per 1,000 texts, not in it.",
)

Decision = Literal["fine-tune", "prompt", "undecided", "no comparison"]


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
    p_holm: float | None = None
    verdict: str | None = None
    reverse_verdict: str | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Verdict:
    """One data set's entry in report/verdict.json; `small` and `large` are contestants' names."""

    decision: Decision
    choice: str | None
    small: str | None
    large: str | None
    pair: Pair | None = None
    """`small` against `large`."""
    small_cost_per_1000_texts: float | None = None
    large_cost_per_1000_texts: float | None = None
    rows_to_decide: int | None = None
    """Estimated test rows; null where the pair is decided or no number of rows would do."""
    reasons: list[str] = field(default_factory=list)
    words: str = ""

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def best(contestants: Sequence[Contestant], primary: str) -> Contestant | None:
    """The highest `validation_<primary>`; an undefined one loses, the first wins a tie."""

    def key(contestant: Contestant) -> float:
        value = contestant.scores.get(f"validation_{primary}")
        return -math.inf if value is None else value

    return max(contestants, key=key, default=None)


def find_pair(pairs: Mapping[str, Any], a: str, b: str) -> Pair | None:
    """The pair of `a` against `b`, turned round where the file has b against a; None if it has neither."""
    for row in pairs.get("pairs") or []:
        if {row.get("a"), row.get("b")} == {a, b}:
            known = {key: row.get(key) for key in Pair.__dataclass_fields__ if key != "notes"}
            pair = Pair(**known, notes=tuple(row.get("notes") or ()))
            return pair if pair.a == a else _turned(pair)
    return None


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
    )


def cheaper(a: Contestant, b: Contestant) -> bool | None:
    """Whether `a` costs less than `b` per 1,000 texts; None where that is unknown or they cost the same."""
    mine, other = (contestant.cost.get("cost_per_1000_texts") for contestant in (a, b))
    return None if mine is None or other is None or mine == other else bool(mine < other)


def decide(results: Results, primary: str) -> Verdict:
    """The decision, without its words."""
    small, large = (best(results.of_kind(kind), primary) for kind in ("model", "llm"))
    if small is None or large is None:
        chosen = small or large
        return Verdict(
            decision="no comparison",
            choice=chosen.name if chosen else None,
            small=small.name if small else None,
            large=large.name if large else None,
            reasons=[f"study.{'llms' if large is None else 'models'} is empty"],
        )
    pair = find_pair(results.pairs, small.name, large.name) or Pair(small.name, large.name)
    decision, reasons = _decision(pair, cheaper(small, large))
    return Verdict(
        decision=decision,
        choice={"fine-tune": small.name, "prompt": large.name}.get(decision),
        small=small.name,
        large=large.name,
        pair=pair,
        small_cost_per_1000_texts=small.cost.get("cost_per_1000_texts"),
        large_cost_per_1000_texts=large.cost.get("cost_per_1000_texts"),
        rows_to_decide=rows_to_decide(pair, cheaper(small, large), results.pairs) if decision == "undecided" else None,
        reasons=reasons,
    )


def _decision(pair: Pair, small_is_cheaper: bool | None) -> tuple[Decision, list[str]]:
    if pair.difference is None or pair.verdict is None:
        return "undecided", ["the pair of the two has no figures", *pair.notes]
    if pair.verdict == "better":
        return "fine-tune", ["the model is better"]
    if pair.verdict == "worse":
        return "prompt", ["the LLM is better"]
    if pair.verdict == "as good" and small_is_cheaper:
        return "fine-tune", ["the model is as good", "the model is cheaper per 1,000 texts"]
    if pair.reverse_verdict == "as good" and small_is_cheaper is False:
        return "prompt", ["the LLM is as good", "the LLM is cheaper per 1,000 texts"]
    as_good = [who for who, word in (("model", pair.verdict), ("LLM", pair.reverse_verdict)) if word == "as good"]
    if not as_good:
        return "undecided", ["neither is better, nor shown to be as good"]
    if small_is_cheaper is None:
        reasons = [f"the {who} is as good" for who in as_good]
        return "undecided", [*reasons, "neither is known to be cheaper per 1,000 texts"]
    return "undecided", [f"the {as_good[0]} is as good, but dearer per 1,000 texts"]


def rows_to_decide(pair: Pair, small_is_cheaper: bool | None, pairs: Mapping[str, Any]) -> int | None:
    """Test rows at which, were the difference to stay as measured, its interval would decide.

    The half-width falls with the square root of the rows. It decides once it is below |d| (one of
    the two is better) or below margin + d of the cheaper one (that one is as good). An estimate: it
    leaves out Holm's correction. None where the interval is narrow enough already.
    """
    rows, margin = pairs.get("test_rows"), pairs.get("margin")
    if pair.difference is None or pair.low is None or pair.high is None or not rows:
        return None
    needed = abs(pair.difference)
    if small_is_cheaper is not None and margin is not None:
        needed = max(needed, margin + (pair.difference if small_is_cheaper else -pair.difference))
    if needed <= 0:
        return None
    estimate = math.ceil(rows * ((pair.high - pair.low) / 2 / needed) ** 2)
    return estimate if estimate > rows else None
