"""What a server of the Messages API may say, and what becomes of it: a reply, another try, or no try more."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from slingshot.llm.answer import AnswerKeys
from slingshot.llm.anthropic_api import MessagesApi, connect
from slingshot.llm.api import RejectError, Reply, RetryError
from slingshot.settings import AnthropicSettings, Settings, load
from tests.conftest import ROOT

KEYS = AnswerKeys(("bad", "fine", "good"), ("bad", "fine", "good"))
SAID = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "stop_reason": "end_turn"}
WHOLE = SAID | {
    "content": [{"type": "text", "text": '{"label": "good"}'}],
    "usage": {"input_tokens": 3, "output_tokens": 2},
}


class Saying:
    """A server that says the same to everyone."""

    def __init__(self) -> None:
        self.status, self.headers, self.body, self.requests = 200, {}, b"", 0
        said = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                said.requests += 1
                self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(said.status)
                for name, value in {"Content-Length": str(len(said.body)), **said.headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(said.body)

            def log_message(self, *_: object) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()


def at(url: str) -> AnthropicSettings:
    return AnthropicSettings(provider="anthropic", title="Claude", model="m", base_url=url)


@pytest.fixture(scope="module")
def params() -> Settings:
    return load(ROOT / "params.yaml")


@pytest.fixture
def saying(params: Settings) -> Iterator[Callable[..., MessagesApi]]:
    """The API of a server that says that to everything."""
    server = Saying()

    def api(value: Any, status: int = 200, **headers: str) -> MessagesApi:
        server.body = value if isinstance(value, bytes) else json.dumps(value).encode()
        server.status, server.headers = status, headers
        return connect(at(server.url), params)

    yield api
    server.stop()


def send(api: MessagesApi) -> Reply:
    schema = {"type": "object", "properties": {}, "additionalProperties": False}

    async def one() -> Reply:
        try:
            return await api.send(api.body("Label.", [], "<text>\nlovely\n</text>", schema))
        finally:
            await api.close()

    return asyncio.run(one())


def test_an_answer_may_hold_fields_that_nobody_knows(saying):
    api = saying(WHOLE | {"new": {"a": [1]}, "stop_details": None})
    response = send(api).response
    assert response["new"] == {"a": [1]}
    assert api.read(response, KEYS).label == 2
    assert api.tokens(response) == {"input": 3, "output": 2, "cache_write": 0, "cache_write_1h": 0, "cache_read": 0}


def test_tokens_are_told_apart_by_how_long_they_are_cached(saying):
    usage = {"input_tokens": 3, "output_tokens": 2, "cache_creation_input_tokens": 30, "cache_read_input_tokens": 7}
    api = saying(WHOLE | {"usage": usage | {"cache_creation": {"ephemeral_1h_input_tokens": 20}}})
    counted = api.tokens(send(api).response)
    assert counted == {"input": 3, "output": 2, "cache_write": 10, "cache_write_1h": 20, "cache_read": 7}


@pytest.mark.parametrize(
    "value",
    [
        b"<html>Bad gateway</html>",
        b"",
        b"[" * 100_000,
        [],
        "good",
        {"label": "good"},
        SAID,
        WHOLE | {"content": "good"},
        WHOLE | {"content": ["good"]},
        WHOLE | {"content": None},
        WHOLE | {"usage": None},
        WHOLE | {"usage": {"input_tokens": None, "output_tokens": 1}},
        WHOLE | {"usage": {"input_tokens": -9, "output_tokens": 1}},
        WHOLE | {"usage": {"input_tokens": "3", "output_tokens": 1}},
        WHOLE | {"usage": WHOLE["usage"] | {"cache_read_input_tokens": "many"}},
        WHOLE | {"usage": WHOLE["usage"] | {"cache_creation": [1]}},
    ],
)
def test_what_is_no_message_is_asked_for_again_and_may_have_been_billed(saying, value):
    with pytest.raises(RetryError) as error:
        send(saying(value))
    assert not error.value.known


@pytest.mark.parametrize(
    ("content", "status"),
    [
        ([{"type": "text", "text": None}], "empty"),
        ([{"type": "text"}], "empty"),
        ([{"type": "tool_use", "input": {"label": "good"}}], "empty"),
        ([{"text": "good"}, {"type": "text", "text": "good"}], "ok"),
        ([{"type": "text", "text": "go\ud800od"}], "invalid"),
    ],
)
def test_odd_blocks_are_read_as_far_as_they_are_text(saying, content, status):
    api = saying(WHOLE | {"content": content})
    response = send(api).response
    assert api.read(response, KEYS).status == status
    json.dumps(response, ensure_ascii=False).encode()  # as the ledger and data/answers hold it


def test_a_redirect_takes_no_text_off_this_machine(saying):
    other = Saying()
    with pytest.raises(RejectError, match="307"):
        send(saying(b"", 307, Location=f"{other.url}/v1/messages"))
    assert other.requests == 0
    other.stop()


@pytest.mark.parametrize(
    ("status", "headers", "after"),
    [(429, {}, None), (429, {"retry-after": "2"}, 2), (529, {"retry-after-ms": "500"}, 0.5), (500, {}, None)],
)
def test_what_may_pass_is_retried_after_as_long_as_the_server_says(saying, status, headers, after):
    with pytest.raises(RetryError) as error:
        send(saying({"type": "error", "error": {"type": "x", "message": "later"}}, status, **headers))
    assert (error.value.after, error.value.limited, error.value.known) == (after, status == 429, True)
    assert "later" in str(error.value)


@pytest.mark.parametrize("status", [408, 502, 503, 504, 522])
def test_what_something_between_may_say_after_the_api_has_answered_may_have_been_billed(saying, status):
    with pytest.raises(RetryError) as error:
        send(saying({}, status))
    assert not error.value.known


@pytest.mark.parametrize("status", [400, 413, 422])
def test_what_will_never_be_taken_is_not_tried_again(saying, status):
    with pytest.raises(RejectError, match=f"{status}: no"):
        send(saying({"type": "error", "error": {"type": "x", "message": "no"}}, status))


def test_no_connection_is_known_to_cost_nothing(params):
    with pytest.raises(RetryError, match="no connection") as error:
        send(connect(at("http://127.0.0.1:9"), params))
    assert error.value.known
