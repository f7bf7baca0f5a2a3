"""Requests in Message Batches: half the price, for answers within a day.

A batch is in the ledger before it is submitted and under the API's id after, so that a run that was killed collects
what it submitted and submits nothing twice. One whose id was never learnt, because the kill or a broken connection came
first, is looked for among the account's latest.
"""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from slingshot.llm.api import Ask, RejectError, RetryError, StopError
from slingshot.llm.ledger import Flight
from slingshot.llm.sending import ELSEWHERE, Sender
from slingshot.llm.wallet import size

T = TypeVar("T")
MOST_REQUESTS = 100_000
MOST_BYTES = 200_000_000
"""The API takes 256 MB."""
LEASE = 2 * 86_400.0
"""Seconds after which nobody is submitting the batch any more."""
NEW = "new:"
"""Begins a batch's name until the API has named it."""
CLOCKS = 120.0
"""Seconds that the API's clock may differ from ours."""


class Batches:
    """Of one run, whose sender keeps the answers."""

    def __init__(self, sender: Sender, say: Callable[[str], None]) -> None:
        self.sender, self.say = sender, say
        self.api, self.ledger, self.wallet, self.run = sender.api, sender.ledger, sender.wallet, sender.run
        self._tries: Counter[str] = Counter()

    async def send_all(self, asks: Sequence[Ask], *, submit: bool) -> None:
        """Collect what was submitted before; with `submit` submit the rest, in batches that the budget has room for.

        What expired, or failed for a reason that may pass, is submitted again, `run.attempts` times in all.
        """
        left = {ask.request: ask for ask in asks}
        try:
            while not self.sender.ended.is_set():
                await self._collect(left)
                if not left or not submit:
                    return
                await self._submit(list(left.values()))
        except StopError as error:
            self.sender.end(str(error))
        except RetryError as error:
            self.sender.end(f"{error}, {self.run.attempts} times")

    # --- collecting ------------------------------------------------------------------------------

    async def _collect(self, left: dict[str, Ask]) -> None:
        """Wait for every batch that holds one of `left`; what is answered, or has failed for good, leaves it."""
        while not self.sender.ended.is_set():
            batches: defaultdict[str | None, list[Flight]] = defaultdict(list)
            for flight in self.ledger.in_flight(left):
                batches[flight.batch].append(flight)
            sole = batches.pop(None, [])  # another process is asking for these one by one
            if not batches and not any(flight.alive for flight in sole):
                break
            for name, flights in batches.items():
                batch = await self._named(name or "", flights)
                if batch:
                    await self._results(batch, {flight.request: flight.attempt for flight in flights}, left)
            await self._sleep(ELSEWHERE)
        for request in self.ledger.answers(list(left)):
            del left[request]

    async def _named(self, name: str, flights: Sequence[Flight]) -> str | None:
        """The API's id of a batch. One that was never learnt is looked for; if it is nowhere, the batch was not made
        or is past finding: its attempts stay spent."""
        if not name.startswith(NEW):
            return name
        if any(flight.alive for flight in flights) and self.sender.ledger.owner not in name:
            return None  # another process is just submitting it
        requests, since = self.ledger.batch_size(name), min(flight.at for flight in flights) - CLOCKS
        async for state in self.api.recent():
            if state.created < since:
                break
            if state.requests == requests and not self.ledger.batch_size(state.id):
                self.ledger.name_batch(name, state.id)
                return state.id
        for flight in flights:
            self.ledger.settle(flight.attempt, "unknown")
        return None

    async def _results(self, batch: str, attempts: dict[str, int], left: dict[str, Ask]) -> None:
        """Wait for the end of a batch, and keep its answers."""
        try:
            while not (state := await self._again(lambda: self.api.look(batch))).ended:
                self.say(f"batch {batch}: {state.done:,} of {state.requests:,} done")
                await self._sleep(self.run.poll)
                if self.sender.ended.is_set():
                    return
            await self._again(lambda: self._read(batch, attempts, left))
        except RejectError as error:
            self.say(f"batch {batch}: {error}; what it held counts as spent, and is asked for again")
        for attempt in attempts.values():
            self.ledger.settle(attempt, "unknown")  # those that the results leave out; the others have ended

    async def _read(self, batch: str, attempts: dict[str, int], left: dict[str, Ask]) -> None:
        async for result in self.api.results(batch):
            attempt = attempts.get(result.request)
            if attempt is None:
                continue
            if result.reply is not None:
                self.sender.keep(result.request, attempt, result.reply, None, batch=True)
                continue
            self.ledger.settle(attempt, "unbilled", 0.0)
            self._tries[result.request] += 1
            if result.final or self._tries[result.request] >= self.run.attempts:
                left.pop(result.request, None)
                self.sender.fail(result.request, result.reason)

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
        got = self.ledger.reserve(wanted, self.wallet.hold(LEASE), name)
        if not got.entered:
            if got.over:
                self.sender.tally.budget_reached = True
                self.sender.end("the budget is reached")
            return
        entered = [ask for ask in asks if ask.request in got.entered]
        try:
            state = await self._again(lambda: self.api.submit(entered), unless_unknown=True)
        except RetryError as error:
            if error.known:
                self._unbilled(got.entered)
                raise
            self.say(f"a batch was submitted and no reply came ({error}): looking whether it was made")
            await self._sleep(self.run.backoff)
            return
        except (RejectError, StopError) as error:
            self._unbilled(got.entered)
            raise StopError(str(error)) from None
        self.ledger.name_batch(name, state.id)
        self.say(f"batch {state.id}: {len(entered):,} requests submitted")

    def _unbilled(self, attempts: dict[str, int]) -> None:
        for attempt in attempts.values():
            self.ledger.settle(attempt, "unbilled", 0.0)

    async def _again(self, call: Callable[[], Awaitable[T]], *, unless_unknown: bool = False) -> T:
        """The call's result, tried `run.attempts` times; with `unless_unknown` only while it surely did nothing."""
        for number in range(self.run.attempts):
            try:
                async with asyncio.timeout(self.run.timeout):
                    return await call()
            except TimeoutError:
                error = RetryError(f"no whole answer in {self.run.timeout:g} s", known=False)
            except RetryError as caught:
                error = caught
            if (unless_unknown and not error.known) or number + 1 == self.run.attempts:
                raise error
            await self._sleep(self.sender.wait(error, number))
            if self.sender.ended.is_set():
                raise error
        raise AssertionError

    async def _sleep(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.sender.ended.wait(), seconds)
