"""How every command shows and fails: what a terminal would obey, other encodings, and what goes wrong with the machine.

Disks that are full or read-only are real ones: a small tmpfs and a bind mount, where the kernel lets a user make them.
"""

from __future__ import annotations

import errno
import os
import re
import resource
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import click
import numpy as np
import pyarrow as pa
import pytest
import torch
from click.testing import CliRunner, Result

from slingshot import cli
from slingshot.files.rows import read_rows, write_rows
from slingshot.files.storage.json_files import write_json
from slingshot.files.storage.parquet import read_metadata
from slingshot.machine import console
from slingshot.settings import UserError
from slingshot.settings.errors import OBEYED, visible
from stages import finetune, prepare, shots, subsample
from tests.conftest import ROOT, make_rows, set_param
from tests.mounts import needs_mounts

needs_full = pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")


def failed(command: click.Command, *arguments: str) -> str:
    """The one message that a command ends with."""
    done = CliRunner().invoke(command, arguments)
    assert_one_message(done.exit_code, done.stderr)
    return done.stderr


def assert_one_message(code: int, stderr: str) -> None:
    assert code == 1 and stderr.count("Error: ") == 1 and "Traceback" not in stderr, stderr


def shell(script: str, *prefix: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run it with this environment's commands and this project's code; stages too."""
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    source = os.pathsep.join((str(ROOT / "src"), str(ROOT)))
    env = {**os.environ, "PATH": path, "PYTHONPATH": source, **environment}
    return subprocess.run([*prefix, "sh", "-c", script], env=env, capture_output=True, text=True)


@pytest.fixture
def raw(project: Path) -> Path:
    """The project with its rows as the user's file, not prepared yet."""
    folder = project / "data/raw/toy"
    folder.mkdir(parents=True)
    rows = make_rows(400)
    rows["text"] += [f" {number}" for number in range(len(rows))]
    rows[["text", "label"]].to_csv(folder / "toy.csv", index=False)
    shutil.rmtree(project / "data/prepared")
    return project


# --- what is shown -------------------------------------------------------------------------------


def test_what_a_terminal_would_obey_is_written_out_and_nothing_else_changes() -> None:
    assert visible("\x1b]0;owned\x07\x9b31m\u202e\x7f\r") == r"\x1b]0;owned\x07\x9b31m\u202e\x7f\r"
    assert visible("a\tb\nc é 中 \u200d [red] \\x1b") == "a\tb\nc é 中 \u200d [red] \\x1b"
    every = "".join(
        map(
            chr,
            [*range(32), 0x7F, *range(0x80, 0xA0), *range(0x202A, 0x202F), *range(0x2066, 0x206A)],
        )
    )
    assert set(visible(every)) & set(every) == {"\t", "\n"}


def test_tables_take_no_markup_and_no_emoji(capsys: pytest.CaptureFixture[str]) -> None:
    from rich.table import Table

    table = Table("[red]", title="[/] \x07")
    table.add_row("[bold]a[/bold] :tada: \x1b[2J")
    console.terminal().print(table, "[blink]\x9b")
    printed = capsys.readouterr().out
    for text in ("[red]", r"[/] \x07", r"[bold]a[/bold] :tada: \x1b[2J", r"[blink]\x9b"):
        assert text in printed
    assert not OBEYED.search(printed)


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp437"])
def test_what_an_encoding_lacks_is_written_out(raw: Path, encoding: str) -> None:
    set_param(
        raw,
        "datasets.toy.licence",
        "中 \ud83d".encode("utf-16", "surrogatepass").decode("utf-16", "replace"),
    )
    done = shell("python3 -m stages.prepare toy", PYTHONIOENCODING=encoding, LANG="C")
    assert done.returncode == 0, done.stderr
    assert r"\u4e2d" in done.stdout


# --- what goes wrong with the machine ------------------------------------------------------------


@needs_full
@pytest.mark.parametrize(
    "command", ["slingshot check", "slingshot check --json", "python3 -m stages.prepare toy"]
)
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_output_that_can_not_be_written_is_named(raw: Path, command: str, unbuffered: str) -> None:
    done = shell(f"{command} > /dev/full", PYTHONUNBUFFERED=unbuffered)
    assert_one_message(done.returncode, done.stderr)
    assert "standard output: no space is left on its disk; make room" in done.stderr


@needs_full
@pytest.mark.parametrize(
    ("stream", "named"), [("stdout", "standard output"), ("stderr", "standard error")]
)
def test_the_stream_that_can_not_be_written_is_named(
    stream: str, named: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, stream, Path("/dev/full").open("w"))  # noqa: SIM115, whose close fails
    with (
        pytest.raises(UserError, match=f"^{named}: no space is left on its disk"),
        console.explained(),
    ):
        console.echo("a", err=stream == "stderr")


def test_a_reader_that_has_gone_is_no_error(raw: Path) -> None:
    done = shell("slingshot check --json | true")
    assert done.stderr == ""


@needs_mounts
def test_a_full_disk_is_named_with_the_file_and_leaves_nothing_cut(raw: Path) -> None:
    mounted = "mkdir -p data/prepared && mount -t tmpfs -o size=16k none data/prepared"
    done = shell(
        f"{mounted} && python3 -m stages.prepare toy; code=$?; ls -A data/prepared/toy; exit $code",
        "unshare",
        "-rm",
    )
    assert_one_message(done.returncode, done.stderr)
    assert "data/prepared/toy/train.parquet: no space is left on its disk; make room" in done.stderr
    assert not [name for name in done.stdout.split() if name.startswith(".")], (
        "the unfinished file is gone"
    )


@needs_mounts
@pytest.mark.parametrize(
    ("folder", "named"),
    [
        ("state", r"state/resume/\w+/seed-1/model"),
        ("data/models", "data/models/toy/tfidf"),
    ],  # by safetensors; a copy
)
def test_a_full_disk_is_named_whoever_was_writing(
    project: Path, raw: Path, folder: str, named: str
) -> None:
    set_param(project, "fraction", 1.0)  # a smaller model may fit
    for stage in (prepare, subsample):
        assert CliRunner().invoke(stage.main, ["toy"]).exit_code == 0
    mounted = f"mkdir -p {folder} && mount -t tmpfs -o size=12k none {folder}"
    done = shell(f"{mounted} && python3 -m stages.finetune toy tfidf", "unshare", "-rm")
    assert_one_message(done.returncode, done.stderr)
    assert re.search(rf"{named}: no space is left on its disk; make room", done.stderr), done.stderr


@needs_mounts
@pytest.mark.parametrize(
    ("folder", "command"),
    [("data", "python3 -m stages.prepare toy"), ("state", "python3 -m stages.finetune toy tfidf")],
)
def test_a_read_only_folder_is_named(project: Path, raw: Path, folder: str, command: str) -> None:
    if folder == "state":
        for stage in (prepare, subsample):
            assert CliRunner().invoke(stage.main, ["toy"]).exit_code == 0
    (project / folder).mkdir(exist_ok=True)
    mounted = f"mount --bind {folder} {folder} && mount -o remount,bind,ro {folder}"
    done = shell(f"{mounted} && {command}", "unshare", "-rm")
    assert_one_message(done.returncode, done.stderr)
    assert f"{folder}/" in done.stderr and "its disk is read-only; make it writable" in done.stderr
    assert "slingshot-tmp" not in done.stderr


def test_a_lost_right_is_named(monkeypatch: pytest.MonkeyPatch, project: Path) -> None:
    if os.geteuid():
        (project / "params.yaml").chmod(0)
    else:  # whom no right is lost to
        refused = PermissionError(errno.EACCES, os.strerror(errno.EACCES), "params.yaml")
        monkeypatch.setattr(Path, "read_text", lambda *_, **__: (_ for _ in ()).throw(refused))
    assert "params.yaml: permission denied; give yourself permission" in failed(cli.main, "check")


def test_a_file_where_a_folder_should_be_is_named(raw: Path) -> None:
    (raw / "data/prepared").touch()
    assert "data/prepared" in (said := failed(prepare.main, "toy"))
    assert "a file, but should be a folder" in said or "is not a folder" in said


def test_a_state_folder_that_is_a_file_is_named(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / "file").touch()
    monkeypatch.setenv("SLINGSHOT_STATE", str(project / "file/state"))
    said = failed(finetune.main, "toy", "tfidf")
    assert (
        f"{project / 'file/state'}: a part of its path is a file, but should be a folder; move that file away"
        in said
    )


@pytest.mark.parametrize(
    ("file", "command"),
    [
        ("params.yaml", [cli.main, "check"]),
        ("data/prepared/toy/train.parquet", [shots.main, "toy"]),
        ("metrics/audit/toy.json", [cli.main, "show"]),
        ("metrics/curve/toy.csv", [cli.main, "curve"]),
    ],
)
def test_a_folder_where_a_file_should_be_is_named(project: Path, file: str, command: list) -> None:
    (project / file).unlink(missing_ok=True)
    (project / file).mkdir(parents=True)
    assert f"{file}: is a folder, but should be a file; move it away" in failed(*command)


def test_too_many_open_files_are_said_with_the_remedy(raw: Path) -> None:
    assert (
        CliRunner().invoke(cli.main, ["check"]).exit_code == 0
    )  # whose modules are loaded from here on
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))
    try:
        said = failed(cli.main, "check")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert "params.yaml: too many files are open; allow more with `ulimit -n 4096`" in said


