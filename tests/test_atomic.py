"""A file appears whole or not at all, and a kill leaves nothing where DVC or git would find it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from slingshot import tables
from slingshot.atomic import LEFT, atomic

KILLED = """
import sys, time
from pathlib import Path
from slingshot.atomic import atomic
with atomic(Path(sys.argv[1])) as temporary:
    temporary.write_text("half")
    print(temporary, flush=True)
    time.sleep(60)
"""


def kill_while_writing(path: Path, here: Path) -> Path:
    """The temporary file of a process that is killed while it writes `path`; `here` is where it runs."""
    call = [sys.executable, "-c", KILLED, str(path)]
    with subprocess.Popen(call, stdout=subprocess.PIPE, text=True, cwd=here) as process:
        assert process.stdout is not None
        temporary = Path(process.stdout.readline().strip())
        process.send_signal(signal.SIGKILL)
    return temporary


def test_a_block_that_fails_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "file.txt"
    tables.write_text(path, "old\n")

    def write_half() -> None:
        with atomic(path) as temporary:
            temporary.write_text("half")
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        write_half()
    assert path.read_text() == "old\n"
    assert list(path.parent.iterdir()) == [path]


def test_a_folder_appears_whole(tmp_path: Path) -> None:
    with atomic(tmp_path / "made") as temporary:
        tables.write_text(temporary / "deep/file.txt", "text\n")
        assert not (tmp_path / "made").exists()
    assert [path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.txt")] == ["made/deep/file.txt"]
    assert list(tmp_path.iterdir()) == [tmp_path / "made"]


@pytest.mark.parametrize("inside", [True, False])
def test_a_kill_leaves_nothing_beside_the_file(tmp_path: Path, inside: bool) -> None:
    """Neither in a folder of the repository nor in another that its commands write to."""
    (tmp_path / "repository/.dvc").mkdir(parents=True)
    folder = tmp_path / ("repository/data" if inside else "elsewhere")
    left = kill_while_writing(folder / "file.txt", tmp_path / "repository")
    assert list(folder.iterdir()) == []
    assert left.parent == tmp_path / "repository/.dvc/tmp/slingshot" and left.read_text() == "half"


def test_what_a_kill_left_is_swept_a_day_later(tmp_path: Path) -> None:
    (tmp_path / ".dvc").mkdir()
    old, new = (kill_while_writing(tmp_path / "data/file.txt", tmp_path) for _ in range(2))
    os.utime(old, times=(time.time() - LEFT - 1,) * 2)
    tables.write_text(tmp_path / "data/file.txt", "whole\n")
    assert not old.exists() and new.exists()
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["file.txt"]
