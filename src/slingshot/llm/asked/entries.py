"""The entries of the ledger for other modules: answers, sums and attempts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Literal, Self

from slingshot.llm.asked.api import Response

Outcome = Literal["answered", "unbilled", "unknown"]
"""The end of an attempt: it was answered and billed, it was not billed, or nobody knows, so that it counts as spent."""


@dataclass(frozen=True)
class Record:
    """One answer, as the ledger and data/answers store it."""

    response: Response
    request_id: str
    """The API's own id of the request."""
    seconds: float | None
    """From sending to the whole answer; None for an answer from a batch."""
    at: str
    """When the answer came, as an ISO date in UTC."""
    batch: bool
    price: str
    """The price list's key and date, or `none`."""

    def as_json(self) -> str:
        return json.dumps(asdict(self), sort_keys=True, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Raises ValueError, TypeError or RecursionError where the text is not a record."""
        return cls(**json.loads(text))


@dataclass(frozen=True)
class Spent:
    """The money that one LLM has cost in one currency."""

    currency: str
    billed: float
    reserved: float
    """For attempts that are in flight, or whose outcome is unknown."""
    answers: int
    """The number of answers that were billed."""


@dataclass(frozen=True)
class Hold:
    """The LLM that attempts are for, and the limit of all money that is ever spent on it."""

    llm: str
    currency: str
    limit: float | None
    """In `currency`; None where nothing is paid."""
    worth: Mapping[str, float] = field(default_factory=dict)
    """Another currency that the LLM was paid in before -> the value of one unit of it in `currency`."""


@dataclass(frozen=True)
class Reservation:
    """The result of reserving money for attempts."""

    entered: dict[str, int]
    """Request -> its attempt."""
    answered: set[str]
    """Requests that are answered already."""
    busy: set[str]
    """Requests that are in flight in another process or in a batch."""
    over: bool
    """Whether the limit left a request out."""


@dataclass(frozen=True)
class Flight:
    """An attempt that has not ended."""

    attempt: int
    request: str
    batch: str | None
    at: float
    """When the attempt was entered, in seconds since the epoch."""
    alive: bool
    """Whether the connection that made it is still open, so that it may still learn the outcome."""
