"""What a cascade uses: the small model on every text, the LLM on those that are escalated."""

from __future__ import annotations

from collections.abc import Mapping

from slingshot.cascade.rows import Escalation
from slingshot.files.usage import TimedRun, Usage
from slingshot.money.figures import on_paid_machine, together


def usage(
    title: str,
    small: Usage,
    large: Usage,
    asked: Mapping[int, Escalation],
    texts: int,
    *,
    priced: bool,
) -> Usage:
    """The usage of a cascade on `texts` texts under each training seed, from that of its two sides, by the text; the
    errors of their seconds as if independent.

    The seconds are those of the machine that is paid for: a `priced` LLM costs its tokens, not its seconds. Latencies
    are estimates: a text that is escalated waits for both sides, so the 95th percentile does where more than 5 of 100
    texts are. Where an LLM without a price answers on another's server, the seconds, and so the cost, are not known: 0.
    """
    known = sum(run.texts for run in large.predict)
    runs, tokens, batched = [], dict[str, int](), dict[str, int]()
    for seed, one in asked.items():
        parts = [
            _of(small, seed, texts if one.small_reads else 0),
            _of(large, seed, one.tokens * texts),
        ]
        timed = [part for part in (parts[:1] if priced else parts) if part.seconds]
        if not (priced or on_paid_machine(large)) and one.tokens:
            timed = []
        seconds = sum(part.seconds for part in timed)
        runs.append(
            TimedRun(seed, sum(part.tokens for part in parts), texts, seconds, together(timed))
        )
        for total, bill in ((tokens, large.llm_tokens), (batched, large.batch_tokens)):
            for kind, number in (bill or {}).items():
                total[kind] = total.get(kind, 0) + round(
                    number / known * one.tokens * texts if known else 0
                )
    mean = sum(one.rows for one in asked.values()) / len(asked)
    memory = [
        side.peak_memory_bytes for side in (small, large) if side.peak_memory_bytes is not None
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
        latency=_latency(small, large, mean, any(one.small_reads for one in asked.values())),
        peak_memory_bytes=max(memory, default=None),
        requests=None if large.requests is None else round(mean * texts),
        llm_tokens=tokens if large.llm_tokens is not None else None,
        batch_tokens=batched if large.batch_tokens is not None else None,
    )


def _of(side: Usage, seed: int, texts: float) -> TimedRun:
    """So many texts, at the rate of the seed's run, or of the only one."""
    runs = [run for run in side.predict if run.seed == seed] or list(side.predict)
    known = sum(run.texts for run in runs)
    share, error = texts / known if known else 0.0, together(runs)
    tokens, seconds = (
        sum(run.tokens for run in runs) * share,
        sum(run.seconds for run in runs) * share,
    )
    return TimedRun(
        seed, round(tokens), round(texts), seconds, None if error is None else error * share
    )


def _latency(small: Usage, large: Usage, share: float, read: bool) -> dict[str, float]:
    """It rests on as many texts as its sides' does at least."""
    latency: dict[str, float] = {}
    for name, escalated in (("p50", share > 0.5), ("p95", share > 0.05)):
        sides = [side.latency for side, used in ((small, read), (large, escalated)) if used]
        if all(name in side for side in sides):
            latency[name] = sum(side[name] for side in sides)
            latency["texts"] = min(side["texts"] for side in sides)
    return latency
