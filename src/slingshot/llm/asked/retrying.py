"""The calls about batches: each is tried several times, and a batch's end is waited for."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from slingshot.llm.asked.api import RetryError
from slingshot.llm.asked.sending import Sender

T = TypeVar("T")


class Retrying:
    """One run's calls, paced and ended by its sender."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    async def call(
        self,
        attempt: Callable[[], Awaitable[T]],
        seconds: float | None,
        *,
        unless_unknown: bool = False,
    ) -> T:
        """The result, after up to `run.attempts` tries.

        `seconds` is the time of one try; None where `attempt` watches over its own time. `unless_unknown` tries again
        only while the call surely did nothing. Raises RejectError, StopError, or the last RetryError.
        """
        sender, attempts = self._sender, self._sender.run.attempts
        for number in range(attempts):
            try:
                async with asyncio.timeout(seconds):
                    return await attempt()
            except TimeoutError:
                limit = seconds or sender.run.timeout
                error = RetryError(f"no whole answer in {limit:g} s", known=False)
            except RetryError as caught:
                error = caught
            if (unless_unknown and not error.known) or number + 1 == attempts:
                raise error
            # The pace, which keeps to an API's retry-after, is that of requests one by one: here the wait is kept.
            pause = sender.wait(error, number)
            await sender.sleep(pause if error.after is None else error.after)
            if sender.ended.is_set():
                raise error
        raise AssertionError

    async def ends(self, batch: str) -> bool:
        """Wait for the end of a batch. False where the run ends first."""
        sender = self._sender
        while True:
            state = await self.call(lambda: sender.api.look(batch), sender.run.timeout)
            if state.ended:
                return True
            sender.say(f"batch {batch}: {state.done:,} of {state.requests:,} done")
            await sender.sleep(sender.run.poll)
            if sender.ended.is_set():
                return False
