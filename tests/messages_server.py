"""Anthropic's Messages API on 127.0.0.1, as documented, for clients that are tested over real HTTP.

    .venv/bin/python -m tests.messages_server --port-file FILE [--latency 0.05] [--limit 100] [--journal FILE]

serves it from a process of its own until SIGTERM. In a test, `MessagesServer()` serves from a thread. What breaks the
API's contract is answered 400 and kept in `problems`; what would cost money is kept in `billed`, and in the journal.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import itertools
import json
import secrets
import signal
import threading
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click
from aiohttp import web
from anthropic.types import ErrorResponse, Message, MessageTokensCount
from anthropic.types.messages import MessageBatch, MessageBatchIndividualResponse

from tests import messages_contract as contract

VERSIONS = ("2023-06-01", "2026-10-21")
MEGABYTE = 1024 * 1024
LARGEST = {"/v1/messages": 32 * MEGABYTE, "/v1/messages/count_tokens": 32 * MEGABYTE}
LARGEST_BATCH = 256 * MEGABYTE
MOST_IN_BATCH = 100_000
ERRORS = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    408: "timeout_error",
    409: "conflict_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}
UNTYPED = ("conflict_error", "request_too_large")  # documented, and absent from the SDK's ErrorResponse
SPENT = "You have reached your monthly spend limit. You will regain access when it is raised or the month ends."
ID: web.RequestKey[str] = web.RequestKey("id", str)
BODY: web.RequestKey[Any] = web.RequestKey("body", object)
Outcomes = Mapping[str, str] | Callable[[str], str | None]


@dataclass(frozen=True)
class Reply:
    """What the model says. output_tokens None: counted from the content."""

    content: list[dict[str, Any]]
    stop_reason: str = "end_turn"
    output_tokens: int | None = None


def text(words: str) -> Reply:
    return Reply([{"type": "text", "text": words}])


def thinking_then(words: str) -> Reply:
    thought = {"type": "thinking", "thinking": "Both readings are possible.", "signature": "c2lnbmF0dXJl"}
    return Reply([thought, {"type": "text", "text": words}])


def refusal() -> Reply:
    return Reply([], "refusal")


def truncated(words: str) -> Reply:
    return Reply([{"type": "text", "text": words}], "max_tokens")


def empty() -> Reply:
    return Reply([])


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong. billed: the server did the work before its answer was lost."""

    kind: str
    code: int = 0
    seconds: float = 0.0
    retry_after: float | None = None
    message: str | None = None
    billed: bool = False
    after: bool = False

    @classmethod
    def status(cls, code: int, retry_after: float | None = None, message: str | None = None) -> Fault:
        return cls("status", code=code, retry_after=retry_after, message=message)

    @classmethod
    def spend_limit(cls) -> Fault:
        """429 without retry-after: waiting does not help."""
        return cls("status", code=429, message=SPENT)

    @classmethod
    def hang(cls, seconds: float, billed: bool = False) -> Fault:
        """No byte for that long, then the connection closes."""
        return cls("hang", seconds=seconds, billed=billed)

    @classmethod
    def slow(cls, seconds: float) -> Fault:
        """The usual answer, after that long; billed whether or not the client waited."""
        return cls("slow", seconds=seconds)

    @classmethod
    def drop(cls, after: bool = False, billed: bool = False) -> Fault:
        """Closed before any byte; `after`: for a batch, once it was made."""
        return cls("drop", after=after, billed=billed)

    @classmethod
    def cut(cls, billed: bool = False) -> Fault:
        return cls("cut", billed=billed)

    @classmethod
    def malformed(cls, billed: bool = False) -> Fault:
        return cls("malformed", billed=billed)

    @classmethod
    def wrong_shape(cls, billed: bool = False) -> Fault:
        return cls("wrong_shape", billed=billed)

    @classmethod
    def endless(cls, billed: bool = False) -> Fault:
        """White space, a byte each 50 ms: no read ever times out."""
        return cls("endless", billed=billed)

    @classmethod
    def echo_key(cls) -> Fault:
        """401 with the key in its message."""
        return cls("echo_key")


@dataclass(frozen=True)
class Received:
    method: str
    path: str
    headers: dict[str, str]
    body: Any
    at: float


