"""Replies of a server of the Messages API, and what they lead to: an answer, another try, or no more tries."""

from __future__ import annotations

import asyncio
import gzip
import json
import tracemalloc

import pytest

from slingshot.llm.answer import AnswerKeys
from slingshot.llm.anthropic.api import MessagesApi, connect
from slingshot.llm.anthropic.replies import LONGEST_WAIT, batch_state, retry_after
from slingshot.llm.asked.api import (
    BatchResult,
    BatchState,
    RejectError,
    Reply,
    RetryError,
    StopError,
)
from slingshot.settings import AnthropicSettings
from tests.llm.saying import Saying

KEYS = AnswerKeys(("bad", "fine", "good"), ("bad", "fine", "good"))
LLM = {"provider": "anthropic", "title": "Claude", "model": "m", "base_url": "http://127.0.0.1:9"}
SAID = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "m",
    "stop_reason": "end_turn",
}
WHOLE = SAID | {
    "content": [{"type": "text", "text": '{"label": "good"}'}],
    "usage": {"input_tokens": 3, "output_tokens": 2},
}


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
    assert api.tokens(response) == {
        "input": 3,
        "output": 2,
        "cache_write": 0,
        "cache_write_1h": 0,
        "cache_read": 0,
    }


def test_tokens_are_told_apart_by_how_long_they_are_cached(saying):
    usage = {
        "input_tokens": 3,
        "output_tokens": 2,
        "cache_creation_input_tokens": 30,
        "cache_read_input_tokens": 7,
    }
    api = saying(WHOLE | {"usage": usage | {"cache_creation": {"ephemeral_1h_input_tokens": 20}}})
    counted = api.tokens(send(api).response)
    assert counted == {
        "input": 3,
        "output": 2,
        "cache_write": 10,
        "cache_write_1h": 20,
        "cache_read": 7,
    }


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
        WHOLE | {"usage": {"input_tokens": 3.0, "output_tokens": 1}},
        WHOLE | {"usage": {"input_tokens": 3, "output_tokens": True}},
        WHOLE | {"usage": {"input_tokens": 3, "output_tokens": 1e999}},
        WHOLE | {"usage": WHOLE["usage"] | {"cache_read_input_tokens": False}},
        WHOLE | {"usage": WHOLE["usage"] | {"cache_creation_input_tokens": -1}},
        WHOLE | {"usage": WHOLE["usage"] | {"cache_creation": {"ephemeral_1h_input_tokens": 0.5}}},
        WHOLE | {"usage": {"input_tokens": "3", "output_tokens": 1}},
        WHOLE | {"usage": WHOLE["usage"] | {"cache_read_input_tokens": "many"}},
        WHOLE | {"usage": WHOLE["usage"] | {"cache_creation": [1]}},
    ],
)
def test_what_is_no_message_is_asked_for_again_and_may_have_been_billed(saying, value):
    with pytest.raises(RetryError) as error:
        send(saying(value))
    assert not error.value.unbilled


def test_the_field_that_is_none_of_a_message_is_named(saying):
    for field in ("output_tokens", "cache_read_input_tokens"):
        with pytest.raises(
            RetryError, match=rf"not a message of the Messages API: see its usage\.{field}$"
        ):
            send(saying(WHOLE | {"usage": WHOLE["usage"] | {field: -5}}))


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


def test_a_count_of_thousands_of_digits_loses_no_answer(saying):
    reply = json.dumps(WHOLE).replace(
        '"output_tokens": 2', f'"output_tokens": {"9" * 5000}, "less": -{"9" * 5000}'
    )
    api = saying(reply.encode())
    response = send(api).response
    assert api.read(response, KEYS).label == 2
    assert (api.tokens(response)["output"], response["usage"]["less"]) == (2**63 - 1, 1 - 2**63)


# --- redirects -----------------------------------------------------------------------------------


