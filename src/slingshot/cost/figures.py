"""One contestant's metrics/cost file: flat figures, null where there is nothing to measure.

Seconds are means over seeds. A model and a local LLM cost the machine's seconds; an LLM with a
price costs its tokens. `labelling_cost` stands on its own, in no other figure.
"""

from __future__ import annotations

from collections.abc import Sequence

from slingshot.money import llm_cost, per_million_tokens, per_second, uncached
from slingshot.settings import CostSettings, LlmPrice, UserError
from slingshot.usage import Run, Usage


def figures(usage: Usage, cost: CostSettings, price: LlmPrice | None = None) -> dict[str, float | None]:
    """Seconds, tokens and texts a second, and money in `cost.currency`.

    `price` is the LLM's list price; None prices the machine's seconds. Raises UserError when a
    priced LLM's usage lacks its tokens by kind.
    """
    second = per_second(cost.hourly_price, cost.utilisation)
    train_seconds = _mean_seconds(usage.train)
    tokens_per_second = _rate(usage.predict, "tokens")
    texts_per_second = _rate(usage.predict, "texts")
    if price is None:
        per_tokens = (
            per_million_tokens(cost.hourly_price, tokens_per_second, cost.utilisation) if tokens_per_second else None
        )
        per_texts = second / texts_per_second * 1000 if texts_per_second else None
    else:
        per_tokens, per_texts = _priced(usage, cost, price)
    return {
        "train_seconds": train_seconds,
        "train_cost": None if train_seconds is None else train_seconds * second,
        "predict_seconds": _mean_seconds(usage.predict) or None,
        "tokens_per_second": tokens_per_second,
        "texts_per_second": texts_per_second,
        "cost_per_million_tokens": per_tokens,
        "cost_per_1000_texts": per_texts,
        "list_cost_per_1000_texts": _listed(usage, cost, price),
        "latency_p50": usage.latency.get("p50"),
        "latency_p95": usage.latency.get("p95"),
        "peak_memory_gib": _scaled(usage.peak_memory_bytes, 2**30),
        "model_mib": _scaled(usage.model_bytes, 2**20),
        "labelling_cost": usage.train_rows * cost.label_price,
        "train_rows": usage.train_rows,
    }


def _priced(usage: Usage, cost: CostSettings, price: LlmPrice) -> tuple[float | None, float | None]:
    if usage.llm_tokens is None:
        raise UserError(f"the usage of '{usage.title}' has no llm_tokens, so its list price can't be used")
    paid = llm_cost(usage.llm_tokens, price, cost) + llm_cost(usage.batch_tokens or {}, price, cost, batch=True)
    tokens = sum(run.tokens for run in usage.predict)
    texts = sum(run.texts for run in usage.predict)
    return (paid / tokens * 1_000_000 if tokens else None, paid / texts * 1000 if texts else None)


def _listed(usage: Usage, cost: CostSettings, price: LlmPrice | None) -> float | None:
    """Per 1,000 texts, what a priced LLM's tokens had cost without its cache and without batches."""
    texts = sum(run.texts for run in usage.predict)
    if price is None or usage.llm_tokens is None or not texts:
        return None
    return llm_cost(uncached(usage.llm_tokens, usage.batch_tokens or {}), price, cost) / texts * 1000


def _mean_seconds(runs: Sequence[Run]) -> float | None:
    return sum(run.seconds for run in runs) / len(runs) if runs else None


def _rate(runs: Sequence[Run], what: str) -> float | None:
    """Tokens or texts a second over all runs; None where either is zero."""
    seconds = sum(run.seconds for run in runs)
    return sum(getattr(run, what) for run in runs) / seconds or None if seconds else None


def _scaled(number: int | None, unit: int) -> float | None:
    return None if number is None else number / unit
