"""metrics/cost/D/C.json: the time and the money that a contestant's training and prediction took."""

from __future__ import annotations

from slingshot.files.storage.record import Record


class Cost(Record):
    """Flat figures for `dvc metrics diff`. Seconds are means over seeds; money is in `cost.currency`.

    A figure is None where there is nothing to measure: an LLM trains nothing, and an API without a price has no cost.
    """

    train_seconds: float | None
    train_cost: float | None
    predict_seconds: float | None
    tokens_per_second: float | None
    texts_per_second: float | None
    cost_per_million_tokens: float | None
    cost_per_1000_texts: float | None
    machine_seconds_per_1000_texts: float | None
    machine_seconds_spread: float | None
    """Standard error of the machine's prediction seconds, as a share of these seconds."""
    token_cost_per_1000_texts: float | None
    """The cost of a priced LLM's tokens, as they were billed."""
    list_cost_per_1000_texts: float | None
    """The cost of the same tokens without a prompt cache and without batches."""
    cached_cost_per_1000_texts: float | None
    """The cost of the same tokens with the cache only."""
    batch_cost_per_1000_texts: float | None
    """The cost of the same tokens in batches only."""
    latency_p50: float | None
    latency_p95: float | None
    """Seconds in which 95 of 100 single texts were answered."""
    latency_texts: float | None
    """The number of single texts that were timed."""
    peak_memory_gib: float | None
    model_mib: float | None
    labelling_cost: float
    """The cost of all `labels`. No other figure includes it."""
    labels: int
    """The labelled rows that were used: training rows or shots, and the validation rows that chose settings."""
    train_rows: int
