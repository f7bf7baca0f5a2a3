"""Asking an API that fails: what is tried again and how often, what stops the run, and how fast it asks."""

from __future__ import annotations

import asyncio
import time
from itertools import pairwise

import pytest

from slingshot.llm.asked import pace
from slingshot.llm.asked.pace import LEAST, SHARE, Pace, Waits
from tests.conftest import make_rows, write_toy
from tests.llm.conftest import REQUESTS, answering, attempts, outcomes, right_label
from tests.messages_api.contract import text_tokens
from tests.messages_api.script import Fault
from tests.messages_api.server import Bucket

# --- tried again ---------------------------------------------------------------------------------

NOT_BILLED = [
    Fault.status(500),
    Fault.status(529),
    Fault.status(529, retry_after=0.1),
    Fault.status(409),
]
UNKNOWN = [
    Fault.drop(),
    Fault.drop(billed=True),
    Fault.cut(),
    Fault.malformed(),
    Fault.wrong_shape(),
    Fault.hang(30),
    Fault.endless(),
    Fault.slow(3),
]


def test_what_was_not_billed_is_tried_again_and_costs_nothing(hasty):
    hasty.server.script(*NOT_BILLED)
    hasty.run()
    assert len(hasty.sent) == REQUESTS + len(NOT_BILLED) and set(hasty.predictions()["status"]) == {
        "ok"
    }
    assert outcomes(hasty) == {"answered": REQUESTS, "unbilled": len(NOT_BILLED)}
    with hasty.ledger() as ledger:
        assert ledger.spent("claude")[0].reserved == 0


def test_an_attempt_of_unknown_outcome_is_tried_again_and_stays_spent(hasty):
    hasty.server.script(*UNKNOWN)
    hasty.run()
    assert len(hasty.sent) == REQUESTS + len(UNKNOWN) and set(hasty.predictions()["status"]) == {
        "ok"
    }
    assert outcomes(hasty) == {"answered": REQUESTS, "unknown": len(UNKNOWN)}
    with hasty.ledger() as ledger:
        [spent] = ledger.spent("claude")
    unknown = [attempt["amount"] for attempt in attempts(hasty) if attempt["outcome"] == "unknown"]
    assert spent.reserved == pytest.approx(sum(unknown))
    assert min(unknown) > max(a["amount"] for a in attempts(hasty) if a["outcome"] == "answered")


def test_the_sdk_itself_tries_nothing_again(hasty):
    hasty.server.script(*[Fault.status(500)] * 3)
    hasty.run()
    tries = {r.headers["x-stainless-retry-count"] for r in hasty.server.requests}
    assert tries == {"0"} and len(attempts(hasty)) == len(hasty.sent) == REQUESTS + 3


# --- stopped -------------------------------------------------------------------------------------

STOPS = {
    "spend limit": (Fault.spend_limit(), "its own spend limit"),
    "key": (Fault.status(401), "refused the key"),
    "payment": (Fault.status(402), "payment first"),
    "rights": (Fault.status(403), "may not do this"),
    "redirect": (Fault.status(307), "redirects to 127.0.0.1 (307)"),
}


@pytest.mark.parametrize(("fault", "message"), STOPS.values(), ids=STOPS)
def test_where_nothing_will_be_taken_the_run_stops_at_once_with_one_message(hasty, fault, message):
    hasty.set("run.concurrency", 2)
    hasty.server.latency = 0.1
    hasty.server.script(fault)
    output = hasty.run(code=1).output
    assert output.count("Error:") == 1 and message in output and "Traceback" not in output
    assert len(hasty.sent) <= 2 and "dvc repro" in output
    assert "unknown" not in outcomes(hasty), "what was in flight was waited for"
    hasty.server.latency = 0.0
    hasty.run()
    assert len(hasty.server.billed) == len(set(hasty.server.billed)) == REQUESTS


def test_a_key_that_the_server_repeats_is_in_no_output_and_in_no_file(hasty, monkeypatch, capfd):
    secret = "sk-ant-secret-123"
    hasty.server.keys = {secret}
    monkeypatch.setenv("ANTHROPIC_API_KEY", secret)
    hasty.server.script(Fault.echo_key())
    result = hasty.run(code=1)
    assert "invalid credentials: Bearer [key]" in result.output
    hasty.server.script(
        Fault.status(500, message=f"proxy: Bearer {secret} failed"),
        Fault.status(400, message=secret),
    )
    hasty.set("run.attempts", 1)
    later = hasty.run(code=1)
    hasty.run()
    printed = result.output + later.output + "".join(capfd.readouterr())
    assert secret not in printed
    hasty.llm(title="Claude again", shots=0)
    monkeypatch.setenv("ANTHROPIC_API_KEY", f"{secret}\n")  # as a file ends
    assert secret not in hasty.run().output
    files = [path for path in hasty.root.rglob("*") if path.is_file()]
    assert any(path.name == "ledger.sqlite" for path in files)
    assert [path for path in files if secret.encode() in path.read_bytes()] == []
    assert all(r.headers["authorization"] == f"Bearer {secret}" for r in hasty.server.requests)


