"""The official SDK talks to the loopback API: what tests of our own client rest on."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import anthropic
import pytest

from tests.messages_api.conftest import SCHEMA, asked, batch_of
from tests.messages_api.contract import request_key
from tests.messages_api.script import Fault, Reply, empty, refusal, text, thinking_then, truncated
from tests.messages_api.server import MessagesServer


def test_a_create_is_answered_by_its_schema(
    server: MessagesServer, client: anthropic.Anthropic
) -> None:
    body = asked() | {"output_config": {"format": {"type": "json_schema", "schema": SCHEMA}}}
    message = client.messages.create(**body)
    assert json.loads(message.content[0].text) == {"label": "néw", "confidence": 80}
    assert (message.stop_reason, message.usage.service_tier) == ("end_turn", "standard")
    assert message._request_id and message._request_id.startswith("req_")
    assert server.problems == []
    assert server.requests[0].body == body
    assert server.requests[0].headers["authorization"] == "Bearer test-key"
    assert (
        server.billed
        == [request_key(body)]
        == [request_key(asked(mark={"type": "ephemeral"}) | body)]
    )


@pytest.mark.parametrize("ttl", ["5m", "1h"])
def test_a_prefix_is_written_once_and_then_read(
    server: MessagesServer, client: anthropic.Anthropic, ttl: Any
) -> None:
    mark = {"type": "ephemeral", "ttl": ttl}
    uses = [
        client.messages.create(**asked(words, mark, "long " * 60)).usage
        for words in ("first", "second one")
    ]
    assert [u.cache_creation_input_tokens for u in uses] == [76, 0]
    assert [u.cache_read_input_tokens for u in uses] == [0, 76]
    assert [u.input_tokens for u in uses] == [2, 3]
    assert getattr(uses[0].cache_creation, f"ephemeral_{ttl}_input_tokens") == 76
    counted = client.messages.count_tokens(
        **{k: v for k, v in asked("second one", mark, "long " * 60).items() if k != "max_tokens"}
    )
    assert counted.input_tokens == 79


def test_a_short_prefix_is_not_cached(client: anthropic.Anthropic) -> None:
    use = client.messages.create(**asked(mark={"type": "ephemeral"})).usage
    assert (use.cache_creation_input_tokens, use.cache_read_input_tokens, use.input_tokens) == (
        0,
        0,
        6,
    )


def test_replies(server: MessagesServer, client: anthropic.Anthropic) -> None:
    replies = [
        text("abcd"),
        thinking_then("abcd"),
        refusal(),
        truncated('{"la'),
        empty(),
        Reply([], output_tokens=9),
    ]
    server.answer = lambda _: replies.pop(0)
    got = [client.messages.create(**asked(str(n))) for n in range(len(replies))]
    assert [m.stop_reason for m in got] == [
        "end_turn",
        "end_turn",
        "refusal",
        "max_tokens",
        "end_turn",
        "end_turn",
    ]
    assert [[b.type for b in m.content] for m in got] == [
        ["text"],
        ["thinking", "text"],
        [],
        ["text"],
        [],
        [],
    ]
    assert [m.usage.output_tokens for m in got] == [2, 9, 1, 2, 1, 9]


def test_over_the_limit() -> None:
    with (
        MessagesServer(limit=2) as server,
        anthropic.Anthropic(api_key="test-key", base_url=server.url, max_retries=0) as client,
    ):
        answered = client.messages.with_raw_response.create(**asked())
        assert answered.headers["anthropic-ratelimit-requests-limit"] == "120"
        assert answered.headers["anthropic-ratelimit-requests-remaining"] == "0"
        with pytest.raises(anthropic.RateLimitError) as refused:
            client.messages.create(**asked())
        headers = refused.value.response.headers
        assert headers["retry-after"] == "1"
        assert headers["anthropic-ratelimit-requests-reset"].endswith("Z")
        assert (
            refused.value.request_id
            == refused.value.body["request_id"]
            != answered.headers["request-id"]
        )
        assert len(server.billed) == 1


@pytest.mark.parametrize("model", ["claude-3-opus-20240229", "claude-unheard-of"])
def test_a_model_that_is_not_served(
    server: MessagesServer, client: anthropic.Anthropic, model: str
) -> None:
    with pytest.raises(anthropic.NotFoundError, match=f"model: {model}") as refused:
        client.messages.create(**asked() | {"model": model})
    assert refused.value.type == "not_found_error"
    assert (server.problems, server.billed) == ([], [])


def test_a_wrong_key(server: MessagesServer) -> None:
    with anthropic.Anthropic(api_key="other", base_url=server.url, max_retries=0) as client:
        with pytest.raises(anthropic.AuthenticationError):
            client.messages.create(**asked())
        client.messages.create(**asked(), extra_headers={"x-api-key": "test-key"})


def test_the_server_ends_at_once_whatever_hangs() -> None:
    faults = [Fault.hang(60), Fault.endless(), Fault.slow(60)]

    async def ask() -> list[Any]:
        async with anthropic.AsyncAnthropic(
            api_key="test-key", base_url=server.url, max_retries=0
        ) as client:
            asking = [asyncio.create_task(client.messages.create(**asked())) for _ in faults]
            while len(server.requests) < len(faults):
                await asyncio.sleep(0.01)
            await asyncio.sleep(0.05)
            begun = time.monotonic()
            await asyncio.to_thread(server.stop)
            assert time.monotonic() - begun < 1
            return await asyncio.gather(*asking, return_exceptions=True)

    server = MessagesServer()
    server.script(*faults)
    outcomes = asyncio.run(ask())
    assert sum(isinstance(outcome, Exception) for outcome in outcomes) >= 2
    server.stop()


def test_a_process_of_its_own(tmp_path: Path) -> None:
    port, journal = tmp_path / "port", tmp_path / "journal.jsonl"
    command = [
        sys.executable,
        "-m",
        "tests.messages_api.server",
        "--port-file",
        str(port),
        "--journal",
        str(journal),
    ]
    process = subprocess.Popen(
        [*command, "--latency", "0.3"], cwd=Path(__file__).parents[2], env=dict(os.environ)
    )
    try:
        while not port.exists():
            assert process.poll() is None
            time.sleep(0.02)
        url = f"http://127.0.0.1:{port.read_text()}"
        with anthropic.Anthropic(api_key="test-key", base_url=url, max_retries=0) as client:
            client.messages.create(**asked("stays"))
            client.messages.batches.create(requests=batch_of("a"))
            with pytest.raises(anthropic.APITimeoutError):
                client.messages.create(**asked("goes"), timeout=0.1)
        time.sleep(0.4)
        lines = [json.loads(line) for line in journal.read_text().splitlines()]
    finally:
        process.send_signal(signal.SIGTERM)
    assert process.wait(5) == 0
    assert [(x["kind"], x["custom_id"], x["answered"]) for x in lines] == [
        ("create", None, True), ("batch", "a", True), ("create", None, False)
    ]  # fmt: skip
    assert [x["key"] for x in lines] == [
        request_key(asked(words)) for words in ("stays", "a", "goes")
    ]