@pytest.mark.parametrize("remote", [False, True])
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_followed_nowhere_and_stops_the_run(saying, monkeypatch, remote, status):
    other, api = Saying(), saying(b"", status)
    if remote:
        monkeypatch.setattr(AnthropicSettings, "remote", True)
    saying(
        b"", status, Location=f"{other.url.replace('127.0.0.1', 'localhost')}/v1/messages?secret=1"
    )
    with pytest.raises(StopError, match=f"redirects to localhost \\({status}\\)") as error:
        send(api)
    assert other.requests == 0 and "secret" not in str(error.value)
    other.stop()


@pytest.mark.parametrize("location", ["/elsewhere", "", "http://[::1", None])
def test_a_redirect_to_anything_is_named(saying, location):
    with pytest.raises(
        StopError, match=r"redirects to (127\.0\.0\.1|an address that can't be read) \(307\)"
    ):
        send(saying(b"", 307, **({} if location is None else {"Location": location})))


# --- how much ------------------------------------------------------------------------------------

BOMB = gzip.compress(b" " * 100_000_000, 1)
"""A reply that unpacks to a thousand times its size."""


@pytest.mark.parametrize(
    ("status", "trouble", "unbilled"),
    [
        (200, RetryError, False),
        (400, RejectError, True),
        (429, RetryError, True),
        (500, RetryError, True),
    ],
)
@pytest.mark.parametrize("body", [b" " * 11_000_000, BOMB], ids=["plain", "packed"])
def test_a_reply_is_read_up_to_a_limit_and_no_further(saying, status, trouble, unbilled, body):
    """An error's text does not matter: its status tells how the request ended."""
    packed = {"Content-Encoding": "gzip"} if body is BOMB else {}
    api = saying(body, status, **packed)
    tracemalloc.start()
    with pytest.raises(
        trouble, match="the reply is over 10 MB" if status == 200 else str(status)
    ) as error:
        send(api)
    assert getattr(error.value, "unbilled", True) == unbilled
    assert tracemalloc.get_traced_memory()[1] < 50_000_000
    tracemalloc.stop()


def test_a_count_of_tokens_is_read_up_to_a_limit_and_is_one(saying):
    async def counted(api: MessagesApi) -> int:
        try:
            return await api.count(api.body("Label.", [], "lovely", {}))
        finally:
            await api.close()

    assert asyncio.run(counted(saying({"input_tokens": 7}))) == 7
    with pytest.raises(RetryError, match="over 10 MB"):
        asyncio.run(counted(saying(BOMB, **{"Content-Encoding": "gzip"})))
    for value in (
        {"input_tokens": -1},
        {"input_tokens": None},
        {"input_tokens": True},
        {},
        [],
        "7",
        b"<html>",
    ):
        with pytest.raises(RetryError):
            asyncio.run(counted(saying(value)))


def test_what_is_packed_is_read_as_if_it_were_not(saying):
    api = saying(gzip.compress(json.dumps(WHOLE).encode()), **{"Content-Encoding": "gzip"})
    assert api.read(send(api).response, KEYS).label == 2


# --- what is absurd ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "after"),
    [
        ("nan", None),
        ("inf", LONGEST_WAIT),
        ("-inf", 0),
        ("1e308", LONGEST_WAIT),
        ("9" * 400, LONGEST_WAIT),
        ("-1", 0),
        ("soon", None),
        ("Fri, 31 Dec 9999 23:59:59 GMT", LONGEST_WAIT),
        ("Fri, 31 Dec 99999 23:59:59 GMT", None),
        ("Fri, 31 Dec 1999 23:59:59 GMT", 0),
    ],
)
@pytest.mark.parametrize("name", ["retry-after", "retry-after-ms"])
def test_a_wait_is_believed_within_bounds(name, header, after):
    seconds = retry_after({name: header})
    assert seconds is None if after is None else seconds == after


def test_the_wait_that_can_be_read_counts():
    assert retry_after({"retry-after-ms": "nan", "retry-after": "2"}) == 2


@pytest.mark.parametrize(
    ("header", "limit"),
    [("", None), ("600", 600), ("0", None), ("-5", None), ("nan", None), ("9" * 400, None)],
)
def test_a_pace_is_believed_within_bounds(saying, header, limit):
    assert send(saying(WHOLE, **{"anthropic-ratelimit-requests-limit": header})).per_minute == limit


