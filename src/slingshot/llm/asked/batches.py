"""Requests in Message Batches: half the price, for answers within a day.

A batch is in the ledger before it is submitted, and under the API's id afterwards. So a run that was killed collects
what it submitted, and submits nothing twice. lost_batches.py looks for a batch whose id was never learnt.
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
MOST_BYTES = 200_000_000
"""The API takes 256 MB."""
SLOWEST = 100_000
"""The slowest upload of a batch, in bytes a second."""


class Batches:
    """The batches of one run, whose sender keeps the answers."""

    def __init__(self, sender: Sender) -> None:
        self.sender, self.say = sender, sender.say
        self.api, self.ledger, self.wallet = sender.api, sender.ledger, sender.wallet
        self.run = sender.run
        self._retrying = Retrying(sender)
        self._lost = LostBatches(sender, self._retrying)
        self._tries: Counter[str] = Counter()
        self._asks: dict[str, Ask] = {}

    async def send_all(self, asks: Sequence[Ask], *, submit: bool) -> None:
        """Collect what was submitted before; with `submit` submit the rest, in batches that the budget has room for.

        What expired, or failed for a reason that may pass, is submitted again, `run.attempts` times in all.
        """
        self._asks = {ask.request: ask for ask in asks}
        left = dict(self._asks)
        try:
            while not self.sender.ended.is_set():
                await self._collect(left, submit)
                if not left or not submit:
                    return
                await self._submit(list(left.values()))
        except (RejectError, StopError) as error:
            self.sender.end(str(error))
        except RetryError as error:
            self.sender.end(f"{error}, {self.run.attempts} times")

    # --- collecting ------------------------------------------------------------------------------

    async def _collect(self, left: dict[str, Ask], submit: bool) -> None:
        """Wait for every batch that holds one of `left`. What is answered, or has failed for good, leaves `left`.

        Before submitting, this also waits for what another process is asking one by one.
        """
        waited = 0.0
        while not self.sender.ended.is_set():
            batches: defaultdict[str | None, list[Flight]] = defaultdict(list)
            for flight in self.ledger.in_flight(left):
                batches[flight.batch].append(flight)
            single = batches.pop(None, [])
            if not batches and not (submit and any(flight.alive for flight in single)):
                break
            for name, flights in batches.items():
                batch = await self._lost.named(name or "", flights)
                if batch:
                    attempts = {flight.request: flight.attempt for flight in flights}
                    await self._results(batch, attempts, left)
            await self.sender.sleep(ELSEWHERE)
            waited = 0.0 if batches else waited + ELSEWHERE
            self.sender.waits.tell_elsewhere(waited)
        elsewhere = self.ledger.answers(left)
        for request in elsewhere:
            del left[request]
        if elsewhere:
            self.sender.tally.replay(len(elsewhere))

    async def _results(self, batch: str, attempts: dict[str, int], left: dict[str, Ask]) -> None:
        """Wait for the end of a batch, and keep its answers."""
        failed: dict[str, str] = {}
        try:
            if not await self._retrying.ends(batch):
                return
            await self._retrying.call(lambda: self._read(batch, attempts, left, failed), None)
        except RejectError as error:
            self.say(
                f"batch {batch}: {error}; what it held counts as spent, and is asked for again"
            )
        for request, attempt in attempts.items():
            self.ledger.settle(attempt, "unknown")
            self._missed(request, f"batch {batch} has no result for it", failed)
        for request, reason in failed.items():  # only now: whether all fail shows when all are read
            left.pop(request, None)
            self.sender.fail(request, reason)
        self.sender.end_if_all_failed()
        self.sender.end_if_beyond()

    async def _read(
        self, batch: str, attempts: dict[str, int], left: dict[str, Ask], failed: dict[str, str]
    ) -> None:
        """Keep the answers and note the failures. What had a result leaves `attempts`, so that a second reading goes on
        from there."""
        unread = ""
        # A large batch may take hours to read. So the time limit starts anew with each result.
        async with asyncio.timeout(self.run.timeout) as limit:
            async for result in self.api.results(batch):
                limit.reschedule(asyncio.get_running_loop().time() + self.run.timeout)
                if result.request is None:
                    unread = unread or result.reason
                elif result.request in attempts:
                    self._settle(result.request, attempts[result.request], result, left, failed)
                    del attempts[result.request]
        if unread:
            self.say(
                f"batch {batch}: {unread}; what can't be read counts as spent, and is asked for again"
            )

    def _settle(
        self,
        request: str,
        attempt: int,
        result: BatchResult,
        left: dict[str, Ask],
        failed: dict[str, str],
    ) -> None:
        if result.reply is not None:
            self.sender.books.keep(self._asks[request], attempt, result.reply, None, batch=True)
            left.pop(request, None)
        else:
            self.ledger.settle(attempt, "unbilled", 0.0)
            self._missed(request, result.reason, failed, final=result.final)

    def _missed(
        self, request: str, reason: str, failed: dict[str, str], *, final: bool = False
    ) -> None:
        """Note a try without an answer; the last one is a failure."""
        self._tries[request] += 1
        if final or self._tries[request] >= self.run.attempts:
            failed[request] = reason

    # --- submitting ------------------------------------------------------------------------------

    async def _submit(self, asks: Sequence[Ask]) -> None:
        """Submit one batch, of as many requests as the API takes and the budget has room for."""
        wanted: dict[str, float] = {}
        total = 0
        for ask in asks[:MOST_REQUESTS]:
            total += size(ask.body)
            if total > MOST_BYTES and wanted:
                break
            wanted[ask.request] = self.wallet.most(ask.body, self.sender.max_tokens, batch=True)
        name = f"{NEW}{self.ledger.owner}:{uuid.uuid4()}"
        reservation = self.ledger.reserve(wanted, self.wallet.hold(), name)
        if not reservation.entered:
            if reservation.over:
                self.sender.tally.budget_reached = True
                self.sender.end("the budget is reached")
            return
        entered = [ask for ask in asks if ask.request in reservation.entered]
        try:
            seconds = self.run.timeout + total / SLOWEST
            state = await self._retrying.call(
                lambda: self.api.submit(entered), seconds, unless_unknown=True
            )
        except RetryError as error:
            if error.known:
                self._unbilled(reservation.entered)
                raise
            self.say(
                f"a batch was submitted and no reply came ({error}): looking whether it was made"
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
