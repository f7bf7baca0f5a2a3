"""Sealed folders: a manifest lists the digests of their files, so that damaged files are never used.

A kill or a bad disk may damage files. One process at a time works in such a folder.
"""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Collection, Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from slingshot.files.storage.atomic import remove, sync
from slingshot.files.storage.digests import sha256_file
from slingshot.files.storage.json_files import read_json, write_json
from slingshot.machine.progress import say
from slingshot.settings import UserError

MANIFEST = "manifest.json"


def seal(folder: Path, parts: Collection[str] | None = None) -> None:
    """Write the manifest with the sha256 of each part. By default every file below the folder is a part.

    The manifest is written when all files are on the disk. Then files that are not parts are deleted.
    """
    sync(folder)
    names = files(folder) if parts is None else parts
    write_json(folder / MANIFEST, {name: sha256_file(folder / name) for name in names})
    _sweep(folder, names)


def is_sealed(folder: Path) -> bool:
    """Whether the folder was finished. It may have been damaged since then."""
    return (folder / MANIFEST).is_file()


def unseal(folder: Path) -> None:
    """Delete the manifest, so that the folder counts as unfinished."""
    (folder / MANIFEST).unlink(missing_ok=True)


def damage(folder: Path) -> str | None:
    """How the folder differs from its manifest, in words; None where it is whole.

    In a whole folder, files that are not parts are deleted: a kill left them there.
    """
    parts, present = _parts(folder), files(folder)
    if not parts:
        return f"{MANIFEST} can't be read"
    for name, digest in sorted(parts.items()):
        if name not in present:
            return f"{name} is missing"
        if sha256_file(folder / name) != digest:
            return f"{name} has changed since it was written"
    _sweep(folder, parts)
    return None


def set_aside(damaged: Path, why: str, then: str) -> None:
    """Rename a damaged folder or file, and print why it is renamed and what happens `then`.

    An earlier damaged one of the same name is deleted.
    """
    aside = damaged.with_name(f"{damaged.name}.damaged")
    remove(aside)
    damaged.rename(aside)
    say(f"{damaged}: {why}. It was renamed to {aside.name}; {then}")


@contextlib.contextmanager
def sole(lock: Path, meanwhile: str) -> Iterator[None]:
    """Lock the file for the block. While another process has the lock, print what it does (`meanwhile`) and wait.

    The kernel frees the lock when its process ends, even by a kill. A file system without locks gets a warning.
    """
    file_lock = FileLock(lock, fallback_to_soft=False)
    try:
        file_lock.acquire(blocking=False)
    except Timeout:
        holder = lock.read_text(encoding="utf-8") or "it has just begun"
        say(f"{meanwhile} ({holder}); waiting until it ends")
        file_lock.acquire(poll_interval=0.5)
    except OSError as error:
        say(f"{lock}: locks do not work here ({error.strerror}): run one process at a time")
    try:
        if file_lock.is_locked:
            lock.write_text(f"process {os.getpid()} on {socket.gethostname()}", encoding="utf-8")
        yield
    finally:
        file_lock.release()


def files(folder: Path) -> list[str]:
    """Paths of all files below the folder, relative to it, without the manifest."""
    below = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return sorted(name for name in below if name != MANIFEST)


def _sweep(folder: Path, parts: Collection[str]) -> None:
    for name in set(files(folder)).difference(parts):
        remove(folder / name)


def _parts(folder: Path) -> dict[str, str] | None:
    """Part -> its digest; None where the manifest can't be read."""
    try:
        parts = read_json(folder / MANIFEST)
    except (UserError, OSError):
        return None
    return parts if isinstance(parts, dict) else None
