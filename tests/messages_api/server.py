"""Anthropic's Messages API on 127.0.0.1, as documented, for clients that are tested over real HTTP.

    .venv/bin/python -m tests.messages_api.server --port-file FILE [--latency 0.05] [--limit 100] [--journal FILE]

serves it from a process of its own until SIGTERM. In a test, `MessagesServer()` serves from a thread. What breaks the
API's contract is answered 400 and kept in `problems`; what would cost money is kept in `billed`, and in the journal.
"""

from __future__ import annotations

import asyncio
import json
import signal
import threading
import time
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click
from aiohttp import web
from anthropic.types import Message, MessageTokensCount

from tests.messages_api import contract
from tests.messages_api.batches import BatchEndpoints
from tests.messages_api.http import BODY, ApiError, as_json
from tests.messages_api.script import Fault, Reply, text


class Bucket:
    """A token bucket of `limit` requests per second that holds a tenth of a second's, and at least one."""

    def __init__(self, limit: float) -> None:
        self.limit = limit
        self.capacity = max(1.0, limit / 10)
        self.tokens = self.capacity
        self.at = time.monotonic()

    def take(self) -> bool:
        self.fill()
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True

    def fill(self) -> None:
        now = time.monotonic()
        self.tokens = min(self.capacity, self.tokens + (now - self.at) * self.limit)
        self.at = now

    def headers(self) -> dict[str, str]:
        self.fill()
        full = datetime.now(UTC) + timedelta(seconds=(self.capacity - self.tokens) / self.limit)
        return {
            "anthropic-ratelimit-requests-limit": str(int(self.limit * 60)),
            "anthropic-ratelimit-requests-remaining": str(int(self.tokens)),
            "anthropic-ratelimit-requests-reset": full.isoformat(timespec="milliseconds").replace(
                "+00:00", "Z"
            ),
        }


class MessagesServer(BatchEndpoints):
    def __init__(
        self,
        *,
        latency: float = 0.0,
        limit: float | None = None,
        journal: Path | None = None,
        port: int = 0,
    ) -> None:
        super().__init__()
        self.latency = latency
        self.models = {"claude-test-1": 64, "claude-haiku-5-5": 512}
        self.retired = {"claude-3-opus-20240229": "model: claude-3-opus-20240229"}
        self.answer: Callable[[dict[str, Any]], Reply | str] = default_answer
        self.billed: list[str] = []
        self._faults: deque[Fault] = deque()
        self._bucket = Bucket(limit) if limit is not None else None
        self._cached: set[tuple[str, str, str]] = set()
        self._journal = journal.open("a", encoding="utf-8") if journal else None
        self.start(port)

    def stop(self) -> None:
        super().stop()
        if self._journal:
            self._journal.close()

    def script(self, *faults: Fault) -> None:
        """What happens to the next creates that keep the contract, one each."""
        self._faults.extend(faults)

    def add_routes(self, router: web.UrlDispatcher) -> None:
        super().add_routes(router)
        router.add_post("/v1/messages", self._create)
        router.add_post("/v1/messages/count_tokens", self._count)

    def headers(self, request: web.Request, status: int) -> dict[str, str]:
        limited = self._bucket and request.path == "/v1/messages" and status in (200, 429)
        return super().headers(request, status) | (
            self._bucket.headers() if self._bucket and limited else {}
        )

    async def _create(self, request: web.Request) -> web.StreamResponse:
        body = request[BODY]
        self.refuse(contract.check_create(body))
        fault = self._faults.popleft() if self._faults else None
        if fault and fault.kind != "slow":
            if fault.billed:
                self.bill("create", body, answered=False)
            return await self.fail(request, fault)
        self._served(body["model"])
        if self._bucket and not self._bucket.take():
            raise ApiError(
                429, "This request would exceed your organization's rate limit", retry_after=1
            )
        if self.latency:
            await asyncio.sleep(self.latency)
        if fault:
            await self.pause(fault.seconds)
        message = self.message(body, "standard")
        listening = request.transport is not None and not request.transport.is_closing()
        self.bill("create", body, answered=listening)
        return as_json(message)

    async def _count(self, request: web.Request) -> web.Response:
        body = request[BODY]
        self.refuse(contract.check_count(body))
        self._served(body["model"])
        return as_json(contract.built(MessageTokensCount, input_tokens=sum(_sizes(body))))

    def _served(self, model: str) -> None:
        if model not in self.models:
            raise ApiError(404, self.retired.get(model, f"model: {model}"))

    def message(self, body: dict[str, Any], tier: str) -> dict[str, Any]:
        reply = self.answer(body)
        reply = text(reply) if isinstance(reply, str) else reply
        spoken = [
            (b["type"], contract.text_tokens(b.get("text") or b.get("thinking") or ""))
            for b in reply.content
        ]
        output = (
            max(1, sum(n for _, n in spoken))
            if reply.output_tokens is None
            else reply.output_tokens
        )
        stopped = {"type": "refusal", "category": None, "explanation": None}
        return contract.built(
            Message,
            id=self.new("msg"),
            type="message",
            role="assistant",
            model=body["model"],
            content=reply.content,
            stop_reason=reply.stop_reason,
            stop_sequence=None,
            stop_details=stopped if reply.stop_reason == "refusal" else None,
            usage={
                **self._input(body),
                "output_tokens": output,
                "output_tokens_details": {
                    "thinking_tokens": sum(n for kind, n in spoken if kind == "thinking")
                },
                "service_tier": tier,
            },
        )

    def _input(self, body: dict[str, Any]) -> dict[str, Any]:
        """The input side of usage; remembers the prefix that this request caches."""
        sizes, created, read = _sizes(body), {"5m": 0, "1h": 0}, 0
        if marks := _marks(body):
            place, ttl = marks[-1]
            size = sum(sizes[: place + 1])
            prefix = contract.request_key(
                {"blocks": [list(pair) for pair in contract.blocks(body)][: place + 1]}
            )
            if size >= self.models[body["model"]]:
                if (body["model"], prefix, ttl) in self._cached:
                    read = size
                else:
                    created[ttl] = size
                self._cached.add((body["model"], prefix, ttl))
        return {
            "input_tokens": sum(sizes) - read - sum(created.values()),
            "cache_creation_input_tokens": sum(created.values()),
            "cache_read_input_tokens": read,
            "cache_creation": {
                f"ephemeral_{ttl}_input_tokens": size for ttl, size in created.items()
            },
        }

    def bill(
        self, kind: str, body: dict[str, Any], custom_id: str | None = None, answered: bool = True
    ) -> None:
        key = contract.request_key(body)
        if kind == "canceled":
            self.billed.remove(key)
        else:
            self.billed.append(key)
        if self._journal:
            line = {"kind": kind, "key": key, "custom_id": custom_id, "answered": answered}
            self._journal.write(json.dumps(line) + "\n")
            self._journal.flush()


