"""A file appears whole or not at all, and a kill leaves nothing where DVC or git would find it."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from slingshot.files.storage.atomic import ABANDONED, atomic
from slingshot.files.storage.json_files import write_text
from tests.conftest import ROOT
from tests.mounts import needs_mounts

KILLED = """
import sys, time
from pathlib import Path
from slingshot.files.storage.atomic import atomic
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
    write_text(path, "old\n")

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
        write_text(temporary / "deep/file.txt", "text\n")
        assert not (tmp_path / "made").exists()
    assert [path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.txt")] == [
        "made/deep/file.txt"
    ]
    assert list(tmp_path.iterdir()) == [tmp_path / "made"]


@pytest.mark.parametrize("inside", [True, False])
def test_a_kill_leaves_nothing_beside_the_file(tmp_path: Path, inside: bool) -> None:
    """Neither in a folder of the repository nor in another that its commands write to."""
    (tmp_path / "repository/.dvc").mkdir(parents=True)
    folder = tmp_path / ("repository/data" if inside else "elsewhere")
    left = kill_while_writing(folder / "file.txt", tmp_path / "repository")
    assert list(folder.iterdir()) == []
    assert left.parent == tmp_path / "repository/.dvc/tmp/slingshot" and left.read_text() == "half"


def later(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    now = time.time() + seconds
    monkeypatch.setattr("slingshot.files.storage.atomic.time.time", lambda: now)


def test_what_a_kill_left_is_swept_a_day_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".dvc").mkdir()
    left = kill_while_writing(tmp_path / "data/file.txt", tmp_path)
    later(monkeypatch, ABANDONED - 60)
    write_text(tmp_path / "data/file.txt", "whole\n")
    assert left.exists()
    later(monkeypatch, ABANDONED + 1)
    write_text(tmp_path / "data/file.txt", "whole\n")
    assert not left.exists()
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["file.txt"]


def test_a_copy_of_an_old_folder_is_not_swept(tmp_path: Path) -> None:
    """It has its time."""
    (tmp_path / ".dvc").mkdir()
    write_text(tmp_path / "old/file.txt", "old\n")
    os.utime(tmp_path / "old", times=(time.time() - 2 * ABANDONED,) * 2)
    with atomic(tmp_path / "new") as temporary:
        shutil.copytree(tmp_path / "old", temporary)
        write_text(tmp_path / "another.txt", "meanwhile\n")
    assert (tmp_path / "new/file.txt").read_text() == "old\n"


def test_on_another_disk_what_a_kill_left_is_ignored_and_swept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".dvc").mkdir()
    with tempfile.TemporaryDirectory(dir="/dev/shm") as other:
        if Path(other).stat().st_dev == tmp_path.stat().st_dev:
            pytest.skip("/dev/shm is no other disk here")
        left = kill_while_writing(Path(other, "data/file.txt"), tmp_path)
        assert left.parent == Path(other, "data")
        for ignored in (".gitignore", ".dvcignore"):
            patterns = (ROOT / ignored).read_text().splitlines()
            assert any(left.match(pattern) for pattern in patterns), ignored
        later(monkeypatch, ABANDONED + 1)
        write_text(left.with_name("another.txt"), "whole\n")
        assert [path.name for path in left.parent.iterdir()] == ["another.txt"]


WRITES = """
from pathlib import Path
from slingshot.files.storage.atomic import atomic
from slingshot.files.storage.json_files import write_text
write_text(Path("data/file.txt"), "whole")
with atomic(Path("data/made")) as temporary:
    write_text(temporary / "deep/file.txt", "whole")
"""


@needs_mounts
@pytest.mark.parametrize(
    "first", ["", 'mount --bind . . && mount -o remount,bind,ro . && cd "$PWD" && ']
)
def test_a_folder_mounted_into_the_repository_is_written_to(tmp_path: Path, first: str) -> None:
    """As a container's volume is: of the same disk, and no file can be renamed into it; also of a read-only one."""
    for folder in ("repository/.dvc", "repository/data", "volume"):
        (tmp_path / folder).mkdir(parents=True)
    call = [
        "unshare",
        "-rm",
        "sh",
        "-c",
        f'{first}mount --bind ../volume data && exec "$@"',
        "sh",
        sys.executable,
        "-c",
        WRITES,
    ]
    done = subprocess.run(call, cwd=tmp_path / "repository", capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = sorted(
        path.relative_to(tmp_path / "volume").as_posix()
        for path in (tmp_path / "volume").rglob("*")
    )
    assert found == ["file.txt", "made", "made/deep", "made/deep/file.txt"]
    assert not list((tmp_path / "repository").rglob("*.slingshot-tmp"))


@needs_mounts
def test_a_folder_mounted_read_only_is_named_by_what_should_stand_in_it(tmp_path: Path) -> None:
    for folder in ("repository/.dvc", "repository/data", "volume"):
        (tmp_path / folder).mkdir(parents=True)
    mounted = 'mount --bind ../volume data && mount -o remount,bind,ro data && exec "$@"'
    call = ["unshare", "-rm", "sh", "-c", mounted, "sh", sys.executable, "-c", WRITES]
    done = subprocess.run(call, cwd=tmp_path / "repository", capture_output=True, text=True)
    assert done.stderr.strip().endswith(
        "OSError: [Errno 30] Read-only file system: 'data/file.txt'"
    )
