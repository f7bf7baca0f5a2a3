"""The verdict's sentences about money: prices of prediction, one-off costs, both totals, and when a higher one-off cost
pays off.

Every figure is in metrics/cost, or in the verdict's `totals` and `pay_back`.
"""

from __future__ import annotations

from collections.abc import Sequence

from slingshot.files.notes.base import sentence
from slingshot.files.verdict import PayBack
from slingshot.report import total
from slingshot.report.inputs import Contestant
from slingshot.report.numbers import count, listed, money, per_million, rounded, significant
from slingshot.report.pay_back import pay_back
from slingshot.settings import Settings


def costs(contestants: Sequence[Contestant], settings: Settings) -> list[str]:
    """One sentence: the price of a million texts with each contestant, and the one-off costs of each."""
    if not contestants:
        return []
    currency = settings.cost.currency
    prices = [
        f"{money(per_million(c.cost.cost_per_1000_texts), currency)} with {c.title}"
        for c in contestants
    ]
    once = [f"{money(start, currency)} for {c.title}" for c in contestants if (start := _start(c))]
    besides = f"; training and labels cost {listed(once)}, once" if once else ""
    return [f"A million texts cost {listed(prices)}{besides}."]


def _start(contestant: Contestant) -> float:
    return contestant.cost.labelling_cost + (contestant.cost.train_cost or 0.0)


def details(
    chosen: Sequence[Contestant],
    small: Contestant | None,
    large: Contestant | None,
    settings: Settings,
) -> list[str]:
    """Further sentences about money, printed below the verdict."""
    if not chosen:
        return []
    sentences = [words for c in chosen if (words := _one_off(c, settings))]
    sentences.append(_totals(chosen, settings))
    if small and large:
        sentences.append(_who_is_cheaper(small, large))
        paid = pay_back(small, large, settings)
        if paid:
            sentences.append(_pays_back(paid, {c.name: c for c in (small, large)}, settings))
    return sentences


def _one_off(contestant: Contestant, settings: Settings) -> str:
    """`One-off costs of minilm: EUR 0.01 for 356 s of training, and EUR 336 for 3,360 labels.`"""
    cost, currency = contestant.cost, settings.cost.currency
    parts = []
    if cost.train_seconds is not None:
        seconds = significant(cost.train_seconds)
        parts.append(f"{money(cost.train_cost, currency)} for {seconds} s of training")
    if cost.labels:
        rows = "examples" if contestant.kind == "llm" else "training"
        labels = f"{count(cost.labels)} labels ({rows} and validation)"
        parts.append(f"{money(cost.labelling_cost, currency)} for {labels}")
    return f"One-off costs of {contestant.title}: {listed(parts)}." if parts else ""


def _totals(chosen: Sequence[Contestant], settings: Settings) -> str:
    """The total that decides first, then the other."""
    currency, counted = settings.cost.currency, settings.decision.count_labels
    pairs = [total.both(contestant.total) for contestant in chosen]
    labelled = [with_labels for _, with_labels in pairs]
    bare = [without for without, _ in pairs]
    first, second = (labelled, bare) if counted else (bare, labelled)
    sums = listed(
        [f"{money(value, currency)} with {c.title}" for value, c in zip(first, chosen, strict=True)]
    )
    others = listed([money(value, currency) for value in second])
    parts, otherwise = (
        ("training, labels and prediction", "without labels")
        if counted
        else ("training and prediction", "with labels")
    )
    over = total.horizon_words(settings.decision)
    return (
        f"Over {over} each, on {total.machine(settings)}, {parts} cost {sums}; {otherwise}, "
        f"{others}."
    )


def _who_is_cheaper(small: Contestant, large: Contestant) -> str:
    small_is_cheaper = total.cheaper(small.total, large.total)
    if small_is_cheaper is None:
        return sentence(total.why_neither(small.total, large.total).words)
    winner, loser = (small, large) if small_is_cheaper else (large, small)
    return f"So {winner.title} is cheaper than {loser.title}."


def _pays_back(paid: PayBack, contestants: dict[str, Contestant], settings: Settings) -> str:
    more = money(paid.more, settings.cost.currency)
    labels = "" if settings.decision.count_labels else " if its labels are still to be paid for"
    start = f"{contestants[paid.dearer].title} costs {more} more at the start{labels}."
    if paid.texts is None:
        return f"{start} No number of texts is known to pay that back."
    at = total.terms(settings)
    horizon = at.texts * at.months
    within = "within" if paid.texts <= horizon else "more than"
    return (
        f"{start} That pays off after about {rounded(paid.texts)} texts, {within} the "
        f"{count(horizon)} of these months."
    )


def labels_turn_it(small: Contestant, large: Contestant, settings: Settings) -> str | None:
    """The caveat that the other contestant is cheaper if labels are counted the other way; None if it is not."""
    if not small.total or not large.total:
        return None
    counted = settings.decision.count_labels
    now = total.cheaper(small.total, large.total)
    other = total.cheaper(small.total.counting(not counted), large.total.counting(not counted))
    if now is None or other is None or now == other:
        return None
    cheap, dear = (small, large) if other else (large, small)
    sums = [
        money(c.total.counting(not counted).counted, settings.cost.currency)
        for c in (cheap, dear)
        if c.total
    ]
    have = "you already have the labels" if counted else "you must still buy the labels"
    return (
        f"If {have}, {cheap.title} is cheaper: {sums[0]} against {sums[1]} over "
        f"{total.horizon_words(settings.decision)} each."
    )
