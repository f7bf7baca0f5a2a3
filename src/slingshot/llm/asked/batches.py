"""Requests in Message Batches: half the price, for answers within a day.

A batch is in the ledger before it is submitted and under the API's id after, so that a run that was killed collects
what it submitted and submits nothing twice. One whose id was never learnt, because the kill or a broken connection came
first, is looked for among the account's latest, and known by what its results hold.
"""

from __future__ import annotations

import asyncio
import uuid
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing
from typing import TypeVar

from slingshot.llm.asked.api import Ask, BatchState, RejectError, RetryError, StopError
from slingshot.llm.asked.entries import Flight
from slingshot.llm.asked.sending import ELSEWHERE, Sender
from slingshot.llm.asked.wallet import size

T = TypeVar("T")
MOST_REQUESTS = 100_000
MOST_BYTES = 200_000_000
"""The API takes 256 MB."""
NEW = "new:"
"""Begins a batch's name until the API has named it."""
CLOCKS = 86_400.0
"""Seconds that the API's clock may differ from ours: what is found is known by what its results hold, not by when."""
SLOWEST = 100_000
"""Bytes a second at which a batch is sent at least."""


class Batches:
    """Of one run, whose sender keeps the answers."""

    def __init__(self, sender: Sender) -> None:
        self.sender, self.say = sender, sender.say
        self.api, self.ledger, self.wallet, self.run = (
            sender.api,
            sender.ledger,
            sender.wallet,
            sender.run,
        )
        self._tries: Counter[str] = Counter()
        self._asks: dict[str, Ask] = {}
        self._nowhere = 0
        """Batches that were submitted and never made."""

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
        """Wait for every batch that holds one of `left`; what is answered, or has failed for good, leaves it. Before
        submitting, also for what another process is asking one by one."""
        waited = 0.0
        while not self.sender.ended.is_set():
            batches: defaultdict[str | None, list[Flight]] = defaultdict(list)
            for flight in self.ledger.in_flight(left):
                batches[flight.batch].append(flight)
            sole = batches.pop(None, [])
            if not batches and not (submit and any(flight.alive for flight in sole)):
                break
            for name, flights in batches.items():
                batch = await self._named(name or "", flights)
                if batch:
                    await self._results(
                        batch, {flight.request: flight.attempt for flight in flights}, left
                    )
            await self.sender.sleep(ELSEWHERE)
            waited = 0.0 if batches else waited + ELSEWHERE
            self.sender.waits.tell_elsewhere(waited)
        elsewhere = self.ledger.answers(left)
        for request in elsewhere:
            del left[request]
        if elsewhere:
            self.sender.tally.replay(len(elsewhere))

    async def _named(self, name: str, flights: Sequence[Flight]) -> str | None:
        """The API's id of a batch. One that was never learnt is looked for; if it is nowhere, the batch was not made
        or is past finding: its attempts stay spent."""
        if not name.startswith(NEW):
            return name
        if any(flight.alive for flight in flights) and self.sender.ledger.owner not in name:
            return None  # another process is just submitting it
        requests, at = self.ledger.batch_size(name), min(flight.at for flight in flights)
        held = {flight.request for flight in flights}
        for state in await self._again(lambda: self._around(at), self.run.timeout):
            alike = state.requests == requests and not self.ledger.batch_size(state.id)
            if alike and await self._holds(state.id, held):
                self.ledger.name_batch(name, state.id)
                return state.id
            if self.sender.ended.is_set():
                return None
        if not self.ledger.settle_lost(name):
            return None  # another process has just named it, or taken it for lost
        self._nowhere += 1
        if self._nowhere == self.run.attempts:
            raise RetryError("a batch was submitted, and the API has not made it")
        return None

    async def _around(self, at: float) -> list[BatchState]:
        """The account's batches but those from long before; first those that have ended, for which none waits, and
        those from about then."""
        found: list[BatchState] = []
        async for state in self.api.recent():
            if state.created < at - CLOCKS:
                break
            found.append(state)
        return sorted(found, key=lambda state: (not state.ended, abs(state.created - at)))

    async def _holds(self, batch: str, requests: set[str]) -> bool:
        """Whether these requests are in a batch; the account's other users make batches of that size too."""
        try:
            if not await self._ends(batch):
                return False
            first = await self._again(lambda: self._first(batch), self.run.timeout)
        except RejectError:
            return False
        return first in requests

    async def _first(self, batch: str) -> str | None:
        """The request of the first result that can be read."""
        async with aclosing(self.api.results(batch)) as results:
            async for result in results:
                if result.request is not None:
                    return result.request
        return None

    async def _ends(self, batch: str) -> bool:
        """Wait for the end of a batch; False where the run ends first."""
        while not (
            state := await self._again(lambda: self.api.look(batch), self.run.timeout)
        ).ended:
            self.say(f"batch {batch}: {state.done:,} of {state.requests:,} done")
            await self.sender.sleep(self.run.poll)
            if self.sender.ended.is_set():
                return False
        return True

    async def _results(self, batch: str, attempts: dict[str, int], left: dict[str, Ask]) -> None:
        """Wait for the end of a batch, and keep its answers."""
        failed: dict[str, str] = {}
        try:
            if not await self._ends(batch):
                return
            await self._again(lambda: self._read(batch, attempts, left, failed), None)
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
        """Keep the answers and note the failures; what had a result leaves `attempts`, so that a second reading goes on
        from there. It may take long, as long as results come."""
        unread = ""
        async with asyncio.timeout(self.run.timeout) as limit:
            async for result in self.api.results(batch):
                limit.reschedule(asyncio.get_running_loop().time() + self.run.timeout)
                if result.request is None:
                    unread = unread or result.reason
                    continue
                attempt = attempts.get(result.request)
                if attempt is None:
                    continue
                if result.reply is not None:
                    self.sender.keep(
                        self._asks[result.request], attempt, result.reply, None, batch=True
                    )
                    left.pop(result.request, None)
                else:
                    self.ledger.settle(attempt, "unbilled", 0.0)
                    self._missed(result.request, result.reason, failed, final=result.final)
                del attempts[result.request]
        if unread:
            self.say(
                f"batch {batch}: {unread}; what can't be read counts as spent, and is asked for again"
            )

    def _missed(
        self, request: str, reason: str, failed: dict[str, str], *, final: bool = False
    ) -> None:
        self._tries[request] += 1
        if final or self._tries[request] >= self.run.attempts:
            failed[request] = reason

    # --- submitting ------------------------------------------------------------------------------

    async def _submit(self, asks: Sequence[Ask]) -> None:
        """Submit one batch, of as many as the API takes and the budget has room for."""
        wanted: dict[str, float] = {}
        held = 0
        for ask in asks[:MOST_REQUESTS]:
            held += size(ask.body)
            if held > MOST_BYTES and wanted:
                break
            wanted[ask.request] = self.wallet.most(ask.body, self.sender.max_tokens, batch=True)
        name = f"{NEW}{self.ledger.owner}:{uuid.uuid4()}"
        got = self.ledger.reserve(wanted, self.wallet.hold(), name)
        if not got.entered:
            if got.over:
                self.sender.tally.budget_reached = True
                self.sender.end("the budget is reached")
            return
        entered = [ask for ask in asks if ask.request in got.entered]
        try:
            seconds = self.run.timeout + held / SLOWEST
            state = await self._again(
                lambda: self.api.submit(entered), seconds, unless_unknown=True
            )
        except RetryError as error:
            if error.known:
                self._unbilled(got.entered)
                raise
            self.say(
                f"a batch was submitted and no reply came ({error}): looking whether it was made"
            )
            await self.sender.sleep(self.run.backoff)
            return
        except (RejectError, StopError) as error:
            self._unbilled(got.entered)
            raise StopError(str(error)) from None
        self.ledger.name_batch(name, state.id)
        self.say(f"batch {state.id}: {len(entered):,} requests submitted")

    def _unbilled(self, attempts: dict[str, int]) -> None:
        for attempt in attempts.values():
            self.ledger.settle(attempt, "unbilled", 0.0)

    async def _again(
        self,
        call: Callable[[], Awaitable[T]],
        seconds: float | None,
        *,
        unless_unknown: bool = False,
    ) -> T:
        """The call's result, tried `run.attempts` times; with `unless_unknown` only while it surely did nothing.
        `seconds` are a try's; with None it watches over its own time."""
        for number in range(self.run.attempts):
            try:
                async with asyncio.timeout(seconds):
                    return await call()
            except TimeoutError:
                error = RetryError(
                    f"no whole answer in {seconds or self.run.timeout:g} s", known=False
                )
            except RetryError as caught:
                error = caught
            if (unless_unknown and not error.known) or number + 1 == self.run.attempts:
                raise error
            # The pace, which keeps what an API wants to be left alone for, is that of requests one by one.
            pause = self.sender.wait(error, number)
            await self.sender.sleep(pause if error.after is None else error.after)
            if self.sender.ended.is_set():
                raise error
        raise AssertionError
