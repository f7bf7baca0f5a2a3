"""The loopback API's batches, as the official SDK sees them."""

from __future__ import annotations

import anthropic
import pytest

from tests.messages_api.conftest import asked, batch_of
from tests.messages_api.contract import request_key
from tests.messages_api.script import Fault
from tests.messages_api.server import MessagesServer


def test_a_batch(server: MessagesServer, client: anthropic.Anthropic) -> None:
    server.script_batch({"b": "errored", "c": "expired"})
    batch = client.messages.batches.create(requests=batch_of("a", "b", "c", "d"))
    assert (batch.processing_status, batch.request_counts.processing, batch.results_url) == (
        "in_progress",
        4,
        None,
    )
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
    assert [
        batch.id for batch in client.messages.batches.list(before_id=made[0], limit=2).data
    ] == [made[2], made[1]]


def test_faults_of_batches(server: MessagesServer, client: anthropic.Anthropic) -> None:
    server.batch_faults += [Fault.status(529), Fault.drop(), Fault.drop(after=True)]
    for kind in (
        anthropic.OverloadedError,
        anthropic.APIConnectionError,
        anthropic.APIConnectionError,
    ):
        with pytest.raises(kind):
            client.messages.batches.create(requests=batch_of("a"))
    assert len(client.messages.batches.list().data) == len(server.billed) == 1
    with pytest.raises(anthropic.NotFoundError):
        client.messages.batches.retrieve("msgbatch_none")
