"""Files that appear whole or not at all, and are on the disk before they have their name.

Until then they lie in DVC's own folder for temporary files, so that a process that is killed leaves nothing in a folder
that DVC or git tracks. Where that is on another disk they lie beside what they become, under names that .gitignore and
.dvcignore leave out. Of both places the next process sweeps them, a day later.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

from slingshot.settings.errors import refusal

LEFT = 86_400.0
"""Seconds after which a temporary file is one that a killed process left."""
SUFFIX = ".slingshot-tmp"


@contextlib.contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """Yield a temporary path for a file or a folder; it becomes `path` only if the block succeeds."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with scratch(path) as temporary, naming(path, temporary):
        yield temporary
        sync(temporary)
        _publish(temporary, path)
        _sync(path.parent)


@contextlib.contextmanager
def scratch(path: Path) -> Iterator[Path]:
    """Yield a path, on the file system of `path` and named like it, for what is deleted at the end."""
    place = _place(path.parent.absolute(), Path.cwd())
    for left in place.glob(f".*{SUFFIX}"):
        with contextlib.suppress(FileNotFoundError):  # another process may just be done with it
            if (
                left.lstat().st_ctime < time.time() - LEFT
            ):  # a copy has the other time of what it was copied from
                remove(left)
    temporary = place / f".{path.name}.{uuid.uuid4().hex[:12]}{SUFFIX}"
    try:
        yield temporary
    finally:
        remove(temporary)


@contextlib.contextmanager
def naming(path: Path, temporary: Path | None = None) -> Iterator[None]:
    """Raise an error of the operating system as OSError that names `path`.

    A full disk names no file, whether Python, Arrow, safetensors or tokenizers write; a lost right names `temporary`.
    """
    try:
        yield
    except OSError as error:
        if error.filename is None or (temporary and temporary.name in str(error.filename)):
            error.errno, error.filename = refusal(error), str(path)
        raise
    except Exception as error:
        number = refusal(error)
        if number is None:
            raise
        raise OSError(number, os.strerror(number), str(path)) from error


def sync(path: Path) -> None:
    """Wait until a file, or a folder and all below it, is on the disk."""
    for below in path.rglob("*") if path.is_dir() else ():
        _sync(below)
    _sync(path)


def remove(path: Path) -> None:
    """Delete a file or a folder, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _publish(temporary: Path, path: Path) -> None:
    try:
        temporary.replace(path)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        beside = path.with_name(
            temporary.name
        )  # one disk, mounted twice: as a container's volume is
        try:
            shutil.move(temporary, beside)
            sync(beside)
            beside.replace(path)
        finally:
            remove(beside)


def _place(folder: Path, here: Path) -> Path:
    """Where what will stand in `folder` is made: the temporary folder of the repository around it, or around `here`,
    if that is on the same file system and can be written to; else the folder itself."""
    for parent in (folder, *folder.parents, here, *here.parents):
        dvc = parent / ".dvc"
        if dvc.is_dir() and dvc.stat().st_dev == folder.stat().st_dev:
            place = dvc / "tmp" / "slingshot"
            with contextlib.suppress(OSError):
                place.mkdir(parents=True, exist_ok=True)
            if os.access(place, os.W_OK | os.X_OK):
                return place
    return folder
