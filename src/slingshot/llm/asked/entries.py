"""What the ledger holds and says, as others see it: answers, sums, and attempts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, Self

Outcome = Literal["answered", "unbilled", "unknown"]
"""What is known of an attempt that is over: it was billed; it was not; nobody learned, so it counts as spent."""


@dataclass(frozen=True)
class Record:
    """One answer, as the ledger and data/answers hold it."""

    response: dict[str, Any]
    request_id: str
    seconds: float | None
    at: str
    batch: bool
    price: str

    def as_json(self) -> str:
        return json.dumps(asdict(self), sort_keys=True, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Self:
        return cls(**json.loads(text))


@dataclass(frozen=True)
class Spent:
    """Of one LLM in one currency: what was billed, what is held for attempts in flight or of unknown outcome."""

    currency: str
    billed: float
    reserved: float
    answers: int
    """That were billed."""


@dataclass(frozen=True)
class Hold:
    """Whose attempts they are, and the limit of all that was ever spent on that LLM."""

    llm: str
    currency: str
    limit: float | None
    """In `currency`; null where nothing is paid."""
    worth: Mapping[str, float] = field(default_factory=dict)
    """Units of `currency` for one unit of each other currency in which the LLM was paid before."""


@dataclass(frozen=True)
class Reservation:
    """What came of asking for room."""

    entered: dict[str, int]
    """Request -> its attempt."""
    answered: set[str]
    busy: set[str]
    """What another process, or a batch, has in flight."""
    over: bool
    """Whether the limit left something out."""


@dataclass(frozen=True)
class Flight:
    """An attempt that has not ended."""

    attempt: int
    request: str
    batch: str | None
    at: float
    """When it was entered, seconds since the epoch."""
    alive: bool
    """Whether the connection that made it is still open, and may learn its outcome."""
