"""Anthropic's Messages API, through its SDK: requests, replies, Message Batches, and what can go wrong.

The SDK's own retries are off: each attempt is reserved in the ledger first. No key is in a request's digest, in a
message or in a file: whatever comes back passes the redactor first.
"""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from typing import Any
from urllib.parse import quote

from slingshot.llm.answer import Answer, AnswerKeys, read_text
from slingshot.llm.anthropic import client as anthropic_client
from slingshot.llm.anthropic.replies import (
    batch_state,
    checked,
    is_count,
    per_minute,
    read_json,
    tokens,
)
from slingshot.llm.anthropic.troubles import Troubles
from slingshot.llm.asked import asking
from slingshot.llm.asked.api import Ask, BatchResult, BatchState, Body, Reply, RetryError
from slingshot.llm.asked.redacting import Redactor
from slingshot.llm.task import PromptResult, PromptTask
from slingshot.settings import AnthropicSettings, Settings

BYTES_PER_TOKEN = 3
"""Fewer than there are, so that what may be long enough for the cache is marked; if it is not, that costs nothing."""


def run_cell(settings: AnthropicSettings, task: PromptTask) -> PromptResult:
    """See slingshot.llm.asked.asking."""
    return asking.run_cell(settings, task, connect(settings, task.params))


def connect(settings: AnthropicSettings, params: Settings) -> MessagesApi:
    """The API that the LLM is behind; nothing is sent yet."""
    return MessagesApi(settings, params)


