"""Costs from prices: hours of a machine, tokens of an LLM, conversion of currencies.

Pure functions. Prices, rates, their dates and their sources come from `cost` in params.yaml.
"""

from __future__ import annotations

from collections.abc import Mapping

from slingshot.settings import PARAMS, CostSettings, LlmPrice, UserError

MILLION = 1_000_000
TOKEN_KINDS = ("input", "output", "cache_write", "cache_write_1h", "cache_read")
"""Kinds of tokens. `cache_write` is kept for five minutes, `cache_write_1h` for an hour."""
OVERHEAD = 1_000
"""Tokens that an API may count in addition to the request's bytes."""


def per_second(hourly_price: float, utilisation: float = 1.0) -> float:
    """Price of one working second of a machine that works in the share `utilisation` of its paid hours."""
    return hourly_price / 3600 / utilisation


def per_million_tokens(
    hourly_price: float, tokens_per_second: float, utilisation: float = 1.0
) -> float:
    """Price of a million tokens on a machine that handles `tokens_per_second` while it works.

    EUR 5/h at 50,000 tokens/s is EUR 0.0278, the arithmetic of "David vs. Goliath in AI" (2024).
    """
    return per_second(hourly_price, utilisation) / tokens_per_second * MILLION


def convert(amount: float, currency: str, cost: CostSettings) -> float:
    """`amount` of `currency` in `cost.currency`, at the dated rate. Raises UserError if there is no rate."""
    if currency == cost.currency:
        return amount
    if currency not in cost.rates:
        raise UserError(
            f"{PARAMS}: cost.rates: no rate for {currency}; add its rate, date and source"
        )
    return amount * cost.rates[currency].rate


def bill(tokens: Mapping[str, int], price: LlmPrice, *, batch: bool = False) -> float:
    """Price of an LLM's tokens by kind (TOKEN_KINDS), in the price's own currency.

    The kinds do not overlap: `input` leaves out what was written to or read from the cache.
    `batch_discount` is the share that a batch request takes off.
    """
    listed = sum(tokens.get(kind, 0) * getattr(price, kind) for kind in TOKEN_KINDS) / MILLION
    return float(listed * (1 - price.batch_discount) if batch else listed)


def llm_cost(
    tokens: Mapping[str, int], price: LlmPrice, cost: CostSettings, *, batch: bool = False
) -> float:
    """The `bill` in `cost.currency`."""
    return convert(bill(tokens, price, batch=batch), price.currency, cost)


def reservation(
    request_bytes: int, max_tokens: int, price: LlmPrice, *, batch: bool = False
) -> float:
    """The most that one request can cost, in the price's own currency.

    No tokenizer makes more tokens than bytes. Each token is priced as the dearest kind of input, or of cache write.
    """
    dearest = max(
        (kind for kind in TOKEN_KINDS if kind != "output"), key=lambda kind: getattr(price, kind)
    )
    return bill({dearest: request_bytes + OVERHEAD, "output": max_tokens}, price, batch=batch)


def believed(tokens: Mapping[str, int], request_bytes: int, max_tokens: int) -> dict[str, int]:
    """The tokens that a server claims, by kind (TOKEN_KINDS), cut to the most that `reservation` assumes."""
    possible, left = {"output": min(tokens["output"], max_tokens)}, request_bytes + OVERHEAD
    for kind in TOKEN_KINDS:
        if kind != "output":
            possible[kind] = min(tokens.get(kind, 0), left)
            left -= possible[kind]
    return possible


def uncached(*tokens: Mapping[str, int]) -> dict[str, int]:
    """The sum of these tokens by kind, as if billed without a prompt cache: all input tokens are plain input."""
    total = {kind: sum(each.get(kind, 0) for each in tokens) for kind in TOKEN_KINDS}
    output = total.pop("output")
    return {"input": sum(total.values()), "output": output}
