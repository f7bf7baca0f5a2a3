"""What the verdict says of money: prices of prediction, both totals, who is cheaper, and when a dearer start pays back.

Every figure stands in metrics/cost, or in the verdict's `totals` and `pay_back`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from slingshot.report import total
from slingshot.report.inputs import Contestant
from slingshot.report.numbers import count, listed, rounded, significant
from slingshot.report.pay_back import PayBack, pay_back
from slingshot.settings import Settings


def sentences(
    chosen: Sequence[Contestant],
    small: Contestant | None,
    large: Contestant | None,
    settings: Settings,
) -> Iterator[str]:
    """Of the contestants that were chosen, `small` and `large` among them where there are such."""
    if not chosen:
        return
    currency = settings.cost.currency
    prices = [f"{_money(c.cost.cost_per_1000_texts, currency)} with {c.title}" for c in chosen]
    yield f"1,000 texts cost {listed(prices)}."
    if small and small.cost.train_seconds is not None:
        cost = small.cost
        yield (
            f"First, {small.title} took {significant(cost.train_seconds)} s of training "
            f"({_money(cost.train_cost, currency)}) on {count(cost.train_rows)} labelled rows."
        )
    yield _totals(chosen, settings)
    if small and large:
        yield _who_is_cheaper(small, large)
        paid = pay_back(small, large, settings)
        if paid:
            yield _pays_back(paid, {c.name: c for c in (small, large)}, settings)


def _totals(chosen: Sequence[Contestant], settings: Settings) -> str:
    """What decides first, then the other total."""
    counts, currency = settings.decision.count_labels, settings.cost.currency
    without, labelled = zip(*(total.both(c.total) for c in chosen), strict=True)
    first, second = (labelled, without) if counts else (without, labelled)
    sums = listed(
        [
            f"{_money(money, currency)} with {c.title}"
            for money, c in zip(first, chosen, strict=True)
        ]
    )
    what, besides = "training and prediction", "with labels"
    if counts:
        what, besides = "training, labels and prediction", "without labels"
    over, machine = total.horizon(settings.decision), total.machine(settings)
    others = listed([_money(money, currency) for money in second])
    return f"Over {over} each, on {machine}, {what} cost {sums}; {besides}, {others}."


def _who_is_cheaper(small: Contestant, large: Contestant) -> str:
    first = total.cheaper(small.total, large.total)
    if first is None:
        why = total.why_neither(small.total, large.total)
        return f"{why[0].upper()}{why[1:]}."
    one, other = (small, large) if first else (large, small)
    return f"{one.title} is cheaper than {other.title}."


def _pays_back(paid: PayBack, named: dict[str, Contestant], settings: Settings) -> str:
    labels = {name: count(c.cost.labels) for name, c in named.items()}
    open_ = "" if settings.decision.count_labels else "Where labels are still to be paid for, "
    start = (
        f"{open_}{named[paid.dearer].title} starts dearer by "
        f"{_money(paid.more, settings.cost.currency)} ({labels[paid.dearer]} labels of training and validation rows "
        f"against {labels[paid.other]})."
    )
    if paid.texts is None:
        return f"{start} No number of texts is known to pay that back."
    at = total.terms(settings)
    there = at.texts * at.months
    within = "within" if paid.texts <= there else "more than"
    return (
        f"{start} Its texts pay that back after about {rounded(paid.texts)} of them, {within} the {count(there)} of "
        "that time."
    )


def _money(value: float | None, currency: str) -> str:
    return "an unknown sum" if value is None else f"{currency} {significant(value)}"
