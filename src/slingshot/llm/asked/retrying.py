"""Calls of the API for batches: each call has several attempts, and one waits for the end of a batch."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from slingshot.llm.asked.api import RetryError
from slingshot.llm.asked.sending import Sender

T = TypeVar("T")


class Retrying:
    """The calls of one run, which its sender can end."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    async def call(
        self,
        attempt: Callable[[], Awaitable[T]],
        seconds: float | None,
        *,
        only_unbilled: bool = False,
    ) -> T:
        """The result of a call, after up to `run.attempts` attempts.

        `seconds` limits the time of one attempt; None where `attempt` limits its own time. With `only_unbilled` there
        is another attempt only if the last one certainly did nothing. Raises RejectError, StopError, or the last
        RetryError.
        """
        sender, attempts = self._sender, self._sender.run.attempts
        for number in range(attempts):
            try:
                async with asyncio.timeout(seconds):
                    return await attempt()
            except TimeoutError:
                limit = seconds or sender.run.timeout
                error = RetryError(f"no whole answer in {limit:g} s", unbilled=False)
            except RetryError as caught:
                error = caught
            if (only_unbilled and not error.unbilled) or number + 1 == attempts:
                raise error
            # `wait` gives 0 where the pace of single requests keeps an API's retry-after. Batches have no pace.
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
