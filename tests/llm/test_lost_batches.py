"""Batches whose reply was lost, that were refused, or whose run was killed: they are found, and none is paid twice."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from slingshot.llm.asked.lost_batches import LostBatches
from tests.llm.conftest import REQUESTS, attempts, made, paid_once, reserved
from tests.llm.processes import forked, wait_for
from tests.messages_api.batches import Batch
from tests.messages_api.script import Fault


def alien(asked, requests: int, after: float = 0.0, ended: bool = True) -> str:
    """Add a batch that somebody else made by the same account, that many seconds from now."""
    at = datetime.now(UTC) + timedelta(seconds=after)
    results = {f"theirs-{n}": {"type": "expired"} for n in range(requests)}
    batch = Batch(
        f"msgbatch_theirs{len(asked.server.batches)}", at, {}, results, ended=at if ended else None
    )
    asked.server.batches[batch.id] = batch
    return batch.id


# --- what may go wrong on the way ----------------------------------------------------------------


def test_a_batch_whose_reply_was_lost_is_found_and_not_made_again(batched):
    batched.server.batch_faults.append(Fault.drop(after=True))
    batched.run()
    assert made(batched) == [REQUESTS] and paid_once(batched) and reserved(batched) == 0


def test_a_lost_batch_is_told_from_others_of_its_size(batched):
    alien(batched, REQUESTS, after=-60)
    alien(batched, REQUESTS, after=60)
    batched.server.batch_faults.append(Fault.drop(after=True))
    batched.run()
    assert made(batched) == [REQUESTS] and paid_once(batched) and reserved(batched) == 0


def test_a_lost_batch_is_found_behind_a_hundred_later_ones(batched):
    for _ in range(120):
        alien(batched, 3, after=60)
    batched.server.batch_faults.append(Fault.drop(after=True))
    batched.run()
    assert made(batched) == [REQUESTS] and paid_once(batched)


def test_a_batch_that_was_never_made_counts_as_spent_and_is_made_again(batched):
    alien(batched, REQUESTS)
    batched.server.batch_faults.append(Fault.drop())
    batched.run()
    assert made(batched) == [REQUESTS] * 2 and paid_once(batched)
    assert Counter(a["outcome"] for a in attempts(batched)) == {
        "unknown": REQUESTS,
        "answered": REQUESTS,
    }


def test_batches_that_are_never_made_end_the_run(batched):
    batched.set("run.attempts", 2)
    batched.server.batch_faults.extend([Fault.drop()] * 9)
    output = batched.run(code=1).output
    assert made(batched) == [REQUESTS] * 2
    assert "stopped: a batch was submitted, but the API does not have it, 2 times" in output


@pytest.mark.parametrize(
    "fault", [Fault.status(500), Fault.status(429, retry_after=0.1), Fault.status(529)]
)
def test_a_batch_that_was_refused_for_now_is_submitted_again(batched, fault):
    batched.server.batch_faults.append(fault)
    batched.run()
    assert made(batched) == [REQUESTS] * 2 and paid_once(batched) and reserved(batched) == 0


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (Fault.spend_limit(), "its own spend limit"),
        (Fault.status(401), "refused the key"),
        (Fault.status(402), "payment first"),
        (Fault.status(403), "may not do this"),
        (Fault.status(400, message="no such field"), "no such field"),
    ],
)
def test_a_batch_that_will_never_be_taken_stops_the_run_and_costs_nothing(batched, fault, message):
    batched.server.batch_faults.append(fault)
    output = batched.run(code=1).output
    assert message in output and output.count("Error:") == 1 and "Traceback" not in output
    assert made(batched) == [REQUESTS] and reserved(batched) == 0


# --- killed, and several -------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["batch", "sync"])
def test_a_run_that_was_killed_while_it_waited_is_collected_by_the_next_in_either_mode(
    batched, mode
):
    batched.server.batch_polls = 10**9
    process = forked(batched.root)
    wait_for(lambda: any(r.method == "GET" for r in batched.server.requests))
    process.kill()
    process.join()
    batched.server.batch_polls = 0
    batched.set("run.mode", mode)
    batched.run()
    assert made(batched) == [REQUESTS] and not batched.sent and paid_once(batched)


@pytest.mark.parametrize("mode", ["batch", "sync"])
def test_a_batch_whose_run_was_killed_before_it_knew_its_id_is_found(batched, mode):
    batched.server.batch_faults.append(Fault("hang", seconds=30, after=True))
    batched.set("run.timeout", 30.0)
    process = forked(batched.root)
    wait_for(lambda: batched.server.batches)
    process.kill()
    process.join()
    assert all(attempt["batch"].startswith("new:") for attempt in attempts(batched))
    batched.set("run.mode", mode)
    batched.run()
    assert (
        made(batched) == [REQUESTS]
        and not batched.sent
        and paid_once(batched)
        and reserved(batched) == 0
    )


def test_two_processes_collect_one_batch_and_bill_it_once(batched):
    batched.server.batch_polls = 10**9
    first = forked(batched.root)
    wait_for(lambda: batched.server.batches)
    second = forked(batched.root)
    wait_for(lambda: sum(r.method == "GET" for r in batched.server.requests) > 30)
    batched.server.batch_polls = 0
    for process in (first, second):
        process.join(60)
    assert (first.exitcode, second.exitcode) == (0, 0)
    assert made(batched) == [REQUESTS] and paid_once(batched)
    batch = sum(attempt["amount"] for attempt in attempts(batched))
    with batched.ledger() as ledger:
        [spent] = ledger.spent("claude")
    assert spent.billed == pytest.approx(batch) and spent.reserved == 0


def test_two_processes_that_start_together_submit_each_request_once(batched):
    processes = [forked(batched.root) for _ in range(2)]
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0, 0]
    assert sum(made(batched)) == REQUESTS and paid_once(batched)


def test_a_batch_that_another_process_names_meanwhile_is_not_taken_for_lost(batched, monkeypatch):
    batched.set("run.attempts", 1)
    around = LostBatches._around

    async def meanwhile(self, at):
        states = await around(self, at)
        with batched.ledger() as other:
            other.name_batch(attempts(batched)[0]["batch"], states[0].id)
        return states

    monkeypatch.setattr(LostBatches, "_around", meanwhile)
    batched.server.batch_faults.append(Fault.drop(after=True))
    batched.run()
    assert made(batched) == [REQUESTS] and paid_once(batched) and reserved(batched) == 0
