"""Sends requests to an API, many at a time. Each is reserved before it is sent, and stored before it is used.

A run may end early for three reasons, and each leaves the ledger whole: the budget is reached and nothing is in flight;
the API accepts no more requests; or the user presses Ctrl-C, and requests in flight get GRACE seconds.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import signal
import textwrap
import time
from collections import deque
from collections.abc import Callable, Coroutine, Sequence

from slingshot.llm.asked.api import Api, Ask, RejectError, RetryError, StopError
from slingshot.llm.asked.booking import Books
from slingshot.llm.asked.ledger import Ledger
from slingshot.llm.asked.pace import Pace, Waits
from slingshot.llm.asked.tally import Tally
from slingshot.llm.asked.wallet import Wallet
from slingshot.machine import progress
from slingshot.settings import RunSettings

GRACE = 1.2
"""Seconds that requests in flight still have after the end of the run."""
ELSEWHERE = 0.2
"""Seconds between checks of requests that another process has in flight."""
LONGEST = 60.0
"""The longest wait in seconds that comes from doubling."""
ALL_FAILED = 5
"""After so many failures without an answer, the fault is not in single requests."""


class Sender:
    """One run with one LLM. `say` shows a line to the user."""

    def __init__(
        self,
        api: Api,
        ledger: Ledger,
        wallet: Wallet,
        run: RunSettings,
        max_tokens: int,
        tally: Tally,
        say: Callable[[str], None] = progress.say,
    ) -> None:
        self.api, self.ledger, self.wallet, self.run = api, ledger, wallet, run
        self.max_tokens, self.tally, self.say = max_tokens, tally, say
        self.books = Books(api, ledger, wallet, max_tokens, tally)
        self.pace, self.waits = Pace(), Waits(say)
        self.ended = asyncio.Event()
        self._settled = asyncio.Condition()
        self._in_flight = 0
        self._queue: deque[Ask] = deque()

    async def send_all(self, asks: Sequence[Ask], *, first_alone: bool) -> None:
        """Send all requests singly. With `first_alone` one request fills the API's cache before the others read it."""
        self._queue = deque(asks)
        if first_alone and self._queue:
            await self.together([self._answer(self._queue.popleft())])
        await self.together([self._work() for _ in range(self.run.concurrency)])

    def remaining(self, asks: Sequence[Ask]) -> list[Ask]:
        """The requests that are neither answered nor failed."""
        answered = self.ledger.answers([ask.request for ask in asks])
        finished = answered.keys() | self.tally.failed.keys()
        return [ask for ask in asks if ask.request not in finished]

    async def together(self, works: Sequence[Coroutine[None, None, None]]) -> None:
        """Run all until they are done, or the run ends. Then requests in flight have GRACE seconds."""
        tasks = [asyncio.create_task(work) for work in works]
        ended = asyncio.create_task(self.ended.wait())
        pending = {*tasks}
        # The handler stays until the loop closes, so that Ctrl-C also works between two calls of this method. Windows
        # and threads have no such handlers.
        with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):
            asyncio.get_running_loop().add_signal_handler(signal.SIGINT, self._interrupt)
        while pending and not self.ended.is_set():
            done, _ = await asyncio.wait({*pending, ended}, return_when=asyncio.FIRST_COMPLETED)
            pending -= done
            if any(task.exception() for task in done):
                self.ended.set()
        ended.cancel()
        if pending:
            await asyncio.wait(pending, timeout=GRACE)
        for task in pending:
            task.cancel()
        for result in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(result, BaseException) and not isinstance(result, asyncio.CancelledError):
                raise result

    def _interrupt(self) -> None:
        self.tally.interrupted = True
        self.end("interrupted")

    def end(self, reason: str) -> None:
        """End the run: send nothing more."""
        self.tally.stopped = self.tally.stopped or reason
        self.ended.set()

    async def _work(self) -> None:
        while self._queue and not self.ended.is_set():
            await self._answer(self._queue.popleft())

    async def _answer(self, ask: Ask) -> None:
        """Send one request until it is answered, has failed, or the run ends."""
        reason, pause = "was not sent", 0.0
        for number in range(self.run.attempts):
            if pause:
                await self.sleep(pause)
            attempt = await self._turn(ask)
            if attempt is None:
                return
            try:
                await self._attempt(ask, attempt)
                return
            except RetryError as error:
                reason, pause = str(error), self.wait(error, number)
            except RejectError as error:
                self.fail(ask.request, str(error))
                return
            except StopError as error:
                self.end(str(error))
                return
            if self.ended.is_set():
                return
        self.fail(ask.request, reason)

    async def _turn(self, ask: Ask) -> int | None:
        """Wait for the pace and for room in the budget, then reserve. Returns the number of the attempt.

        None where the run has ended, or another process has the answer, or has the request in a batch. While another
        process is sending the request, this waits for its answer.
        """
        self.waits.tell_pace(self.pace)
        await self.pace.turn()
        await self._check_all_failed()
        hold, waited = self.wallet.hold(), 0.0
        amounts = {ask.request: self.wallet.most(ask.body, self.max_tokens)}
        while not self.ended.is_set():
            reservation = self.ledger.reserve(amounts, hold)
            if reservation.entered:
                return reservation.entered[ask.request]
            if reservation.answered:
                self.tally.replay(1)
                return None
            if reservation.busy:
                if any(flight.batch for flight in self.ledger.in_flight([ask.request])):
                    return None
                await asyncio.sleep(ELSEWHERE)
                waited += ELSEWHERE
                self.waits.tell_elsewhere(waited)
                continue
            # The budget has no room. Requests in flight reserve more than they will cost, so they may free some.
            async with self._settled:
                if not self._in_flight:
                    self.tally.budget_reached = True
                    self.end("the budget is reached")
                    return None
                await self._settled.wait()
        return None

    async def _attempt(self, ask: Ask, attempt: int) -> None:
        """Send a request once, and settle the attempt in the ledger, whatever happens."""
        self._in_flight += 1
        started = time.monotonic()
        try:
            async with asyncio.timeout(self.run.timeout):
                reply = await self.api.send(ask.body)
        except TimeoutError:
            self.ledger.settle(attempt, "unknown")
            raise RetryError(f"no whole answer in {self.run.timeout:g} s", unbilled=False) from None
        except RetryError as error:
            if error.unbilled:
                self.ledger.settle(attempt, "unbilled", 0.0)
            else:
                self.ledger.settle(attempt, "unknown")
            if error.limited:
                self.pace.refused(started, error.after)
            raise
        except (RejectError, StopError):
            self.ledger.settle(attempt, "unbilled", 0.0)
            raise
        except BaseException:
            self.ledger.settle(attempt, "unknown")
            raise
        else:
            self.pace.answered(reply.per_minute)
            self.books.keep(ask, attempt, reply, time.monotonic() - started)
            self.end_if_beyond()
        finally:
            self._in_flight -= 1
            async with self._settled:
                self._settled.notify_all()

    def end_if_beyond(self) -> None:
        """End the run if answers claim more than they can have cost."""
        for warning in self.books.take_warnings():
            self.end(warning)

    def fail(self, request: str, reason: str) -> None:
        """Note that a request has failed."""
        self.tally.failed[request] = reason
        self.tally.tell()

    def end_if_all_failed(self) -> None:
        """End the run if all of at least ALL_FAILED requests failed."""
        if self._nothing_but_failed() and not self.ended.is_set():
            reasons = list(self.tally.failed.values())
            self.tally.all_failed = True
            self.end(f"the first {len(reasons)} requests all failed, the last with: {reasons[-1]}")

    def _nothing_but_failed(self) -> bool:
        successes = self.tally.answered or self.tally.replayed
        return len(self.tally.failed) >= ALL_FAILED and not successes

    async def _check_all_failed(self) -> None:
        """If all requests have failed so far, wait for those in flight before sending more."""
        async with self._settled:
            await self._settled.wait_for(
                lambda: not (self._in_flight and self._nothing_but_failed())
            )
        self.end_if_all_failed()

    async def sleep(self, seconds: float) -> None:
        """Sleep, but not beyond the end of the run."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.ended.wait(), seconds)

    def wait(self, error: RetryError, number: int) -> float:
        """The seconds to wait before the next attempt, if there is one. Long waits are reported.

        An API's retry-after counts, but gives 0 where the pace keeps it. Else the wait doubles with each attempt.
        """
        reason = textwrap.shorten(str(error), 120, placeholder=" ...")
        another = number + 1 < self.run.attempts
        if error.after is not None:
            if another or error.limited:
                self.waits.tell(
                    error.after,
                    f"the API asks to wait {error.after:.0f} s ({reason}); waiting",
                )
            return 0.0 if error.limited else error.after
        most = min(LONGEST, self.run.backoff * 2.0**number)
        if another:
            self.waits.tell(most, f"no answer ({reason}); trying again within {most:.0f} s")
        return most * random.uniform(0.5, 1)
