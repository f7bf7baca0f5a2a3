"""What sending, batching and quoting need of an API; one class a provider has it.

An API builds a request's body and sends it; what goes wrong it raises as one of three kinds of trouble, so that
nothing else here knows an API's status codes.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from slingshot.llm.answer import Answer, AnswerKeys

Body = dict[str, Any]


@dataclass(frozen=True)
class Ask:
    """One request for one text."""

    request: str
    """The digest of all that is asked, under which the ledger holds its answer."""
    body: Body


@dataclass(frozen=True)
class Reply:
    """What came back: the API's JSON, its own id of the request, and the pace it allows."""

    response: dict[str, Any]
    request_id: str
    per_minute: float | None = None
    """Requests a minute that the API says it takes."""


class RetryError(Exception):
    """It may work when sent again."""

    def __init__(
        self, reason: str, *, after: float | None = None, limited: bool = False, known: bool = True
    ) -> None:
        """`after`: seconds to wait, if the API said so. `limited`: it was asked too often. `known`: it is known that
        this attempt was not billed."""
        super().__init__(reason)
        self.after, self.limited, self.known = after, limited, known


class RejectError(Exception):
    """This request will never be taken, others may be; not billed."""


class StopError(Exception):
    """Nothing will be taken any more; not billed. The message is for the user."""


@dataclass(frozen=True)
class BatchState:
    """A batch as the API tells of it."""

    id: str
    ended: bool
    requests: int
    done: int
    created: float
    """Seconds since the epoch."""


@dataclass(frozen=True)
class BatchResult:
    """One request's end in a batch: a reply, or None with what became of it, in which case it was not billed; or, where
    the request is None too, why nobody can read whose end it was."""

    request: str | None
    reply: Reply | None
    reason: str = ""
    final: bool = False
    """Whether it would end so again."""


class Api(Protocol):
    """One LLM behind an API."""

    def body(
        self,
        system: str,
        shots: Sequence[tuple[str, str]],
        question: str,
        schema: Mapping[str, Any],
    ) -> Body:
        """A request: instructions, examples as (question, answer) and the question. Without marks for a cache."""

    def digest(self, body: Body, sample: int) -> str:
        """The hash of everything that decides the answer, and of the sample's number."""

    def marked(self, body: Body, *, hour: bool) -> Body:
        """The body with the marks that let the API cache its static beginning, for five minutes or an hour."""

    def caches(self, body: Body) -> bool:
        """Whether a body bears such marks."""

    def lengths(self, body: Body) -> tuple[int, int]:
        """Bytes of what the model reads of a request: up to the last mark for the cache (0 without), and all."""

    async def send(self, body: Body) -> Reply:
        """Raises RetryError, RejectError or StopError."""

    async def count(self, body: Body) -> int:
        """Its input tokens, by the API. Raises RetryError, RejectError or StopError."""

    async def submit(self, asks: Sequence[Ask]) -> BatchState:
        """Raises RetryError, RejectError or StopError."""

    async def look(self, batch: str) -> BatchState:
        """Raises RetryError, RejectError or StopError."""

    def recent(self) -> AsyncIterator[BatchState]:
        """The account's batches, newest first. Raises RetryError, RejectError or StopError."""

    def results(self, batch: str) -> AsyncGenerator[BatchResult, None]:
        """Of a batch that has ended, in any order. Raises RetryError, RejectError or StopError."""

    def read(self, response: Mapping[str, Any], keys: AnswerKeys) -> Answer:
        """The answer in a response."""

    def tokens(self, response: Mapping[str, Any]) -> dict[str, int]:
        """What it says that it is billed by, by kind (money.TOKEN_KINDS): whole numbers from 0 on, which may be absurd
        (see money.believed)."""

    def key(self) -> str | None:
        """The key that the environment holds for it, if any."""

    async def close(self) -> None: ...
