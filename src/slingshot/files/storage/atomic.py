"""Atomic writes: a file appears whole or not at all, and is on the disk before it gets its name.

Until then it is a temporary file in DVC's own folder for such files. So a process that is killed leaves nothing in a
folder that DVC or git tracks. Where that folder is on another disk, the temporary file is beside the final path, under
a name that .gitignore and .dvcignore leave out. A later process deletes temporary files that are over a day old.
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

from slingshot.settings.errors import errno_of

ABANDONED = 86_400.0
"""The age in seconds from which a temporary file must be from a process that was killed."""
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
    """Yield a path on the file system of `path`, for a file or a folder that is deleted at the end."""
    place = _place(path.parent.absolute(), Path.cwd())
    for leftover in place.glob(f".*{SUFFIX}"):
        with contextlib.suppress(FileNotFoundError):  # another process may just have deleted it
            # st_ctime, because a copied file keeps the st_mtime of its original.
            if leftover.lstat().st_ctime < time.time() - ABANDONED:
                remove(leftover)
    temporary = place / f".{path.name}.{uuid.uuid4().hex[:12]}{SUFFIX}"
    try:
        yield temporary
    finally:
        remove(temporary)


@contextlib.contextmanager
def naming(path: Path, temporary: Path | None = None) -> Iterator[None]:
    """Turn an error of the operating system into an OSError that names `path`.

    The error of a full disk names no file, whether Python, Arrow, safetensors or tokenizers write. The error of a
    missing permission names `temporary`, which the user does not know.
    """
    try:
        yield
    except OSError as error:
        if error.filename is None or (temporary and temporary.name in str(error.filename)):
            error.errno, error.filename = errno_of(error), str(path)
        raise
    except Exception as error:
        number = errno_of(error)
        if number is None:
            raise
        raise OSError(number, os.strerror(number), str(path)) from error


def sync(path: Path) -> None:
    """Wait until a file, or a folder with everything below it, is on the disk."""
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
        # A disk that is mounted twice, as a container's volume is, looks like one and refuses the move all the same.
        beside = path.with_name(temporary.name)
        try:
            shutil.move(temporary, beside)
            sync(beside)
            beside.replace(path)
        finally:
            remove(beside)


def _place(folder: Path, here: Path) -> Path:
    """The folder for the temporary files that will be moved to `folder`.

    It is the temporary folder of the DVC repository around `folder`, or else around `here`, if that is writable and on
    the same file system. Without one it is `folder` itself.
    """
    for parent in (folder, *folder.parents, here, *here.parents):
        dvc = parent / ".dvc"
        if dvc.is_dir() and dvc.stat().st_dev == folder.stat().st_dev:
            place = dvc / "tmp" / "slingshot"
            with contextlib.suppress(OSError):
                place.mkdir(parents=True, exist_ok=True)
            if os.access(place, os.W_OK | os.X_OK):
                return place
    return folder
