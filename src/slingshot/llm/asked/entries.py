"""What the ledger stores and reports, as other modules see it: answers, sums and attempts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Literal, Self

from slingshot.llm.asked.api import Response

Outcome = Literal["answered", "unbilled", "unknown"]
"""How an attempt ended: it was billed; it was not billed; nobody learned which, so it counts as spent."""


@dataclass(frozen=True)
class Record:
    """One answer, as the ledger and data/answers store it."""

    response: Response
    request_id: str
    seconds: float | None
    at: str
    batch: bool
    price: str

    def as_json(self) -> str:
        return json.dumps(asdict(self), sort_keys=True, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Raises ValueError, TypeError or RecursionError where the text is no record."""
        return cls(**json.loads(text))


@dataclass(frozen=True)
class Spent:
    """What one LLM has cost in one currency: bills, and what is reserved for attempts that are in flight or whose
    outcome is unknown."""

    currency: str
    billed: float
    reserved: float
    answers: int
    """How many answers were billed."""


@dataclass(frozen=True)
class Hold:
    """Which LLM attempts are for, and the limit of everything ever spent on that LLM."""

    llm: str
    currency: str
    limit: float | None
    """In `currency`; null where nothing is paid."""
    worth: Mapping[str, float] = field(default_factory=dict)
    """Another currency in which the LLM was paid before -> what one unit of it is worth in `currency`."""


@dataclass(frozen=True)
class Reservation:
    """What a request for room in the budget led to."""

    entered: dict[str, int]
    """Request -> its attempt."""
    answered: set[str]
    busy: set[str]
    """Requests that another process, or a batch, has in flight."""
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
