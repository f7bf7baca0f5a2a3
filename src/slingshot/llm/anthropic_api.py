"""Anthropic's Messages API, through its SDK: requests, replies, Message Batches, and what can go wrong.

The SDK's own retries are off: each attempt is reserved in the ledger first. No key is in a request's digest, in a
message or in a file.
"""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from slingshot.llm import anthropic_client, asking
from slingshot.llm.answer import Answer, AnswerKeys, read_text
from slingshot.llm.anthropic_client import KEYS, NO_KEY
from slingshot.llm.anthropic_replies import batch_state, checked, retry_after, tokens
from slingshot.llm.api import (
    Ask,
    BatchResult,
    BatchState,
    Body,
    RejectError,
    Reply,
    RetryError,
    StopError,
)
from slingshot.llm.task import Cell, Task
from slingshot.settings import PARAMS, AnthropicSettings, Settings

BYTES_PER_TOKEN = 3
"""Fewer than there are, so that what may be long enough for the cache is marked; if it is not, that costs nothing."""
UNBILLED = (409, 429, 500, 529)
"""What the API itself answers in place of a message; the others may come from something between, after the message."""


def run_cell(settings: AnthropicSettings, task: Task) -> Cell:
    """See slingshot.llm.asking."""
    return asking.run_cell(settings, task, connect(settings, task.params))


def connect(settings: AnthropicSettings, params: Settings) -> MessagesApi:
    """The API that the LLM is behind; nothing is sent yet."""
    return MessagesApi(settings, params)


