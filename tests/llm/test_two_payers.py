"""Two processes pay from one ledger. No process number and no clock tells the living from the dead; nothing is paid
twice."""

from __future__ import annotations

import errno
import json
import shutil
import signal
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from slingshot.settings import load
from tests.conftest import make_rows, write_toy
from tests.llm.conftest import REQUESTS as REQUESTS_OF_FEW
from tests.llm.conftest import Asked, attempts, made, outcomes, paid_once, reserved
from tests.llm.processes import forked, stage, wait_for
from tests.messages_api.script import Fault

NAMESPACE = ("unshare", "-rpf", "--mount-proc", "--kill-child")
"""Runs a command with process numbers of its own under the same host name, as in a container."""
AHEAD = 400.0
"""How wrong one of two clocks is, in seconds: more than `run.timeout` and any wait."""
REQUESTS = 120


def namespaces() -> bool:
    if not shutil.which("unshare"):
        return False
    return (
        subprocess.run([*NAMESPACE, sys.executable, "-c", ""], capture_output=True).returncode == 0
    )


needs_namespaces = pytest.mark.skipif(
    not namespaces(), reason="unshare -rpf --mount-proc is not permitted here"
)


@pytest.fixture
def many(asked: Asked) -> Iterator[Asked]:
    """120 requests. The first ones take so long that another process can start meanwhile."""
    write_toy(asked.root, "test", make_rows(REQUESTS - 24, 3, "e"))
    asked.server.latency = 2.5
    yield asked
    asked.server.problems = [
        problem for problem in asked.server.problems if "onnection" not in problem
    ]


def overlap(asked: Asked) -> None:
    """Wait until both are asking, and let them go on."""
    wait_for(lambda: len(asked.sent) >= 2 * load().run.concurrency)
    asked.server.latency = 0.05


def twice(asked: Asked) -> int:
    """How many requests were paid more than once."""
    return sum(times > 1 for times in Counter(asked.server.billed).values())


def test_one_that_was_stopped_is_waited_for_and_this_is_said(many):
    first = stage(many.root)
    wait_for(lambda: many.sent)
    first.send_signal(signal.SIGSTOP)
    second = stage(many.root)
    assert second.stdout is not None
    while "another process is sending requests that this run needs too; waiting until it" not in (
        line := second.stdout.readline()
    ):
        assert line, "it ended without waiting"
    assert second.poll() is None
    many.server.latency = 0.05
    first.send_signal(signal.SIGCONT)
    outputs = [process.communicate(timeout=120)[0] for process in (first, second)]
    assert [first.returncode, second.returncode] == [0, 0], outputs
    assert twice(many) == 0 and "another process is sending requests" not in "".join(outputs)


@needs_namespaces
def test_one_in_another_process_namespace_is_alive(many):
    inside, outside = stage(many.root, *NAMESPACE), forked(many.root)
    overlap(many)
    output, _ = inside.communicate(timeout=120)
    outside.join(120)
    assert (inside.returncode, outside.exitcode) == (0, 0), output
    assert twice(many) == 0 and outcomes(many) == {"answered": REQUESTS}


@needs_namespaces
def test_one_that_died_in_another_process_namespace_is_dead(many):
    many.server.latency = 0.05
    inside = stage(many.root, *NAMESPACE)
    wait_for(lambda: len(many.sent) > 20)
    inside.kill()
    inside.communicate()
    many.run()
    lost = outcomes(many)["unknown"]
    assert 0 < lost <= 8 and outcomes(many) == {"answered": REQUESTS, "unknown": lost}
    assert twice(many) <= lost


@pytest.mark.parametrize(
    "clocks", [(0.0, AHEAD), (AHEAD, 0.0)], ids=["the second's", "the first's"]
)
def test_one_whose_clock_is_wrong_is_alive(many, clocks):
    processes = [forked(many.root, clocks[0])]
    wait_for(lambda: many.sent)
    processes.append(forked(many.root, clocks[1]))
    overlap(many)
    for process in processes:
        process.join(120)
    assert [process.exitcode for process in processes] == [0, 0]
    assert twice(many) == 0 and outcomes(many) == {"answered": REQUESTS}


@pytest.mark.parametrize("ahead", [AHEAD, -AHEAD])
def test_a_lost_batch_is_found_by_one_whose_clock_was_wrong_when_it_was_made(batched, ahead):
    batched.server.batch_faults.append(Fault("hang", seconds=30, after=True))
    batched.set("run.timeout", 30.0)
    process = forked(batched.root, ahead)
    wait_for(lambda: batched.server.batches)
    process.kill()
    process.join()
    assert all(attempt["batch"].startswith("new:") for attempt in attempts(batched))
    batched.run()
    assert len(made(batched)) == 1 and paid_once(batched) and reserved(batched) == 0


