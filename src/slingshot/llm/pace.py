"""How fast an API is asked: as fast as it says, and slower for a while where it says "too often".

A rate that rises by steps and falls by a share finds a limit that nobody states, and shares it with others (additive
increase, multiplicative decrease: Chiu and Jain 1989).
"""

from __future__ import annotations

import asyncio
import time
from collections import deque

SHARE = 0.985
"""Of a stated limit; the rest is for clocks that differ."""
FALL = 0.8
RISE = 0.02
"""Share of the rate that a second without refusal adds to it."""
WINDOW = 5.0
"""Seconds over which the rate that was reached is measured."""
LEAST = 0.1
"""Requests a second that it never falls below."""


class Pace:
    """When each request may start. One serves all of a process's workers."""

    def __init__(self) -> None:
        self.rate: float | None = None
        """Requests a second; None where no limit is known yet."""
        self._ceiling: float | None = None
        self._next = 0.0
        self._fell = 0.0
        self._answered: deque[float] = deque()

    async def turn(self) -> float:
        """Wait for one's turn; the time at which it came."""
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
        if self.rate is None:
            self.rate = self._ceiling
        else:
            risen = self.rate * (1 + RISE / max(self.rate, 1))
            self.rate = min(risen, self._ceiling) if self._ceiling else risen

    def refused(self, started: float, after: float | None) -> None:
        """A request that started then was one too many; `after` is how many seconds the API wants to be left alone."""
        now = time.monotonic()
        if after:
            self._next = max(self._next, now + after)
        if started < self._fell:  # it left before the rate fell
            return
        self._fell = now
        reached = len(self._answered) / min(WINDOW, max(now - self._answered[0], 0.1)) if self._answered else 1.0
        self.rate = max(LEAST, FALL * min(reached, self.rate or reached))
