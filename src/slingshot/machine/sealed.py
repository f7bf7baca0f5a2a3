"""Folders that are sealed with the digests of their files, so that damaged files are never used.

A kill or a disk may damage them. One process at a time works in such a folder.
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
    """Write the manifest: the sha256 of each part, which are all files below the folder, or those named in `parts`.

    It is written once all files are on the disk. Then files that are no part are deleted.
    """
    sync(folder)
    names = files(folder) if parts is None else parts
    write_json(folder / MANIFEST, {name: sha256_file(folder / name) for name in names})
    _sweep(folder, names)


def is_sealed(folder: Path) -> bool:
    """Whether the folder was finished once; it may have been damaged since."""
    return (folder / MANIFEST).is_file()


def unseal(folder: Path) -> None:
    """Make the folder an unfinished one again."""
    (folder / MANIFEST).unlink(missing_ok=True)


def damage(folder: Path) -> str | None:
    """How the folder differs from what was sealed, in words; None where it is whole.

    Files of a whole folder that are no part are deleted: a kill left them before or after the seal.
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
    """Rename a damaged folder or file, over an earlier one, and print why, and what happens `then`."""
    aside = damaged.with_name(f"{damaged.name}.damaged")
    remove(aside)
    damaged.rename(aside)
    say(f"{damaged}: {why}. It is set aside as {aside.name}; {then}")


@contextlib.contextmanager
def sole(lock: Path, meanwhile: str) -> Iterator[None]:
    """Hold the lock file alone. While another process holds it, wait, and print what that process does `meanwhile`.

    The kernel drops the lock when its process ends, even by a kill.
    """
    file_lock = FileLock(lock, fallback_to_soft=False)
    try:
        file_lock.acquire(blocking=False)
    except Timeout:
        say(
            f"{meanwhile} ({lock.read_text(encoding='utf-8') or 'it has just begun'}); waiting until it ends"
        )
        file_lock.acquire(poll_interval=0.5)
    except OSError as error:
        say(f"{lock}: no lock can be had here ({error.strerror}): run one process at a time")
    try:
        if file_lock.is_locked:
            lock.write_text(f"process {os.getpid()} on {socket.gethostname()}", encoding="utf-8")
        yield
    finally:
        file_lock.release()


def files(folder: Path) -> list[str]:
    """Paths of all files below the folder but the manifest, relative to it."""
    below = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return sorted(name for name in below if name != MANIFEST)


def _sweep(folder: Path, parts: Collection[str]) -> None:
    for name in set(files(folder)).difference(parts):
        remove(folder / name)


def _parts(folder: Path) -> dict[str, str] | None:
    """Each part's digest; None where the manifest can't be read."""
    try:
        parts = read_json(folder / MANIFEST)
    except (UserError, OSError):
        return None
    return parts if isinstance(parts, dict) else None
