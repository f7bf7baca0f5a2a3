"""The ledger file: what it keeps, who may share it, and how attempts end whose process is gone."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest

from slingshot.llm.asked.entries import Hold, Record, Spent
from slingshot.llm.asked.ledger import Ledger
from slingshot.settings import UserError
from tests.llm.processes import wait_for
from tests.mounts import needs_mounts

RECORD = Record(
    {"content": ["a"], "usage": {"input_tokens": 3}},
    "req_1",
    0.25,
    "2026-11-01T00:00:00Z",
    False,
    "p",
)
HOLD = Hold("claude", "USD", 10.0)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "ledger.sqlite"


@pytest.fixture
def ledger(file: Path) -> Iterator[Ledger]:
    with Ledger(file) as ledger:
        yield ledger


def spent(ledger: Ledger) -> Spent:
    [spent] = ledger.spent("claude")
    return spent


# --- answers -------------------------------------------------------------------------------------


def test_an_answer_comes_back_as_it_was_from_another_connection(ledger, file):
    [attempt] = ledger.reserve({"a": 1.0}, HOLD).entered.values()
    ledger.settle(attempt, "answered", 0.2, RECORD)
    with Ledger(file) as other:
        assert other.answers(["a", "b"]) == {"a": RECORD}
        assert spent(other) == Spent("USD", 0.2, 0.0, 1)


def test_thousands_of_answers_are_looked_up_at_once(ledger):
    records = {f"r{number}": RECORD for number in range(1200)}
    ledger.adopt(records)
    assert ledger.answers([*records, "another"]).keys() == records.keys()


def test_the_first_answer_to_a_request_stays(ledger):
    later = Record({"content": ["b"]}, "req_2", None, "2026-11-02T00:00:00Z", True, "q")
    ledger.adopt({"a": RECORD})
    ledger.adopt({"a": later})
    assert ledger.answers(["a"]) == {"a": RECORD}


def test_what_is_answered_is_never_reserved_again(ledger):
    ledger.adopt({"a": RECORD})
    reservation = ledger.reserve({"a": 1.0, "b": 1.0}, HOLD)
    assert reservation.answered == {"a"} and reservation.entered.keys() == {"b"}


def test_a_commit_returns_when_it_is_on_disk(ledger):
    assert ledger._db.execute("PRAGMA synchronous").fetchone() == (2,), "FULL"


# --- attempts ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("outcome", "bill", "left"),
    [("answered", 0.2, (0.2, 0, 1)), ("unbilled", 0.0, (0, 0, 0)), ("unknown", None, (0, 1, 0))],
)
def test_an_attempt_holds_its_most_until_its_bill_is_known(ledger, outcome, bill, left):
    [attempt] = ledger.reserve({"a": 1.0}, HOLD).entered.values()
    assert spent(ledger) == Spent("USD", 0.0, 1.0, 0)
    ledger.settle(attempt, outcome, bill, RECORD if bill else None)
    assert spent(ledger) == Spent("USD", *left)
    assert ledger.in_flight(["a"]) == []


def test_what_another_connection_is_asking_is_left_to_it(ledger, file):
    ledger.reserve({"a": 1.0}, HOLD)
    with Ledger(file) as other:
        reservation = other.reserve({"a": 1.0, "b": 1.0}, HOLD)
        assert reservation.busy == {"a"} and reservation.entered.keys() == {"b"}


HOLDS = """
import os, sys
from pathlib import Path
from slingshot.llm.asked.entries import Hold
from slingshot.llm.asked.ledger import Ledger

ledger = Ledger(Path(sys.argv[1]))
ledger.reserve({"a": 1.0}, Hold("claude", "USD", 10.0))
if len(sys.argv) > 2:
    os.fork() or os.execvp(sys.argv[2], sys.argv[2:])
print(ledger.owner, flush=True)
sys.stdin.read()
"""


def holding(file: Path, *more: str) -> tuple[subprocess.Popen[str], str]:
    """A process that has an attempt at "a" in flight, and its owner's name."""
    call = [sys.executable, "-c", HOLDS, str(file), *more]
    process = subprocess.Popen(call, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    return process, process.stdout.readline().strip()


@pytest.mark.parametrize("reaped", [True, False], ids=["waited for", "not waited for"])
def test_an_attempt_whose_process_was_killed_counts_as_spent_and_is_made_again(
    ledger, file, reaped
):
    process, owner = holding(file)
    assert [flight.alive for flight in ledger.in_flight(["a"])] == [True]
    assert ledger.reserve({"a": 2.0}, HOLD).busy == {"a"}
    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | (0 if reaped else os.WNOWAIT))
    assert [flight.alive for flight in ledger.in_flight(["a"])] == [False]
    assert ledger.reserve({"a": 2.0}, HOLD).entered.keys() == {"a"}
    assert spent(ledger).reserved == 3.0
    assert not (file.parent / f"ledger.sqlite-owners/{owner}.lock").exists(), (
        "what the dead left is removed"
    )
    process.communicate()


