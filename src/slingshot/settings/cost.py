"""The `cost:` block of params.yaml: prices, each with its date and its source."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from slingshot.settings.base import Block, Count, Date, Positive


class Rate(Block):
    rate: Positive
    """Units of `cost.currency` for one unit of the key's currency."""
    date: Date
    source: str


class LlmPrice(Block):
    """List prices per million tokens, with their date and source."""

    currency: str
    input: float = Field(ge=0)
    output: float = Field(ge=0)
    cache_write: float = Field(ge=0)
    cache_read: float = Field(ge=0)
    batch_discount: float = Field(default=0.5, ge=0, le=1)
    up_to: Count | None = None
    """Most input tokens of a request at this price; longer requests are not sent."""
    date: Date
    source: str

    @property
    def cache_write_1h(self) -> float:
        """The price of input that a cache keeps for an hour: twice the price of uncached input."""
        return 2 * self.input


class CostSettings(Block):
    currency: str = Field(pattern=r"^[A-Z]{3}$")
    rates: dict[str, Rate] = {}
    hourly_price: Positive
    """The price of the machine that trains and predicts, in `currency`."""
    hourly_price_source: str
    utilisation: float = Field(gt=0, le=1)
    """Share of the paid hours in which the machine works."""
    always_on: bool = False
    """Whether prediction pays for whole machines all month, or only for the hours in which they work. Training always
    pays for those hours only."""
    llm_prices: dict[str, LlmPrice] = {}
    label_price: float = Field(ge=0)
    """The price of one human label, in `currency`."""

    @model_validator(mode="after")
    def _every_price_can_be_converted(self) -> Self:
        for name, price in self.llm_prices.items():
            if price.currency != self.currency and price.currency not in self.rates:
                raise ValueError(
                    f"llm_prices.{name} is in {price.currency}: add rates.{price.currency}"
                )
        return self