def default_answer(body: dict[str, Any]) -> str:
    form = (body.get("output_config") or {}).get("format")
    return json.dumps(contract.answer_for(form["schema"])) if form else "ok"


def _sizes(body: dict[str, Any]) -> list[int]:
    return [
        contract.text_tokens(b["text"]) if b["type"] == "text" else 0
        for _, b in contract.blocks(body)
    ]


def _marks(body: dict[str, Any]) -> list[tuple[int, str]]:
    """Places and lifetimes of the blocks with cache_control; the request's own cache_control marks the last block."""
    marks = [block.get("cache_control") for _, block in contract.blocks(body)]
    marks[-1] = body.get("cache_control") or marks[-1]
    return [(place, mark.get("ttl", "5m")) for place, mark in enumerate(marks) if mark]


@click.command()
@click.option(
    "--port-file",
    type=click.Path(path_type=Path),
    required=True,
    help="Gets the port, once it answers.",
)
@click.option(
    "--latency", default=0.0, show_default=True, help="Seconds before a create is answered."
)
@click.option(
    "--limit", type=float, default=None, help="Creates per second; more are answered 429."
)
@click.option(
    "--journal",
    type=click.Path(path_type=Path),
    default=None,
    help="Gets a line per billed request.",
)
@click.option("--port", default=0, help="A fixed port, for a server that comes back.")
def main(
    port_file: Path, latency: float, limit: float | None, journal: Path | None, port: int
) -> None:
    """Serve the Messages API on 127.0.0.1 until SIGTERM or SIGINT."""
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    with MessagesServer(latency=latency, limit=limit, journal=journal, port=port) as server:
        partial = port_file.with_name(f"{port_file.name}.partial")
        partial.write_text(server.url.rpartition(":")[2])
        partial.replace(port_file)
        ended.wait()


if __name__ == "__main__":
    main()