class MessagesApi:
    """One model behind the API. The connection is made with the first request."""

    def __init__(self, settings: AnthropicSettings, params: Settings) -> None:
        self.settings, self.params = settings, params
        self._client: Any = None
        self._shown: tuple[Sequence[tuple[str, str]], list[dict[str, Any]]] = ((), [])

    # --- requests --------------------------------------------------------------------------------

    def body(self, system: str, shots: Sequence[tuple[str, str]], question: str, schema: Mapping[str, Any]) -> Body:
        """The text to label comes last, so that all before it can be cached."""
        if shots is not self._shown[0]:  # thousands of texts have the same ones, and their bodies share these messages
            turns = [turn for shot in shots for turn in zip(("user", "assistant"), shot, strict=True)]
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
        where = {"api": "messages", "base_url": self.settings.base_url, "sample": sample, "request": body}
        return hashlib.sha256(json.dumps(where, sort_keys=True, ensure_ascii=False).encode()).hexdigest()

    def marked(self, body: Body, *, hour: bool) -> Body:
        """Marked behind the last example, or behind the instructions where examples differ from text to text."""
        least, static = self.settings.cache_from, body["messages"][:-1] if self.settings.selection != "nearest" else []
        texts = [*body["system"], *(block for message in static for block in message["content"])]
        if least is None or sum(len(block["text"].encode()) for block in texts) < least * BYTES_PER_TOKEN:
            return body
        mark = {"cache_control": {"type": "ephemeral", "ttl": "1h"} if hour else {"type": "ephemeral"}}
        last = {**texts[-1], **mark}
        if not static:
            return {**body, "system": [*body["system"][:-1], last]}
        messages = [*static[:-1], {**static[-1], "content": [last]}, *body["messages"][len(static) :]]
        return {**body, "messages": messages}

    def lengths(self, body: Body) -> tuple[int, int]:
        """The schema of the answer stands before everything else."""
        blocks = [*body["system"], *(block for message in body["messages"] for block in message["content"])]
        before = len(json.dumps(body["output_config"]).encode()) if "output_config" in body else 0
        reach = list(itertools.accumulate((len(block["text"].encode()) for block in blocks), initial=before))
        marked = [reach[n] for n, block in enumerate(blocks, start=1) if "cache_control" in block]
        return marked[-1] if marked else 0, reach[-1]

    def caches(self, body: Body) -> bool:
        blocks = [*body["system"], *(block for message in body["messages"] for block in message["content"])]
        return any("cache_control" in block for block in blocks)

    async def send(self, body: Body) -> Reply:
        with self._troubles():
            raw = await self._connected().messages.with_raw_response.create(**body)
            response = checked(json.loads(raw.http_response.content))
        limit = raw.headers.get("anthropic-ratelimit-requests-limit", "")
        return Reply(response, raw.headers.get("request-id", ""), float(limit) if limit.isdecimal() else None)

    async def count(self, body: Body) -> int:
        with self._troubles():
            counted = {key: value for key, value in body.items() if key != "max_tokens"}
            return int((await self._connected().messages.count_tokens(**counted)).input_tokens)

    # --- batches ---------------------------------------------------------------------------------

    async def submit(self, asks: Sequence[Ask]) -> BatchState:
        requests = [{"custom_id": ask.request, "params": ask.body} for ask in asks]
        missing = "the server takes no batches: set run.mode: sync" if self.settings.base_url else None
        with self._troubles(missing):
            return batch_state(await self._connected().messages.batches.create(requests=requests))

    async def look(self, batch: str) -> BatchState:
        with self._troubles(missing="the API does not know it, or has deleted it"):
            return batch_state(await self._connected().messages.batches.retrieve(batch))

    async def recent(self) -> AsyncIterator[BatchState]:
        with self._troubles():
            async for batch in await self._connected().messages.batches.list(limit=100):
                yield batch_state(batch)

    async def results(self, batch: str) -> AsyncIterator[BatchResult]:
        with self._troubles(missing="its results are gone"):
            async for line in await self._connected().messages.batches.results(batch):
                result = line.result
                if result.type == "succeeded":
                    try:
                        response = checked(result.message.to_dict(mode="json"))
                    except RetryError:  # as if it were not there: paid, nobody knows how much
                        continue
                    yield BatchResult(line.custom_id, Reply(response, f"{batch}:{line.custom_id[:12]}"))
                elif result.type == "errored":
                    error = result.error.error
                    final = error.type in ("invalid_request_error", "not_found_error")
                    said = f"{error.type}: {self._clean(error.message)}"
                    why = self._unserved(said) if error.type == "not_found_error" else said
                    yield BatchResult(line.custom_id, None, why, final)
                else:
                    yield BatchResult(line.custom_id, None, f"the batch {result.type} before it was answered")

    # --- replies ---------------------------------------------------------------------------------

    def read(self, response: Mapping[str, Any], keys: AnswerKeys) -> Answer:
        """A refusal is none of ours to interpret; a thinking block may stand before the text."""
        texts = [str(block.get("text") or "") for block in response["content"] if block.get("type") == "text"]
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
            self._client = anthropic_client.client(self.settings, self.params.run.timeout)
        return self._client

    async def close(self) -> None:
        if self._client is not None:
            await self._client.close()
            self._client = None

    def _clean(self, text: object, request: Any = None) -> str:
        """What a server said, on one line, without the key that `request` bore, which it may repeat."""
        said = str(text)
        headers = request.headers if request is not None else {}
        for name in ("authorization", "x-api-key"):
            secret = headers.get(name, "").removeprefix("Bearer ")
            if secret not in ("", NO_KEY):
                said = said.replace(secret, "[key]")
        return " ".join(said.split())[:500]

    @contextmanager
    def _troubles(self, missing: str | None = None) -> Any:
        """The SDK's errors as RetryError, RejectError or StopError; `missing` says what a 404 means where it is not the
        model that is."""
        import anthropic
        import httpx2

        try:
            yield
        except anthropic.APIStatusError as error:
            raise self._status(error, missing) from None
        except anthropic.APIConnectionError as error:
            # Where no connection came about, nothing was asked.
            never = isinstance(error.__cause__, httpx2.ConnectError | httpx2.ConnectTimeout)
            said = self._clean(error.__cause__ or error, error.request)
            raise RetryError(f"no connection: {said}", known=never) from None
        except (anthropic.APIError, httpx2.HTTPError, ValueError, RecursionError) as error:
            raise RetryError(f"no readable answer: {self._clean(error) or type(error).__name__}", known=False) from None
        except anthropic.AnthropicError as error:
            raise StopError(f"no key: {self._clean(error)}") from None

    def _status(self, error: Any, missing: str | None) -> Exception:
        code, said = error.status_code, self._clean(error.api_message or error.message, error.request)
        after = retry_after(error.response.headers)
        if code == 404 and missing:
            return RejectError(missing)
        if code == 404:
            return StopError(self._unserved(f"404: {said}"))
        if code == 401 and self.settings.base_url and not self.settings.key_env:
            return StopError(f"the server wants a key (401: {said}); name the variable that holds it as key_env")
        if code == 401:
            return StopError(f"the API refused the key (401: {said}); set {self.settings.key_env or KEYS[0]}")
        if code == 402:
            return StopError(f"the API wants to be paid first (402: {said}); see the account's billing")
        if code == 403:
            return StopError(f"the key may not do this (403: {said}); see its rights and workspace")
        if code == 429 and after is None and not self.settings.base_url:
            return StopError(f"the account has reached its own spend limit (429: {said}); see the account's limits")
        if code in (408, 409, 429) or code >= 500:
            return RetryError(f"{code}: {said}", after=after, limited=code == 429, known=code in UNBILLED)
        return RejectError(f"{code}: {said}")

    def _unserved(self, said: str) -> str:
        """What to do about a model that is retired or unknown."""
        others = [
            f"{name} ({llm.model})"
            for name, llm in self.params.llms.items()
            if isinstance(llm, AnthropicSettings) and llm.model != self.settings.model and not llm.retired
        ]
        remedy = f"{PARAMS} also has {', '.join(others)}: put one into study.llms in its place"
        if not others:
            remedy = f"Name another model under llms in {PARAMS}"
        return f"the API does not serve the model '{self.settings.model}' ({said}). {remedy}"


def _message(role: str, text: str) -> dict[str, Any]:
    return {"role": role, "content": [{"type": "text", "text": text}]}
