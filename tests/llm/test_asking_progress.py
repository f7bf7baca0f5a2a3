"""The progress that the user sees while an LLM is asked."""

from __future__ import annotations

import contextlib
import os
import pty
import re
import subprocess
import termios

from tests.conftest import ROOT
from tests.llm.processes import CALL


def test_on_a_terminal_it_says_how_far_it_is_what_it_cost_and_how_long_it_takes(few):
    few.set("run.concurrency", 1)
    few.server.latency = 0.2
    (few.root / "stages").symlink_to(ROOT / "stages")
    ours, its = pty.openpty()
    termios.tcsetwinsize(its, (24, 200))
    process = subprocess.Popen(CALL, stderr=its)
    os.close(its)
    shown = b""
    with contextlib.suppress(OSError):  # the terminal is closed when the process ends
        while part := os.read(ours, 10_000):
            shown += part
    os.close(ours)
    assert process.wait(60) == 0
    line = r"toy-claude: .* \d+/13 \[\d\d:\d\d<\d\d:\d\d, .*(answer/s|s/answer), "
    figures = r"[1-9]\d* answered, 0 replayed, 0 failed, [1-9][\d,]* tokens, EUR 0\.0\d+\]"
    assert re.search(line + figures, shown.decode()), shown