# --- a file system without locks -----------------------------------------------------------------

SHIM = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>

static int refused(void) { errno = atoi(getenv("REFUSED")); return -1; }

int flock(int file, int operation) { return refused(); }

static int without(const char *name, int file, int command, void *argument) {
    if (command == F_SETLK || command == F_SETLKW || command == F_GETLK) return refused();
    return ((int (*)(int, int, ...))dlsym(RTLD_NEXT, name))(file, command, argument);
}

#define WITHOUT(name) int name(int file, int command, ...) { \\
    va_list rest; va_start(rest, command); void *argument = va_arg(rest, void *); va_end(rest); \\
    return without(#name, file, command, argument); }
WITHOUT(fcntl)
WITHOUT(fcntl64)
"""
"""Answers every request for a lock as a file system without locks does."""
HOLDS = """
import sys
from pathlib import Path
from slingshot.llm.asked.ledger import Ledger

with Ledger(Path(sys.argv[1])) as ledger:
    print("open", flush=True)
    sys.stdin.read()
"""


@pytest.fixture(scope="module")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shim")
    (folder / "shim.c").write_text(SHIM)
    build = ["cc", "-shared", "-fPIC", "-o", "shim.so", "shim.c", "-ldl"]
    if (
        not sys.platform.startswith("linux")
        or not shutil.which("cc")
        or subprocess.run(build, cwd=folder).returncode
    ):
        pytest.skip("needs Linux and a C compiler")
    return folder / "shim.so"


@pytest.fixture
def lockless(shim: Path) -> tuple[str, ...]:
    """The command under which another command finds no locks."""
    return refusing(shim, errno.ENOSYS)


def refusing(shim: Path, number: int) -> tuple[str, ...]:
    return "env", f"LD_PRELOAD={shim}", f"REFUSED={number}"


def opened(file: Path, *under: str) -> subprocess.Popen[str]:
    """A process that has the ledger open until its input ends."""
    call = [*under, sys.executable, "-c", HOLDS, str(file)]
    process = subprocess.Popen(
        call, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    process.stdout.readline()
    return process


def test_without_locks_one_pays_at_a_time_and_the_next_is_told_who_does(few, lockless):
    few.server.latency = 3.0
    first = stage(few.root, *lockless)
    wait_for(lambda: few.sent)
    marker = few.root / "state/ledger.sqlite-payer"
    assert json.loads(marker.read_text())["process"] == first.pid
    for under in (lockless, ()):
        output, _ = stage(few.root, *under).communicate(timeout=60)
        assert output.count("Error:") == 1 and "Traceback" not in output
        assert f"{marker}: the file system has no locks" in output and "delete that file" in output
        assert f"process {first.pid} on {socket.gethostname()} has used it since 20" in output
    few.server.latency = 0
    output, _ = first.communicate(timeout=60)
    assert first.returncode == 0, output
    assert paid_once(few) and not marker.exists()
    few.run()
    assert paid_once(few)


def test_without_locks_a_killed_payer_leaves_its_marker_and_loses_no_answer(few, lockless):
    few.set("run.concurrency", 2)
    few.server.latency = 0.1
    process = stage(few.root, *lockless)
    wait_for(lambda: len(few.server.billed) > 4)
    process.kill()
    process.communicate()
    output, _ = stage(few.root, *lockless).communicate(timeout=60)
    assert "if it was killed, delete that file" in output
    (few.root / "state/ledger.sqlite-payer").unlink()
    again = stage(few.root, *lockless)
    output, _ = again.communicate(timeout=60)
    assert again.returncode == 0, output
    lost = outcomes(few)["unknown"]
    assert outcomes(few) == {"answered": REQUESTS_OF_FEW, "unknown": lost} and lost <= 2
    assert twice(few) <= lost
    few.server.problems = [problem for problem in few.server.problems if "onnection" not in problem]


@pytest.mark.parametrize(
    "number", [errno.ENOSYS, errno.ENOTSUP, errno.ENOLCK], ids=errno.errorcode.get
)
def test_one_without_locks_keeps_away_from_one_that_has_them(tmp_path, shim, number):
    file = tmp_path / "ledger.sqlite"
    first = opened(file)
    _, output = opened(file, *refusing(shim, number)).communicate()
    assert "another process uses this ledger with locks" in output
    first.communicate("")
    second = opened(file, *refusing(shim, number))
    second.communicate("")
    assert second.returncode == 0 and not (tmp_path / "ledger.sqlite-payer").exists()
