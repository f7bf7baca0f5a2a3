"""Controls the rate of requests: the API's stated limit, and less for a while after it refuses one as too many.

A rate that rises by steps and falls by a share finds a limit that is not stated, and shares it fairly with others
(additive increase, multiplicative decrease: Chiu and Jain 1989). Up to the last rate that worked it doubles each second
instead. So a refusal of the first requests, or an outage, has no lasting effect.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from collections.abc import Callable

SHARE = 0.985
"""The share of a stated limit that is used. The rest allows for differences between clocks."""
FALL = 0.8
"""The share of the rate that remains after a refusal."""
RISE = 0.02
"""The share of the rate that a second without a refusal adds to it."""
WINDOW = 5.0
"""Seconds over which the actual rate is measured."""
LEAST = 0.1
"""The lowest rate, in requests in a second."""
FEW = 5.0
"""Waits of up to so many seconds are not reported."""


class Pace:
    """Decides when each request may start, for all workers of a process together."""

    def __init__(self) -> None:
        self.rate: float | None = None
        """Requests in a second; None while no limit is known."""
        self._ceiling: float | None = None
        """The rate that the API states as its limit, times SHARE."""
        self._steep_until = math.inf
        """The rate up to which the rate doubles each second: the last one that worked. Infinite before a refusal."""
        self._next = 0.0
        """When the next request may start."""
        self._fell = 0.0
        """When the rate last fell."""
        self._answered: deque[float] = deque()
        """When requests were answered in the last WINDOW seconds."""

    @property
    def seconds(self) -> float:
        """Seconds until the next turn."""
        return max(self._next - time.monotonic(), 0.0)

    async def turn(self) -> float:
        """Wait until a request may start. Returns the time."""
        while True:
            now = time.monotonic()
            if now >= self._next:
                self._next = max(self._next, now - 0.05) + (1 / self.rate if self.rate else 0)
                return now
            await asyncio.sleep(self._next - now)

    def answered(self, per_minute: float | None) -> None:
        """Note an answer. `per_minute` is the limit that the API states, if it does."""
        now = time.monotonic()
        self._answered.append(now)
        while self._answered[0] < now - WINDOW:
            self._answered.popleft()
        if per_minute:
            self._ceiling = per_minute / 60 * SHARE
        if self._ceiling and self._steep_until == math.inf:  # there was no refusal yet
            self.rate = self._ceiling
        elif self.rate:
            # This is the rise for one answer. A second brings as many answers as the rate, which add up to 100 % or
            # RISE.
            rise = 1 if self.rate < self._steep_until else RISE
            risen = self.rate * (1 + rise / max(self.rate, 1))
            self.rate = min(risen, self._ceiling) if self._ceiling else risen

    def refused(self, started: float, after: float | None) -> None:
        """Note that the API refused a request as one too many, and asks to wait `after` s. It started at `started`."""
        now = time.monotonic()
        if after:
            self._next = max(self._next, now + after)
        if (
            started < self._fell
        ):  # it started before the rate fell, so it says nothing about the new rate
            return
        times = [at for at in self._answered if at > self._fell]
        actual = len(times) / max(now - times[0], 0.1) if times else self.rate or 1.0
        self.rate = max(LEAST, FALL * min(actual, self.rate or actual))
        if times:
            self._steep_until = self.rate
        self._fell = now


class Waits:
    """Reports waits: once for all workers together, and again only where the wait becomes much longer."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._until, self._rate, self._elsewhere = 0.0, 0.0, False

    def tell(self, seconds: float, why: str) -> bool:
        """Report a wait of so many seconds, unless it is reported already. Returns whether it was reported now."""
        now = time.monotonic()
        if seconds <= FEW + 2 * max(self._until - now, 0.0):
            return False
        self._until = now + seconds
        self._say(why)
        return True

    def tell_elsewhere(self, seconds: float) -> None:
        """Report once that another process, maybe a suspended one, takes long with requests that this run needs."""
        if seconds > FEW and not self._elsewhere:
            self._elsewhere = True
            self._say(
                "another process is sending requests that this run needs too; waiting until it has the answers, or ends"
            )

    def tell_pace(self, pace: Pace) -> None:
        """Report once for each rate that the next request must wait long."""
        rate, seconds = pace.rate or 0.0, pace.seconds
        reason = f"the API accepts at most {60 * rate:.3g} requests a minute; the next one waits {seconds:.0f} s"
        if rate != self._rate and self.tell(seconds, reason):
            self._rate = rate
