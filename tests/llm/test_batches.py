"""Message Batches: submitted, found again, collected, and what they could not do sent again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

import pytest

from slingshot.llm import batches
from slingshot.llm.wallet import Wallet
from slingshot.settings import load
from tests.conftest import make_rows, write_toy
from tests.llm.conftest import attempts
from tests.llm.processes import forked, wait_for
from tests.messages_contract import request_key

TESTED = 12
REQUESTS = TESTED + 1


@pytest.fixture
def few(asked):
    """Thirteen requests, by batch."""
    write_toy(asked.root, "validation", make_rows(1, 2, "v"))
    write_toy(asked.root, "test", make_rows(TESTED, 3, "e"))
    asked.change({"run.mode": "batch", "run.timeout": 2.0})
    return asked


def made(asked) -> list[int]:
    """How many requests each batch held that the server was sent."""
    creates = [r for r in asked.server.requests if (r.method, r.path) == ("POST", "/v1/messages/batches")]
    return [len(request.body["requests"]) for request in creates]


def paid_once(asked) -> bool:
    return len(asked.server.billed) == len(set(asked.server.billed)) == REQUESTS


def reserved(asked) -> float:
    with asked.ledger() as ledger:
        return Wallet.of("claude", load()).standing(ledger).reserved


# --- the usual way -------------------------------------------------------------------------------


def test_a_batch_is_submitted_waited_for_and_collected_for_half_the_price(few):
    few.server.batch_polls = 3
    few.run()
    assert made(few) == [REQUESTS] and not few.sent and paid_once(few)
    assert set(few.predictions()["status"]) == {"ok"}
    by_batch = sum(attempt["amount"] for attempt in attempts(few))
    assert few.usage().batch_tokens["output"] > 0 == few.usage().llm_tokens["output"]

    few.llm(max_tokens=511)
    few.set("run.mode", "sync")
    few.run()
    one_by_one = sum(attempt["amount"] for attempt in attempts(few)) - by_batch
    assert by_batch == pytest.approx(one_by_one / 2)


def test_results_in_any_order_reach_their_rows(few):
    few.run()  # the server gives them in reverse
    frame = few.predictions()
    assert (frame["prediction"] == frame["label"]).all()


def test_a_batch_s_attempts_are_in_the_ledger_under_its_id(few):
    few.run()
    [batch] = few.server.batches
    assert {attempt["batch"] for attempt in attempts(few)} == {batch}
    with few.ledger() as ledger:
        records = ledger.answers([attempt["request"] for attempt in attempts(few)])
    assert all(r.batch and r.seconds is None and r.request_id.startswith(batch) for r in records.values())


def test_more_than_a_batch_takes_is_several(few, monkeypatch):
    monkeypatch.setattr(batches, "MOST_REQUESTS", 5)
    few.run()
    assert made(few) == [5, 5, 3] and paid_once(few)


def test_more_bytes_than_a_batch_takes_are_several(few, monkeypatch):
    monkeypatch.setattr(batches, "MOST_BYTES", 1)
    write_toy(few.root, "test", make_rows(2, 3, "e"))
    few.run()
    assert made(few) == [1, 1, 1] and len(few.server.billed) == 3


def test_a_batch_is_cut_so_that_what_it_reserves_fits_the_budget(few):
    few.run()
    most = max(
        Wallet.of("claude", load()).most(r.body["requests"][0]["params"], 512, batch=True)
        for r in few.server.requests
        if r.method == "POST"
    )
    few.llm(max_tokens=511)
    few.server.requests.clear()
    spent = sum(attempt["amount"] for attempt in attempts(few))
    few.set("cost.rates.USD.rate", 1.0)
    few.set("run.budget.claude", spent + 6.5 * most)
    few.run()
    assert made(few)[0] == 6 and sum(made(few)) == REQUESTS, "each is settled before the next is made"

    few.llm(max_tokens=510)
    few.server.requests.clear()
    spent = sum(attempt["amount"] for attempt in attempts(few))
    few.set("run.budget.claude", spent + 0.9 * most)
    assert "the budget is reached. 0 of 13 requests" in few.run(code=1).output
    assert made(few) == []


def test_no_batch_holds_what_is_answered_already(few):
    few.set("run.mode", "sync")
    few.run()
    write_toy(few.root, "test", make_rows(TESTED + 6, 3, "e"))
    few.set("run.mode", "batch")
    few.run()
    assert made(few)[0] < TESTED + 6 + 1 - 5
    assert len(few.server.billed) == len({*few.server.billed})
    asked = {
        request_key(r["params"])
        for c in few.server.requests
        if c.body and "requests" in c.body
        for r in c.body["requests"]
    }
    assert not asked & {request_key(body) for body in few.sent}


# --- rows that a batch did not do ----------------------------------------------------------------


@pytest.mark.parametrize("outcome", ["expired", "errored", "errored:overloaded_error"])
def test_what_expired_or_errored_is_submitted_again(few, outcome):
    names: list[str] = []
    few.server.script_batch(lambda name: outcome if len(names) < 4 and not names.append(name) else None)
    few.run()
    assert made(few) == [REQUESTS, 4] and paid_once(few)
    assert Counter(attempt["outcome"] for attempt in attempts(few)) == {"answered": REQUESTS, "unbilled": 4}
    assert reserved(few) == 0


def test_what_fails_in_each_batch_is_an_error_after_so_many(few):
    few.set("run.attempts", 3)
    failing: set[str] = set()

    def expire(names: Iterable[str]) -> list[tuple[str, str]]:
        failing.update([] if failing else sorted(names)[:3])
        return [(name, "expired") for name in failing]

    few.server._outcomes = expire  # of each batch, where script_batch is of one
    output = few.run(code=1).output
    assert made(few) == [REQUESTS, 3, 3]
    assert "3 of 13 rows have no answer after 3 attempts" in output
    assert "3 of 3 failed with: the batch expired before it was answered" in output
    del few.server._outcomes
    few.run()
    assert made(few) == [REQUESTS, 3, 3, 3] and paid_once(few)


def test_what_the_api_refuses_is_not_submitted_again_and_the_rest_is_kept(few):
    """Results come in reverse: the failures are read before any answer, and are no reason to read no more."""
    few.llm(max_errors=7)
    sent: list[str] = []
    few.server.script_batch(
        lambda name: "errored:invalid_request_error" if (sent.append(name) or len(sent) > 6) else None
    )
    few.run()
    assert made(few) == [REQUESTS]
    assert few.predictions()["status"].value_counts().to_dict() == {"error": 7, "ok": 6}
    assert reserved(few) == 0


def test_a_request_that_the_results_never_mention_stays_spent_and_is_given_up_in_the_end(few):
    few.set("run.attempts", 2)

    def forget(asked: Any) -> None:
        for batch in asked.server.batches.values():
            batch.results.pop(lost, None)

    few.server.batch_polls = 10**9
    process = forked(few.root)
    wait_for(lambda: few.server.batches)
    [batch] = few.server.batches.values()
    lost = min(batch.results)
    forget(few)
    few.server.batch_polls = 2
    wait_for(lambda: len(few.server.batches) == 2)
    forget(few)
    process.join(60)
    assert process.exitcode == 1
    assert made(few) == [REQUESTS, 1]
    log = (few.root / "stage.log").read_text()
    assert "1 of 13 rows have no answer" in log and "has no result for it" in log
    unknown = [attempt for attempt in attempts(few) if attempt["outcome"] == "unknown"]
    assert [attempt["request"] for attempt in unknown] == [lost] * 2 and reserved(few) > 0


def test_a_batch_that_the_api_deleted_counts_as_spent_and_is_asked_for_again(few):
    few.server.batch_polls = 10**9
    process = forked(few.root)
    wait_for(lambda: few.server.batches)
    few.server.batch_polls = 1
    few.server.batches.clear()
    process.join(60)
    assert process.exitcode == 0 and made(few) == [REQUESTS] * 2
    assert Counter(a["outcome"] for a in attempts(few)) == {"unknown": REQUESTS, "answered": REQUESTS}
