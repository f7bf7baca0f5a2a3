"""What the loopback API refuses of a client and of itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import anthropic
import pytest

from tests.messages_api.conftest import SCHEMA, asked, batch_of
from tests.messages_api.script import Reply
from tests.messages_api.server import MessagesServer

BROKEN: dict[str, tuple[dict[str, Any], str]] = {
    "temperature": ({"temperature": 0}, "temperature: Extra inputs are not permitted"),
    "unknown": ({"metadata": {"user": "x"}}, "metadata.user: Extra inputs are not permitted"),
    "header": ({"workspace_id": "x"}, "workspace_id: Extra inputs are not permitted"),
    "block": (
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "x", "weight": 2}]}]},
        "messages.0.content.0.weight: Extra inputs are not permitted",
    ),
    "mark": (
        {"system": [{"type": "text", "text": "x", "cache_control": {"type": "eternal"}}]},
        "'ephemeral'",
    ),
    "mark-in-message": (
        {
            "messages": [
                {
                    "role": "user",
                    "content": [{"type": "text", "text": "x", "cache_control": {"type": "e"}}],
                }
            ]
        },
        "messages.0.content.0.cache_control.type: Input should be 'ephemeral'",
    ),
    "type": ({"max_tokens": "50"}, "max_tokens: Input should be a valid integer"),
    "none-to-say": ({"max_tokens": 0}, "max_tokens: must be at least 1"),
    "prefill": (
        {"messages": [{"role": "user", "content": "x"}, {"role": "assistant", "content": "{"}]},
        "prefill",
    ),
    "no-messages": ({"messages": []}, "at least one message"),
    "empty-text": ({"messages": [{"role": "user", "content": ""}]}, "must be non-empty"),
    "role": ({"messages": [{"role": "bot", "content": "x"}]}, "Input should be 'user'"),
    "stream": ({"stream": True}, "stream: Input should be False"),
    "format": (
        {"output_config": {"format": {"type": "json_schema", "schema": SCHEMA, "strict": True}}},
        "format.strict",
    ),
    "bounds": (
        {
            "output_config": {
                "format": {"type": "json_schema", "schema": {"type": "integer", "minimum": 0}}
            }
        },
        "output_config.format.schema: minimum is not supported",
    ),
    "open": (
        {
            "output_config": {
                "format": {"type": "json_schema", "schema": {"type": "object", "properties": {}}}
            }
        },
        "additionalProperties must be false",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_breaks_the_contract(
    server: MessagesServer, client: anthropic.Anthropic, name: str
) -> None:
    extra, problem = BROKEN[name]
    with pytest.raises(anthropic.BadRequestError) as refused:
        client.messages.create(**asked(), extra_body=extra)
    assert problem in server.problems[0]
    assert problem in str(refused.value.api_message)
    assert refused.value.type == "invalid_request_error"
    assert server.billed == []


def test_what_breaks_the_contract_elsewhere(
    server: MessagesServer, client: anthropic.Anthropic
) -> None:
    ways: list[Callable[[], object]] = [
        lambda: client.messages.count_tokens(**asked()),
        lambda: client.messages.create(
            **asked(), extra_headers={"anthropic-version": "2020-01-01"}
        ),
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


def test_an_answer_that_the_api_would_not_give(
    server: MessagesServer, client: anthropic.Anthropic
) -> None:
    server.answer = lambda _: Reply([{"type": "text", "text": "x", "logprob": -1.0}])
    with pytest.raises(anthropic.InternalServerError):
        client.messages.create(**asked())
    assert "logprob" in server.problems[0]