def test_what_a_payer_has_started_does_not_keep_it_alive(ledger, file):
    process, _ = holding(file, "cat")  # until the test's end
    process.kill()
    process.wait()
    wait_for(lambda: not ledger.in_flight(["a"])[0].alive)  # once the child has had time to begin
    process.communicate()


def test_a_connection_that_is_closed_is_gone_and_leaves_no_file(ledger, file):
    with Ledger(file) as other:
        other.reserve({"a": 1.0}, HOLD)
        assert [flight.alive for flight in ledger.in_flight(["a"])] == [True]
    assert [flight.alive for flight in ledger.in_flight(["a"])] == [False]
    assert len(list((file.parent / "ledger.sqlite-owners").iterdir())) == 1


def test_what_the_dead_left_goes_when_the_file_is_opened(file):
    process, owner = holding(file)
    process.kill()
    process.communicate()
    assert (file.parent / f"ledger.sqlite-owners/{owner}.lock").exists()
    Ledger(file).close()
    assert not list((file.parent / "ledger.sqlite-owners").iterdir())


def test_an_answer_that_comes_after_its_attempt_was_given_up_is_kept_and_billed(ledger, file):
    mine, ledger.owner = ledger.owner, "of one that lost its lock"
    [attempt] = ledger.reserve({"a": 1.0}, HOLD).entered.values()
    ledger.owner = mine
    with Ledger(file) as other:
        [again] = other.reserve({"a": 1.0}, HOLD).entered.values()
        ledger.settle(attempt, "answered", 0.2, RECORD)
        assert other.answers(["a"]) == {"a": RECORD}
        assert other.settle(again, "unknown")
    assert spent(ledger) == Spent("USD", 0.2, 1.0, 1)


def test_two_that_collect_one_batch_bill_it_once(ledger, file):
    [attempt] = ledger.reserve({"a": 1.0}, HOLD, "batch").entered.values()
    with Ledger(file) as other:
        assert ledger.settle(attempt, "answered", 0.2, RECORD)
        assert not other.settle(attempt, "answered", 0.2, RECORD)
        assert not other.settle(attempt, "unknown")
        assert not other.settle(attempt, "unbilled", 0.0)
    assert spent(ledger) == Spent("USD", 0.2, 0.0, 1)


# --- several at once -----------------------------------------------------------------------------


def at_once(work: Any) -> list[Any]:
    """The results of `work` in eight threads that start together."""
    start = Barrier(8)

    def started(_: int) -> Any:
        start.wait()
        return work()

    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(started, range(8)))


OPEN_MANY = """
import sys, time
from pathlib import Path
from slingshot.llm.asked.ledger import Ledger

folder, start = Path(sys.argv[1]), float(sys.argv[2])
for number in range(40):
    time.sleep(max(0, start + number / 40 - time.time()))
    Ledger(folder / f"{number}.sqlite").close()
"""


def test_a_new_file_may_be_opened_by_several_processes_at_once(tmp_path):
    call = [sys.executable, "-c", OPEN_MANY, str(tmp_path), str(time.time() + 2)]
    processes = [subprocess.Popen(call, stderr=subprocess.PIPE, text=True) for _ in range(4)]
    assert [process.communicate()[1] for process in processes] == [""] * 4


def test_several_at_once_enter_each_request_once_and_keep_to_the_limit(file):
    def reserved() -> dict[str, int]:
        with Ledger(file) as ledger:
            hold = Hold("claude", "USD", 10.0)
            parts = [ledger.reserve({f"r{n}": 1.0}, hold).entered for n in range(15)]
        return {request: attempt for entered in parts for request, attempt in entered.items()}

    entered = [request for each in at_once(reserved) for request in each]
    assert sorted(entered) == sorted(set(entered)) and len(entered) == 10


# --- what rotted ---------------------------------------------------------------------------------

COLUMNS = ["request", "response", "request_id", "seconds", "at", "batch", "price"]


def change(file: Path, sql: str, *values: Any) -> None:
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute(sql, values).rowcount == 1
        connection.commit()