def test_a_key_of_two_lines_is_refused_before_anything_is_sent(hasty, monkeypatch):
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-one\nsk-ant-two")
    output = hasty.run(code=1).output
    assert (
        "ANTHROPIC_API_KEY is not a key: it contains a space, a line break or a special character"
        in output
    )
    assert (
        "sk-ant" not in output
        and not hasty.server.requests
        and set(outcomes(hasty)) == {"unbilled"}
    )


# --- the pace ------------------------------------------------------------------------------------


def test_after_too_often_nothing_is_sent_for_as_long_as_the_api_says(hasty):
    hasty.set("run.concurrency", 3)
    hasty.server.script(*[Fault.slow(0)] * 4, Fault.status(429, retry_after=0.8))
    hasty.run()
    times = sorted(request.at for request in hasty.server.requests)
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
    reached = pace.rate
    for _ in range(60):
        pace.refused(time.monotonic(), None)
    assert pace.rate == LEAST
    answers = 0
    while pace.rate < reached:
        pace.answered(None)
        answers += 1
    assert answers < reached + 10, "one more a second with each answer"


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


# --- what is waited for ---


SAID = "toy-claude: the API asks to wait 1 s (429: as often as you ask); waiting\n"


@pytest.mark.parametrize("mode", ["sync", "batch"])
def test_a_wait_that_the_api_asks_for_is_told_once_with_its_reason(hasty, monkeypatch, mode):
    monkeypatch.setattr(pace, "FEW", 0.3)
    hasty.change({"run.mode": mode, "run.concurrency": 8})
    refusal = Fault.status(429, retry_after=0.9, message="as often as you ask")
    hasty.server.latency = 0.1
    hasty.server.script(*[refusal] * 5)
    hasty.server.batch_faults.append(refusal)
    output = hasty.run().output
    assert output.count(SAID) == output.count("asks to wait") == 1
    assert "waiting" not in output.replace(SAID, "")


def test_a_wait_before_the_next_try_is_told_and_a_short_one_is_not(hasty, monkeypatch):
    hasty.change({"run.concurrency": 4, "run.backoff": 0.4})
    hasty.server.script(*[Fault.status(500, message="odd")] * 4)
    assert "trying again" not in hasty.run().output
    monkeypatch.setattr(pace, "FEW", 0.3)
    hasty.llm(max_tokens=511)
    hasty.server.script(*[Fault.status(500, message="odd")] * 4)
    assert (
        hasty.run().output.count("toy-claude: no answer (500: odd); trying again within 0 s\n") == 1
    )


def test_each_wait_is_told_once_and_again_where_it_takes_much_longer(monkeypatch):
    lines: list[str] = []
    waits = Waits(lines.append)
    for seconds, why in [
        (4, "short"),
        (60, "one"),
        (60, "the same"),
        (100, "hardly longer"),
        (3600, "far longer"),
    ]:
        waits.tell(seconds, why)
    assert lines == ["one", "far longer"]


def test_a_slow_pace_is_told_once_a_rate(monkeypatch):
    lines: list[str] = []
    waits, slow = Waits(lines.append), Pace()
    slow.answered(2.0)
    asyncio.run(slow.turn())
    for _ in range(3):
        waits.tell_pace(slow)
        waits._until = 0.0  # it is over
    assert lines == ["the API accepts at most 1.97 requests a minute; the next one waits 30 s"]


# --- what an answer leaves -----------------------------------------------------------------------


def test_an_answer_is_kept_with_all_that_is_known_of_it(hasty):
    hasty.run()
    with hasty.ledger() as ledger:
        records = ledger.answers([attempt["request"] for attempt in attempts(hasty)])
    assert len(records) == REQUESTS
    for record in records.values():
        assert record.request_id.startswith("req_") and 0 < record.seconds < 60 and not record.batch
        assert record.at.endswith("+00:00") and record.price.startswith("claude_haiku_5_5 20")
        assert record.response["usage"]["output_tokens"] == text_tokens(
            record.response["content"][0]["text"]
        )


def test_any_change_of_the_request_asks_anew(hasty):
    hasty.run()
    hasty.server.models["claude-other"] = 64
    for number, change in enumerate(
        [{"max_tokens": 300}, {"shots": 2}, {"model": "claude-other"}], start=2
    ):
        hasty.llm(**change)
        hasty.run()
        assert len(hasty.sent) == number * REQUESTS
    hasty.llm()
    assert "13 answers replayed, 0 asked for" in hasty.run().stdout, (
        "the first answers are still there"
    )


def test_equal_texts_are_asked_once(hasty):
    rows = make_rows(3, 3, "e")
    rows["text"] = rows["text"][0]
    rows["label"] = rows["label"][0]
    write_toy(hasty.root, "test", rows)
    hasty.server.answer = answering(right_label)
    hasty.run()
    assert len(hasty.sent) == 2 and len(hasty.predictions()) == 4
