"""When a contestant with higher one-off costs has paid for itself against another."""

from __future__ import annotations

from slingshot.files.verdict import PayBack
from slingshot.money import month as monthly
from slingshot.report import total
from slingshot.report.inputs import Contestant
from slingshot.settings import Settings


def pay_back(a: Contestant, b: Contestant, settings: Settings) -> PayBack | None:
    """The pay back of two contestants, with the cost of all labels. None if a price is not known, or if both one-off
    costs are equal."""
    works = total.work(a.cost), total.work(b.cost)
    starts = [c.total.start if c.total else None for c in (a, b)]
    if works[0] is None or works[1] is None or starts[0] is None or starts[1] is None:
        return None
    more = monthly.apart(starts[0], starts[1])
    if not more:
        return None
    at, names = total.with_labels(settings), (a.name, b.name) if more > 0 else (b.name, a.name)
    texts = (
        monthly.break_even(works[0], works[1], at)
        if total.predictions_apart(a.total, b.total)
        else None
    )
    dearer, other = names
    total_texts = None if texts is None else texts * at.months
    return PayBack(dearer=dearer, other=other, more=abs(more), texts=total_texts)
