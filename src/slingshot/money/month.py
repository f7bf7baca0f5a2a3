"""The monthly cost of labelling texts, the break-even of two contestants, and the LLM price at which the cheaper of two
changes.

Pure functions. report/page/page.js has the same formulas for the sliders of the page; tests/browser compares the two.
They are not in prices.py, because the stage that prompts depends on prices.py but not on them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from slingshot.money.prices import per_second

HOURS = 730.0
"""Hours of an average month: 365 days / 12."""
Billing = Literal["billed", "list", "cached", "batch"]
"""An API's price: as the run was billed, at list price, with the cache as measured, in batches."""


@dataclass(frozen=True)
class Terms:
    """Volume and prices, which a reader of the page may set; all prices are in one currency."""

    texts: float
    """Texts per month."""
    hourly_price: float
    utilisation: float
    """Share of the paid hours in which a machine works."""
    label_price: float
    months: float
    """Months over which the cost of training and labels is spread."""
    llm_factor: float = 1.0
    """Factor on an API's price, or on a local LLM's seconds."""
    always_on: bool = False
    """Whether whole machines are paid for all month, or only the hours used."""
    billing: Billing = "billed"


@dataclass(frozen=True)
class Work:
    """The resources that one contestant needs. `seconds`, `llm_seconds` and `tokens` are per 1,000 texts."""

    train_seconds: float
    labels: float
    seconds: float = 0.0
    """Seconds of the machine, without those of a local LLM."""
    llm_seconds: float = 0.0
    """Seconds of a local LLM."""
    tokens: Mapping[Billing, float | None] = field(default_factory=dict)
    """Billing -> money for an API's tokens, None if it is not known. Empty if nothing is billed by tokens."""


@dataclass(frozen=True)
class Month:
    """One month's money."""

    machine: float
    tokens: float
    training: float
    labels: float

    @property
    def prediction(self) -> float:
        return self.machine + self.tokens

    @property
    def once(self) -> float:
        """The month's share of what is paid once."""
        return self.training + self.labels

    @property
    def total(self) -> float:
        return self.prediction + self.once


def machine_seconds(work: Work, terms: Terms) -> float:
    """Working seconds of a machine for 1,000 texts."""
    return work.seconds + work.llm_seconds * terms.llm_factor


def token_price(work: Work, terms: Terms) -> float | None:
    """Price of the tokens of 1,000 texts; 0 if no API is asked, None if this billing has no price."""
    if not work.tokens:
        return 0.0
    price = work.tokens.get(terms.billing)
    return None if price is None else price * terms.llm_factor


def machines(work: Work, terms: Terms) -> int:
    """The number of always-on machines that the month's texts need."""
    hours = terms.texts / 1000 * machine_seconds(work, terms) / 3600
    return math.ceil(hours / (HOURS * terms.utilisation))


def month(work: Work, terms: Terms) -> Month | None:
    """The month's money; None if the billing has no price. Training always pays only the hours used."""
    tokens = token_price(work, terms)
    if tokens is None:
        return None
    second = per_second(terms.hourly_price, terms.utilisation)
    return Month(
        machine=_machine(work, terms, second),
        tokens=terms.texts / 1000 * tokens,
        training=work.train_seconds * second / terms.months,
        labels=work.labels * terms.label_price / terms.months,
    )


def _machine(work: Work, terms: Terms, second: float) -> float:
    """The month's cost of machines: whole machines if they are always on, otherwise the seconds used."""
    if terms.always_on:
        return machines(work, terms) * HOURS * terms.hourly_price
    return terms.texts / 1000 * machine_seconds(work, terms) * second


def capacity(work: Work, terms: Terms) -> float:
    """Texts per month up to which one always-on machine is enough; infinite if machines are paid by use, or are not
    needed."""
    seconds = machine_seconds(work, terms)
    if not terms.always_on or not seconds:
        return math.inf
    return HOURS * terms.utilisation * 3600 / seconds * 1000


def line(work: Work, terms: Terms) -> tuple[float, float] | None:
    """A month's money as (fixed sum, sum per text), while one always-on machine is enough.

    None if the billing has no price.
    """
    tokens = token_price(work, terms)
    if tokens is None:
        return None
    second = per_second(terms.hourly_price, terms.utilisation)
    seconds = machine_seconds(work, terms)
    once = (work.train_seconds * second + work.labels * terms.label_price) / terms.months
    if terms.always_on:
        return once + (HOURS * terms.hourly_price if seconds else 0.0), tokens / 1000
    return once, (seconds * second + tokens) / 1000


def apart(a: float, b: float) -> float:
    """a - b; 0 if only their last bits differ, which happens if a sum is computed in two ways."""
    return 0.0 if math.isclose(a, b) else a - b


def crossing(a: tuple[float, float], b: tuple[float, float]) -> float | None:
    """The positive number of texts at which two results of `line` cost the same; None if there is none.

    Below that number the line with the smaller fixed sum is cheaper, above it the other.
    """
    fixed, per_text = apart(a[0], b[0]), apart(b[1], a[1])
    return fixed / per_text if fixed * per_text > 0 else None


def break_even(a: Work, b: Work, terms: Terms) -> float | None:
    """Texts per month at which `a` and `b` cost the same.

    None if one is cheaper for any number of texts that one always-on machine can read, or if a price is unknown.
    """
    line_a, line_b = line(a, terms), line(b, terms)
    texts = crossing(line_a, line_b) if line_a and line_b else None
    if texts is None or texts > min(capacity(a, terms), capacity(b, terms)):
        return None
    return texts


def flip_price(small: Work, large: Work, terms: Terms) -> float | None:
    """The price of 1,000 texts of `large` at which both cost the same per month; below it `large` is cheaper.

    The one-off costs of `large` do not change. None if they alone make it dearer, or if a price is unknown.
    """
    of_small = month(small, terms)
    if of_small is None:
        return None
    second = per_second(terms.hourly_price, terms.utilisation)
    once = (large.train_seconds * second + large.labels * terms.label_price) / terms.months
    price = (of_small.total - once) / (terms.texts / 1000)
    return price if price > 0 else None
