"""The money of one LLM: the most that a request can cost, its bill, and the budget that all requests share."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from slingshot.llm.asked.api import Ask, Body
from slingshot.llm.asked.entries import Hold
from slingshot.llm.asked.ledger import Ledger
from slingshot.money.prices import OVERHEAD, believed, bill, convert, reservation
from slingshot.settings import PARAMS, CostSettings, LlmPrice, Settings, UserError

FREE = "none"
"""The currency of an LLM without a price."""
ROUNDING = 1e-9
"""The share by which rounding may change a sum of money."""


def size(body: Body) -> int:
    """The UTF-8 bytes of a request."""
    return len(json.dumps(body, ensure_ascii=False).encode())


@dataclass(frozen=True)
class Standing:
    """The money that a ledger has ever spent on an LLM, in `cost.currency`."""

    billed: float
    reserved: float
    """For attempts that are in flight, or whose outcome is unknown."""
    left: float | None
    """The rest of the budget; None without a budget."""


@dataclass(frozen=True)
class Wallet:
    """The prices and the budget of the LLM `name` in today's params.yaml."""

    name: str
    cost: CostSettings
    price: LlmPrice | None
    price_name: str
    """The price list's key and date. The ledger stores them with each answer."""
    budget: float | None
    """In `cost.currency`; None where nothing is paid."""

    @classmethod
    def of(cls, name: str, settings: Settings, *, spending: bool = True) -> Wallet:
        """The wallet of an LLM. Raises UserError where `spending` is set and a priced LLM has no budget."""
        key = settings.llms[name].price
        if key is None:
            return cls(name, settings.cost, None, FREE, None)
        price = settings.cost.llm_prices[key]
        if spending and name not in settings.run.budget:
            raise UserError(
                f"{PARAMS}: run.budget.{name} is missing: write how many {settings.cost.currency} it may cost"
            )
        return cls(name, settings.cost, price, f"{key} {price.date}", settings.run.budget.get(name))

    def check_length(self, asks: Iterable[Ask]) -> None:
        """Raises UserError where a request may have more tokens than the price is valid for."""
        if self.price is None or self.price.up_to is None:
            return
        longest = max((size(ask.body) for ask in asks), default=0)
        if longest + OVERHEAD > self.price.up_to:
            raise UserError(
                f"{PARAMS}: the price {self.price_name} is valid for up to {self.price.up_to:,} input tokens (up_to), "
                f"but a request has {longest:,} bytes, which may be as many tokens: lower llms.{self.name}.shots or "
                "max_characters, or name a price for longer requests"
            )

    def hold(self) -> Hold:
        """The LLM and the limit that attempts are reserved with."""
        if self.price is None:
            return Hold(self.name, FREE, None)
        unit = convert(1, self.price.currency, self.cost)
        worth = {
            currency: convert(1, currency, self.cost) / unit
            for currency in {self.cost.currency, *self.cost.rates}
        }
        limit = None if self.budget is None else self.budget / unit
        return Hold(self.name, self.price.currency, limit, worth | {FREE: 0.0})

    def most(self, body: Body, max_tokens: int, *, batch: bool = False) -> float:
        """The most that an attempt at the request can cost, in the price's currency."""
        return reservation(size(body), max_tokens, self.price, batch=batch) if self.price else 0.0

    def bill(
        self, claimed: Mapping[str, int], body: Body, max_tokens: int, *, batch: bool = False
    ) -> tuple[float, bool]:
        """The bill of an answer with these claimed tokens, in the price's currency, and whether the claim is too high.

        An answer is billed for no more tokens than its request can use. If its claim would cost more than `most`, it is
        billed `most`.
        """
        if self.price is None:
            return 0.0, False
        used = believed(claimed, size(body), max_tokens)
        most = self.most(body, max_tokens, batch=batch)
        try:
            beyond = bill(claimed, self.price, batch=batch) > most * (1 + ROUNDING)
        except OverflowError:  # so many tokens are too large for a float
            beyond = True
        if beyond:
            return most, True
        return bill(used, self.price, batch=batch), sum(claimed.values()) > sum(used.values())

    def standing(self, ledger: Ledger) -> Standing:
        """The money spent so far. Raises UserError where the rate of a currency that was paid in is missing."""
        sums = [spent for spent in ledger.spent(self.name) if spent.currency != FREE]
        billed = sum(convert(spent.billed, spent.currency, self.cost) for spent in sums)
        reserved = sum(convert(spent.reserved, spent.currency, self.cost) for spent in sums)
        left = None if self.budget is None else self.budget - billed - reserved
        return Standing(billed, reserved, left)

    def shown(self, amount: float) -> str:
        """An amount in the price's currency, e.g. "EUR 0.0123"."""
        converted = convert(amount, self.price.currency, self.cost) if self.price else 0.0
        return money_text(converted, self.cost.currency)


def money_text(amount: float, currency: str) -> str:
    """An amount with two decimal places, or with four significant digits where it is less than one unit."""
    if abs(amount) >= 1 or amount == 0:
        return f"{currency} {amount:,.2f}"
    return f"{currency} {float(f'{amount:.4g}'):f}"
