"""The total cost of a contestant over the months of the decision, and which of two contestants costs less.

A total is the cost of training and prediction, and of labels if they count, by the formulas of money.month. A
contestant is cheaper only if the totals differ by more than the error of the machine's seconds, and by more than SAME.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from slingshot.files.cost import Cost
from slingshot.files.notes.verdicts import Plain
from slingshot.files.verdict import Horizon, TotalCost
from slingshot.money import month as monthly
from slingshot.money.month import Terms, Work
from slingshot.report.numbers import count
from slingshot.settings import DecisionSettings, Settings

TEXTS = 100_000
"""Texts per month if `decision` in params.yaml has no number."""
MONTHS = 12
"""Months if `decision` has no horizon."""
ERRORS = 3.0
"""A timing may be off by this many standard errors, which come from about ten parts of one run."""
LEAST = 0.2
"""A machine's seconds may be off by at least this share, because one run does not see other load. Two timings of equal
speed differed by 27% (bench/README.md)."""
SAME = 0.01
"""Totals that differ by at most this share of the larger count as equal."""
BILLINGS: dict[monthly.Billing, tuple[str, str]] = {
    # billing: (key in metrics/cost, name on the page)
    "billed": ("token_cost_per_1000_texts", "as billed in this run"),
    "list": ("list_cost_per_1000_texts", "at list price"),
    "cached": ("cached_cost_per_1000_texts", "list price, with the prompt cache"),
    "batch": ("batch_cost_per_1000_texts", "list price, in batches"),
}


@dataclass(frozen=True)
class Total:
    """Money over all months."""

    prediction: float
    noise: float | None
    """How far prediction and training may be off, because their seconds may be off; None if the spread of the timing is
    not known."""
    training: float
    labels: float
    """Cost of the labels of training and validation rows, or shots."""
    counts_labels: bool
    """Whether `counted` includes labels."""

    @property
    def start(self) -> float:
        """One-off costs, including labels."""
        return self.training + self.labels

    @property
    def without_labels(self) -> float:
        return self.prediction + self.training

    @property
    def with_labels(self) -> float:
        return self.prediction + self.start

    @property
    def counted(self) -> float:
        """The total that decides who is cheaper."""
        return self.with_labels if self.counts_labels else self.without_labels

    def counting(self, labels: bool) -> Total:
        """The same total with labels counted, or not."""
        return replace(self, counts_labels=labels)

    @property
    def figures(self) -> TotalCost:
        """The form in report/verdict.json."""
        return TotalCost(
            prediction=self.prediction,
            noise=self.noise,
            training=self.training,
            labels=self.labels,
            without_labels=self.without_labels,
            with_labels=self.with_labels,
        )


def terms(settings: Settings) -> Terms:
    """The terms of the total, from which the page's sliders start. A label that does not count has the price 0."""
    cost, decision = settings.cost, settings.decision
    return Terms(
        texts=float(decision.monthly_texts or TEXTS),
        hourly_price=cost.hourly_price,
        utilisation=cost.utilisation,
        label_price=cost.label_price if decision.count_labels else 0.0,
        months=float(decision.horizon_months or MONTHS),
        always_on=cost.always_on,
    )


def with_labels(settings: Settings) -> Terms:
    """As `terms`, but every label has its price."""
    return replace(terms(settings), label_price=settings.cost.label_price)


def horizon(decision: DecisionSettings) -> Horizon:
    """The months and texts of a total."""
    return Horizon(
        months=float(decision.horizon_months or MONTHS),
        months_assumed=decision.horizon_months is None,
        texts=float(decision.monthly_texts or TEXTS),
        texts_assumed=decision.monthly_texts is None,
    )


def horizon_words(decision: DecisionSettings) -> str:
    """`12 months (assumed) of 100,000 texts (assumed)`."""
    over = horizon(decision)
    months = f"{count(over.months)} months{' (assumed)' if over.months_assumed else ''}"
    return f"{months} of {count(over.texts)} texts{' (assumed)' if over.texts_assumed else ''}"


def machine(settings: Settings) -> str:
    return "an always-on machine" if settings.cost.always_on else "a machine paid by use"


def both(total: Total | None) -> tuple[float | None, float | None]:
    """The total without labels, and with them."""
    return (total.without_labels, total.with_labels) if total else (None, None)


def work(cost: Cost) -> Work | None:
    """The resources that a contestant needs; None if neither machine seconds nor tokens are known."""
    seconds, billed = cost.machine_seconds_per_1000_texts, cost.token_cost_per_1000_texts
    if seconds is None and billed is None:
        return None
    prices = {billing: getattr(cost, key) for billing, (key, _) in BILLINGS.items()}
    return Work(
        train_seconds=cost.train_seconds or 0.0,
        labels=cost.labels,
        seconds=seconds or 0.0,
        tokens={} if billed is None else prices,
    )


def of(cost: Cost, settings: Settings) -> Total | None:
    """The total from a contestant's cost file; None if its price is not known."""
    taken, at = work(cost), with_labels(settings)
    month = monthly.month(taken, at) if taken else None
    if taken is None or month is None:
        return None
    spread = cost.machine_seconds_spread if taken.seconds else 0.0  # an API's bill has no timing
    return Total(
        prediction=month.prediction * at.months,
        noise=None if spread is None else _noise(taken, spread, at),
        training=month.training * at.months,
        labels=month.labels * at.months,
        counts_labels=settings.decision.count_labels,
    )


def off(spread: float) -> float:
    """The share by which seconds may be off if their timing has this spread."""
    return max(ERRORS * spread, LEAST)


def _noise(taken: Work, spread: float, at: Terms) -> float:
    """The larger distance in cost from the measured machine to the slowest, or the fastest, that the timing allows."""
    slow, measured, fast = (
        _machine(taken, factor, at) for factor in (1 + off(spread), 1.0, max(1 - off(spread), 0.0))
    )
    return max(slow - measured, measured - fast) * at.months


def _machine(taken: Work, factor: float, at: Terms) -> float:
    """A month's cost of prediction and training if both take `factor` times their seconds."""
    here = replace(
        taken, seconds=taken.seconds * factor, train_seconds=taken.train_seconds * factor
    )
    month = monthly.month(here, at)
    return month.prediction + month.training if month else 0.0


def cheaper(a: Total | None, b: Total | None) -> bool | None:
    """Whether `a` is cheaper; None if that is not known, or if the two can't be told apart."""
    if a is None or b is None or a.noise is None or b.noise is None:
        return None
    return (
        a.counted < b.counted
        if _apart(a.counted, b.counted, math.hypot(a.noise, b.noise))
        else None
    )


def why_neither(a: Total | None, b: Total | None) -> Plain:
    """Why neither of two is cheaper."""
    if a is None or b is None:
        return Plain(code="cost_unknown")
    if a.noise is None or b.noise is None:
        return Plain(code="timing_unknown")
    return Plain(code="costs_alike")


def _apart(mine: float, other: float, noise: float) -> bool:
    return abs(mine - other) > max(noise, SAME * max(mine, other))


def predictions_apart(a: Total | None, b: Total | None) -> bool:
    """Whether the two costs of prediction can be told apart."""
    if a is None or b is None or a.noise is None or b.noise is None:
        return False
    return _apart(a.prediction, b.prediction, math.hypot(a.noise, b.noise))
