"""What sending, batching and quoting need of an API. Each provider has one class that does it.

An API builds a request's body and sends it. It raises whatever goes wrong as one of three kinds of trouble, so that
no other module of this folder knows an API's status codes.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from slingshot.llm.answer import Answer, AnswerKeys

Body = dict[str, Any]
"""A request as JSON: the keyword arguments of an SDK's call. Only the API that built it looks inside."""
Response = Mapping[str, object]
"""A reply as JSON. Only the API that received it looks inside."""
Shots = Sequence[tuple[str, str]]
"""Examples as question and answer."""


@dataclass(frozen=True)
class Ask:
    """One request for one text."""

    request: str
    """The digest of all that is asked. The ledger keeps the answer under it."""
    body: Body


@dataclass(frozen=True)
class Reply:
    """The API's JSON, its own id of the request, and the pace it allows."""

    response: Response
    request_id: str
    per_minute: float | None = None
    """The most requests a minute that the API says it takes."""


class RetryError(Exception):
    """The request may work when it is sent again."""

    def __init__(
        self, reason: str, *, after: float | None = None, limited: bool = False, known: bool = True
    ) -> None:
        """`after`: seconds to wait, if the API said so. `limited`: the API was asked too often. `known`: this attempt
        was certainly not billed."""
        super().__init__(reason)
        self.after, self.limited, self.known = after, limited, known


class RejectError(Exception):
    """The API will never take this request, but may take others. It was not billed."""


class StopError(Exception):
    """The API will take nothing any more. The request was not billed. The message is for the user."""


@dataclass(frozen=True)
class BatchState:
    """How far a batch is, as the API reports it."""

    id: str
    ended: bool
    requests: int
    done: int
    created: float
    """Seconds since the epoch."""


@dataclass(frozen=True)
class BatchResult:
    """How one request of a batch ended.

    `reply` is None where it was not answered; then it was not billed, and `reason` says what happened. `request` is
    None as well where the result can't be read, so that nobody knows whose it is; then `reason` says why.
    """

    request: str | None
    reply: Reply | None
    reason: str = ""
    final: bool = False
    """Whether the request would end the same way again."""


class Api(Protocol):
    """One LLM behind an API."""

    def body(self, system: str, shots: Shots, question: str, schema: Mapping[str, object]) -> Body:
        """A request from instructions, examples, the question and the JSON schema of the answer, without cache
        marks."""

    def digest(self, body: Body, sample: int) -> str:
        """The hash of everything that decides the answer, and of the sample's number."""

    def marked(self, body: Body, *, hour: bool) -> Body:
        """The body with marks that let the API cache its static beginning, for five minutes or for an hour."""

    def caches(self, body: Body) -> bool:
        """Whether a body bears such marks."""

    def lengths(self, body: Body) -> tuple[int, int]:
        """Bytes that the model reads of a request: up to the last cache mark (0 without one), and in all."""

    async def send(self, body: Body) -> Reply:
        """Raises RetryError, RejectError or StopError."""

    async def count(self, body: Body) -> int:
        """The body's input tokens, counted by the API. Raises RetryError, RejectError or StopError."""

    async def submit(self, asks: Sequence[Ask]) -> BatchState:
        """Make a batch. Raises RetryError, RejectError or StopError."""

    async def look(self, batch: str) -> BatchState:
        """Raises RetryError, RejectError or StopError."""

    def recent(self) -> AsyncIterator[BatchState]:
        """The account's batches, newest first. Raises RetryError, RejectError or StopError."""

    def results(self, batch: str) -> AsyncGenerator[BatchResult, None]:
        """The results of a batch that has ended, in any order. Raises RetryError, RejectError or StopError."""

    def read(self, response: Response, keys: AnswerKeys) -> Answer:
        """The answer in a response."""

    def tokens(self, response: Response) -> dict[str, int]:
        """The tokens that a response is billed by, by kind (money.prices.TOKEN_KINDS), as the API claims them.

        They are whole numbers from 0 on, but may be absurd (see money.prices.believed).
        """

    def key(self) -> str | None:
        """The key that the environment holds for this API, if any."""

    async def close(self) -> None: ...
