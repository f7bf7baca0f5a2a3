"""Kills, Ctrl-C, two processes and a full disk: no stored answer is lost, and none is paid again."""

from __future__ import annotations

import os
import re
import signal
import time
from collections import Counter

import pytest

from tests.conftest import make_rows, write_toy
from tests.llm.conftest import ROWS, attempts
from tests.llm.processes import forked, stage, wait_for
from tests.messages_api.contract import request_key
from tests.messages_api.script import Fault
from tests.mounts import needs_mounts

AT_ONCE = 4


@pytest.fixture(autouse=True)
def lost_connections_are_no_problem(asked):
    """Drop the problems that the server notes where its client was killed before it read the reply."""
    yield
    asked.server.problems = [
        problem for problem in asked.server.problems if "onnection" not in problem
    ]


def stored(asked) -> set[str]:
    if not (asked.root / "state/ledger.sqlite").exists():
        return set()
    with asked.ledger() as ledger:
        return set(ledger.answers([attempt["request"] for attempt in attempts(asked)]))


def outcomes(asked) -> Counter[str]:
    return Counter(attempt["outcome"] for attempt in attempts(asked))


# --- kill -9 -------------------------------------------------------------------------------------


def test_whatever_is_killed_when_no_answer_is_lost_and_only_what_was_in_flight_is_paid_again(asked):
    asked.set("run.concurrency", AT_ONCE)
    asked.server.latency = 0.03
    kept: set[str] = set()
    kills = 0
    for answers in (0, 3, 11, 12, 30, 45, 60):
        process = forked(asked.root)
        sent = len(asked.sent)
        wait_for(lambda: len(asked.sent) > sent and len(asked.server.billed) >= answers)  # noqa: B023
        process.kill()
        process.join()
        assert process.exitcode == -signal.SIGKILL
        kills += 1
        time.sleep(0.1)  # the server is still answering
        now = stored(asked)
        assert kept <= now
        kept = now
    in_flight = [attempt for attempt in attempts(asked) if attempt["outcome"] in (None, "unknown")]
    assert len(in_flight) <= kills * AT_ONCE
    asked.run()
    assert outcomes(asked) == {"answered": ROWS, "unknown": len(in_flight)}
    again = len(asked.server.billed) - len(set(asked.server.billed))
    assert again <= len(in_flight)
    times = Counter(attempt["request"] for attempt in attempts(asked) if attempt["request"] in kept)
    lost = Counter(attempt["request"] for attempt in in_flight)
    assert all(times[request] == 1 + lost[request] for request in kept), (
        "what was stored is not asked again"
    )
    with asked.ledger() as ledger:
        [spent] = ledger.spent("claude")
    assert spent.reserved == pytest.approx(sum(attempt["amount"] for attempt in in_flight))


def test_batches_too_survive_every_kill(asked):
    """The run is killed before the batch, before its id is known, while it waits for it, and while it reads it."""
    asked.set("run.mode", "batch")
    asked.server.batch_polls = 10**9
    asked.server.batch_faults.append(Fault("hang", seconds=0.3, after=True))

    def polls() -> int:
        return sum(r.method == "GET" for r in asked.server.requests)

    def killed(event) -> None:
        process = forked(asked.root)
        wait_for(event)
        process.kill()
        process.join()

    killed(lambda: asked.server.batches)
    killed(lambda: polls() > 3)
    asked.server.batch_polls = 0
    killed(lambda: stored(asked))
    kept = stored(asked)
    asked.run()
    assert len(asked.server.batches) == 1 and not asked.sent
    assert len(asked.server.billed) == len(set(asked.server.billed)) == ROWS
    assert kept <= stored(asked) and outcomes(asked) == {"answered": ROWS}


# --- Ctrl-C --------------------------------------------------------------------------------------


def is_whole_after_ctrl_c(asked, output: str) -> Counter[str]:
    """The outcomes of the attempts, after the next run has asked only for the rest."""
    assert (
        "Traceback" not in output and "interrupted" in output and "run `dvc repro` again" in output
    )
    counted = outcomes(asked)
    assert counted["answered"] == len(stored(asked)) == len(asked.server.billed)
    assert re.search(rf"\b{counted['answered']} of {ROWS} requests are answered", output)
    asked.server.latency = 0
    asked.server.requests.clear()
    asked.run()
    assert len(asked.sent) == ROWS - counted["answered"]
    assert len(asked.server.billed) == len(set(asked.server.billed)) == ROWS
    return counted