# --- damaged files between the rooms -------------------------------------------------------------


def damage(path: Path, change: Callable[[bytes], bytes]) -> None:
    path.write_bytes(change(path.read_bytes()))


@pytest.mark.parametrize(
    "change",
    [
        lambda data: b"",
        lambda data: data[: len(data) // 2],
        lambda data: data[:200] + bytes(60) + data[260:],
        lambda data: data[:4] + b"\xff" * 300 + data[304:],
    ],
    ids=["empty", "cut", "zeroes inside", "corrupt pages"],
)
def test_a_damaged_parquet_file_is_named(project: Path, change: Callable[[bytes], bytes]) -> None:
    damage(project / "data/prepared/toy/train.parquet", change)
    said = failed(shots.main, "toy")
    assert "data/prepared/toy/train.parquet: not a whole parquet file: " in said and said.endswith(
        "run `dvc repro`\n"
    )


def test_no_damage_to_a_parquet_file_ends_in_anything_but_its_name(tmp_path: Path) -> None:
    path, rng = tmp_path / "rows.parquet", np.random.default_rng(0)
    write_rows(path, make_rows(60), fraction=1.0)
    whole = path.read_bytes()
    for _ in range(300):
        data, place = bytearray(whole), int(rng.integers(len(whole)))
        if rng.integers(2):
            data[place] ^= 1 << int(rng.integers(8))
        else:
            data[place : place + 40] = rng.bytes(min(40, len(data) - place))
        path.write_bytes(data)
        for read in (read_rows, read_metadata):
            try:
                read(path)
            except UserError as error:
                assert error.message.startswith(f"{path}: ")


@pytest.mark.parametrize("kept", [0, 40], ids=["empty", "cut"])
def test_a_damaged_json_file_is_named(project: Path, kept: int) -> None:
    path = project / "metrics/audit/toy.json"
    write_json(path, {"rows": {"used": list(range(30))}})
    damage(path, lambda data: data[:kept])
    assert "metrics/audit/toy.json: not valid JSON: " in (said := failed(cli.main, "show"))
    assert said.endswith("run `dvc repro`\n")


# --- kinds of errors -----------------------------------------------------------------------------


def ending(error: Callable[[], object], monkeypatch: pytest.MonkeyPatch, debug: str = "") -> Result:
    """Of a command that does it."""
    monkeypatch.setenv(console.DEBUG, debug)

    @click.command(cls=console.Command)
    def command() -> None:
        error()

    return CliRunner().invoke(command)


def throw(error: Exception) -> None:
    raise error


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            lambda: np.empty(2**50),
            "no memory is left; stop other programs, or lower max_rows or batch_size",
        ),
        (lambda: torch.empty(2**46), "no memory is left"),
        (lambda: throw(torch.OutOfMemoryError("CUDA out of memory")), "no memory is left"),
        (
            lambda: sqlite3.connect("/nowhere/db"),
            "can't be read or written: unable to open database file",
        ),
        (
            lambda: throw(Exception("No space left on device (os error 28)")),
            "no space is left on its disk",
        ),
        (
            lambda: throw(shutil.Error([("a", "b", "[Errno 28] No space left on device")])),
            "no space is left on its disk",
        ),
        (
            lambda: throw(OSError("Couldn't do\nit")),
            "Couldn't do it; set SLINGSHOT_DEBUG=1 to see where",
        ),
        (lambda: subprocess.run(["no-such-program"]), "no-such-program: not found; "),
    ],
)
def test_what_is_the_machines_is_one_message(
    error: Callable[[], object], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = ending(error, monkeypatch)
    assert_one_message(done.exit_code, done.stderr)
    assert said in done.stderr
    shown = ending(error, monkeypatch, debug="1").stderr
    assert shown.startswith("Traceback") and said in shown


@pytest.mark.parametrize(
    "error",
    [
        TypeError("x"),
        AssertionError("x"),
        KeyError("x"),
        ValueError("x"),
        RuntimeError("x"),
        pa.ArrowInvalid("x"),
    ],
)
def test_a_fault_of_the_program_keeps_its_traceback(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ending(lambda: throw(error), monkeypatch).exception is error


def test_the_traceback_of_a_fault_is_printed_with_what_a_terminal_would_obey_written_out(
    tmp_path: Path,
) -> None:
    (tmp_path / "faulty.py").write_text(
        "import click\nfrom slingshot.machine import console\n"
        "@click.command(cls=console.Command)\ndef main():\n    raise ValueError('\\x1b[2J')\nmain()\n"
    )
    done = shell(f"python3 {tmp_path / 'faulty.py'}")
    assert (
        done.returncode == 1
        and done.stderr.startswith("Traceback")
        and r"ValueError: \x1b[2J" in done.stderr
    )


def test_every_stage_and_the_command_fail_alike() -> None:
    import importlib

    found = {
        path.stem: importlib.import_module(f"stages.{path.stem}").main
        for path in (ROOT / "stages").glob("[!_]*.py")
    }
    assert len(found) > 8
    assert not [name for name, command in found.items() if not isinstance(command, console.Command)]
    assert isinstance(cli.main, console.Group)
