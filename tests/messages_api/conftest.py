"""`server` is the loopback Messages API, `client` the official SDK that talks to it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import anthropic
import pytest

from tests.messages_api.server import MessagesServer

MODEL = "claude-test-1"
SCHEMA = {
    "type": "object",
    "properties": {
        "label": {"type": "string", "enum": ["néw", "old"]},
        "confidence": {"type": "integer"},
    },
    "required": ["label", "confidence"],
    "additionalProperties": False,
}


@pytest.fixture
def server() -> Iterator[MessagesServer]:
    with MessagesServer() as server:
        yield server


@pytest.fixture
def client(server: MessagesServer) -> Iterator[anthropic.Anthropic]:
    http = anthropic.DefaultHttpxClient(
        verify=False
    )  # certificates that nobody needs take 50 ms to load
    with anthropic.Anthropic(
        api_key="test-key", base_url=server.url, max_retries=0, http_client=http
    ) as client:
        yield client


def asked(
    words: str = "Wie schön!", mark: dict[str, Any] | None = None, instructions: str = "Label it."
) -> Any:
    system = {"type": "text", "text": instructions} | ({"cache_control": mark} if mark else {})
    return {
        "model": MODEL,
        "max_tokens": 50,
        "system": [system],
        "messages": [{"role": "user", "content": words}],
    }


def batch_of(*names: str) -> Any:
    return [{"custom_id": name, "params": asked(name)} for name in names]
