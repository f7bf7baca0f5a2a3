"""Runs the stage in processes of its own, so that a test can kill them.

One process loads all modules once and forks the others, so that a hundred of them take seconds. It imports this file:
nothing here may load the tests' own slow modules.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

LOADED = [
    "stages.prompt_llm",
    "slingshot.llm.anthropic.api",
    "slingshot.llm.task",
    "anthropic",
    "httpx2",
]
SHARED = ("SLINGSHOT_STATE", "ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL")
ROOT = Path(__file__).resolve().parents[2]


CALL = [
    sys.executable,
    "-c",
    "import os; from slingshot.settings import llms; llms.ANTHROPIC_API = os.environ['ANTHROPIC_BASE_URL'];"
    "from stages.prompt_llm import main; main(['toy', 'claude'])",
]
"""The stage as a shell starts it, with the loopback server in place of Anthropic's."""


def forked(root: Path, ahead: float = 0.0) -> Any:
    """Start the stage in that folder, with its clock that many seconds ahead. It adds its output to stage.log there."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__, *LOADED])
    shared = {name: os.environ[name] for name in SHARED}
    process = context.Process(target=_stage, args=(root, shared, ahead), daemon=True)
    process.start()
    return process


def stage(root: Path, *under: str) -> subprocess.Popen[str]:
    """Start the stage as a shell does, as an argument of the command `under`."""
    path = os.pathsep.join([str(ROOT), str(ROOT / "src")])
    return subprocess.Popen(
        [*under, *CALL],
        cwd=root,
        env=os.environ | {"PYTHONPATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )


def wait_for(event: Callable[[], object], seconds: float = 60) -> None:
    """Wait until `event` is true because of what another thread or process does."""
    end = time.monotonic() + seconds
    while not event():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.005)


def _stage(root: Path, environment: dict[str, str], ahead: float) -> None:
    from tqdm import tqdm

    from slingshot.settings import llms
    from stages.prompt_llm import main

    tqdm.set_lock(threading.RLock())  # its own is a semaphore that a killed process leaves behind
    real = time.time
    time.time = lambda: real() + ahead
    os.environ |= environment
    llms.ANTHROPIC_API = os.environ["ANTHROPIC_BASE_URL"]
    os.chdir(root)
    with (root / "stage.log").open("a") as log:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
    main(["toy", "claude"])
