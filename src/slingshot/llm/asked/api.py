"""The interface of an API, for sending, batching and quoting. Each provider has one class with it.

An API builds the body of a request and sends it. It turns every error into one of three exceptions, so that no other
module of this folder knows an API's status codes.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from slingshot.files.storage.json_files import JsonObject
from slingshot.llm.answer import Answer, AnswerKeys

Body = JsonObject
"""A request as JSON: the keyword arguments for a call of an SDK. Only the API that built it reads it."""
Response = Mapping[str, object]
"""A reply as JSON. Only the API that received it reads it."""
Shots = Sequence[tuple[str, str]]
"""Examples as pairs of question and answer."""


@dataclass(frozen=True)
class Ask:
    """One request for one text."""

    request: str
    """The digest of the whole request. The ledger keeps the answer under it."""
    body: Body


@dataclass(frozen=True)
class Reply:
    """The API's JSON, its own id of the request, and the pace that it allows."""

    response: Response
    request_id: str
    per_minute: float | None = None
    """The most requests in a minute that the API accepts, if it says so."""


class RetryError(Exception):
    """The request failed, but may work when it is sent again."""

    def __init__(
        self,
        reason: str,
        *,
        after: float | None = None,
        limited: bool = False,
        unbilled: bool = True,
    ) -> None:
        """`after`: the seconds that the API asks to wait. `limited`: it was asked too often. `unbilled`: the attempt
        was certainly not billed.
        """
        super().__init__(reason)
        self.after, self.limited, self.unbilled = after, limited, unbilled


class RejectError(Exception):
    """The API will never accept this request, but may accept others. The request was not billed."""


class StopError(Exception):
    """The API will not accept any more requests. This one was not billed. The message is for the user."""


@dataclass(frozen=True)
class BatchState:
    """The state of a batch, as the API reports it."""

    id: str
    ended: bool
    requests: int
    done: int
    """Requests that have ended."""
    created: float
    """Seconds since the epoch."""


@dataclass(frozen=True)
class BatchResult:
    """The end of one request of a batch."""

    request: str | None
    """None where the result can't be read, so that nobody knows its request."""
    reply: Reply | None
    """None where the request was not answered, and so not billed, or where the result can't be read."""
    reason: str = ""
    """Why there is no reply."""
    final: bool = False
    """Whether the request would end the same way again."""


class Api(Protocol):
    """One LLM behind an API."""

    def body(self, system: str, shots: Shots, question: str, schema: Mapping[str, object]) -> Body:
        """A request without cache marks: instructions, examples, the question and the JSON schema of the answer."""

    def digest(self, body: Body, sample: int) -> str:
        """The hash of everything that decides the answer, and of the number of the sample."""

    def marked(self, body: Body, *, hour: bool) -> Body:
        """The body with marks that let the API cache its static beginning, for five minutes or for an hour."""

    def caches(self, body: Body) -> bool:
        """Whether a body has such marks."""

    def lengths(self, body: Body) -> tuple[int, int]:
        """The bytes of a request that the model reads: up to the last cache mark (0 without one), and all of them."""

    async def send(self, body: Body) -> Reply:
        """Send one request. Raises RetryError, RejectError or StopError."""

    async def count(self, body: Body) -> int:
        """The body's input tokens, as the API counts them. Raises RetryError, RejectError or StopError."""

    async def submit(self, asks: Sequence[Ask]) -> BatchState:
        """Submit a batch. Raises RetryError, RejectError or StopError."""

    async def look(self, batch: str) -> BatchState:
        """The state of a batch. Raises RetryError, RejectError or StopError."""

    def recent(self) -> AsyncIterator[BatchState]:
        """The account's batches, newest first. Raises RetryError, RejectError or StopError."""

    def results(self, batch: str) -> AsyncGenerator[BatchResult, None]:
        """The results of a batch that has ended, in any order. Raises RetryError, RejectError or StopError."""

    def read(self, response: Response, keys: AnswerKeys) -> Answer:
        """The answer in a response."""

    def tokens(self, response: Response) -> dict[str, int]:
        """The tokens that a response is billed by, by kind (money.prices.TOKEN_KINDS), as the API claims them.

        They are whole numbers and not negative, but may be absurdly large (see money.prices.believed).
        """

    def key(self) -> str | None:
        """The environment's key for this API, if there is one."""

    async def close(self) -> None:
        """Close the connection."""
