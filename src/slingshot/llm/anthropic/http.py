"""The HTTP client below the SDK. It follows no redirect, limits the size of replies, and notes the keys that it sends.

This module loads the SDK, so import it inside functions.
"""

from __future__ import annotations

import functools
import ssl
from collections.abc import AsyncIterator
from typing import Any

import anthropic
import httpx2

from slingshot.llm.asked.redacting import Redactor

LARGEST = 10_000_000
"""The most bytes of an unpacked reply, or of a line of a batch's results. The longest answers have a tenth of that."""
LONGEST_ERROR = 100_000
"""The most bytes of an error that are read."""
TOO_LARGE = f"the reply is over {LARGEST // 1_000_000} MB"
CODED = ("content-encoding", "content-length", "transfer-encoding")
"""Headers that describe only the bytes of the transfer."""


class TooLargeError(Exception):
    """A reply is over the limit. The rest of it was not read."""


class Client(anthropic.DefaultAsyncHttpxClient):
    """The SDK's own HTTP client with these limits."""

    def __init__(self, redactor: Redactor, *, direct: bool) -> None:
        """With `direct` nothing leaves this machine: the proxies that the environment names are not used."""
        if direct:
            limits = anthropic.DEFAULT_CONNECTION_LIMITS
            transport = httpx2.AsyncHTTPTransport(limits=limits, verify=_ssl_context())
            super().__init__(follow_redirects=False, transport=transport)
        else:  # `transport=None` would not be the same, because the SDK checks whether the argument is given
            super().__init__(follow_redirects=False, verify=_ssl_context())
        self._redactor = redactor

    async def send(
        self, request: httpx2.Request, *, stream: bool = False, **options: Any
    ) -> httpx2.Response:
        """Send a request. The reply has been read, unless `stream` is set and the reply is not an error.

        Raises TooLargeError.
        """
        try:
            response = await super().send(request, stream=True, **options)
        finally:
            self._redactor.learn(request.headers)
        return response if stream and response.is_success else await _read(response)


@functools.cache
def _ssl_context() -> ssl.SSLContext:
    """The default context, loaded once: its certificates take a tenth of a second, and a cell opens several clients."""
    return httpx2.create_ssl_context()


async def _read(response: httpx2.Response) -> httpx2.Response:
    """The same reply with its contents. They are unpacked piece by piece, because a small transfer may unpack to a lot.

    The contents of an error are cut, because its status says enough. Raises TooLargeError.
    """
    body, most = bytearray(), LARGEST if response.is_success else LONGEST_ERROR
    try:
        async for part in response.aiter_bytes():
            body += part
            if len(body) > most and response.is_success:
                raise TooLargeError(TOO_LARGE)
            if len(body) > most:
                break
    finally:
        await response.aclose()
    items = response.headers.multi_items()
    headers = [(name, value) for name, value in items if name.lower() not in CODED]
    return httpx2.Response(
        response.status_code,
        headers=headers,
        content=bytes(body),
        request=response.request,
        extensions=response.extensions,
    )


async def lines(response: httpx2.Response) -> AsyncIterator[bytes | None]:
    """The lines of a streamed reply, without blank lines. A line that is too large is None."""
    line, size = bytearray(), 0
    async for part in response.aiter_bytes():
        for piece in part.splitlines(keepends=True):
            size += len(piece)
            if size <= LARGEST:
                line += piece
            if piece.endswith(b"\n"):
                if size > LARGEST or line.strip():
                    yield bytes(line) if size <= LARGEST else None
                line, size = bytearray(), 0
    if size > LARGEST or line.strip():
        yield bytes(line) if size <= LARGEST else None
