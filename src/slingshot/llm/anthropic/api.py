"""Anthropic's Messages API through its SDK: single requests, Message Batches, and the answers.

The SDK's own retries are off, because each attempt is reserved in the ledger first. No digest, message or file contains
a key: everything that a server sends passes the redactor first.
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


def run_cell(llm: AnthropicSettings, task: PromptTask) -> PromptResult:
    """Label all rows: see slingshot.llm.asked.asking."""
    return asking.run_cell(llm, task, connect(llm, task.settings))


def connect(llm: AnthropicSettings, settings: Settings) -> MessagesApi:
    """The LLM's API. This sends nothing yet."""
    return MessagesApi(llm, settings)


class MessagesApi:
    """One model behind the API. The first request makes the connection. See Api for the methods."""

    def __init__(self, llm: AnthropicSettings, settings: Settings) -> None:
        self.llm, self.settings = llm, settings
        self._client: anthropic.AsyncAnthropic | None = None
        self._redactor = Redactor()
        self._troubles = Troubles(llm, settings, self._redactor)
        self._requests = requests.Requests(llm)

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
        arguments = {key: value for key, value in body.items() if key != "max_tokens"}
        with self._troubles.translated():
            raw = await self._connected().messages.with_raw_response.count_tokens(**arguments)
            reply = self._read(raw)
            count: object = reply.get("input_tokens") if isinstance(reply, dict) else None
            if not is_count(count):
                raise RetryError("the reply has no count of tokens", unbilled=False)
        return count

    # --- batches ---------------------------------------------------------------------------------

    async def submit(self, asks: Sequence[Ask]) -> BatchState:
        entries = [{"custom_id": ask.request, "params": ask.body} for ask in asks]
        missing = None
        if self.llm.server:
            missing = "the server has no batches: set run.mode: sync"
        with self._troubles.translated(missing):
            batches = self._connected().messages.batches
            raw = await batches.with_raw_response.create(requests=entries)
            return batch_state(self._read(raw))

    async def look(self, batch: str) -> BatchState:
        with self._troubles.translated(
            missing="the API does not know the batch, or has deleted it"
        ):
            batches = self._connected().messages.batches
            raw = await batches.with_raw_response.retrieve(batch)
            return batch_state(self._read(raw))

    async def recent(self) -> AsyncIterator[BatchState]:
        with self._troubles.translated():
            async for batch in await self._connected().messages.batches.list(limit=100):
                yield batch_state(self._redactor.json(batch.to_dict(mode="json")))

    async def results(self, batch: str) -> AsyncGenerator[BatchResult, None]:
        """The results, from the address in the API's documentation.

        The address that a server names is not used: it may be somebody else's, and would get the key.
        """
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
        """The result in one line of a batch's results. A line that can't be read counts as a missing answer, which was
        billed with an unknown sum."""
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
            return BatchResult(None, None, "the reply is not a result of the Messages API")
        except RetryError as trouble:
            return BatchResult(None, None, str(trouble))
        reason = self._troubles.clean(f"{kind}: {message}")
        if kind == "not_found_error":
            reason = self._troubles.unserved(reason)
        final = kind in ("invalid_request_error", "not_found_error")
        return BatchResult(request, None, reason, final)

    # --- replies ---------------------------------------------------------------------------------

    def read(self, response: Response, keys: AnswerKeys) -> Answer:
        """The answer in a response. The text of a refusal is not read. A thinking block may come before the text."""
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
        return anthropic_client.key(self.llm)

    def _connected(self) -> Any:
        """The SDK's client, without its types: they would not allow a body that was built here."""
        if self._client is None:
            timeout = self.settings.run.timeout
            self._client = anthropic_client.client(self.llm, timeout, self._redactor)
        return self._client

    def _read(self, raw: Any) -> Any:
        """The JSON of a reply, without the key. Raises ValueError or RecursionError."""
        return self._redactor.json(read_json(raw.http_response.content))

    async def close(self) -> None:
        if self._client is not None:
            await self._client.close()
            self._client = None