BATCH = {
    "id": "msgbatch_1",
    "processing_status": "ended",
    "request_counts": {"processing": 0, "succeeded": 2, "errored": 1, "canceled": 0, "expired": 0},
    "created_at": "2026-11-01T00:00:00Z",
}


def test_a_batch_says_how_far_it_is():
    assert batch_state(BATCH) == BatchState("msgbatch_1", True, 3, 3, 1793491200.0)


@pytest.mark.parametrize(
    "value",
    [
        "<html>",
        [],
        {},
        BATCH | {"id": ""},
        BATCH | {"id": {}},
        BATCH | {"created_at": "99999-01-01"},
        BATCH | {"created_at": 1e308},
        BATCH | {"request_counts": None},
        BATCH | {"request_counts": BATCH["request_counts"] | {"expired": -1}},
        BATCH | {"request_counts": BATCH["request_counts"] | {"expired": 0.5}},
    ],
)
def test_what_is_no_batch_is_nothing_that_was_made_for_sure(saying, value):
    async def submitted(api: MessagesApi) -> None:
        try:
            await api.submit([])
        finally:
            await api.close()

    with pytest.raises(RetryError) as error:
        asyncio.run(submitted(saying(value)))
    assert not error.value.unbilled


@pytest.mark.parametrize(
    ("status", "headers", "after"),
    [
        (429, {}, None),
        (429, {"retry-after": "2"}, 2),
        (529, {"retry-after-ms": "500"}, 0.5),
        (500, {}, None),
    ],
)
def test_what_may_pass_is_retried_after_as_long_as_the_server_says(saying, status, headers, after):
    with pytest.raises(RetryError) as error:
        send(
            saying({"type": "error", "error": {"type": "x", "message": "later"}}, status, **headers)
        )
    assert (error.value.after, error.value.limited, error.value.unbilled) == (
        after,
        status == 429,
        True,
    )
    assert "later" in str(error.value)


@pytest.mark.parametrize("status", [408, 502, 503, 504, 522])
def test_what_something_between_may_say_after_the_api_has_answered_may_have_been_billed(
    saying, status
):
    with pytest.raises(RetryError) as error:
        send(saying({}, status))
    assert not error.value.unbilled


@pytest.mark.parametrize("status", [400, 413, 422])
def test_what_will_never_be_taken_is_not_tried_again(saying, status):
    with pytest.raises(RejectError, match=f"{status}: no"):
        send(saying({"type": "error", "error": {"type": "x", "message": "no"}}, status))


def test_no_connection_is_known_to_cost_nothing(params):
    with pytest.raises(RetryError, match="no connection") as error:
        send(connect(AnthropicSettings(**LLM), params))
    assert error.value.unbilled


def test_results_are_read_line_by_line_and_a_large_one_is_passed_over(saying):
    """The reply is packed, so that pieces end anywhere in a line. It is larger than the limit of a line."""
    error = {"error": {"type": "api_error", "message": "odd"}}
    ends = [
        {"custom_id": f"r{n}", "result": {"type": "errored", "error": error}} for n in range(200)
    ]
    written = [json.dumps(end | {"padding": " " * 100_000}).encode() for end in ends]
    blank, large = b" " * 11_000_000, b'{"custom_id": "' + b"x" * 11_000_000
    body = b"\r\n".join([*written[:7], large, b"", blank, b"no result", *written[7:], b"[1]"])

    async def read(api: MessagesApi) -> list[BatchResult]:
        try:
            return [result async for result in api.results("msgbatch_1")]
        finally:
            await api.close()

    results = asyncio.run(read(saying(gzip.compress(body, 1), **{"Content-Encoding": "gzip"})))
    unread = [result.reason for result in results if result.request is None]
    assert [result.request for result in results if result.request] == [
        end["custom_id"] for end in ends
    ]
    assert (
        unread
        == ["the reply is over 10 MB"] * 2 + ["the reply is not a result of the Messages API"] * 2
    )
