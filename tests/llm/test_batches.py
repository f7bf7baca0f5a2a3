"""Message Batches: they are submitted, found again and collected, and what they did not answer is sent again."""

from __future__ import annotations

import tracemalloc
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest

from slingshot.llm.anthropic.api import connect
from slingshot.llm.asked import batches
from slingshot.llm.asked.asking import questions
from slingshot.llm.asked.entries import Hold
from slingshot.llm.asked.wallet import Wallet
from slingshot.llm.task import PromptTask
from slingshot.settings import load
from tests.conftest import make_rows, write_toy
from tests.llm.conftest import (
    CLAUDE,
    REQUESTS,
    answering,
    attempts,
    made,
    outcomes,
    paid_once,
    reserved,
    right_label,
)
from tests.llm.processes import forked, wait_for
from tests.messages_api.batches import Batch
from tests.messages_api.contract import request_key
from tests.messages_api.script import Fault, Reply

# --- the usual way -------------------------------------------------------------------------------


def test_a_batch_is_submitted_waited_for_and_collected_for_half_the_price(batched):
    batched.server.batch_polls = 3
    batched.run()
    assert made(batched) == [REQUESTS] and not batched.sent and paid_once(batched)
    assert set(batched.predictions()["status"]) == {"ok"}
    by_batch = sum(attempt["amount"] for attempt in attempts(batched))
    assert batched.usage().batch_tokens["output"] > 0 == batched.usage().llm_tokens["output"]

    batched.llm(max_tokens=511)
    batched.set("run.mode", "sync")
    batched.run()
    one_by_one = sum(attempt["amount"] for attempt in attempts(batched)) - by_batch
    assert by_batch == pytest.approx(one_by_one / 2)


def test_results_in_any_order_reach_their_rows(batched):
    batched.run()  # the server gives them in reverse
    frame = batched.predictions()
    assert (frame["prediction"] == frame["label"]).all()


def test_a_batch_s_attempts_are_in_the_ledger_under_its_id(batched):
    batched.run()
    [batch] = batched.server.batches
    assert {attempt["batch"] for attempt in attempts(batched)} == {batch}
    with batched.ledger() as ledger:
        records = ledger.answers([attempt["request"] for attempt in attempts(batched)])
    assert all(
        r.batch and r.seconds is None and r.request_id.startswith(batch) for r in records.values()
    )


def test_more_than_a_batch_takes_is_several(batched, monkeypatch):
    monkeypatch.setattr(batches, "MOST_REQUESTS", 5)
    batched.run()
    assert made(batched) == [5, 5, 3] and paid_once(batched)


def test_more_bytes_than_a_batch_takes_are_several(batched, monkeypatch):
    monkeypatch.setattr(batches, "MOST_BYTES", 1)
    write_toy(batched.root, "test", make_rows(2, 3, "e"))
    batched.run()
    assert made(batched) == [1, 1, 1] and len(batched.server.billed) == 3


def test_a_batch_is_cut_so_that_what_it_reserves_fits_the_budget(batched):
    batched.run()
    most = max(
        Wallet.of("claude", load()).most(r.body["requests"][0]["params"], 512, batch=True)
        for r in batched.server.requests
        if r.method == "POST"
    )
    batched.llm(max_tokens=511)
    batched.server.requests.clear()
    spent = sum(attempt["amount"] for attempt in attempts(batched))
    batched.set("cost.rates.USD.rate", 1.0)
    batched.set("run.budget.claude", spent + 6.5 * most)
    batched.run()
    assert made(batched)[0] == 6 and sum(made(batched)) == REQUESTS, (
        "each is settled before the next is made"
    )

    batched.llm(max_tokens=510)
    batched.server.requests.clear()
    spent = sum(attempt["amount"] for attempt in attempts(batched))
    batched.set("run.budget.claude", spent + 0.9 * most)
    assert "the budget is reached. 0 of 13 requests" in batched.run(code=1).output
    assert made(batched) == []


