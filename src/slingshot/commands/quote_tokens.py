"""The number of tokens of the missing answers, from which a quote is computed.

If a key is set and the texts may leave, the API counts the input tokens of a sample of requests, which are scaled by
bytes. Otherwise input tokens are estimated from bytes. Output tokens are estimated from the stored answers.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from slingshot.llm.asked.api import Api, Ask, Body, RejectError, RetryError, StopError
from slingshot.llm.asked.entries import Record
from slingshot.llm.asked.wallet import size
from slingshot.llm.task import PromptTask
from slingshot.money.prices import OVERHEAD
from slingshot.settings import AskedSettings

SAMPLE = 40
"""The most requests that the API counts."""
BYTES_PER_TOKEN = 3.5
"""An approximate value for English and JSON."""


@dataclass(frozen=True)
class Tokens:
    """The tokens of the missing answers."""

    input: int
    """Input tokens of all requests, with their static beginnings."""
    cacheable: int
    """The part of `input` in equal beginnings that are long enough for the API's cache."""
    output: int
    uncounted: str
    """Why the API did not count the input tokens, so that they are estimated; empty if it did."""


def missing_tokens(
    task: PromptTask,
    llm_settings: AskedSettings,
    api: Api,
    missing: Sequence[Ask],
    records: Mapping[str, Record],
) -> Tokens:
    """The tokens of the missing answers. `records` are the stored answers."""
    per_byte, uncounted = _tokens_per_byte(task, llm_settings, api, missing)
    lengths = [api.lengths(api.marked(ask.body, hour=False)) for ask in missing]
    beginning = lengths[0][0] if missing else 0
    return Tokens(
        input=round(sum(whole for _, whole in lengths) * per_byte),
        cacheable=round(beginning * len(missing) * per_byte),
        output=round(_output_tokens(api, records, llm_settings) * len(missing)),
        uncounted=uncounted,
    )


def _tokens_per_byte(
    task: PromptTask, llm_settings: AskedSettings, api: Api, missing: Sequence[Ask]
) -> tuple[float, str]:
    """Input tokens per byte of a request, and why the API did not count them (empty if it did)."""
    if not missing:
        return 0.0, ""
    if llm_settings.remote and not task.settings.dataset(task.dataset).may_leave:
        return 1 / BYTES_PER_TOKEN, f"datasets.{task.dataset}.may_leave is not true"
    if llm_settings.remote and not api.key():
        return 1 / BYTES_PER_TOKEN, "no key is set"
    bodies = [ask.body for ask in missing]
    if len(bodies) > SAMPLE:
        bodies = [bodies[len(bodies) * n // SAMPLE] for n in range(SAMPLE)]
    run = task.settings.run
    try:
        counted = asyncio.run(_count(api, bodies, run.timeout, run.concurrency))
    except (RetryError, RejectError, StopError, TimeoutError) as error:
        return 1 / BYTES_PER_TOKEN, str(error) or "the API did not answer in time"
    return counted / sum(api.lengths(body)[1] for body in bodies), ""


async def _count(api: Api, bodies: Sequence[Body], seconds: float, at_once: int) -> int:
    """The input tokens of the bodies as counted by the API, each at most what a request of its bytes can have."""
    total = 0
    try:
        async with asyncio.timeout(seconds):
            for start in range(0, len(bodies), at_once):
                part = bodies[start : start + at_once]
                counts = await asyncio.gather(*(api.count(body) for body in part))
                most = (size(body) + OVERHEAD for body in part)
                total += sum(map(min, counts, most))
    finally:
        await api.close()
    return total


def _output_tokens(api: Api, records: Mapping[str, Record], llm_settings: AskedSettings) -> float:
    """Output tokens of one answer: the mean of the stored answers, otherwise an estimate for JSON without thinking."""
    known = [
        min(api.tokens(record.response)["output"], llm_settings.max_tokens)
        for record in records.values()
    ]
    if known:
        return sum(known) / len(known)
    return 30.0 if llm_settings.scores == "verbalised" else 15.0
