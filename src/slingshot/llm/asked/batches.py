"""Sends requests in Message Batches, which cost half and answer within a day.

A batch is in the ledger before it is submitted, and gets the API's id afterwards. So a run that was killed can collect
its batches, and submits nothing twice. lost_batches.py searches for a batch whose id never reached the ledger.
"""

from __future__ import annotations

import asyncio
import uuid
from collections import Counter, defaultdict
from collections.abc import Sequence

from slingshot.llm.asked.api import Ask, BatchResult, RejectError, RetryError, StopError
from slingshot.llm.asked.entries import Flight
from slingshot.llm.asked.lost_batches import NEW, LostBatches
from slingshot.llm.asked.retrying import Retrying
from slingshot.llm.asked.sending import ELSEWHERE, Sender
from slingshot.llm.asked.wallet import size

MOST_REQUESTS = 100_000
"""The most requests in a batch."""
MOST_BYTES = 200_000_000
"""The most bytes of a batch. The API accepts 256 MB."""
SLOWEST = 100_000
"""The slowest upload of a batch that is waited for, in bytes in a second."""


class Batches:
    """The batches of one run. Its sender stores the answers."""

    def __init__(self, sender: Sender) -> None:
        self.sender, self.say = sender, sender.say
        self.api, self.ledger, self.wallet = sender.api, sender.ledger, sender.wallet
        self.run = sender.run
        self._retrying = Retrying(sender)
        self._lost = LostBatches(sender, self._retrying)
        self._tries: Counter[str] = Counter()
        self._asks: dict[str, Ask] = {}

    async def send_all(self, asks: Sequence[Ask], *, submit: bool) -> None:
        """Collect earlier batches. With `submit`, submit the remaining requests, as far as the budget allows.

        Requests that expired, or failed for a reason that may pass, are submitted again, up to `run.attempts` times.
        """
        self._asks = {ask.request: ask for ask in asks}
        remaining = dict(self._asks)
        try:
            while not self.sender.ended.is_set():
                await self._collect(remaining, submit)
                if not remaining or not submit:
                    return
                await self._submit(list(remaining.values()))
        except (RejectError, StopError) as error:
            self.sender.end(str(error))
        except RetryError as error:
            self.sender.end(f"{error}, {self.run.attempts} times")

    # --- collecting ------------------------------------------------------------------------------

    async def _collect(self, remaining: dict[str, Ask], submit: bool) -> None:
        """Wait for every batch with one of the `remaining` requests. Remove answered and failed requests from them.

        Before submitting, this also waits for requests that another process is sending one by one.
        """
        waited = 0.0
        while not self.sender.ended.is_set():
            batches: defaultdict[str | None, list[Flight]] = defaultdict(list)
            for flight in self.ledger.in_flight(remaining):
                batches[flight.batch].append(flight)
            single = batches.pop(None, [])
            if not batches and not (submit and any(flight.alive for flight in single)):
                break
            for name, flights in batches.items():
                batch = await self._lost.named(name or "", flights)
                if batch:
                    attempts = {flight.request: flight.attempt for flight in flights}
                    await self._results(batch, attempts, remaining)
            await self.sender.sleep(ELSEWHERE)
            waited = 0.0 if batches else waited + ELSEWHERE
            self.sender.waits.tell_elsewhere(waited)
        elsewhere = self.ledger.answers(remaining)
        for request in elsewhere:
            del remaining[request]
        if elsewhere:
            self.sender.tally.replay(len(elsewhere))

    async def _results(
        self, batch: str, attempts: dict[str, int], remaining: dict[str, Ask]
    ) -> None:
        """Wait for the end of a batch, and store its answers."""
        failed: dict[str, str] = {}
        try:
            if not await self._retrying.ends(batch):
                return
            await self._retrying.call(lambda: self._read(batch, attempts, remaining, failed), None)
        except RejectError as error:
            self.say(f"batch {batch}: {error}; its requests count as spent, and are sent again")
        for request, attempt in attempts.items():
            self.ledger.settle(attempt, "unknown")
            self._missed(request, f"batch {batch} has no result for it", failed)
        # Failures are reported only now, because only a batch that is read as a whole shows whether all requests
        # failed.
        for request, reason in failed.items():
            remaining.pop(request, None)
            self.sender.fail(request, reason)
        self.sender.end_if_all_failed()
        self.sender.end_if_beyond()

    async def _read(
        self,
        batch: str,
        attempts: dict[str, int],
        remaining: dict[str, Ask],
        failed: dict[str, str],
    ) -> None:
        """Store the answers and note the failures.

        Requests with a result are removed from `attempts`, so that a second reading skips them.
        """
        unread = ""
        # A large batch may take hours to read. So the time limit starts again with each result.
        async with asyncio.timeout(self.run.timeout) as limit:
            async for result in self.api.results(batch):
                limit.reschedule(asyncio.get_running_loop().time() + self.run.timeout)
                if result.request is None:
                    unread = unread or result.reason
                elif result.request in attempts:
                    self._settle(
                        result.request, attempts[result.request], result, remaining, failed
                    )
                    del attempts[result.request]
        if unread:
            self.say(
                f"batch {batch}: {unread}; requests whose results can't be read count as spent, and are sent again"
            )

    def _settle(
        self,
        request: str,
        attempt: int,
        result: BatchResult,
        remaining: dict[str, Ask],
        failed: dict[str, str],
    ) -> None:
        if result.reply is not None:
            self.sender.books.keep(self._asks[request], attempt, result.reply, None, batch=True)
            remaining.pop(request, None)
        else:
            self.ledger.settle(attempt, "unbilled", 0.0)
            self._missed(request, result.reason, failed, final=result.final)

    def _missed(
        self, request: str, reason: str, failed: dict[str, str], *, final: bool = False
    ) -> None:
        """Note an attempt without an answer. After the last attempt the request has failed."""
        self._tries[request] += 1
        if final or self._tries[request] >= self.run.attempts:
            failed[request] = reason

    # --- submitting ------------------------------------------------------------------------------

    async def _submit(self, asks: Sequence[Ask]) -> None:
        """Submit one batch with as many requests as the API accepts and the budget allows."""
        amounts: dict[str, float] = {}
        total = 0
        for ask in asks[:MOST_REQUESTS]:
            total += size(ask.body)
            if total > MOST_BYTES and amounts:
                break
            amounts[ask.request] = self.wallet.most(ask.body, self.sender.max_tokens, batch=True)
        name = f"{NEW}{self.ledger.owner}:{uuid.uuid4()}"
        reservation = self.ledger.reserve(amounts, self.wallet.hold(), name)
        if not reservation.entered:
            if reservation.over:
                self.sender.tally.budget_reached = True
                self.sender.end("the budget is reached")
            return
        entered = [ask for ask in asks if ask.request in reservation.entered]
        try:
            seconds = self.run.timeout + total / SLOWEST
            state = await self._retrying.call(
                lambda: self.api.submit(entered), seconds, only_unbilled=True
            )
        except RetryError as error:
            if error.unbilled:
                self._unbilled(reservation.entered)
                raise
            self.say(
                f"a batch was submitted, but no reply came ({error}): checking whether the API has it"
            )
            await self.sender.sleep(self.run.backoff)
            return
        except (RejectError, StopError) as error:
            self._unbilled(reservation.entered)
            raise StopError(str(error)) from None
        self.ledger.name_batch(name, state.id)
        self.say(f"batch {state.id}: {len(entered):,} requests submitted")

    def _unbilled(self, attempts: dict[str, int]) -> None:
        for attempt in attempts.values():
            self.ledger.settle(attempt, "unbilled", 0.0)
