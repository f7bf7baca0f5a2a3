"""Requests that are given up, how many of them a run may have, and runs that end before everything is asked."""

from __future__ import annotations

import time

import pytest

from slingshot.llm.asked.sending import Sender
from slingshot.llm.asked.tally import Tally
from slingshot.settings import RunSettings
from tests.llm.conftest import REQUESTS, outcomes
from tests.messages_api.script import Fault


def test_a_request_that_fails_each_time_is_an_error_and_the_next_run_asks_only_for_it(hasty):
    hasty.set("run.attempts", 3)
    hasty.set("run.concurrency", 1)
    hasty.server.script(*[Fault.status(500, message="a fuse blew")] * 6)
    output = hasty.run(code=1).output
    assert "2 of 13 rows have no answer after 3 attempts each" in output
    assert "2 of 2 failed with: 500: a fuse blew" in output and "dvc repro" in output
    assert not (hasty.root / "data/predictions/toy/claude.parquet").exists()
    hasty.server.requests.clear()
    assert "11 answers replayed, 2 asked for" in hasty.run().stdout
    assert len(hasty.sent) == 2 and len(hasty.server.billed) == REQUESTS


def test_no_time_is_spent_after_the_last_attempt(hasty):
    hasty.set("run.attempts", 1)
    hasty.set("run.backoff", 60)
    hasty.server.script(Fault.status(500))
    started = time.monotonic()
    hasty.run(code=1)
    assert time.monotonic() - started < 20


def test_a_request_that_is_refused_is_not_sent_again(hasty):
    hasty.server.script(Fault.status(400, message="too long"))
    assert "1 of 13 rows have no answer" in hasty.run(code=1).output
    assert len(hasty.sent) == REQUESTS
    assert outcomes(hasty) == {"answered": REQUESTS - 1, "unbilled": 1}


def test_as_many_errors_as_allowed_are_rows_without_an_answer(hasty):
    hasty.llm(max_errors=2)
    hasty.server.script(*[Fault.status(400)] * 2)
    hasty.run()
    frame = hasty.predictions()
    assert frame["status"].value_counts().to_dict() == {"ok": REQUESTS - 2, "error": 2}
    assert set(frame.loc[frame["status"] == "error", "prediction"]) == {-1}


def test_rows_that_are_refused_for_good_are_errors_in_each_run_and_allowed_as_such(hasty):
    hasty.change({"run.concurrency": 1})
    hasty.server.script(*[Fault.slow(0)] * 7, *[Fault.status(400)] * 6)
    assert "6 of 13 rows have no answer" in hasty.run(code=1).output
    hasty.llm(max_errors=6)
    hasty.server.script(*[Fault.status(400)] * 6)
    hasty.run()  # only refused requests are left, so a run without any answer must not stop
    assert hasty.predictions()["status"].value_counts()["error"] == 6


def test_a_slow_first_answer_is_waited_for_before_it_is_said_that_all_fail(hasty):
    hasty.llm(max_errors=6)
    hasty.server.script(Fault.slow(0.5), *[Fault.status(400)] * 6)
    hasty.run()
    assert outcomes(hasty) == {"answered": REQUESTS - 6, "unbilled": 6}


def test_where_the_first_requests_all_fail_the_rest_is_not_asked(hasty):
    hasty.set("run.concurrency", 1)
    hasty.server.script(*[Fault.status(400, message="no such field")] * REQUESTS)
    output = hasty.run(code=1).output
    assert "the first 5 requests all failed, the last with: 400: no such field" in output
    assert "0 of 13 requests are answered" in output and len(hasty.sent) == 5


@pytest.mark.parametrize(
    "fault", [Fault.status(403), Fault.spend_limit()], ids=["rights", "spend limit"]
)
def test_a_run_that_was_stopped_never_passes_for_one_with_as_many_errors_as_allowed(hasty, fault):
    hasty.llm(max_errors=REQUESTS)
    hasty.change({"run.concurrency": 1})
    hasty.server.script(Fault.status(400), Fault.slow(0), fault)
    output = hasty.run(code=1).output
    assert (
        "toy-claude: stopped" in output
        and "1 of 13 requests are answered and kept, 12 are missing" in output
    )
    assert not (hasty.root / "data/predictions/toy/claude.parquet").exists()
    hasty.run()
    assert set(hasty.predictions()["status"]) == {"ok"}


def test_a_run_that_ended_for_another_reason_is_not_one_in_which_all_failed():
    tally = Tally(failed={str(number): "400" for number in range(9)})
    sender = Sender(None, None, None, RunSettings(), 1, tally)
    sender.end("interrupted")
    sender.end_if_all_failed()
    assert tally.stopped == "interrupted" and not tally.all_failed
