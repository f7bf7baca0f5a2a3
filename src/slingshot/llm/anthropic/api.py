"""Anthropic's Messages API through its SDK: asking one by one, asking by Message Batches, and reading the answers.

The SDK's own retries are off: each attempt is reserved in the ledger first. No key is in a request's digest, in a
message or in a file: whatever comes back passes the redactor first.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from slingshot.llm.answer import Answer, AnswerKeys, read_text
from slingshot.llm.anthropic import client as anthropic_client
from slingshot.llm.anthropic import requests
from slingshot.llm.anthropic.replies import (
    as_message,
    batch_state,
    checked,
    is_count,
    per_minute,
    read_json,
    tokens,
)
from slingshot.llm.anthropic.troubles import Troubles
from slingshot.llm.asked import asking
from slingshot.llm.asked.api import (
    Ask,
    BatchResult,
    BatchState,
    Body,
    Reply,
    Response,
    RetryError,
    Shots,
)
from slingshot.llm.asked.redacting import Redactor
from slingshot.llm.task import PromptResult, PromptTask
from slingshot.settings import AnthropicSettings, Settings

if TYPE_CHECKING:
    import anthropic


def run_cell(settings: AnthropicSettings, task: PromptTask) -> PromptResult:
    """Answer every row: see slingshot.llm.asked.asking."""
    return asking.run_cell(settings, task, connect(settings, task.params))


def connect(settings: AnthropicSettings, params: Settings) -> MessagesApi:
    """The LLM's API. Nothing is sent yet."""
    return MessagesApi(settings, params)


class MessagesApi:
    """One model behind the API. The connection is made with the first request."""

    def __init__(self, settings: AnthropicSettings, params: Settings) -> None:
        self.settings, self.params = settings, params
        self._client: anthropic.AsyncAnthropic | None = None
        self._redactor = Redactor()
        self._troubles = Troubles(settings, params, self._redactor)
        self._requests = requests.Requests(settings)

    # --- requests --------------------------------------------------------------------------------

    def body(self, system: str, shots: Shots, question: str, schema: Mapping[str, object]) -> Body:
        return self._requests.body(system, shots, question, schema)

    def digest(self, body: Body, sample: int) -> str:
        return self._requests.digest(body, sample)

    def marked(self, body: Body, *, hour: bool) -> Body:
        return self._requests.marked(body, hour=hour)

    def lengths(self, body: Body) -> tuple[int, int]:
        return requests.lengths(body)

    def caches(self, body: Body) -> bool:
        return requests.caches(body)

    async def send(self, body: Body) -> Reply:
        with self._troubles.translated():
            raw = await self._connected().messages.with_raw_response.create(**body)
            response = checked(self._read(raw))
        request_id = self._troubles.clean(raw.headers.get("request-id", ""))
        return Reply(response, request_id, per_minute(raw.headers))

    async def count(self, body: Body) -> int:
        counted = {key: value for key, value in body.items() if key != "max_tokens"}
        with self._troubles.translated():
            raw = await self._connected().messages.with_raw_response.count_tokens(**counted)
            reply = self._read(raw)
            count: object = reply.get("input_tokens") if isinstance(reply, dict) else None
            if not is_count(count):
                raise RetryError("the reply is no count of tokens", known=False)
        return count

    # --- batches ---------------------------------------------------------------------------------

    async def submit(self, asks: Sequence[Ask]) -> BatchState:
        entries = [{"custom_id": ask.request, "params": ask.body} for ask in asks]
        missing = None
        if self.settings.server:
            missing = "the server takes no batches: set run.mode: sync"
        with self._troubles.translated(missing):
            batches = self._connected().messages.batches
            raw = await batches.with_raw_response.create(requests=entries)
            return batch_state(self._read(raw))

    async def look(self, batch: str) -> BatchState:
        with self._troubles.translated(missing="the API does not know it, or has deleted it"):
            batches = self._connected().messages.batches
            raw = await batches.with_raw_response.retrieve(batch)
            return batch_state(self._read(raw))

    async def recent(self) -> AsyncIterator[BatchState]:
        with self._troubles.translated():
            async for batch in await self._connected().messages.batches.list(limit=100):
                yield batch_state(self._redactor.json(batch.to_dict(mode="json")))

    async def results(self, batch: str) -> AsyncGenerator[BatchResult, None]:
        """The results, from the address that the API documents: an address that a server names may be somebody else's,
        and would get the key."""
        import anthropic
        import httpx2

        from slingshot.llm.anthropic.http import TOO_LARGE, lines

        path = f"/v1/messages/batches/{quote(batch, safe='')}/results"
        options = {"headers": {"Accept": "application/binary"}}
        with self._troubles.translated(missing="its results are gone"):
            response = await self._connected().get(
                path,
                cast_to=httpx2.Response,
                options=options,
                stream=True,
                stream_cls=anthropic.AsyncStream,
            )
            async with aclosing(response):
                async for line in lines(response):
                    if line is None:
                        yield BatchResult(None, None, TOO_LARGE)
                    else:
                        yield self._result(batch, line)

    def _result(self, batch: str, line: bytes) -> BatchResult:
        """One line of a batch's results. A line that can't be read counts as a missing one: paid, nobody knows how
        much."""
        try:
            entry = self._redactor.json(read_json(line))
            request, result = str(entry["custom_id"]), entry["result"]
            ending = result["type"]
            if ending == "succeeded":
                reply = Reply(checked(result["message"]), f"{batch}:{request[:12]}")
                return BatchResult(request, reply)
            if ending in ("canceled", "expired"):
                return BatchResult(request, None, f"the batch {ending} before it was answered")
            error = result["error"]["error"]
            kind, message = error["type"], error["message"]
        except (LookupError, RecursionError, TypeError, ValueError):
            return BatchResult(None, None, "the reply is no result of the Messages API")
        except RetryError as trouble:
            return BatchResult(None, None, str(trouble))
        reason = self._troubles.clean(f"{kind}: {message}")
        if kind == "not_found_error":
            reason = self._troubles.unserved(reason)
        final = kind in ("invalid_request_error", "not_found_error")
        return BatchResult(request, None, reason, final)

    # --- replies ---------------------------------------------------------------------------------

    def read(self, response: Response, keys: AnswerKeys) -> Answer:
        """The answer. A refusal is not interpreted. A thinking block may stand before the text."""
        message = as_message(response)
        blocks = [block for block in message["content"] if block.get("type") == "text"]
        text = "".join(str(block.get("text") or "") for block in blocks)
        stop = message.get("stop_reason")
        if stop == "refusal":
            return Answer("refused", text=text)
        truncated = stop in ("max_tokens", "model_context_window_exceeded")
        return read_text(text, keys, truncated=truncated)

    def tokens(self, response: Response) -> dict[str, int]:
        return tokens(as_message(response))

    # --- the connection --------------------------------------------------------------------------

    def key(self) -> str | None:
        return anthropic_client.key(self.settings)

    def _connected(self) -> Any:
        """The SDK's client, as Any: its methods take only the SDK's own types, not a body that was built here."""
        if self._client is None:
            timeout = self.params.run.timeout
            self._client = anthropic_client.client(self.settings, timeout, self._redactor)
        return self._client

    def _read(self, raw: Any) -> Any:
        """The JSON of a reply, without the key. Raises ValueError or RecursionError."""
        return self._redactor.json(read_json(raw.http_response.content))

    async def close(self) -> None:
        if self._client is not None:
            await self._client.close()
            self._client = None
