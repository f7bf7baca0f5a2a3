"""The usage of a cascade: of the small model on every text, and of the LLM on escalated texts."""

from __future__ import annotations

from collections.abc import Mapping

from slingshot.cascade.rows import Escalation
from slingshot.files.usage import TimedRun, Usage
from slingshot.money.figures import on_paid_machine, together


def usage(
    title: str,
    small: Usage,
    large: Usage,
    escalations: Mapping[int, Escalation],
    texts: int,
    *,
    priced: bool,
) -> Usage:
    """The usage of a cascade on `texts` texts under each training seed, in proportion to the usage of its two sides.

    `escalations`: training seed -> escalation. Seconds are those of the machine that is paid for. So they leave out a
    `priced` LLM, which is paid by its tokens. They are 0, for not known, where an LLM without a price answers on
    another's server. The errors of both sides' seconds are taken to be independent. Latencies are estimates: an
    escalated text waits for both sides, and so does the 95th percentile if more than 5 of 100 texts are escalated.
    """
    share = sum(escalation.rows for escalation in escalations.values()) / len(escalations)
    small_reads = any(escalation.small_reads for escalation in escalations.values())
    sides = (small, large)
    memory = [side.peak_memory_bytes for side in sides if side.peak_memory_bytes is not None]
    runs = [
        _run(seed, escalation, small, large, texts, priced=priced)
        for seed, escalation in escalations.items()
    ]
    return Usage(
        kind="cascade",
        title=title,
        hardware=small.hardware,
        train_rows=max(small.train_rows, large.train_rows),
        validation_rows=max(small.validation_rows, large.validation_rows),
        model_bytes=(small.model_bytes or 0) + (large.model_bytes or 0) or None,
        train=small.train,
        predict=tuple(runs),
        latency=_latency(small, large, share, small_reads),
        peak_memory_bytes=max(memory, default=None),
        requests=None if large.requests is None else round(share * texts),
        llm_tokens=_billed(large.llm_tokens, large, escalations, texts),
        batch_tokens=_billed(large.batch_tokens, large, escalations, texts),
    )


def _run(
    seed: int, escalation: Escalation, small: Usage, large: Usage, texts: int, *, priced: bool
) -> TimedRun:
    """The prediction of one training seed."""
    of_small = _scaled(small, seed, texts if escalation.small_reads else 0)
    of_large = _scaled(large, seed, escalation.tokens * texts)
    paid = [of_small] if priced else [of_small, of_large]
    if not (priced or on_paid_machine(large)) and escalation.tokens:
        paid = []
    timed = [run for run in paid if run.seconds]
    tokens, seconds = of_small.tokens + of_large.tokens, sum(run.seconds for run in timed)
    return TimedRun(seed, tokens, texts, seconds, together(timed))


def _scaled(side: Usage, seed: int, texts: float) -> TimedRun:
    """A side's run on so many texts, at the rate of its run of the seed, or of its only run."""
    runs = [run for run in side.predict if run.seed == seed] or list(side.predict)
    measured = sum(run.texts for run in runs)
    share, error = texts / measured if measured else 0.0, together(runs)
    return TimedRun(
        seed,
        tokens=round(sum(run.tokens for run in runs) * share),
        texts=round(texts),
        seconds=sum(run.seconds for run in runs) * share,
        error=None if error is None else error * share,
    )


def _billed(
    tokens: Mapping[str, int] | None,
    large: Usage,
    escalations: Mapping[int, Escalation],
    texts: int,
) -> dict[str, int] | None:
    """The LLM's tokens by kind for the escalated texts of all seeds; None where `tokens` is None."""
    if tokens is None:
        return None
    measured = sum(run.texts for run in large.predict)
    bill = dict.fromkeys(tokens, 0)
    if measured:
        for escalation in escalations.values():
            for kind, number in tokens.items():
                bill[kind] += round(number / measured * escalation.tokens * texts)
    return bill


def _latency(small: Usage, large: Usage, share: float, small_reads: bool) -> dict[str, float]:
    """p50 and p95 in seconds, as far as both sides have them, and the smaller of their numbers of timed texts."""
    latency: dict[str, float] = {}
    for name, escalated in (("p50", share > 0.5), ("p95", share > 0.05)):
        used_by_side = ((small, small_reads), (large, escalated))
        sides = [side.latency for side, used in used_by_side if used]
        if all(name in side for side in sides):
            latency[name] = sum(side[name] for side in sides)
            latency["texts"] = min(side["texts"] for side in sides)
    return latency
