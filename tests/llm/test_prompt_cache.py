"""The API's prompt cache: the common beginning of all requests is marked, written once and read by the others."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.llm.conftest import write_texts

TEXTS = [f"lovely {n}" for n in range(11)]
ROWS = 1 + len(TEXTS)


@pytest.fixture(autouse=True)
def few(asked):
    write_texts(asked.root, TEXTS)


def marks(body: dict[str, Any]) -> list[tuple[int, dict[str, Any]]]:
    """The place among all blocks, and the content, of each cache mark."""
    blocks = [
        *body["system"],
        *(block for message in body["messages"] for block in message["content"]),
    ]
    return [
        (place, block["cache_control"])
        for place, block in enumerate(blocks)
        if "cache_control" in block
    ]


def test_a_long_beginning_is_written_to_the_cache_once_by_a_first_request_alone(asked):
    asked.server.latency = 0.7
    asked.llm(cache_from=64)
    write_texts(asked.root, TEXTS[:3])
    asked.run()
    assert {json.dumps(marks(body)) for body in asked.sent} == {
        json.dumps([(6, {"type": "ephemeral"})])
    }
    first, second, *_ = [r.at for r in asked.server.requests]
    assert second >= first + 0.7, "the others wait until the first has filled the cache"
    tokens = asked.usage().llm_tokens
    assert tokens["cache_write"] > 64 and tokens["cache_read"] == tokens["cache_write"] * 3
    assert tokens["cache_write_1h"] == 0


@pytest.mark.parametrize("changes", [{"cache_from": 4096}, {"cache_from": None}])
def test_a_beginning_that_is_too_short_bears_no_mark(asked, changes):
    asked.llm(**changes)
    asked.run()
    assert [marks(body) for body in asked.sent] == [[]] * ROWS
    assert asked.usage().llm_tokens["cache_write"] == asked.usage().llm_tokens["cache_read"] == 0


def test_without_a_mark_no_request_waits_for_another(asked):
    asked.server.latency = 2
    asked.llm(cache_from=None)
    write_texts(asked.root, TEXTS[:2])
    asked.run()
    first, *_, last = [r.at for r in asked.server.requests]
    assert last < first + 2


def test_without_examples_the_instructions_bear_the_mark(asked):
    asked.llm(shots=0, cache_from=64)
    asked.run()
    assert {json.dumps(marks(body)) for body in asked.sent} == {
        json.dumps([(0, {"type": "ephemeral"})])
    }
    assert asked.usage().llm_tokens["cache_read"] > 0


def test_marks_are_no_part_of_what_was_asked(asked):
    asked.llm(cache_from=64)
    asked.run()
    asked.llm(cache_from=None)
    assert "12 answers replayed, 0 asked for" in asked.run().stdout


def test_in_a_batch_the_cache_is_kept_for_an_hour(asked):
    asked.set("run.mode", "batch")
    asked.llm(cache_from=64)
    asked.run()
    [batch] = asked.server.batches.values()
    assert {json.dumps(marks(body)) for body in batch.params.values()} == {
        json.dumps([(6, {"type": "ephemeral", "ttl": "1h"})])
    }
    assert asked.usage().batch_tokens["cache_write_1h"] > 64