class ApiError(Exception):
    def __init__(self, status: int, message: str | None = None, retry_after: float | None = None) -> None:
        super().__init__(message or ERRORS.get(status, "api_error").replace("_", " "))
        self.status = status
        self.retry_after = retry_after


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
            "anthropic-ratelimit-requests-reset": full.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        }


@dataclass
class Batch:
    id: str
    created: datetime
    params: dict[str, dict[str, Any]]
    results: dict[str, dict[str, Any]]
    polls: int = 0
    canceled: datetime | None = None
    ended: datetime | None = None


class MessagesServer:
    def __init__(
        self, *, latency: float = 0.0, limit: float | None = None, journal: Path | None = None, port: int = 0
    ) -> None:
        self.latency = latency
        self.models = {"claude-test-1": 64, "claude-haiku-5-5": 512}
        """Served models, and how many tokens a prefix needs to be cached."""
        self.retired = {"claude-3-opus-20240229": "model: claude-3-opus-20240229"}
        self.keys = {"test-key"}
        self.answer: Callable[[dict[str, Any]], Reply | str] = default_answer
        self.requests: list[Received] = []
        self.problems: list[str] = []
        self.billed: list[str] = []
        self.batch_polls = 1
        """How many retrieves find a batch in progress."""
        self.batch_faults: deque[Fault] = deque()
        self.batches: dict[str, Batch] = {}
        self._batch_scripts: list[dict[str, str] | Callable[[str], str | None]] = []
        self._faults: deque[Fault] = deque()
        self._bucket = Bucket(limit) if limit is not None else None
        self._cached: set[tuple[str, str, str]] = set()
        self._journal = journal.open("a", encoding="utf-8") if journal else None
        self._ids = itertools.count(1)
        self._salt = secrets.token_hex(6)
        self._loop = asyncio.new_event_loop()
        self._stopping = asyncio.Event()
        started: concurrent.futures.Future[int] = concurrent.futures.Future()
        self._thread = threading.Thread(target=self._run, args=(port, started), daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{started.result()}"

    def script(self, *faults: Fault) -> None:
        """What happens to the next creates that keep the contract, one each."""
        self._faults.extend(faults)

    def script_batch(self, outcomes: Outcomes) -> None:
        """custom_id -> "errored" (or "errored:TYPE"), "expired", "canceled": each id of a mapping for the next batch
        that holds it, a function for the next batch."""
        self._batch_scripts.append(outcomes if callable(outcomes) else dict(outcomes))

    def stop(self) -> None:
        """Ends at once whatever is still being answered."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stopping.set)
            self._thread.join()
        if self._journal:
            self._journal.close()

    def __enter__(self) -> MessagesServer:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _run(self, port: int, started: concurrent.futures.Future[int]) -> None:
        try:
            self._loop.run_until_complete(self._main(port, started))
        except Exception as e:
            if started.done():
                raise
            started.set_exception(e)
        finally:
            self._loop.close()

    async def _main(self, port: int, started: concurrent.futures.Future[int]) -> None:
        app = web.Application(middlewares=[self._serve], client_max_size=2 * LARGEST_BATCH)
        batch = "/v1/messages/batches/{id}"
        app.router.add_post("/v1/messages", self._create)
        app.router.add_post("/v1/messages/count_tokens", self._count)
        app.router.add_post("/v1/messages/batches", self._create_batch)
        app.router.add_get("/v1/messages/batches", self._list_batches)
        app.router.add_get(batch, self._retrieve_batch)
        app.router.add_post(f"{batch}/cancel", self._cancel_batch)
        app.router.add_get(f"{batch}/results", self._results)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", port).start()
            started.set_result(runner.addresses[0][1])
            await self._stopping.wait()
        finally:
            await runner.cleanup()

    # Every request

    @web.middleware
    async def _serve(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        request[ID] = self._new("req")
        try:
            await self._receive(request)
            response = await handler(request)
        except ApiError as e:
            response = self._error(request, e)
        except web.HTTPException as e:
            self.problems.append(f"{request.method} {request.path}: no such endpoint")
            response = self._error(request, ApiError(404, e.reason))
        except Exception as e:
            self.problems.append(f"the answer: {type(e).__name__}: {e}")
            response = self._error(request, ApiError(500, "Internal server error"))
        if not response.prepared:
            response.headers.update(self._headers(request, response.status))
        return response

    async def _receive(self, request: web.Request) -> None:
        raw = await request.read()
        try:
            body = json.loads(raw) if raw else None
        except ValueError:
            body = ApiError(400, "The request body is not valid JSON")
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.requests.append(Received(request.method, request.path, headers, body, time.monotonic()))
        if not self.keys & {headers.get("x-api-key"), headers.get("authorization", "").removeprefix("Bearer ")}:
            raise ApiError(401, "invalid x-api-key")
        if headers.get("anthropic-version") not in VERSIONS:
            self._refuse([f"anthropic-version: {headers.get('anthropic-version')!r} is not a version"])
        if len(raw) > LARGEST.get(request.path, LARGEST_BATCH):
            raise ApiError(413, "Request exceeds the maximum size")
        if isinstance(body, ApiError):
            self._refuse([str(body)])
        request[BODY] = body

    def _refuse(self, problems: list[str]) -> None:
        if problems:
            self.problems += problems
            raise ApiError(400, "; ".join(problems[:3]))

    def _error(self, request: web.Request, error: ApiError) -> web.Response:
        kind = ERRORS.get(error.status, "api_error")
        fields = {"type": "error", "error": {"type": kind, "message": str(error)}, "request_id": request[ID]}
        response = _json(fields if kind in UNTYPED else contract.built(ErrorResponse, **fields), error.status)
        if error.retry_after is not None:
            response.headers["retry-after"] = f"{error.retry_after:g}"
        return response

    def _headers(self, request: web.Request, status: int) -> dict[str, str]:
        limited = self._bucket and request.path == "/v1/messages" and status in (200, 429)
        return {"request-id": request[ID], **(self._bucket.headers() if self._bucket and limited else {})}

    # Messages

    async def _create(self, request: web.Request) -> web.StreamResponse:
        body = request[BODY]
        self._refuse(contract.check_create(body))
        fault = self._faults.popleft() if self._faults else None
        if fault and fault.kind != "slow":
            if fault.billed:
                self._bill("create", body, answered=False)
            return await self._fail(request, fault)
        self._served(body["model"])
        if self._bucket and not self._bucket.take():
            raise ApiError(429, "This request would exceed your organization's rate limit", retry_after=1)
        if self.latency:
            await asyncio.sleep(self.latency)
        if fault:
            await self._pause(fault.seconds)
        message = self._message(body, "standard")
        listening = request.transport is not None and not request.transport.is_closing()
        self._bill("create", body, answered=listening)
        return _json(message)

    async def _count(self, request: web.Request) -> web.Response:
        body = request[BODY]
        self._refuse(contract.check_count(body))
        self._served(body["model"])
        return _json(contract.built(MessageTokensCount, input_tokens=sum(_sizes(body))))

    def _served(self, model: str) -> None:
        if model not in self.models:
            raise ApiError(404, self.retired.get(model, f"model: {model}"))

    def _message(self, body: dict[str, Any], tier: str) -> dict[str, Any]:
        reply = self.answer(body)
        reply = text(reply) if isinstance(reply, str) else reply
        spoken = [(b["type"], contract.text_tokens(b.get("text") or b.get("thinking") or "")) for b in reply.content]
        output = max(1, sum(n for _, n in spoken)) if reply.output_tokens is None else reply.output_tokens
        stopped = {"type": "refusal", "category": None, "explanation": None}
        return contract.built(
            Message,
            id=self._new("msg"),
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
                "output_tokens_details": {"thinking_tokens": sum(n for kind, n in spoken if kind == "thinking")},
                "service_tier": tier,
            },
        )

    def _input(self, body: dict[str, Any]) -> dict[str, Any]:
        """The input side of usage; remembers the prefix that this request caches."""
        sizes, created, read = _sizes(body), {"5m": 0, "1h": 0}, 0
        if marks := _marks(body):
            place, ttl = marks[-1]
            size = sum(sizes[: place + 1])
            prefix = contract.request_key({"blocks": [list(pair) for pair in contract.blocks(body)][: place + 1]})
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
            "cache_creation": {f"ephemeral_{ttl}_input_tokens": size for ttl, size in created.items()},
        }

    def _bill(self, kind: str, body: dict[str, Any], custom_id: str | None = None, answered: bool = True) -> None:
        key = contract.request_key(body)
        if kind == "canceled":
            self.billed.remove(key)
        else:
            self.billed.append(key)
        if self._journal:
            line = {"kind": kind, "key": key, "custom_id": custom_id, "answered": answered}
            self._journal.write(json.dumps(line) + "\n")
            self._journal.flush()

    def _new(self, kind: str) -> str:
        return f"{kind}_{self._salt}{next(self._ids):012d}"

    # Faults

    async def _fail(self, request: web.Request, fault: Fault) -> web.StreamResponse:
        if fault.kind == "status":
            raise ApiError(fault.code, fault.message, fault.retry_after)
        if fault.kind == "echo_key":
            raise ApiError(401, f"invalid credentials: {request.headers.get('Authorization', '')}")
        if fault.kind == "malformed":
            return web.Response(text="<html>Bad gateway</html>", content_type="application/json")
        half = {"id": self._new("msg"), "type": "message", "role": "assistant", "content": []}
        if fault.kind == "wrong_shape":
            return _json(half)
        if fault.kind in ("cut", "endless"):
            return await self._trickle(request, json.dumps(half).encode() if fault.kind == "cut" else None)
        await self._pause(fault.seconds)
        _close(request)
        raise asyncio.CancelledError

    async def _trickle(self, request: web.Request, half: bytes | None) -> web.StreamResponse:
        response = web.StreamResponse(headers={**self._headers(request, 200), "Content-Type": "application/json"})
        if half is not None:
            response.content_length = 2 * len(half)
        try:
            await response.prepare(request)
            if half is not None:
                await response.write(half)
                _close(request)
            while half is None and not self._stopping.is_set():
                await response.write(b" ")
                await asyncio.sleep(0.05)
        except ConnectionError:
            pass
        return response

    async def _pause(self, seconds: float) -> None:
        """Waits, but not beyond the server's end, which drops every connection."""
        try:
            await asyncio.wait_for(self._stopping.wait(), seconds)
        except TimeoutError:
            return
        raise asyncio.CancelledError

    # Batches

    async def _create_batch(self, request: web.Request) -> web.StreamResponse:
        body = request[BODY]
        self._refuse(contract.check_batch(body))
        if len(body["requests"]) > MOST_IN_BATCH:
            raise ApiError(413, f"A batch holds at most {MOST_IN_BATCH} requests")
        fault = self.batch_faults.popleft() if self.batch_faults else None
        if fault and not fault.after:
            return await self._fail(request, fault)
        params = {r["custom_id"]: r["params"] for r in body["requests"]}
        outcomes = dict(self._outcomes(params))
        results = {name: self._result(params[name], outcomes.get(name)) for name in params}
        batch = Batch(self._new("msgbatch"), datetime.now(UTC), params, results)
        self.batches[batch.id] = batch
        for name in params:
            if results[name]["type"] == "succeeded":
                self._bill("batch", params[name], name)
        if fault:
            return await self._fail(request, fault)
        return _json(self._batch(batch))

    def _outcomes(self, names: Iterable[str]) -> Iterator[tuple[str, str]]:
        kept: list[dict[str, str] | Callable[[str], str | None]] = []
        for script in self._batch_scripts:
            if callable(script):
                yield from ((name, outcome) for name in names if (outcome := script(name)))
            else:
                yield from [(name, script.pop(name)) for name in names if name in script]
                kept += [script] if script else []
        self._batch_scripts = kept

    def _result(self, params: dict[str, Any], outcome: str | None) -> dict[str, Any]:
        model = params["model"]
        if model not in self.models:
            return _errored("not_found_error", self.retired.get(model, f"model: {model}"), self._new("req"))
        if outcome is None or outcome == "succeeded":
            return {"type": "succeeded", "message": self._message(params, "batch")}
        kind, _, error = outcome.partition(":")
        return {"type": kind} if kind != "errored" else _errored(error or "api_error", "scripted", self._new("req"))

    def _batch(self, batch: Batch) -> dict[str, Any]:
        counts = dict.fromkeys(("processing", "succeeded", "errored", "canceled", "expired"), 0)
        for result in batch.results.values():
            counts[result["type"] if batch.ended else "processing"] += 1
        return contract.built(
            MessageBatch,
            id=batch.id,
            type="message_batch",
            processing_status="ended" if batch.ended else "canceling" if batch.canceled else "in_progress",
            request_counts=counts,
            created_at=batch.created,
            expires_at=batch.created + timedelta(hours=24),
            cancel_initiated_at=batch.canceled,
            ended_at=batch.ended,
            archived_at=None,
            results_url=f"{self.url}/v1/messages/batches/{batch.id}/results" if batch.ended else None,
        )

    def _find(self, request: web.Request) -> Batch:
        name = request.match_info["id"]
        if name not in self.batches:
            raise ApiError(404, f"batch: {name}")
        return self.batches[name]

    async def _retrieve_batch(self, request: web.Request) -> web.Response:
        batch = self._find(request)
        if not batch.ended and (batch.canceled or batch.polls >= self.batch_polls):
            batch.ended = datetime.now(UTC)
        batch.polls += 1
        return _json(self._batch(batch))

    async def _cancel_batch(self, request: web.Request) -> web.Response:
        batch = self._find(request)
        if batch.ended:
            raise ApiError(400, f"batch {batch.id} has ended")
        for name, result in batch.results.items():
            if result["type"] == "succeeded":
                batch.results[name] = {"type": "canceled"}
                self._bill("canceled", batch.params[name], name, answered=False)
        batch.canceled = batch.canceled or datetime.now(UTC)
        return _json(self._batch(batch))

    async def _list_batches(self, request: web.Request) -> web.Response:
        """Newest first. after_id: the page that follows; before_id: the page that ends just before."""
        names, query = list(reversed(self.batches)), request.query
        if unknown := set(query) - {"limit", "after_id", "before_id"}:
            self._refuse([f"{name}: Extra inputs are not permitted" for name in unknown])
        limit = query.get("limit", "20")
        size = int(limit) if limit.isdecimal() else 0
        if not 1 <= size <= 1000:
            self._refuse([f"limit: {limit!r} is not from 1 to 1000"])
        if (cursor := query.get("before_id") or query.get("after_id")) and cursor not in names:
            raise ApiError(404, f"batch: {cursor}")
        if before := query.get("before_id"):
            rest = names[: names.index(before)]
            page = rest[-size:]
        else:
            rest = names[names.index(query["after_id"]) + 1 :] if "after_id" in query else names
            page = rest[:size]
        ends = {"first_id": page[0] if page else None, "last_id": page[-1] if page else None}
        data = [self._batch(self.batches[name]) for name in page]
        return _json({"data": data, "has_more": len(rest) > size, **ends})

    async def _results(self, request: web.Request) -> web.Response:
        batch = self._find(request)
        if not batch.ended:
            raise ApiError(404, f"batch {batch.id} has no results yet")
        results = reversed(batch.results.items())
        lines = [contract.built(MessageBatchIndividualResponse, custom_id=name, result=r) for name, r in results]
        body = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
        return web.Response(text=body, content_type="application/x-jsonl")


def default_answer(body: dict[str, Any]) -> str:
    form = (body.get("output_config") or {}).get("format")
    return json.dumps(contract.answer_for(form["schema"])) if form else "ok"


def _sizes(body: dict[str, Any]) -> list[int]:
    return [contract.text_tokens(b["text"]) if b["type"] == "text" else 0 for _, b in contract.blocks(body)]


def _marks(body: dict[str, Any]) -> list[tuple[int, str]]:
    """Places and lifetimes of the blocks with cache_control; the request's own cache_control marks the last block."""
    marks = [block.get("cache_control") for _, block in contract.blocks(body)]
    marks[-1] = body.get("cache_control") or marks[-1]
    return [(place, mark.get("ttl", "5m")) for place, mark in enumerate(marks) if mark]


def _close(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.close()


def _errored(kind: str, message: str, request_id: str) -> dict[str, Any]:
    error = {"type": "error", "error": {"type": kind, "message": message}, "request_id": request_id}
    return {"type": "errored", "error": contract.built(ErrorResponse, **error)}


def _json(value: dict[str, Any], status: int = 200) -> web.Response:
    body = json.dumps(value, ensure_ascii=False).encode()
    return web.Response(body=body, status=status, content_type="application/json")


@click.command()
@click.option("--port-file", type=click.Path(path_type=Path), required=True, help="Gets the port, once it answers.")
@click.option("--latency", default=0.0, show_default=True, help="Seconds before a create is answered.")
@click.option("--limit", type=float, default=None, help="Creates per second; more are answered 429.")
@click.option("--journal", type=click.Path(path_type=Path), default=None, help="Gets a line per billed request.")
@click.option("--port", default=0, help="A fixed port, for a server that comes back.")
def main(port_file: Path, latency: float, limit: float | None, journal: Path | None, port: int) -> None:
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
