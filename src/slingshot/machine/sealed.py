"""Folders whose files are known by their digests, so that what a kill or a disk has damaged is never used, and in which
one process at a time works."""

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
    """Write the manifest, with the sha256 of each part: of all files below the folder, or of those named. It comes
    last, once all are on the disk; then what is no part is deleted."""
    sync(folder)
    names = files(folder) if parts is None else parts
    write_json(folder / MANIFEST, {name: sha256_file(folder / name) for name in names})
    _sweep(folder, names)


def is_sealed(folder: Path) -> bool:
    """Whether the folder was finished once; it may be damaged since."""
    return (folder / MANIFEST).is_file()


def unseal(folder: Path) -> None:
    """Take a folder for unfinished."""
    (folder / MANIFEST).unlink(missing_ok=True)


def damage(folder: Path) -> str | None:
    """What is not as it was sealed, in words; None where the folder is whole. Of a whole one, what is no part is
    deleted: a kill left it before or after a seal."""
    parts, found = _parts(folder), files(folder)
    if not parts:
        return f"{MANIFEST} can't be read"
    for name, digest in sorted(parts.items()):
        if name not in found:
            return f"{name} is missing"
        if sha256_file(folder / name) != digest:
            return f"{name} has changed since it was written"
    _sweep(folder, parts)
    return None


def set_aside(damaged: Path, why: str, then: str) -> None:
    """Move a damaged folder or file out of the way, in the place of an earlier one; say so, and what happens `then`."""
    aside = damaged.with_name(f"{damaged.name}.damaged")
    remove(aside)
    damaged.rename(aside)
    say(f"{damaged}: {why}. It is set aside as {aside.name}; {then}")


@contextlib.contextmanager
def sole(lock: Path, meanwhile: str) -> Iterator[None]:
    """Hold the lock file alone; while another process holds it, wait and say what it does `meanwhile`.

    The kernel drops the lock when its process ends, however it ends.
    """
    held = FileLock(lock, fallback_to_soft=False)
    try:
        held.acquire(blocking=False)
    except Timeout:
        say(
            f"{meanwhile} ({lock.read_text(encoding='utf-8') or 'it has just begun'}); waiting until it ends"
        )
        held.acquire(poll_interval=0.5)
    except OSError as error:
        say(f"{lock}: no lock can be had here ({error.strerror}): run one process at a time")
    try:
        if held.is_locked:
            lock.write_text(f"process {os.getpid()} on {socket.gethostname()}", encoding="utf-8")
        yield
    finally:
        held.release()


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