@pytest.mark.parametrize("column", [*COLUMNS[1:], "digest"])
def test_an_answer_that_is_not_as_it_was_written_is_named_and_given_to_nobody(ledger, file, column):
    ledger.adopt({"a": RECORD, "b": RECORD})
    (value,) = ledger._db.execute(f"SELECT {column} FROM answers WHERE request = 'a'").fetchone()
    rotten = value + 1 if isinstance(value, int | float) else value[:-1] + chr(ord(value[-1]) ^ 1)
    change(file, f"UPDATE answers SET {column} = ? WHERE request = 'a'", rotten)
    with pytest.raises(
        UserError,
        match=r"ledger\.sqlite: the answer to request a is .*`slingshot ledger --rebuild`",
    ):
        ledger.answers(["b", "a"])
    assert ledger.answers(["b"]) == {"b": RECORD} and ledger.rotten() == ["a"]


@pytest.mark.parametrize(
    "response",
    [b"{", b"[]", b"\xff\xfe", b"", b"[" * 100_000],
    ids=["cut", "a list", "no text", "nothing", "deep"],
)
def test_an_answer_that_is_no_json_is_rotten_whatever_its_digest(ledger, file, response):
    ledger.adopt({"a": RECORD})
    change(file, "UPDATE answers SET response = CAST(? AS TEXT)", response)
    with pytest.raises(UserError, match="the answer to request a is damaged"):
        ledger.answers(["a"])
    assert ledger.rotten() == ["a"]
    ledger.drop_rotten()
    assert ledger.rotten() == [] and ledger.answers(["a"]) == {}


def test_a_request_that_rotted_is_found_and_can_be_dropped(ledger, file):
    ledger.adopt({"abc": RECORD})
    change(file, "UPDATE answers SET request = CAST(? AS TEXT)", b"a\xe2c")
    [rotten] = ledger.rotten()
    assert rotten == "a\ufffdc" and ledger.answers(["abc"]) == {}
    ledger.drop_rotten()
    assert ledger.rotten() == []


@pytest.mark.parametrize("seconds", [None, 1, 0.1 + 0.2, 1e-9])
def test_every_answer_is_sound_when_it_is_read_again(ledger, seconds):
    odd = {"content": ["\x00 \u2028 é 🙂", 1e400, None], "usage": {}}
    record = Record(odd, "req \x00", seconds, "2026-11-01T00:00:00Z", True, "p é")
    ledger.adopt({"a": record})
    assert ledger.answers(["a"]) == {"a": record} and ledger.rotten() == []


def test_a_sound_answer_takes_a_rotten_ones_place_and_keeps_its_bill(ledger, file):
    [attempt] = ledger.reserve({"a": 1.0}, HOLD).entered.values()
    ledger.settle(attempt, "answered", 0.2, RECORD)
    change(file, "UPDATE answers SET response = 'rot'")
    assert ledger.restore("claude", {"a": (RECORD, "USD", 0.2), "b": (RECORD, "USD", 0.3)}) == 1
    assert ledger.restore("claude", {"a": (RECORD, "USD", 0.2), "b": (RECORD, "USD", 0.3)}) == 0
    assert ledger.answers(["a", "b"]) == {"a": RECORD, "b": RECORD}
    assert spent(ledger) == Spent("USD", 0.5, 0.0, 2)
    assert ledger.reserve({"c": 9.6}, HOLD).over, "what is restored counts against the limit"


# --- versions of the tables ----------------------------------------------------------------------

OLD = """
CREATE TABLE answers (request TEXT PRIMARY KEY, response TEXT NOT NULL, request_id TEXT NOT NULL, seconds REAL,
    at TEXT NOT NULL, batch INTEGER NOT NULL, price TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE attempts (id INTEGER PRIMARY KEY, request TEXT NOT NULL, llm TEXT NOT NULL, owner TEXT NOT NULL,
    at REAL NOT NULL, until REAL NOT NULL, currency TEXT NOT NULL, amount REAL NOT NULL, batch TEXT, outcome TEXT);
CREATE INDEX in_flight ON attempts (request) WHERE outcome IS NULL;
CREATE INDEX batches ON attempts (batch) WHERE batch IS NOT NULL;
CREATE TABLE totals (llm TEXT, currency TEXT, amount REAL NOT NULL, PRIMARY KEY (llm, currency));
INSERT INTO answers VALUES ('a', '{"content": ["a"], "usage": {"input_tokens": 3}}', 'req_1', 0.25,
    '2026-11-01T00:00:00Z', 0, 'p'), ('rotten', '{"content', 'req_2', NULL, '2026-11-01T00:00:00Z', 1, 'p');
INSERT INTO attempts VALUES (1, 'a', 'claude', 'host|1|2.00', 1.0, 2.0, 'USD', 0.2, NULL, 'answered'),
    (2, 'b', 'claude', 'host|1|2.00', 1.0, 9e9, 'USD', 1.0, NULL, NULL),
    (3, 'c', 'claude', 'host|1|2.00', 1.0, 9e9, 'USD', 1.0, 'msgbatch_1', NULL);
INSERT INTO totals VALUES ('claude', 'USD', 2.2);
"""