def test_no_batch_holds_what_is_answered_already(batched):
    batched.set("run.mode", "sync")
    batched.run()
    write_toy(batched.root, "test", make_rows(REQUESTS + 5, 3, "e"))
    batched.set("run.mode", "batch")
    batched.run()
    assert made(batched)[0] < REQUESTS + 6 - 5
    assert len(batched.server.billed) == len({*batched.server.billed})
    asked = {
        request_key(r["params"])
        for c in batched.server.requests
        if c.body and "requests" in c.body
        for r in c.body["requests"]
    }
    assert not asked & {request_key(body) for body in batched.sent}


# --- rows that a batch did not do ----------------------------------------------------------------


@pytest.mark.parametrize("outcome", ["expired", "errored", "errored:overloaded_error"])
def test_what_expired_or_errored_is_submitted_again(batched, outcome):
    names: list[str] = []
    batched.server.script_batch(
        lambda name: outcome if len(names) < 4 and not names.append(name) else None
    )
    batched.run()
    assert made(batched) == [REQUESTS, 4] and paid_once(batched)
    assert Counter(attempt["outcome"] for attempt in attempts(batched)) == {
        "answered": REQUESTS,
        "unbilled": 4,
    }
    assert reserved(batched) == 0


def test_what_fails_in_each_batch_is_an_error_after_so_many(batched):
    batched.set("run.attempts", 3)
    failing: set[str] = set()

    def expire(names: Iterable[str]) -> list[tuple[str, str]]:
        failing.update([] if failing else sorted(names)[:3])
        return [(name, "expired") for name in failing]

    batched.server._outcomes = expire  # for every batch; script_batch is for one
    output = batched.run(code=1).output
    assert made(batched) == [REQUESTS, 3, 3]
    assert "3 of 13 rows have no answer after 3 attempts" in output
    assert "3 of 3 failed with: the batch expired before it was answered" in output
    del batched.server._outcomes
    batched.run()
    assert made(batched) == [REQUESTS, 3, 3, 3] and paid_once(batched)


def test_what_the_api_refuses_is_not_submitted_again_and_the_rest_is_kept(batched):
    """Results come in reverse. So the failures are read before any answer, and reading must go on."""
    batched.llm(max_errors=7)
    sent: list[str] = []
    batched.server.script_batch(
        lambda name: (
            "errored:invalid_request_error" if (sent.append(name) or len(sent) > 6) else None
        )
    )
    batched.run()
    assert made(batched) == [REQUESTS]
    assert batched.predictions()["status"].value_counts().to_dict() == {"error": 7, "ok": 6}
    assert reserved(batched) == 0


def test_a_request_that_the_results_never_mention_stays_spent_and_is_given_up_in_the_end(batched):
    batched.set("run.attempts", 2)

    lost: list[str] = []

    def forget(name: str) -> str | None:
        lost[:] = lost or [name]
        return "unmentioned" if name in lost else None

    batched.server.script_batch(forget)
    batched.server.script_batch(forget)
    log = batched.run(code=1).output
    assert made(batched) == [REQUESTS, 1]
    assert "1 of 13 rows have no answer" in log and "has no result for it" in log
    unknown = [attempt for attempt in attempts(batched) if attempt["outcome"] == "unknown"]
    assert [attempt["request"] for attempt in unknown] == lost * 2 and reserved(batched) > 0


def test_a_batch_that_the_api_deleted_counts_as_spent_and_is_asked_for_again(batched):
    batched.server.batch_polls = 10**9
    process = forked(batched.root)
    wait_for(lambda: batched.server.batches)
    batched.server.batch_polls = 1
    batched.server.batches.clear()
    process.join(60)
    assert process.exitcode == 0 and made(batched) == [REQUESTS] * 2
    assert Counter(a["outcome"] for a in attempts(batched)) == {
        "unknown": REQUESTS,
        "answered": REQUESTS,
    }


