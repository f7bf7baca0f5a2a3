"""Asking an API that fails: what is tried again and how often, what stops the run, and how fast it is asked."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from itertools import pairwise

import pytest

from slingshot.llm.pace import LEAST, SHARE, Pace
from tests.conftest import make_rows, write_toy
from tests.llm.conftest import REQUESTS, answering, attempts, right_label
from tests.messages_api.contract import text_tokens
from tests.messages_api.script import Fault
from tests.messages_api.server import Bucket


@pytest.fixture
def few(few):
    """An API has a second for each of its requests."""
    few.set("run.timeout", 1.0)
    return few


def outcomes(asked) -> dict[str, int]:
    found = [attempt["outcome"] for attempt in attempts(asked)]
    return {outcome: found.count(outcome) for outcome in set(found)}


# --- tried again ---------------------------------------------------------------------------------

NOT_BILLED = [Fault.status(500), Fault.status(529), Fault.status(529, retry_after=0.1), Fault.status(409)]
UNKNOWN = [
    Fault.drop(),
    Fault.drop(billed=True),
    Fault.cut(),
    Fault.malformed(),
    Fault.wrong_shape(),
    Fault.hang(30),
    Fault.endless(),
    Fault.slow(1.5),
]


def test_what_was_not_billed_is_tried_again_and_costs_nothing(few):
    few.server.script(*NOT_BILLED)
    few.run()
    assert len(few.sent) == REQUESTS + len(NOT_BILLED) and set(few.predictions()["status"]) == {"ok"}
    assert outcomes(few) == {"answered": REQUESTS, "unbilled": len(NOT_BILLED)}
    with few.ledger() as ledger:
        assert ledger.spent("claude")[0].reserved == 0


def test_an_attempt_of_unknown_outcome_is_tried_again_and_stays_spent(few):
    few.server.script(*UNKNOWN)
    few.run()
    assert len(few.sent) == REQUESTS + len(UNKNOWN) and set(few.predictions()["status"]) == {"ok"}
    assert outcomes(few) == {"answered": REQUESTS, "unknown": len(UNKNOWN)}
    with few.ledger() as ledger:
        [spent] = ledger.spent("claude")
    held = [attempt["amount"] for attempt in attempts(few) if attempt["outcome"] == "unknown"]
    assert spent.reserved == pytest.approx(sum(held))
    assert min(held) > max(a["amount"] for a in attempts(few) if a["outcome"] == "answered")


def test_the_sdk_itself_tries_nothing_again(few):
    few.server.script(*[Fault.status(500)] * 3)
    few.run()
    tries = {r.headers["x-stainless-retry-count"] for r in few.server.requests}
    assert tries == {"0"} and len(attempts(few)) == len(few.sent) == REQUESTS + 3


# --- given up ------------------------------------------------------------------------------------


def test_a_request_that_fails_each_time_is_an_error_and_the_next_run_asks_only_for_it(few):
    few.set("run.attempts", 3)
    few.set("run.concurrency", 1)
    few.server.script(*[Fault.status(500, message="a fuse blew")] * 6)
    output = few.run(code=1).output
    assert "2 of 13 rows have no answer after 3 attempts each" in output
    assert "2 of 2 failed with: 500: a fuse blew" in output and "dvc repro" in output
    assert not (few.root / "data/predictions/toy/claude.parquet").exists()
    few.server.requests.clear()
    assert "11 answers replayed, 2 asked for" in few.run().stdout
    assert len(few.sent) == 2 and len(few.server.billed) == REQUESTS


def test_no_time_is_spent_after_the_last_attempt(few):
    few.set("run.attempts", 1)
    few.set("run.backoff", 60)
    few.server.script(Fault.status(500))
    started = time.monotonic()
    few.run(code=1)
    assert time.monotonic() - started < 20


def test_a_request_that_is_refused_is_not_sent_again(few):
    few.server.script(Fault.status(400, message="too long"))
    assert "1 of 13 rows have no answer" in few.run(code=1).output
    assert len(few.sent) == REQUESTS
    assert outcomes(few) == {"answered": REQUESTS - 1, "unbilled": 1}


def test_as_many_errors_as_allowed_are_rows_without_an_answer(few):
    few.llm(max_errors=2)
    few.server.script(*[Fault.status(400)] * 2)
    few.run()
    frame = few.predictions()
    assert frame["status"].value_counts().to_dict() == {"ok": REQUESTS - 2, "error": 2}
    assert set(frame.loc[frame["status"] == "error", "prediction"]) == {-1}


def test_rows_that_are_refused_for_good_are_errors_in_each_run_and_allowed_as_such(few):
    few.llm(max_errors=6)
    few.run()
    with closing(sqlite3.connect(few.root / "state/ledger.sqlite")) as ledger:  # six rows without an answer
        ledger.execute("DELETE FROM answers WHERE request IN (SELECT request FROM answers LIMIT 6)")
        ledger.commit()
    for file in few.root.glob("data/answers/toy/*"):
        file.unlink()
    few.server.script(*[Fault.status(400)] * 6)
    few.run()  # only what is refused is left: that nothing else is answered is no reason to stop
    assert few.predictions()["status"].value_counts()["error"] == 6


def test_where_the_first_requests_all_fail_the_rest_is_not_asked(few):
    few.set("run.concurrency", 1)
    few.server.script(*[Fault.status(400, message="no such field")] * REQUESTS)
    output = few.run(code=1).output
    assert "the first 5 requests all failed, the last with: 400: no such field" in output
    assert "0 of 13 requests are answered" in output and len(few.sent) == 5


# --- stopped -------------------------------------------------------------------------------------

STOPS = {
    "spend limit": (Fault.spend_limit(), "its own spend limit"),
    "key": (Fault.status(401), "refused the key"),
    "payment": (Fault.status(402), "paid first"),
    "rights": (Fault.status(403), "may not do this"),
}


@pytest.mark.parametrize(("fault", "said"), STOPS.values(), ids=STOPS)
def test_where_nothing_will_be_taken_the_run_stops_at_once_with_one_message(few, fault, said):
    few.set("run.concurrency", 2)
    few.server.latency = 0.1
    few.server.script(fault)
    output = few.run(code=1).output
    assert output.count("Error:") == 1 and said in output and "Traceback" not in output
    assert len(few.sent) <= 2 and "dvc repro" in output
    assert "unknown" not in outcomes(few), "what was in flight was waited for"
    few.server.latency = 0.0
    few.run()
    assert len(few.server.billed) == len(set(few.server.billed)) == REQUESTS


def test_a_key_that_the_server_repeats_is_in_no_output_and_in_no_file(few, monkeypatch, capfd):
    secret = "sk-ant-secret-123"
    few.server.keys = {secret}
    monkeypatch.setenv("ANTHROPIC_API_KEY", secret)
    few.server.script(Fault.echo_key())
    result = few.run(code=1)
    assert "invalid credentials: Bearer [key]" in result.output
    few.server.script(Fault.status(500, message=f"proxy: Bearer {secret} failed"), Fault.status(400, message=secret))
    few.set("run.attempts", 1)
    later = few.run(code=1)
    few.run()
    said = result.output + later.output + "".join(capfd.readouterr())
    assert secret not in said
    few.llm(title="Claude again", shots=0)
    monkeypatch.setenv("ANTHROPIC_API_KEY", f"{secret}\n")  # as a file ends
    assert secret not in few.run().output
    files = [path for path in few.root.rglob("*") if path.is_file()]
    assert any(path.name == "ledger.sqlite" for path in files)
    assert [path for path in files if secret.encode() in path.read_bytes()] == []
    assert all(r.headers["authorization"] == f"Bearer {secret}" for r in few.server.requests)


# --- the pace ------------------------------------------------------------------------------------


def test_after_too_often_nothing_is_sent_for_as_long_as_the_api_says(few):
    few.set("run.concurrency", 3)
    few.server.script(*[Fault.slow(0)] * 4, Fault.status(429, retry_after=0.8))
    few.run()
    times = sorted(request.at for request in few.server.requests)
    assert sum(at < times[4] + 0.7 for at in times) <= 4 + 3, "what had left already"
    assert max(later - earlier for earlier, later in pairwise(times)) > 0.7


def test_a_limit_that_the_api_states_is_kept_to(asked):
    asked.server._bucket = Bucket(60)
    asked.run()
    refused = len(asked.sent) - len(asked.server.billed)
    assert refused <= 8, "once for each that was in flight when the limit was met"
    assert len(asked.server.billed) == len(set(asked.server.billed))


def test_the_pace_falls_once_for_what_was_in_flight_and_rises_again():
    pace, now = Pace(), time.monotonic()
    for _ in range(50):
        pace.answered(None)
    assert pace.rate is None, "without a refusal there is no limit"
    pace.refused(now, None)
    fallen = pace.rate
    for _ in range(7):
        pace.refused(now, None)
    assert pace.rate == fallen
    for _ in range(100):
        pace.answered(None)
    assert pace.rate > fallen


def test_after_an_outage_the_pace_soon_is_what_it_was():
    pace = Pace()
    for _ in range(20):
        pace.answered(None)
    pace.refused(time.monotonic(), None)
    held = pace.rate
    for _ in range(60):
        pace.refused(time.monotonic(), None)
    assert pace.rate == LEAST
    answers = 0
    while pace.rate < held:
        pace.answered(None)
        answers += 1
    assert answers < held + 10, "one more a second with each answer"


def test_the_pace_never_falls_to_nothing_and_never_passes_a_stated_limit():
    pace = Pace()
    for _ in range(100):
        pace.refused(time.monotonic(), None)
    assert pace.rate == LEAST
    pace.answered(600.0)
    assert pace.rate == pytest.approx(10 * SHARE), "it says so, and nothing else is known"
    pace.refused(time.monotonic(), None)
    assert pace.rate < 10 * SHARE
    for _ in range(2000):
        pace.answered(600.0)
    assert pace.rate == pytest.approx(10 * SHARE)


# --- what an answer leaves -----------------------------------------------------------------------


def test_an_answer_is_kept_with_all_that_is_known_of_it(few):
    few.run()
    with few.ledger() as ledger:
        records = ledger.answers([attempt["request"] for attempt in attempts(few)])
    assert len(records) == REQUESTS
    for record in records.values():
        assert record.request_id.startswith("req_") and 0 < record.seconds < 60 and not record.batch
        assert record.at.endswith("+00:00") and record.price.startswith("claude_haiku_5_5 20")
        assert record.response["usage"]["output_tokens"] == text_tokens(record.response["content"][0]["text"])


def test_any_change_of_the_request_asks_anew(few):
    few.run()
    few.server.models["claude-other"] = 64
    for number, change in enumerate([{"max_tokens": 300}, {"shots": 2}, {"model": "claude-other"}], start=2):
        few.llm(**change)
        few.run()
        assert len(few.sent) == number * REQUESTS
    few.llm()
    assert "13 answers replayed, 0 asked for" in few.run().stdout, "the first answers are still there"


def test_equal_texts_are_asked_once(few):
    rows = make_rows(3, 3, "e")
    rows["text"] = rows["text"][0]
    rows["label"] = rows["label"][0]
    write_toy(few.root, "test", rows)
    few.server.answer = answering(right_label)
    few.run()
    assert len(few.sent) == 2 and len(few.predictions()) == 4
