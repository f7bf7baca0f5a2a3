"""The official SDK talks to tests/messages_server.py: what tests of our own client rest on."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import anthropic
import httpx2
import pytest

from tests.messages_contract import request_key
from tests.messages_server import Fault, MessagesServer, Reply, empty, refusal, text, thinking_then, truncated

MODEL = "claude-test-1"
SCHEMA = {
    "type": "object",
    "properties": {"label": {"type": "string", "enum": ["néw", "old"]}, "confidence": {"type": "integer"}},
    "required": ["label", "confidence"],
    "additionalProperties": False,
}


@pytest.fixture
def server() -> Iterator[MessagesServer]:
    with MessagesServer() as server:
        yield server


@pytest.fixture
def client(server: MessagesServer) -> Iterator[anthropic.Anthropic]:
    http = anthropic.DefaultHttpxClient(verify=False)  # certificates that nobody needs take 50 ms to load
    with anthropic.Anthropic(api_key="test-key", base_url=server.url, max_retries=0, http_client=http) as client:
        yield client


def asked(words: str = "Wie schön!", mark: dict[str, Any] | None = None, instructions: str = "Label it.") -> Any:
    system = {"type": "text", "text": instructions} | ({"cache_control": mark} if mark else {})
    return {"model": MODEL, "max_tokens": 50, "system": [system], "messages": [{"role": "user", "content": words}]}


def batch_of(*names: str) -> Any:
    return [{"custom_id": name, "params": asked(name)} for name in names]


def test_a_create_is_answered_by_its_schema(server: MessagesServer, client: anthropic.Anthropic) -> None:
    body = asked() | {"output_config": {"format": {"type": "json_schema", "schema": SCHEMA}}}
    message = client.messages.create(**body)
    assert json.loads(message.content[0].text) == {"label": "néw", "confidence": 80}
    assert (message.stop_reason, message.usage.service_tier) == ("end_turn", "standard")
    assert message._request_id and message._request_id.startswith("req_")
    assert server.problems == []
    assert server.requests[0].body == body
    assert server.requests[0].headers["authorization"] == "Bearer test-key"
    assert server.billed == [request_key(body)] == [request_key(asked(mark={"type": "ephemeral"}) | body)]


@pytest.mark.parametrize("ttl", ["5m", "1h"])
def test_a_prefix_is_written_once_and_then_read(server: MessagesServer, client: anthropic.Anthropic, ttl: Any) -> None:
    mark = {"type": "ephemeral", "ttl": ttl}
    uses = [client.messages.create(**asked(words, mark, "long " * 60)).usage for words in ("first", "second one")]
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
    assert (use.cache_creation_input_tokens, use.cache_read_input_tokens, use.input_tokens) == (0, 0, 6)


def test_replies(server: MessagesServer, client: anthropic.Anthropic) -> None:
    replies = [text("abcd"), thinking_then("abcd"), refusal(), truncated('{"la'), empty(), Reply([], output_tokens=9)]
    server.answer = lambda _: replies.pop(0)
    got = [client.messages.create(**asked(str(n))) for n in range(len(replies))]
    assert [m.stop_reason for m in got] == ["end_turn", "end_turn", "refusal", "max_tokens", "end_turn", "end_turn"]
    assert [[b.type for b in m.content] for m in got] == [["text"], ["thinking", "text"], [], ["text"], [], []]
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
        assert refused.value.request_id == refused.value.body["request_id"] != answered.headers["request-id"]
        assert len(server.billed) == 1


@pytest.mark.parametrize("model", ["claude-3-opus-20240229", "claude-unheard-of"])
def test_a_model_that_is_not_served(server: MessagesServer, client: anthropic.Anthropic, model: str) -> None:
    with pytest.raises(anthropic.NotFoundError, match=f"model: {model}") as refused:
        client.messages.create(**asked() | {"model": model})
    assert refused.value.type == "not_found_error"
    assert (server.problems, server.billed) == ([], [])


def test_a_wrong_key(server: MessagesServer) -> None:
    with anthropic.Anthropic(api_key="other", base_url=server.url, max_retries=0) as client:
        with pytest.raises(anthropic.AuthenticationError):
            client.messages.create(**asked())
        client.messages.create(**asked(), extra_headers={"x-api-key": "test-key"})


BROKEN: dict[str, tuple[dict[str, Any], str]] = {
    "temperature": ({"temperature": 0}, "temperature: Extra inputs are not permitted"),
    "unknown": ({"metadata": {"user": "x"}}, "metadata.user: Extra inputs are not permitted"),
    "header": ({"workspace_id": "x"}, "workspace_id: Extra inputs are not permitted"),
    "block": (
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "x", "weight": 2}]}]},
        "messages.0.content.0.weight: Extra inputs are not permitted",
    ),
    "mark": ({"system": [{"type": "text", "text": "x", "cache_control": {"type": "eternal"}}]}, "'ephemeral'"),
    "mark-in-message": (
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "x", "cache_control": {"type": "e"}}]}]},
        "messages.0.content.0.cache_control.type: Input should be 'ephemeral'",
    ),
    "type": ({"max_tokens": "50"}, "max_tokens: Input should be a valid integer"),
    "none-to-say": ({"max_tokens": 0}, "max_tokens: must be at least 1"),
    "prefill": ({"messages": [{"role": "user", "content": "x"}, {"role": "assistant", "content": "{"}]}, "prefill"),
    "no-messages": ({"messages": []}, "at least one message"),
    "empty-text": ({"messages": [{"role": "user", "content": ""}]}, "must be non-empty"),
    "role": ({"messages": [{"role": "bot", "content": "x"}]}, "Input should be 'user'"),
    "stream": ({"stream": True}, "stream: Input should be False"),
    "format": (
        {"output_config": {"format": {"type": "json_schema", "schema": SCHEMA, "strict": True}}},
        "format.strict",
    ),
    "bounds": (
        {"output_config": {"format": {"type": "json_schema", "schema": {"type": "integer", "minimum": 0}}}},
        "output_config.format.schema: minimum is not supported",
    ),
    "open": (
        {"output_config": {"format": {"type": "json_schema", "schema": {"type": "object", "properties": {}}}}},
        "additionalProperties must be false",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_breaks_the_contract(server: MessagesServer, client: anthropic.Anthropic, name: str) -> None:
    extra, problem = BROKEN[name]
    with pytest.raises(anthropic.BadRequestError) as refused:
        client.messages.create(**asked(), extra_body=extra)
    assert problem in server.problems[0]
    assert problem in str(refused.value.api_message)
    assert refused.value.type == "invalid_request_error"
    assert server.billed == []


def test_what_breaks_the_contract_elsewhere(server: MessagesServer, client: anthropic.Anthropic) -> None:
    ways: list[Callable[[], object]] = [
        lambda: client.messages.count_tokens(**asked()),
        lambda: client.messages.create(**asked(), extra_headers={"anthropic-version": "2020-01-01"}),
        lambda: client.messages.batches.create(requests=batch_of("a b")),
        lambda: client.messages.batches.create(requests=batch_of("a", "b", "a")),
        lambda: client.messages.batches.create(
            requests=[{"custom_id": "a", "params": {**asked(), "top_p": 1}}]  # type: ignore[typeddict-item]
        ),
    ]
    for number, way in enumerate(ways, 1):
        with pytest.raises((anthropic.BadRequestError, TypeError)) as refused:
            way()
        if refused.type is TypeError:
            server.problems.append(str(refused.value))
        assert len(server.problems) == number
    assert "custom_id: 'a b'" in server.problems[2]
    assert "requests.2.custom_id: 'a' is there twice" in server.problems[3]
    assert "requests.0.params.top_p: Extra inputs" in server.problems[4]


def test_an_answer_that_the_api_would_not_give(server: MessagesServer, client: anthropic.Anthropic) -> None:
    server.answer = lambda _: Reply([{"type": "text", "text": "x", "logprob": -1.0}])
    with pytest.raises(anthropic.InternalServerError):
        client.messages.create(**asked())
    assert "logprob" in server.problems[0]


def test_a_batch(server: MessagesServer, client: anthropic.Anthropic) -> None:
    server.script_batch({"b": "errored", "c": "expired"})
    batch = client.messages.batches.create(requests=batch_of("a", "b", "c", "d"))
    assert (batch.processing_status, batch.request_counts.processing, batch.results_url) == ("in_progress", 4, None)
    assert client.messages.batches.retrieve(batch.id).processing_status == "in_progress"
    batch = client.messages.batches.retrieve(batch.id)
    assert batch.processing_status == "ended"
    assert batch.results_url == f"{server.url}/v1/messages/batches/{batch.id}/results"
    assert batch.request_counts.model_dump() == {
        "processing": 0, "succeeded": 2, "errored": 1, "canceled": 0, "expired": 1
    }  # fmt: skip
    lines = list(client.messages.batches.results(batch.id))
    assert [line.custom_id for line in lines] == ["d", "c", "b", "a"]
    assert [line.result.type for line in lines] == ["succeeded", "expired", "errored", "succeeded"]
    assert lines[0].result.message.usage.service_tier == "batch"
    assert lines[2].result.error.error.type == "api_error"
    assert server.billed == [request_key(asked("a")), request_key(asked("d"))]
    assert server.problems == []


def test_a_canceled_batch(server: MessagesServer, client: anthropic.Anthropic) -> None:
    server.script_batch(lambda name: "errored:invalid_request_error" if name == "b" else None)
    batch = client.messages.batches.create(requests=batch_of("a", "b"))
    assert client.messages.batches.cancel(batch.id).processing_status == "canceling"
    lines = list(client.messages.batches.results(batch.id))
    assert [line.result.type for line in lines] == ["errored", "canceled"]
    assert server.billed == []
    with pytest.raises(anthropic.BadRequestError):
        client.messages.batches.cancel(batch.id)


def test_batches_are_listed_in_pages(client: anthropic.Anthropic) -> None:
    made = [client.messages.batches.create(requests=batch_of("a")).id for _ in range(5)]
    page = client.messages.batches.list(limit=2)
    assert [batch.id for batch in page.data] == [made[4], made[3]]
    assert (page.has_more, page.first_id, page.last_id) == (True, made[4], made[3])
    assert [batch.id for batch in page] == made[::-1]
    assert [batch.id for batch in client.messages.batches.list(before_id=made[0], limit=2).data] == [made[2], made[1]]


def test_faults_of_batches(server: MessagesServer, client: anthropic.Anthropic) -> None:
    server.batch_faults += [Fault.status(529), Fault.drop(), Fault.drop(after=True)]
    for kind in (anthropic.OverloadedError, anthropic.APIConnectionError, anthropic.APIConnectionError):
        with pytest.raises(kind):
            client.messages.batches.create(requests=batch_of("a"))
    assert len(client.messages.batches.list().data) == len(server.billed) == 1
    with pytest.raises(anthropic.NotFoundError):
        client.messages.batches.retrieve("msgbatch_none")


STATUSES = {
    400: (anthropic.BadRequestError, "invalid_request_error"),
    401: (anthropic.AuthenticationError, "authentication_error"),
    402: (anthropic.PaymentRequiredError, "billing_error"),
    403: (anthropic.PermissionDeniedError, "permission_error"),
    404: (anthropic.NotFoundError, "not_found_error"),
    408: (anthropic.RequestTimeoutError, "timeout_error"),
    409: (anthropic.ConflictError, "conflict_error"),
    413: (anthropic.ContentTooLargeError, "request_too_large"),
    429: (anthropic.RateLimitError, "rate_limit_error"),
    500: (anthropic.InternalServerError, "api_error"),
    529: (anthropic.OverloadedError, "overloaded_error"),
}


@pytest.mark.parametrize("code", STATUSES)
def test_a_status(server: MessagesServer, client: anthropic.Anthropic, code: int) -> None:
    kind, name = STATUSES[code]
    server.script(Fault.status(code, retry_after=0.5, message="so it is"))
    with pytest.raises(kind, match="so it is") as refused:
        client.messages.create(**asked())
    assert (refused.value.status_code, refused.value.type) == (code, name)
    assert refused.value.response.headers["retry-after"] == "0.5"
    assert refused.value.request_id == refused.value.body["request_id"]
    assert (server.billed, server.problems) == ([], [])
    client.messages.create(**asked())


def test_faults_that_say_something(server: MessagesServer, client: anthropic.Anthropic) -> None:
    server.script(Fault.spend_limit(), Fault.echo_key(), Fault.malformed(billed=True), Fault.wrong_shape())
    with pytest.raises(anthropic.RateLimitError, match="spend limit") as refused:
        client.messages.create(**asked())
    assert "retry-after" not in refused.value.response.headers
    with pytest.raises(anthropic.AuthenticationError, match="Bearer test-key"):
        client.messages.create(**asked())
    with pytest.raises(json.JSONDecodeError):
        client.messages.create(**asked())
    assert client.messages.create(**asked()).usage is None, "the SDK does not validate what it gets"
    assert len(server.billed) == 1


def test_faults_that_break_the_connection(server: MessagesServer, client: anthropic.Anthropic) -> None:
    server.script(Fault.drop(), Fault.cut(), Fault.hang(0.05), Fault.hang(60, billed=True), Fault.slow(60))
    for _ in range(3):
        with pytest.raises(anthropic.APIConnectionError) as broken:
            client.messages.create(**asked())
        assert isinstance(broken.value.__cause__, httpx2.RemoteProtocolError)
    for _ in range(2):
        with pytest.raises(anthropic.APITimeoutError):
            client.messages.create(**asked(), timeout=0.1)
    assert len(server.billed) == 1


def test_a_slow_answer_is_billed_though_nobody_waits(server: MessagesServer, client: anthropic.Anthropic) -> None:
    server.script(Fault.slow(0.2), Fault.slow(0.1))
    with pytest.raises(anthropic.APITimeoutError):
        client.messages.create(**asked(), timeout=0.05)
    client.messages.create(**asked())
    time.sleep(0.1)
    assert len(server.billed) == 2


def test_an_endless_answer_never_times_out_by_itself(server: MessagesServer) -> None:
    server.script(Fault.endless())

    async def wait() -> None:
        async with anthropic.AsyncAnthropic(api_key="test-key", base_url=server.url, max_retries=0) as client:
            await asyncio.wait_for(client.messages.create(**asked(), timeout=0.2), 0.5)

    with pytest.raises(asyncio.TimeoutError):
        asyncio.run(wait())


def test_the_server_ends_at_once_whatever_hangs() -> None:
    faults = [Fault.hang(60), Fault.endless(), Fault.slow(60)]

    async def ask() -> list[Any]:
        async with anthropic.AsyncAnthropic(api_key="test-key", base_url=server.url, max_retries=0) as client:
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
    command = [sys.executable, "-m", "tests.messages_server", "--port-file", str(port), "--journal", str(journal)]
    process = subprocess.Popen([*command, "--latency", "0.3"], cwd=Path(__file__).parents[1], env=dict(os.environ))
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
    assert [x["key"] for x in lines] == [request_key(asked(words)) for words in ("stays", "a", "goes")]
