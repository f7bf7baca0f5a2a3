"""Batches whose reply was lost, that were refused, or whose run was killed: found again, and none paid twice."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from tests.llm.conftest import attempts
from tests.llm.processes import forked, wait_for
from tests.llm.test_batches import REQUESTS, few, made, paid_once, reserved
from tests.messages_server import Batch, Fault

__all__ = ["few"]  # a fixture


def alien(asked, requests: int, after: float = 0.0, ended: bool = True) -> str:
    """A batch that somebody else made by the same account, that many seconds from now."""
    at = datetime.now(UTC) + timedelta(seconds=after)
    results = {f"theirs-{n}": {"type": "expired"} for n in range(requests)}
    batch = Batch(f"msgbatch_theirs{len(asked.server.batches)}", at, {}, results, ended=at if ended else None)
    asked.server.batches[batch.id] = batch
    return batch.id


# --- what may go wrong on the way ----------------------------------------------------------------


def test_a_batch_whose_reply_was_lost_is_found_and_not_made_again(few):
    few.server.batch_faults.append(Fault.drop(after=True))
    few.run()
    assert made(few) == [REQUESTS] and paid_once(few) and reserved(few) == 0


def test_a_lost_batch_is_told_from_others_of_its_size(few):
    alien(few, REQUESTS, after=-60)
    alien(few, REQUESTS, after=60)
    few.server.batch_faults.append(Fault.drop(after=True))
    few.run()
    assert made(few) == [REQUESTS] and paid_once(few) and reserved(few) == 0


def test_a_lost_batch_is_found_behind_a_hundred_later_ones(few):
    for _ in range(120):
        alien(few, 3, after=60)
    few.server.batch_faults.append(Fault.drop(after=True))
    few.run()
    assert made(few) == [REQUESTS] and paid_once(few)


def test_a_batch_that_was_never_made_counts_as_spent_and_is_made_again(few):
    alien(few, REQUESTS)
    few.server.batch_faults.append(Fault.drop())
    few.run()
    assert made(few) == [REQUESTS] * 2 and paid_once(few)
    assert Counter(a["outcome"] for a in attempts(few)) == {"unknown": REQUESTS, "answered": REQUESTS}


def test_batches_that_are_never_made_end_the_run(few):
    few.set("run.attempts", 2)
    few.server.batch_faults.extend([Fault.drop()] * 9)
    output = few.run(code=1).output
    assert made(few) == [REQUESTS] * 2
    assert "stopped: a batch was submitted, and the API has not made it, 2 times" in output


@pytest.mark.parametrize("fault", [Fault.status(500), Fault.status(429, retry_after=0.1), Fault.status(529)])
def test_a_batch_that_was_refused_for_now_is_submitted_again(few, fault):
    few.server.batch_faults.append(fault)
    few.run()
    assert made(few) == [REQUESTS] * 2 and paid_once(few) and reserved(few) == 0


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (Fault.spend_limit(), "its own spend limit"),
        (Fault.status(401), "refused the key"),
        (Fault.status(402), "paid first"),
        (Fault.status(403), "may not do this"),
        (Fault.status(400, message="no such field"), "no such field"),
    ],
)
def test_a_batch_that_will_never_be_taken_stops_the_run_and_costs_nothing(few, fault, said):
    few.server.batch_faults.append(fault)
    output = few.run(code=1).output
    assert said in output and output.count("Error:") == 1 and "Traceback" not in output
    assert made(few) == [REQUESTS] and reserved(few) == 0


# --- killed, and several -------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["batch", "sync"])
def test_a_run_that_was_killed_while_it_waited_is_collected_by_the_next_in_either_mode(few, mode):
    few.server.batch_polls = 10**9
    process = forked(few.root)
    wait_for(lambda: any(r.method == "GET" for r in few.server.requests))
    process.kill()
    process.join()
    few.server.batch_polls = 0
    few.set("run.mode", mode)
    few.run()
    assert made(few) == [REQUESTS] and not few.sent and paid_once(few)


@pytest.mark.parametrize("mode", ["batch", "sync"])
def test_a_batch_whose_run_was_killed_before_it_knew_its_id_is_found(few, mode):
    few.server.batch_faults.append(Fault("hang", seconds=30, after=True))
    few.set("run.timeout", 30.0)
    process = forked(few.root)
    wait_for(lambda: few.server.batches)
    process.kill()
    process.join()
    assert all(attempt["batch"].startswith("new:") for attempt in attempts(few))
    few.set("run.mode", mode)
    few.run()
    assert made(few) == [REQUESTS] and not few.sent and paid_once(few) and reserved(few) == 0


def test_two_processes_collect_one_batch_and_bill_it_once(few):
    few.server.batch_polls = 10**9
    first = forked(few.root)
    wait_for(lambda: few.server.batches)
    second = forked(few.root)
    wait_for(lambda: sum(r.method == "GET" for r in few.server.requests) > 30)
    few.server.batch_polls = 0
    for process in (first, second):
        process.join(60)
    assert (first.exitcode, second.exitcode) == (0, 0)
    assert made(few) == [REQUESTS] and paid_once(few)
    batch = sum(attempt["amount"] for attempt in attempts(few))
    with few.ledger() as ledger:
        [spent] = ledger.spent("claude")
    assert spent.billed == pytest.approx(batch) and spent.reserved == 0


def test_two_processes_that_start_together_submit_each_request_once(few):
    processes = [forked(few.root) for _ in range(2)]
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0, 0]
    assert sum(made(few)) == REQUESTS and paid_once(few)