def test_ctrl_c_stops_soon_and_keeps_what_was_in_flight(asked):
    asked.set("run.concurrency", AT_ONCE)
    asked.server.latency = 0.15
    process = stage(asked.root)
    wait_for(lambda: len(asked.sent) >= 2 * AT_ONCE)
    process.send_signal(signal.SIGINT)
    signalled = time.monotonic()
    output, _ = process.communicate(timeout=60)
    assert time.monotonic() - signalled < 4 and process.returncode == 130, output
    assert is_whole_after_ctrl_c(asked, output)["unknown"] == 0


def test_ctrl_c_stops_soon_where_the_api_hangs_and_counts_that_as_spent(asked):
    asked.set("run.concurrency", AT_ONCE)
    asked.server.script(*[Fault.slow(0)] * 6, *[Fault.hang(60)] * AT_ONCE)
    process = forked(asked.root)
    wait_for(lambda: len(asked.sent) == 6 + AT_ONCE)
    os.kill(process.pid, signal.SIGINT)
    signalled = time.monotonic()
    process.join(60)
    assert time.monotonic() - signalled < 4 and process.exitcode == 130
    assert (
        is_whole_after_ctrl_c(asked, (asked.root / "stage.log").read_text())["unknown"] == AT_ONCE
    )


@pytest.mark.parametrize("while_it", ["waits for the API's retry-after", "waits for a batch"])
def test_ctrl_c_ends_every_wait(asked, while_it):
    if while_it == "waits for a batch":
        asked.set("run.mode", "batch")
        asked.set("run.poll", 60)
        asked.server.batch_polls = 10**9
        sent = lambda: any(r.method == "GET" for r in asked.server.requests)  # noqa: E731
    else:
        asked.server.script(*[Fault.status(429, retry_after=600)] * 8)
        sent = lambda: len(asked.sent) == 8  # noqa: E731
    process = forked(asked.root)
    wait_for(sent)
    time.sleep(0.2)
    os.kill(process.pid, signal.SIGINT)
    signalled = time.monotonic()
    process.join(60)
    assert time.monotonic() - signalled < 4 and process.exitcode == 130
    asked.set("run.mode", "sync")
    asked.server.batch_polls = 0
    asked.run()
    assert len(asked.server.billed) == len(set(asked.server.billed)) == ROWS


# --- two at once ---------------------------------------------------------------------------------


def test_two_processes_on_one_cell_bill_no_request_twice(asked):
    asked.server.latency = 0.02
    processes = [forked(asked.root) for _ in range(2)]
    for process in processes:
        process.join(120)
    assert [process.exitcode for process in processes] == [0, 0]
    assert len(asked.server.billed) == len(set(asked.server.billed)) == ROWS
    assert outcomes(asked) == {"answered": ROWS}


def test_one_that_is_killed_leaves_its_part_to_the_other(asked):
    asked.server.latency = 0.05
    first, second = forked(asked.root), forked(asked.root)
    wait_for(lambda: len(asked.sent) > 20)
    first.kill()
    first.join()
    second.join(120)
    assert second.exitcode == 0
    assert outcomes(asked)["answered"] == ROWS
    assert len(asked.server.billed) - ROWS <= outcomes(asked)["unknown"] <= 8


# --- a full disk ---------------------------------------------------------------------------------


@needs_mounts
def test_on_a_full_disk_it_says_so_and_sends_nothing_more(asked):
    write_toy(asked.root, "test", make_rows(1000, 3, "e"))
    asked.set("run.concurrency", AT_ONCE)
    (asked.root / "state").mkdir()
    mounted = f'mount -t tmpfs -o size=400k none "{asked.root}/state" && exec "$@"'
    process = stage(asked.root, "unshare", "-rm", "sh", "-c", mounted, "sh")
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 1 and "Traceback" not in output
    assert (
        output.count("Error:") == 1
        and "ledger.sqlite: the ledger of paid answers can't be used" in output
    )
    assert "full" in output and 0 < len(asked.sent) < 500
    assert len(set(map(request_key, asked.sent))) == len(asked.sent)
