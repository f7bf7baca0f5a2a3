"""An HTTP server on 127.0.0.1 that behaves as the Messages API does whatever is asked: keys, versions, sizes, request
ids, errors, and the faults of a script."""

from __future__ import annotations

import asyncio
import concurrent.futures
import itertools
import json
import secrets
import threading
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Self

from aiohttp import web
from anthropic.types import ErrorResponse

from tests.messages_api import contract
from tests.messages_api.script import Fault

VERSIONS = ("2023-06-01", "2026-10-21")
MEGABYTE = 1024 * 1024
LARGEST = {"/v1/messages": 32 * MEGABYTE, "/v1/messages/count_tokens": 32 * MEGABYTE}
LARGEST_OTHER = 256 * MEGABYTE
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
UNTYPED = (
    "conflict_error",
    "request_too_large",
)  # documented, and absent from the SDK's ErrorResponse
ID: web.RequestKey[str] = web.RequestKey("id", str)
BODY: web.RequestKey[Any] = web.RequestKey("body", object)


@dataclass(frozen=True)
class Received:
    method: str
    path: str
    headers: dict[str, str]
    body: Any
    at: float


class ApiError(Exception):
    def __init__(
        self, status: int, message: str | None = None, retry_after: float | None = None
    ) -> None:
        super().__init__(message or ERRORS.get(status, "api_error").replace("_", " "))
        self.status = status
        self.retry_after = retry_after


class ApiServer:
    """Subclasses add the endpoints, and call `start` once they are set up."""

    def __init__(self) -> None:
        self.url = ""
        self.keys = {"test-key"}
        self.requests: list[Received] = []
        self.problems: list[str] = []
        self.stopping = asyncio.Event()
        self._ids = itertools.count(1)
        self._salt = secrets.token_hex(6)
        self._loop = asyncio.new_event_loop()

    def add_routes(self, router: web.UrlDispatcher) -> None:
        raise NotImplementedError

    def start(self, port: int) -> None:
        """Serve from a thread; 0 is any free port."""
        started: concurrent.futures.Future[int] = concurrent.futures.Future()
        self._thread = threading.Thread(target=self._run, args=(port, started), daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{started.result()}"

    def stop(self) -> None:
        """Ends at once whatever is still being answered."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self.stopping.set)
            self._thread.join()

    def __enter__(self) -> Self:
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
        app = web.Application(middlewares=[self._serve], client_max_size=2 * LARGEST_OTHER)
        self.add_routes(app.router)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", port).start()
            started.set_result(runner.addresses[0][1])
            await self.stopping.wait()
        finally:
            await runner.cleanup()

    # Every request

    @web.middleware
    async def _serve(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        request[ID] = self.new("req")
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
            response.headers.update(self.headers(request, response.status))
        return response

    async def _receive(self, request: web.Request) -> None:
        raw = await request.read()
        try:
            body = json.loads(raw) if raw else None
        except ValueError:
            body = ApiError(400, "The request body is not valid JSON")
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.requests.append(
            Received(request.method, request.path, headers, body, time.monotonic())
        )
        if not self.keys & {
            headers.get("x-api-key"),
            headers.get("authorization", "").removeprefix("Bearer "),
        }:
            raise ApiError(401, "invalid x-api-key")
        if headers.get("anthropic-version") not in VERSIONS:
            self.refuse(
                [f"anthropic-version: {headers.get('anthropic-version')!r} is not a version"]
            )
        if len(raw) > LARGEST.get(request.path, LARGEST_OTHER):
            raise ApiError(413, "Request exceeds the maximum size")
        if isinstance(body, ApiError):
            self.refuse([str(body)])
        request[BODY] = body

    def refuse(self, problems: list[str]) -> None:
        if problems:
            self.problems += problems
            raise ApiError(400, "; ".join(problems[:3]))

    def _error(self, request: web.Request, error: ApiError) -> web.Response:
        kind = ERRORS.get(error.status, "api_error")
        fields = {
            "type": "error",
            "error": {"type": kind, "message": str(error)},
            "request_id": request[ID],
        }
        response = as_json(
            fields if kind in UNTYPED else contract.built(ErrorResponse, **fields), error.status
        )
        if error.retry_after is not None:
            response.headers["retry-after"] = f"{error.retry_after:g}"
        return response

    def headers(self, request: web.Request, status: int) -> dict[str, str]:
        return {"request-id": request[ID]}

    def new(self, kind: str) -> str:
        return f"{kind}_{self._salt}{next(self._ids):012d}"

    # Faults

    async def fail(self, request: web.Request, fault: Fault) -> web.StreamResponse:
        if fault.kind == "status":
            raise ApiError(fault.code, fault.message, fault.retry_after)
        if fault.kind == "echo_key":
            raise ApiError(401, f"invalid credentials: {request.headers.get('Authorization', '')}")
        if fault.kind == "malformed":
            return web.Response(text="<html>Bad gateway</html>", content_type="application/json")
        half = {"id": self.new("msg"), "type": "message", "role": "assistant", "content": []}
        if fault.kind == "wrong_shape":
            return as_json(half)
        if fault.kind in ("cut", "endless"):
            return await self._trickle(
                request, json.dumps(half).encode() if fault.kind == "cut" else None
            )
        await self.pause(fault.seconds)
        close(request)
        raise asyncio.CancelledError

    async def _trickle(self, request: web.Request, half: bytes | None) -> web.StreamResponse:
        response = web.StreamResponse(
            headers={**self.headers(request, 200), "Content-Type": "application/json"}
        )
        if half is not None:
            response.content_length = 2 * len(half)
        try:
            await response.prepare(request)
            if half is not None:
                await response.write(half)
                close(request)
            while half is None and not self.stopping.is_set():
                await response.write(b" ")
                await asyncio.sleep(0.05)
        except ConnectionError:
            pass
        return response

    async def pause(self, seconds: float) -> None:
        """Waits, but not beyond the server's end, which drops every connection."""
        try:
            await asyncio.wait_for(self.stopping.wait(), seconds)
        except TimeoutError:
            return
        raise asyncio.CancelledError


def close(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.close()


def as_json(value: dict[str, Any], status: int = 200) -> web.Response:
    body = json.dumps(value, ensure_ascii=False).encode()
    return web.Response(body=body, status=status, content_type="application/json")
