"""Where `predict` writes: standard output, a terminal or not, and files."""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path

import pytest

from slingshot.commands.writing import sink
from slingshot.machine.console import explained
from slingshot.settings import UserError

RED = "\x1b[31mneg\u202e\ta\r\n"


def test_a_terminal_is_sent_nothing_that_it_obeys(monkeypatch: pytest.MonkeyPatch) -> None:
    pty = pytest.importorskip("pty")
    ours, theirs = pty.openpty()
    with os.fdopen(theirs, "w") as stream, monkeypatch.context() as patched:
        patched.setattr(sys, "stdout", stream)
        with sink(None) as write:
            write(RED)
        assert os.read(ours, 100) == b"\\x1b[31mneg\\u202e\ta\\r\r\n", (
            "the last \\r is the terminal's own"
        )
    os.close(ours)


def test_a_file_or_a_pipe_is_sent_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with (tmp_path / "out").open("w") as stream, monkeypatch.context() as patched:
        patched.setattr(sys, "stdout", stream)
        with sink(None) as write:
            write(RED)
    with sink(tmp_path / "named.csv") as write:
        write(RED)
    for name in ("out", "named.csv"):
        assert (tmp_path / name).read_bytes() == RED.encode()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
@pytest.mark.parametrize("text", ["a", "a" * 100_000])  # written at the end, or at once
def test_a_full_standard_output_is_named(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", Path("/dev/full").open("w"))  # noqa: SIM115, whose close fails
    said = "^standard output: no space is left on its disk; make room"
    with pytest.raises(UserError, match=said), explained(), sink(None) as write:
        write(text)


@pytest.mark.parametrize(
    ("named", "said"),
    [((), r"labelled\.csv(\.gz)?: no space is left"), (("weights",), "^weights: no space is left")],
)
@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_what_fails_is_named(
    tmp_path: Path, suffix: str, named: tuple[str, ...], said: str
) -> None:
    refused = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), *named)
    with (
        pytest.raises(UserError, match=said),
        explained(),
        sink(tmp_path / f"labelled.csv{suffix}"),
    ):
        raise refused
    assert not list(tmp_path.iterdir())
