"""Folders whose files are known by their digests, so that what a kill or a disk has damaged is never used."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from slingshot.atomic import remove, sync
from slingshot.progress import say
from slingshot.settings import UserError
from slingshot.tables import read_json, sha256_file, write_json

MANIFEST = "manifest.json"


def seal(folder: Path, parts: Collection[str] | None = None) -> None:
    """Write the manifest, with the sha256 of each part: of all files below the folder, or of those named, which the
    others are then deleted beside. It comes last, once all are on the disk."""
    sync(folder)
    names = _files(folder) if parts is None else parts
    write_json(folder / MANIFEST, {name: sha256_file(folder / name) for name in names})
    sweep(folder)


def is_sealed(folder: Path) -> bool:
    """Whether the folder was finished once; it may be damaged since."""
    return (folder / MANIFEST).is_file()


def unseal(folder: Path) -> None:
    """Take a folder for unfinished."""
    (folder / MANIFEST).unlink(missing_ok=True)


def sweep(folder: Path) -> None:
    """Delete the files of a sealed folder that are not in its manifest: a kill left them between two seals."""
    parts = _parts(folder)
    if parts is not None:
        for name in set(_files(folder)) - parts.keys():
            remove(folder / name)


def damage(folder: Path) -> str | None:
    """What is not as it was sealed, in words; None where the folder is whole."""
    parts, found = _parts(folder), _files(folder)
    if parts is None:
        return f"{MANIFEST} can't be read"
    for name in sorted({*parts, *found}):
        if name not in found:
            return f"{name} is missing"
        if name not in parts:
            return f"{name} is not in {MANIFEST}"
        if sha256_file(folder / name) != parts[name]:
            return f"{name} has changed since it was written"
    return None


def set_aside(damaged: Path, why: str, then: str) -> None:
    """Move a damaged folder or file out of the way, in the place of an earlier one; say so, and what happens `then`."""
    aside = damaged.with_name(f"{damaged.name}.damaged")
    remove(aside)
    damaged.rename(aside)
    say(f"{damaged}: {why}. It is set aside as {aside.name}; {then}")


def _parts(folder: Path) -> dict[str, str] | None:
    """Each part's digest; None where the manifest can't be read."""
    try:
        parts = read_json(folder / MANIFEST)
    except (UserError, OSError):
        return None
    return parts if isinstance(parts, dict) else None


def _files(folder: Path) -> list[str]:
    below = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return sorted(name for name in below if name != MANIFEST)
