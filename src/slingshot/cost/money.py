"""Prices into money: an hour of a machine, a million tokens of an LLM, one currency into another.

Pure functions. Prices, rates, their dates and their sources come from `cost` in params.yaml.
"""

from __future__ import annotations

from collections.abc import Mapping

from slingshot.settings import PARAMS, CostSettings, LlmPrice, UserError

MILLION = 1_000_000
TOKEN_KINDS = ("input", "output", "cache_write", "cache_read")


def per_second(hourly_price: float, utilisation: float = 1.0) -> float:
    """Price of one working second of a machine that works the share `utilisation` of its paid hours."""
    return hourly_price / 3600 / utilisation


def per_million_tokens(hourly_price: float, tokens_per_second: float, utilisation: float = 1.0) -> float:
    """Price of a million tokens on a machine that handles `tokens_per_second` while it works.

    EUR 5/h at 50,000 tokens/s is EUR 0.0278, the arithmetic of "David vs. Goliath in AI" (2024).
    """
    return per_second(hourly_price, utilisation) / tokens_per_second * MILLION


def convert(amount: float, currency: str, cost: CostSettings) -> float:
    """`amount` of `currency` in `cost.currency`, at the dated rate. Raises UserError without a rate."""
    if currency == cost.currency:
        return amount
    if currency not in cost.rates:
        raise UserError(f"{PARAMS}: cost.rates: no rate for {currency}; add its rate, date and source")
    return amount * cost.rates[currency].rate


def llm_cost(tokens: Mapping[str, int], price: LlmPrice, cost: CostSettings, *, batch: bool = False) -> float:
    """Price in `cost.currency` of an LLM's tokens by kind: input, output, cache_write and cache_read.

    The kinds do not overlap: `input` leaves out what was written to or read from the cache.
    `batch_discount` is the share that a batch request takes off.
    """
    listed = sum(tokens.get(kind, 0) * getattr(price, kind) for kind in TOKEN_KINDS) / MILLION
    return convert(listed * (1 - price.batch_discount if batch else 1), price.currency, cost)
