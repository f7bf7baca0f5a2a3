"""What labelling texts costs by the month: the break-even of two contestants, and the LLM's price at which the cheaper
of two changes.

Pure functions. report/page/page.js has the same formulas for the sliders of the page; tests/browser compares the two.
They are apart from prices.py, because stages that prompt and pay depend on that, and none on this.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from slingshot.money.prices import per_second

HOURS = 730.0
"""Of an average month: 365 days / 12."""
Billing = Literal["billed", "list", "cached", "batch"]
"""An API's price: as the run was billed, at list, with the cache as measured, in batches."""


@dataclass(frozen=True)
class Terms:
    """What the reader may set; prices in one currency."""

    texts: float
    """A month."""
    hourly_price: float
    utilisation: float
    """Share of its paid hours in which a machine works: of those used, or of all where it is always on."""
    label_price: float
    months: float
    """Over which the cost of training and labels is spread."""
    llm_factor: float = 1.0
    """By which an LLM's price is multiplied; a local LLM's seconds."""
    always_on: bool = False
    """Whether whole machines are paid all month, or only the hours used."""
    billing: Billing = "billed"


@dataclass(frozen=True)
class Work:
    """What one contestant takes. `seconds`, `llm_seconds` and `tokens` are per 1,000 texts."""

    train_seconds: float
    labels: float
    seconds: float = 0.0
    """Of the machine, the local LLM's own left out."""
    llm_seconds: float = 0.0
    tokens: Mapping[Billing, float | None] = field(default_factory=dict)
    """Money for an API's tokens by its billing, None where unknown; empty where nothing is billed by tokens."""


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
    """Of 1,000 texts; 0 where no API is asked, None where this billing has no price."""
    if not work.tokens:
        return 0.0
    price = work.tokens.get(terms.billing)
    return None if price is None else price * terms.llm_factor


def machines(work: Work, terms: Terms) -> int:
    """Always-on machines that the month's texts need."""
    hours = terms.texts / 1000 * machine_seconds(work, terms) / 3600
    return math.ceil(hours / (HOURS * terms.utilisation))


def month(work: Work, terms: Terms) -> Month | None:
    """The month's money; None where the billing has no price. Training pays the hours used, always on or not."""
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
    """The month's machines: whole ones where they are always on, else by the price of a second."""
    if terms.always_on:
        return machines(work, terms) * HOURS * terms.hourly_price
    return terms.texts / 1000 * machine_seconds(work, terms) * second


def capacity(work: Work, terms: Terms) -> float:
    """Texts a month up to which one always-on machine is enough; infinite where machines are paid by use, or not at
    all."""
    seconds = machine_seconds(work, terms)
    if not terms.always_on or not seconds:
        return math.inf
    return HOURS * terms.utilisation * 3600 / seconds * 1000


def line(work: Work, terms: Terms) -> tuple[float, float] | None:
    """A month's money as (fixed sum, sum per text), while one always-on machine is enough.

    None where the billing has no price.
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
    """a - b; 0 where only their last bits differ, as they may where one sum is worked out in two ways."""
    return 0.0 if math.isclose(a, b) else a - b


def crossing(a: tuple[float, float], b: tuple[float, float]) -> float | None:
    """The positive number of texts at which two results of `line` cost the same; None where there is none.

    Below it the one with the smaller fixed sum is cheaper, above it the other.
    """
    fixed, per_text = apart(a[0], b[0]), apart(b[1], a[1])
    return fixed / per_text if fixed * per_text > 0 else None


def break_even(a: Work, b: Work, terms: Terms) -> float | None:
    """Texts a month at which `a` and `b` cost the same.

    None where one is cheaper for any number of texts that one always-on machine can read, or a price is unknown.
    """
    line_a, line_b = line(a, terms), line(b, terms)
    texts = crossing(line_a, line_b) if line_a and line_b else None
    if texts is None or texts > min(capacity(a, terms), capacity(b, terms)):
        return None
    return texts


def flip_price(small: Work, large: Work, terms: Terms) -> float | None:
    """The price of 1,000 texts of `large` at which both cost the same by the month; below it `large` is cheaper.

    What `large` takes once stays as it is. None where that alone makes it dearer, or a price is unknown.
    """
    of_small = month(small, terms)
    if of_small is None:
        return None
    second = per_second(terms.hourly_price, terms.utilisation)
    once = (large.train_seconds * second + large.labels * terms.label_price) / terms.months
    price = (of_small.total - once) / (terms.texts / 1000)
    return price if price > 0 else None