def write_old(file: Path) -> None:
    """A ledger as it was before its tables had a version: a bill, a request in flight, one in a batch."""
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.executescript(OLD)


def test_a_file_of_the_old_tables_is_brought_up_to_date_in_place(file):
    write_old(file)
    with Ledger(file) as ledger:
        assert ledger.answers(["a"]) == {"a": RECORD} and ledger.rotten() == ["rotten"]
        assert spent(ledger) == Spent("USD", 0.2, 2.0, 1)
        assert ledger.known("llm") == {"claude"}
        flights = [(flight.batch, flight.alive) for flight in ledger.in_flight("bc")]
        assert flights == [(None, False), ("msgbatch_1", False)]
        reservation = ledger.reserve({"b": 1.0, "c": 1.0}, HOLD)
        assert reservation.entered.keys() == {"b"} and reservation.busy == {"c"}
        own, tables = ledger.id, schema(file)
    with Ledger(file) as again:
        assert again.id == own
    with Ledger(file.with_name("new.sqlite")) as new:
        assert new.id != own
    assert tables == schema(file.with_name("new.sqlite"))


def schema(file: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Table or index -> its columns."""
    with closing(sqlite3.connect(file)) as connection:
        names = [
            name for (name,) in connection.execute("SELECT name FROM sqlite_master ORDER BY name")
        ]
        return {name: connection.execute(f"PRAGMA table_info({name})").fetchall() for name in names}


def test_an_old_file_may_be_brought_up_to_date_by_several_at_once(file):
    write_old(file)
    assert len(set(at_once(lambda: opened_id(file)))) == 1


def opened_id(file: Path) -> str:
    with Ledger(file) as ledger:
        return ledger.id


def test_a_file_of_a_newer_version_is_one_clear_error_and_stays_as_it_is(file):
    Ledger(file).close()
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA user_version = 2")
        connection.execute("PRAGMA journal_mode = DELETE")
    before = file.read_bytes()
    with pytest.raises(
        UserError, match=r"ledger\.sqlite: a newer Slingshot wrote this ledger .*: update Slingshot"
    ):
        Ledger(file)
    assert file.read_bytes() == before


# --- a file that can't be used -------------------------------------------------------------------


def garbage(file: Path) -> None:
    file.write_bytes(os.urandom(5000))


def cut(file: Path) -> None:
    with Ledger(file) as ledger:
        ledger.adopt({f"r{n}": RECORD for n in range(500)})
    file.write_bytes(file.read_bytes()[:9000])


def of_another_program(file: Path) -> None:
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE TABLE answers (question TEXT)")


@pytest.mark.parametrize("spoil", [garbage, cut, of_another_program, Path.mkdir])
def test_a_file_that_is_no_ledger_is_named_in_one_error(file, spoil):
    spoil(file)
    with (
        pytest.raises(UserError, match=r"ledger\.sqlite: the ledger .* can't be used"),
        Ledger(file) as ledger,
    ):
        ledger.answers([f"r{n}" for n in range(500)])
        ledger.reserve({"a": 1.0}, HOLD)


OPENS = """
import pathlib, sys
from slingshot.llm.asked.ledger import Ledger
Ledger(pathlib.Path(sys.argv[1])).__enter__()
"""


@needs_mounts
def test_a_ledger_on_a_read_only_disk_comes_with_the_remedy_of_that(tmp_path):
    mounted = 'mount -t tmpfs none "$1" && mount -o remount,ro "$1" && exec "$2" -c "$3" "$1/ledger.sqlite"'
    call = ["unshare", "-rm", "sh", "-c", mounted, "sh", str(tmp_path), sys.executable, OPENS]
    done = subprocess.run(call, capture_output=True, text=True)
    assert (
        "can't be used: its disk is read-only. Nothing more is sent. Make it writable (or move it"
        in done.stderr
    )


def test_a_ledger_that_can_t_be_read_stops_the_stage_before_anything_is_sent(asked):
    (asked.root / "state").mkdir()
    garbage(asked.root / "state/ledger.sqlite")
    assert "ledger.sqlite: the ledger of paid answers can't be used" in asked.run(code=1).output
    assert not asked.server.requests
