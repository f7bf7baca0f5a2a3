"""What the loopback API can let go wrong, as the official SDK sees it."""

from __future__ import annotations

import asyncio
import json
import time

import anthropic
import httpx2
import pytest

from tests.messages_api.conftest import asked
from tests.messages_api.script import Fault
from tests.messages_api.server import MessagesServer

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
    server.script(
        Fault.spend_limit(), Fault.echo_key(), Fault.malformed(billed=True), Fault.wrong_shape()
    )
    with pytest.raises(anthropic.RateLimitError, match="spend limit") as refused:
        client.messages.create(**asked())
    assert "retry-after" not in refused.value.response.headers
    with pytest.raises(anthropic.AuthenticationError, match="Bearer test-key"):
        client.messages.create(**asked())
    with pytest.raises(json.JSONDecodeError):
        client.messages.create(**asked())
    assert client.messages.create(**asked()).usage is None, "the SDK does not validate what it gets"
    assert len(server.billed) == 1


def test_faults_that_break_the_connection(
    server: MessagesServer, client: anthropic.Anthropic
) -> None:
    server.script(
        Fault.drop(), Fault.cut(), Fault.hang(0.05), Fault.hang(60, billed=True), Fault.slow(60)
    )
    for _ in range(3):
        with pytest.raises(anthropic.APIConnectionError) as broken:
            client.messages.create(**asked())
        assert isinstance(broken.value.__cause__, httpx2.RemoteProtocolError)
    for _ in range(2):
        with pytest.raises(anthropic.APITimeoutError):
            client.messages.create(**asked(), timeout=0.1)
    assert len(server.billed) == 1


def test_a_slow_answer_is_billed_though_nobody_waits(
    server: MessagesServer, client: anthropic.Anthropic
) -> None:
    server.script(Fault.slow(0.2), Fault.slow(0.1))
    with pytest.raises(anthropic.APITimeoutError):
        client.messages.create(**asked(), timeout=0.05)
    client.messages.create(**asked())
    time.sleep(0.1)
    assert len(server.billed) == 2


def test_an_endless_answer_never_times_out_by_itself(server: MessagesServer) -> None:
    server.script(Fault.endless())

    async def wait() -> None:
        async with anthropic.AsyncAnthropic(
            api_key="test-key", base_url=server.url, max_retries=0
        ) as client:
            await asyncio.wait_for(client.messages.create(**asked(), timeout=0.2), 0.5)

    with pytest.raises(asyncio.TimeoutError):
        asyncio.run(wait())