def test_an_api_that_wants_to_be_left_alone_is_left_alone(batched):
    batched.server.batch_faults += [Fault.status(429, retry_after=0.3)] * 3
    batched.run()
    creates = [
        r.at
        for r in batched.server.requests
        if (r.method, r.path) == ("POST", "/v1/messages/batches")
    ]
    assert len(creates) == 4 and all(later - earlier >= 0.3 for earlier, later in pairwise(creates))
    assert paid_once(batched)


@pytest.mark.parametrize(
    ("flaw", "message"),
    [("garbled", "is not a message of the Messages API"), ("huge", "the reply is over 10 MB")],
)
def test_an_answer_that_can_t_be_read_keeps_none_behind_it(batched, flaw, message):
    names: list[str] = []
    batched.server.script_batch(lambda name: flaw if not names and not names.append(name) else None)
    tracemalloc.start()
    output = batched.run().output
    assert flaw != "huge" or tracemalloc.get_traced_memory()[1] < 150_000_000, (
        "the server's part in it"
    )
    tracemalloc.stop()
    assert made(batched) == [REQUESTS, 1] and message in output
    assert outcomes(batched) == {"answered": REQUESTS, "unknown": 1}


def test_results_come_from_the_server_that_was_named_whatever_a_batch_says(batched, monkeypatch):
    state = batched.server._batch
    monkeypatch.setattr(
        batched.server,
        "_batch",
        lambda batch: state(batch) | {"results_url": "http://192.0.2.1/results"},
    )
    batched.run()
    assert set(batched.predictions()["status"]) == {"ok"}


def test_nothing_says_how_long_a_batch_took(batched):
    batched.run()
    assert batched.usage().predict[0].seconds == 0 and batched.usage().latency == {}


def test_what_another_process_puts_into_a_batch_meanwhile_is_collected(few):
    """A run that asks one by one does not wait for that process either, which may be gone."""
    few.change({"run.concurrency": 1})
    params = load()
    task = PromptTask.read("toy", "claude", params)
    asked, _ = questions(params.llms["claude"], task, connect(params.llms["claude"], params))
    others = [ask for [ask] in asked[1:]]
    server = few.server

    def meanwhile(body: dict[str, Any]) -> str:
        if not server.batches:
            results = {ask.request: {"type": "succeeded"} for ask in others}
            batch = Batch(
                "msgbatch_other",
                datetime.now(UTC),
                {ask.request: ask.body for ask in others},
                results,
            )
            server.batches[batch.id] = batch
            for ask in others:
                batch.results[ask.request] = {
                    "type": "succeeded",
                    "message": server.message(ask.body, "batch"),
                }
            with few.ledger() as ledger:
                ledger.owner = "elsewhere|1|0.0"
                ledger.reserve(
                    {ask.request: 0.001 for ask in others}, Hold("claude", "USD", None), batch.id
                )
        return answering(right_label)(body)

    server.answer = meanwhile
    few.run()
    assert len(few.sent) == 1 and set(few.predictions()["status"]) == {"ok"}
    assert outcomes(few) == {"answered": REQUESTS}


def test_a_price_that_was_raised_before_a_batch_was_collected_is_said_and_stops_the_run(batched):
    batched.server.answer = lambda body: Reply(
        [{"type": "text", "text": f'"{right_label(body)}"'}], "end_turn", 500
    )
    batched.server.batch_polls = 10**9
    process = forked(batched.root)
    wait_for(lambda: any(r.method == "GET" for r in batched.server.requests))
    process.kill()
    process.join()
    amounts = [attempt["amount"] for attempt in attempts(batched)]
    batched.server.batch_polls = 0
    price = load().cost.llm_prices[CLAUDE["price"]].output
    batched.set(f"cost.llm_prices.{CLAUDE['price']}.output", 10 * price)
    output = batched.run(code=1).output
    assert (
        f"stopped: {REQUESTS} answers cost more than was reserved, because the price was raised"
        in output
    )
    assert "before you run this again" in output and output.count("Error:") == 1
    assert [attempt["amount"] for attempt in attempts(batched)] == amounts
    batched.run()
    assert made(batched) == [REQUESTS] and paid_once(batched)
