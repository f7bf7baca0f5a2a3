"""Requests to an API, many at a time: paced, retried, reserved before they leave and stored before they are used.

A run ends early for one of three reasons, each of which leaves the ledger whole: the budget is reached (once nothing
is in flight any more), the API takes nothing any more, or Ctrl-C (what is in flight has GRACE seconds left).
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import signal
import textwrap
import time
from collections import defaultdict, deque
from collections.abc import Callable, Coroutine, Sequence
from datetime import UTC, datetime

from slingshot.llm.asked.api import Api, Ask, RejectError, Reply, RetryError, StopError
from slingshot.llm.asked.entries import Record
from slingshot.llm.asked.ledger import Ledger
from slingshot.llm.asked.pace import Pace, Waits
from slingshot.llm.asked.tally import Tally
from slingshot.llm.asked.wallet import ROUNDING, Wallet, size
from slingshot.machine import progress
from slingshot.money.prices import believed
from slingshot.settings import RunSettings

GRACE = 1.2
ELSEWHERE = 0.2
"""Seconds between looks at what another process is asking."""
LONGEST = 60.0
"""Seconds of waiting that doubling stops at."""
ALL_FAILED = 5
"""Requests that failed, while none was answered, after which the fault is in all."""


CLAIM = "claim", "more tokens than a request can use"
COST = "cost", "more than was reserved, as the price was raised meanwhile"


class Sender:
    """One run over the requests of one LLM; `say` shows a line to whom it may concern."""

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
        self.pace = Pace()
        self.ended = asyncio.Event()
        self._settled = asyncio.Condition()
        self._in_flight = 0
        self._queue: deque[Ask] = deque()
        self.waits = Waits(say)
        self._beyond: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
        """What is wrong with answers' bills -> a line for each of them."""

    async def send_all(self, asks: Sequence[Ask], *, first_alone: bool) -> None:
        """Ask everything, one by one; `first_alone` lets one fill the API's cache before others read it."""
        self._queue = deque(asks)
        if first_alone and self._queue:
            await self.together([self._one(self._queue.popleft())])
        await self.together([self._work() for _ in range(self.run.concurrency)])

    def left(self, asks: Sequence[Ask]) -> list[Ask]:
        """What is neither answered nor given up."""
        answered = self.ledger.answers([ask.request for ask in asks])
        return [
            ask
            for ask in asks
            if ask.request not in answered and ask.request not in self.tally.failed
        ]

    async def together(self, works: Sequence[Coroutine[None, None, None]]) -> None:
        """Until all are done or the run ends; then what is in flight has GRACE seconds."""
        tasks = [asyncio.create_task(work) for work in works]
        ended = asyncio.create_task(self.ended.wait())
        pending = {*tasks}
        # Until the loop closes: between two calls of this Ctrl-C is no less welcome.
        with contextlib.suppress(
            NotImplementedError, RuntimeError, ValueError
        ):  # another system, or a thread
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

    def end(self, why: str) -> None:
        """Ask for nothing more."""
        self.tally.stopped = self.tally.stopped or why
        self.ended.set()

    async def _work(self) -> None:
        while self._queue and not self.ended.is_set():
            await self._one(self._queue.popleft())

    async def _one(self, ask: Ask) -> None:
        """One request until it is answered, given up, or the run ends."""
        reason, pause = "was not asked", 0.0
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
        """Wait for the pace and for room in the budget, and reserve.

        None where the run ended, or another process has its answer, for which one that just asks is waited for, or has
        it in a batch.
        """
        self.waits.tell_pace(self.pace)
        await self.pace.turn()
        await self._doubt()
        hold, waited = self.wallet.hold(), 0.0
        wanted = {ask.request: self.wallet.most(ask.body, self.max_tokens)}
        while not self.ended.is_set():
            got = self.ledger.reserve(wanted, hold)
            if got.entered:
                return got.entered[ask.request]
            if got.answered:
                self.tally.replay(1)
                return None
            if got.busy:
                if any(flight.batch for flight in self.ledger.in_flight([ask.request])):
                    return None
                await asyncio.sleep(ELSEWHERE)
                waited += ELSEWHERE
                self.waits.tell_elsewhere(waited)
                continue
            async with self._settled:
                if not self._in_flight:
                    self.tally.budget_reached = True
                    self.end("the budget is reached")
                    return None
                await self._settled.wait()  # what is in flight costs less than it holds
        return None

    async def _attempt(self, ask: Ask, attempt: int) -> None:
        self._in_flight += 1
        started = time.monotonic()
        try:
            async with asyncio.timeout(self.run.timeout):
                reply = await self.api.send(ask.body)
        except TimeoutError:
            self.ledger.settle(attempt, "unknown")
            raise RetryError(f"no whole answer in {self.run.timeout:g} s", known=False) from None
        except RetryError as error:
            self.ledger.settle(
                attempt, "unbilled" if error.known else "unknown", 0.0 if error.known else None
            )
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
            self.keep(ask, attempt, reply, time.monotonic() - started)
            self.end_if_beyond()
        finally:
            self._in_flight -= 1
            async with self._settled:
                self._settled.notify_all()

    def keep(
        self, ask: Ask, attempt: int, reply: Reply, seconds: float | None, *, batch: bool = False
    ) -> None:
        """Store an answer and its bill; `seconds` is None for one of a batch."""
        claimed, length = self.api.tokens(reply.response), size(ask.body)
        bill, beyond = self.wallet.bill(claimed, ask.body, self.max_tokens, batch=batch)
        at = datetime.now(UTC).isoformat(timespec="milliseconds")
        record = Record(
            reply.response, reply.request_id, seconds, at, batch, self.wallet.price_name
        )
        booked = self.ledger.settle(attempt, "answered", bill, record)
        if booked is None:
            self.tally.replay(1)
            return
        self.tally.count(believed(claimed, length, self.max_tokens), booked)
        if beyond:
            read = sum(claimed.values()) - claimed["output"]
            self._beyond[CLAIM].append(
                f"{claimed['output']:,} output and {read:,} input tokens, of a request of {length:,} bytes with "
                f"max_tokens {self.max_tokens:,}; {self.wallet.shown(booked)} was booked, for the most that it can use"
            )
        elif booked < bill * (1 - ROUNDING):
            self._beyond[COST].append(
                f"{self.wallet.shown(bill)}; {self.wallet.shown(booked)} was booked"
            )

    def end_if_beyond(self) -> None:
        """Where answers claim more than they can have cost, somebody should look before more is asked."""
        for (verb, what), details in self._beyond.items():
            number = len(details)
            who = f"an answer {verb}s" if number == 1 else f"{number:,} answers {verb}"
            self.end(
                f"{who} {what}{'' if number == 1 else ', the first'}: {details[0]}, and the answer is kept. See what "
                "the API's own account was billed, and whether server, model and price are the right ones, before you "
                "go on"
            )
        self._beyond.clear()

    def fail(self, request: str, reason: str) -> None:
        """Give a request up."""
        self.tally.failed[request] = reason
        self.tally.tell()

    def end_if_all_failed(self) -> None:
        """Where nothing was ever answered, the fault is not in a request. A run that ended already has its reason."""
        if self._nothing_but_failed() and not self.ended.is_set():
            failed = self.tally.failed
            self.tally.all_failed = True
            self.end(
                f"the first {len(failed)} requests all failed, the last with: {list(failed.values())[-1]}"
            )

    def _nothing_but_failed(self) -> bool:
        return len(self.tally.failed) >= ALL_FAILED and not (
            self.tally.answered or self.tally.replayed
        )

    async def _doubt(self) -> None:
        """Where all failed so far, wait for what is in flight before more is asked."""
        async with self._settled:
            await self._settled.wait_for(
                lambda: not (self._in_flight and self._nothing_but_failed())
            )
        self.end_if_all_failed()

    async def sleep(self, seconds: float) -> None:
        """Less where the run ends."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.ended.wait(), seconds)

    def wait(self, error: RetryError, number: int) -> float:
        """Seconds before the next try, if there is one: the API's retry-after (which the pace keeps where it was asked
        too often), else twice as long each time. Many are told of."""
        why, another = (
            textwrap.shorten(str(error), 120, placeholder=" ..."),
            number + 1 < self.run.attempts,
        )
        if error.after is not None:
            if another or error.limited:
                self.waits.tell(
                    error.after,
                    f"the API asks to be left alone for {error.after:.0f} s ({why}); waiting",
                )
            return 0.0 if error.limited else error.after
        most = min(LONGEST, self.run.backoff * 2.0**number)
        if another:
            self.waits.tell(most, f"no answer ({why}); trying again within {most:.0f} s")
        return most * random.uniform(0.5, 1)
