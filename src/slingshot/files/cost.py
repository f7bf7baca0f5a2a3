"""metrics/cost/D/C.json: what a contestant's training and prediction took and cost."""

from __future__ import annotations

from slingshot.files.storage.record import Record


class Cost(Record):
    """Flat figures for `dvc metrics diff`. Seconds are means over seeds; money is in `cost.currency`.

    None where there is nothing to measure: an LLM trains nothing, an unpriced API has no cost.
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
    """Standard error of the machine's seconds of prediction, as a share of them."""
    token_cost_per_1000_texts: float | None
    """What the tokens of a priced LLM cost as they were billed."""
    list_cost_per_1000_texts: float | None
    """What they had cost without a prompt cache and without batches."""
    cached_cost_per_1000_texts: float | None
    """What they had cost with the cache only."""
    batch_cost_per_1000_texts: float | None
    """What they had cost in batches only."""
    latency_p50: float | None
    latency_p95: float | None
    """Seconds in which 95 of 100 single texts were answered."""
    latency_texts: float | None
    """Single texts that the latencies rest on."""
    peak_memory_gib: float | None
    model_mib: float | None
    labelling_cost: float
    """Of all `labels`; it stands in no other figure."""
    labels: int
    """Training rows, or shots, and the validation rows by which was chosen."""
    train_rows: int
