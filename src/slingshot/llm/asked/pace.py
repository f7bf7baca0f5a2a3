"""How fast an API is asked: as fast as it says, and slower for a while where it says "too often".

A rate that rises by steps and falls by a share finds a limit that nobody states, and shares it with others (additive
increase, multiplicative decrease: Chiu and Jain 1989). Up to the rate that was last known to hold it doubles each
second instead, so that a refusal of the first requests, or an outage, is soon forgotten.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from collections.abc import Callable

SHARE = 0.985
"""The share of a stated limit that is used; the rest is for clocks that differ."""
FALL = 0.8
"""The share of the rate that is left after a refusal."""
RISE = 0.02
"""The share of the rate that a second without a refusal adds to it."""
WINDOW = 5.0
"""Seconds over which the rate that was reached is measured."""
LEAST = 0.1
"""The lowest rate, in requests a second."""
FEW = 5.0
"""Waits of up to so many seconds are not told."""


class Pace:
    """Decides when each request may start, for all workers of a process together."""

    def __init__(self) -> None:
        self.rate: float | None = None
        """Requests a second; None where no limit is known yet."""
        self._ceiling: float | None = None
        self._steep_until = math.inf
        """The rate up to which it doubles each second: the last one that was known to hold."""
        self._next = 0.0
        self._fell = 0.0
        self._answered: deque[float] = deque()

    @property
    def seconds(self) -> float:
        """Seconds until the next turn."""
        return max(self._next - time.monotonic(), 0.0)

    async def turn(self) -> float:
        """Wait for the next turn. Returns the time at which it came."""
        while True:
            now = time.monotonic()
            if now >= self._next:
                self._next = max(self._next, now - 0.05) + (1 / self.rate if self.rate else 0)
                return now
            await asyncio.sleep(self._next - now)

    def answered(self, per_minute: float | None) -> None:
        """A request was answered; `per_minute` is the limit that the API states."""
        now = time.monotonic()
        self._answered.append(now)
        while self._answered[0] < now - WINDOW:
            self._answered.popleft()
        if per_minute:
            self._ceiling = per_minute / 60 * SHARE
        if self._ceiling and self._steep_until == math.inf:  # nothing else is known yet
            self.rate = self._ceiling
        elif self.rate:
            # Per answer: as many answers as the rate come in a second, so together they add 100 % or RISE.
            rise = 1 if self.rate < self._steep_until else RISE
            risen = self.rate * (1 + rise / max(self.rate, 1))
            self.rate = min(risen, self._ceiling) if self._ceiling else risen

    def refused(self, started: float, after: float | None) -> None:
        """A request that started at `started` was one too many. The API wants to be left alone for `after` seconds."""
        now = time.monotonic()
        if after:
            self._next = max(self._next, now + after)
        if started < self._fell:  # it left before the rate fell
            return
        since = [at for at in self._answered if at > self._fell]
        reached = len(since) / max(now - since[0], 0.1) if since else self.rate or 1.0
        self.rate = max(LEAST, FALL * min(reached, self.rate or reached))
        if since:
            self._steep_until = self.rate
        self._fell = now


class Waits:
    """Says what a run waits for: once for all workers together, and again only where it takes much longer."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._until, self._rate, self._elsewhere = 0.0, 0.0, False

    def tell(self, seconds: float, why: str) -> bool:
        """Say why the run waits so many seconds, if that is news. Returns whether it was said."""
        now = time.monotonic()
        if seconds <= FEW + 2 * max(self._until - now, 0.0):
            return False
        self._until = now + seconds
        self._say(why)
        return True

    def tell_elsewhere(self, seconds: float) -> None:
        """Say once that another process takes long over what this one needs too, as one that was stopped does."""
        if seconds > FEW and not self._elsewhere:
            self._elsewhere = True
            self._say(
                "another process is asking what this run needs too; waiting until it has its answers, or ends"
            )

    def tell_pace(self, pace: Pace) -> None:
        """Say once for each rate that the next request has long to wait for its turn."""
        rate, seconds = pace.rate or 0.0, pace.seconds
        reason = f"the API takes no more than {60 * rate:.3g} requests a minute; waiting {seconds:.0f} s for the next"
        if rate != self._rate and self.tell(seconds, reason):
            self._rate = rate