class MessagesApi:
    """One model behind the API. The connection is made with the first request."""

    def __init__(self, settings: AnthropicSettings, params: Settings) -> None:
        self.settings, self.params = settings, params
        self._client: Any = None
        self._redacted = Redactor()
        self._troubles = Troubles(settings, params, self._redacted)
        self._shown: tuple[Sequence[tuple[str, str]], list[dict[str, Any]]] = ((), [])

    # --- requests --------------------------------------------------------------------------------

    def body(
        self,
        system: str,
        shots: Sequence[tuple[str, str]],
        question: str,
        schema: Mapping[str, Any],
    ) -> Body:
        """The text to label comes last, so that all before it can be cached."""
        if (
            shots is not self._shown[0]
        ):  # thousands of texts have the same ones, and their bodies share these messages
            turns = [
                turn for shot in shots for turn in zip(("user", "assistant"), shot, strict=True)
            ]
            self._shown = shots, [_message(role, text) for role, text in turns]
        body: Body = {
            "model": self.settings.model,
            "max_tokens": self.settings.max_tokens,
            "system": [{"type": "text", "text": system}],
            "messages": [*self._shown[1], _message("user", question)],
        }
        config: dict[str, Any] = {}
        if self.settings.structured:
            config["format"] = {"type": "json_schema", "schema": dict(schema)}
        if self.settings.effort:
            config["effort"] = self.settings.effort
        if config:
            body["output_config"] = config
        if self.settings.thinking:
            body["thinking"] = self.settings.thinking
        return body

    def digest(self, body: Body, sample: int) -> str:
        where = {
            "api": "messages",
            "base_url": self.settings.server,
            "sample": sample,
            "request": body,
        }
        return hashlib.sha256(
            json.dumps(where, sort_keys=True, ensure_ascii=False).encode()
        ).hexdigest()

    def marked(self, body: Body, *, hour: bool) -> Body:
        """Marked behind the last example, or behind the instructions where examples differ from text to text."""
        least, static = (
            self.settings.cache_from,
            body["messages"][:-1] if self.settings.selection != "nearest" else [],
        )
        texts = [*body["system"], *(block for message in static for block in message["content"])]
        if (
            least is None
            or sum(len(block["text"].encode()) for block in texts) < least * BYTES_PER_TOKEN
        ):
            return body
        mark = {
            "cache_control": {"type": "ephemeral", "ttl": "1h"} if hour else {"type": "ephemeral"}
        }
        last = {**texts[-1], **mark}
        if not static:
            return {**body, "system": [*body["system"][:-1], last]}
        messages = [
            *static[:-1],
            {**static[-1], "content": [last]},
            *body["messages"][len(static) :],
        ]
        return {**body, "messages": messages}

    def lengths(self, body: Body) -> tuple[int, int]:
        """The schema of the answer stands before everything else."""
        blocks = [
            *body["system"],
            *(block for message in body["messages"] for block in message["content"]),
        ]
        before = len(json.dumps(body["output_config"]).encode()) if "output_config" in body else 0
        reach = list(
            itertools.accumulate((len(block["text"].encode()) for block in blocks), initial=before)
        )
        marked = [reach[n] for n, block in enumerate(blocks, start=1) if "cache_control" in block]
        return marked[-1] if marked else 0, reach[-1]

    def caches(self, body: Body) -> bool:
        blocks = [
            *body["system"],
            *(block for message in body["messages"] for block in message["content"]),
        ]
        return any("cache_control" in block for block in blocks)

    async def send(self, body: Body) -> Reply:
        with self._troubles.told():
            raw = await self._connected().messages.with_raw_response.create(**body)
            response = checked(self._read(raw))
        return Reply(
            response,
            self._troubles.clean(raw.headers.get("request-id", "")),
            per_minute(raw.headers),
        )

    async def count(self, body: Body) -> int:
        counted = {key: value for key, value in body.items() if key != "max_tokens"}
        with self._troubles.told():
            reply = self._read(
                await self._connected().messages.with_raw_response.count_tokens(**counted)
            )
            found: Any = reply.get("input_tokens") if isinstance(reply, dict) else None
            if not is_count(found):
                raise RetryError("the reply is no count of tokens", known=False)
        return found

    # --- batches ---------------------------------------------------------------------------------

    async def submit(self, asks: Sequence[Ask]) -> BatchState:
        requests = [{"custom_id": ask.request, "params": ask.body} for ask in asks]
        missing = (
            "the server takes no batches: set run.mode: sync" if self.settings.server else None
        )
        with self._troubles.told(missing):
            raw = await self._connected().messages.batches.with_raw_response.create(
                requests=requests
            )
            return batch_state(self._read(raw))

    async def look(self, batch: str) -> BatchState:
        with self._troubles.told(missing="the API does not know it, or has deleted it"):
            return batch_state(
                self._read(
                    await self._connected().messages.batches.with_raw_response.retrieve(batch)
                )
            )

    async def recent(self) -> AsyncIterator[BatchState]:
        with self._troubles.told():
            async for batch in await self._connected().messages.batches.list(limit=100):
                yield batch_state(self._redacted(batch.to_dict(mode="json")))

    async def results(self, batch: str) -> AsyncGenerator[BatchResult, None]:
        """From the address that the API documents: the one that a server names may be another's, and gets the key."""
        import anthropic
        import httpx2

        from slingshot.llm.anthropic.http import TOO_LARGE, lines

        path = f"/v1/messages/batches/{quote(batch, safe='')}/results"
        options = {"headers": {"Accept": "application/binary"}}
        with self._troubles.told(missing="its results are gone"):
            response = await self._connected().get(
                path,
                cast_to=httpx2.Response,
                options=options,
                stream=True,
                stream_cls=anthropic.AsyncStream,
            )
            async with aclosing(response):
                async for line in lines(response):
                    yield (
                        BatchResult(None, None, TOO_LARGE)
                        if line is None
                        else self._result(batch, line)
                    )

    def _result(self, batch: str, line: bytes) -> BatchResult:
        """One line of a batch's results. What can't be read is as if it were not there: paid, nobody knows how much."""
        try:
            read = self._redacted(read_json(line))
            request, result = str(read["custom_id"]), read["result"]
            if result["type"] == "succeeded":
                return BatchResult(
                    request, Reply(checked(result["message"]), f"{batch}:{request[:12]}")
                )
            if result["type"] in ("canceled", "expired"):
                return BatchResult(
                    request, None, f"the batch {result['type']} before it was answered"
                )
            kind, message = result["error"]["error"]["type"], result["error"]["error"]["message"]
        except (LookupError, RecursionError, TypeError, ValueError):
            return BatchResult(None, None, "the reply is no result of the Messages API")
        except RetryError as error:
            return BatchResult(None, None, str(error))
        said = self._troubles.clean(f"{kind}: {message}")
        why = self._troubles.unserved(said) if kind == "not_found_error" else said
        return BatchResult(request, None, why, kind in ("invalid_request_error", "not_found_error"))

    # --- replies ---------------------------------------------------------------------------------

    def read(self, response: Mapping[str, Any], keys: AnswerKeys) -> Answer:
        """A refusal is none of ours to interpret; a thinking block may stand before the text."""
        texts = [
            str(block.get("text") or "")
            for block in response["content"]
            if block.get("type") == "text"
        ]
        if response.get("stop_reason") == "refusal":
            return Answer("refused", text="".join(texts))
        truncated = response.get("stop_reason") in ("max_tokens", "model_context_window_exceeded")
        return read_text("".join(texts), keys, truncated=truncated)

    def tokens(self, response: Mapping[str, Any]) -> dict[str, int]:
        return tokens(response)

    # --- the connection --------------------------------------------------------------------------

    def key(self) -> str | None:
        return anthropic_client.key(self.settings)

    def _connected(self) -> Any:
        if self._client is None:
            self._client = anthropic_client.client(
                self.settings, self.params.run.timeout, self._redacted
            )
        return self._client

    def _read(self, raw: Any) -> Any:
        """The JSON of a reply, without the key. Raises ValueError or RecursionError."""
        return self._redacted(read_json(raw.http_response.content))

    async def close(self) -> None:
        if self._client is not None:
            await self._client.close()
            self._client = None


def _message(role: str, text: str) -> dict[str, Any]:
    return {"role": role, "content": [{"type": "text", "text": text}]}
