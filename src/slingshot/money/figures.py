"""The cost of a contestant's training and prediction, from its usage and the prices in params.yaml.

A model or a local LLM costs the machine's seconds, an LLM with a list price costs its tokens, and a cascade both.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from slingshot.files.cost import Cost
from slingshot.files.usage import TimedRun, Usage
from slingshot.money.prices import llm_cost, per_second, uncached
from slingshot.settings import CostSettings, LlmPrice, UserError


def figures(usage: Usage, cost: CostSettings, price: LlmPrice | None = None) -> Cost:
    """Seconds, tokens and texts per second, and money in `cost.currency`.

    `price` is the LLM's list price; without it, the machine's seconds are priced. An LLM on a remote server has no cost
    without a list price. Raises UserError if a priced LLM's usage lacks its tokens by kind.
    """
    second = per_second(cost.hourly_price, cost.utilisation)
    train_seconds = _mean_seconds(usage.train)
    predicted = _Prediction.of(usage, price)
    billed = _billed(usage, cost, price)
    per_texts = predicted.cost_per_1000_texts(second, billed["token"])
    spread = together(usage.predict)
    # Labels of test rows do not count, because every contestant needs them.
    labels = usage.train_rows + usage.validation_rows
    return Cost(
        train_seconds=train_seconds,
        train_cost=None if train_seconds is None else train_seconds * second,
        predict_seconds=_mean_seconds(usage.predict) or None,
        tokens_per_second=predicted.rate(predicted.tokens),
        texts_per_second=predicted.rate(predicted.texts),
        cost_per_million_tokens=predicted.cost_per_million_tokens(per_texts),
        cost_per_1000_texts=per_texts,
        machine_seconds_per_1000_texts=predicted.machine_seconds,
        machine_seconds_spread=predicted.machine_seconds and spread and spread / predicted.seconds,
        token_cost_per_1000_texts=billed["token"],
        list_cost_per_1000_texts=billed["list"],
        cached_cost_per_1000_texts=billed["cached"],
        batch_cost_per_1000_texts=billed["batch"],
        latency_p50=usage.latency.get("p50"),
        latency_p95=usage.latency.get("p95"),
        latency_texts=usage.latency.get("texts"),
        peak_memory_gib=_scaled(usage.peak_memory_bytes, 2**30),
        model_mib=_scaled(usage.model_bytes, 2**20),
        labelling_cost=labels * cost.label_price,
        labels=labels,
        train_rows=usage.train_rows,
    )


@dataclass(frozen=True)
class _Prediction:
    """Tokens, texts and seconds of all prediction runs together."""

    tokens: int
    texts: int
    seconds: float
    works: bool
    """Whether a machine that is paid by the second is part of the cost."""
    machine_seconds: float | None
    """Seconds of that machine for 1,000 texts; None if they are not known, or there is no such machine."""
    rated: bool
    """Whether tokens and texts per second say how fast the contestant is."""

    @classmethod
    def of(cls, usage: Usage, price: LlmPrice | None) -> _Prediction:
        runs = usage.predict
        texts, seconds = sum(run.texts for run in runs), sum(run.seconds for run in runs)
        # Nobody pays for a priced LLM's seconds. A cascade that always asks such an LLM has no machine that works.
        works = price is None or (usage.kind == "cascade" and seconds > 0)
        timed = works and on_paid_machine(usage) and seconds > 0 and texts > 0
        return cls(
            tokens=sum(run.tokens for run in runs),
            texts=texts,
            seconds=seconds,
            works=works,
            machine_seconds=seconds / texts * 1000 if timed else None,
            # A cascade with a priced LLM has answers from two places, but seconds from only one of them.
            rated=seconds > 0 and (price is None or usage.kind != "cascade"),
        )

    def rate(self, number: int) -> float | None:
        """`number` per second; None if it is 0, or if the seconds do not say how fast the contestant is."""
        return number / self.seconds or None if self.rated else None

    def cost_per_1000_texts(self, second: float, tokens: float | None) -> float | None:
        """Cost from the price of a second, and of the tokens of 1,000 texts; None if a part is not known."""
        if self.works and self.machine_seconds is None:
            return None
        machine = None if self.machine_seconds is None else self.machine_seconds * second
        parts = [part for part in (machine, tokens) if part is not None]
        return sum(parts) if parts else None

    def cost_per_million_tokens(self, per_1000_texts: float | None) -> float | None:
        if per_1000_texts is None or not self.tokens:
            return None
        return per_1000_texts / 1000 * self.texts / self.tokens * 1e6


def headline(cost: Cost, settings: CostSettings) -> str:
    """The cost of 1,000 texts in words, e.g. `EUR 0.0018 per 1,000 texts`."""
    texts = cost.cost_per_1000_texts
    if texts is None:
        return "an unknown sum per 1,000 texts"
    return f"{settings.currency} {Decimal(f'{texts:.3g}'):f} per 1,000 texts"


def together(runs: Sequence[TimedRun]) -> float | None:
    """The standard error of the sum of the runs' seconds, as if their errors were independent; None if an error is not
    known."""
    errors = [run.error for run in runs if run.error is not None]
    return math.hypot(*errors) if errors and len(errors) == len(runs) else None


def on_paid_machine(usage: Usage) -> bool:
    """Whether its seconds are those of the machine with the price `cost.hourly_price`, not of a remote server."""
    return usage.hardware.get("device") != "remote"


def _billed(usage: Usage, cost: CostSettings, price: LlmPrice | None) -> dict[str, float | None]:
    """The cost of a priced LLM's tokens per 1,000 texts, as billed and in other ways of billing: see `Cost`."""
    texts = sum(run.texts for run in usage.predict)
    if price is None or not texts:
        return dict.fromkeys(("token", "list", "cached", "batch"))
    if usage.llm_tokens is None:
        raise UserError(
            f"the usage of '{usage.title}' has no llm_tokens, so its list price can't be used"
        )
    asked, batched = usage.llm_tokens, usage.batch_tokens or {}
    plain = uncached(asked, batched)
    sums = {
        "token": llm_cost(asked, price, cost) + llm_cost(batched, price, cost, batch=True),
        "list": llm_cost(plain, price, cost),
        "cached": llm_cost(asked, price, cost) + llm_cost(batched, price, cost),
        "batch": llm_cost(plain, price, cost, batch=True),
    }
    return {name: paid / texts * 1000 for name, paid in sums.items()}


def _mean_seconds(runs: Sequence[TimedRun]) -> float | None:
    return sum(run.seconds for run in runs) / len(runs) if runs else None


def _scaled(number: int | None, unit: int) -> float | None:
    return None if number is None else number / unit
