"""Checks that a user's own files are tracked, because a queued or temporary run works in a copy of tracked files."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path

from slingshot.settings import DatasetSettings, UserError, closest

KEYS = ("file", "test_file", "text_file", "label_file", "test_text_file", "test_label_file")
"""The keys of `source` that name a file in data/raw/D."""


def own_files(dataset: DatasetSettings, folder: Path) -> dict[str, Path]:
    """Key of `source` -> path of the user's own file."""
    if dataset.source.kind in ("vader", "hub"):
        return {}
    return {key: folder / name for key in KEYS if (name := getattr(dataset.source, key, None))}


def check(dataset: DatasetSettings, folder: Path) -> None:
    """Raises UserError if a file of a data set is not in its folder."""
    for key, path in own_files(dataset, folder).items():
        if not path.is_file():
            written = path.relative_to(folder)  # the value in params.yaml
            if written.is_relative_to(folder) and written.is_file():
                raise UserError(
                    f"source.{key}: write {written.relative_to(folder)}, its path within {folder}"
                )
            if path.is_dir():
                raise UserError(f"source.{key}: {path} is a folder; name a file in it")
            siblings = path.parent.iterdir() if path.parent.is_dir() else ()
            close = closest(path.name, [file.name for file in siblings if file.is_file()])
            hint = f", did you mean '{close}'?" if close else ""
            raise UserError(
                f"source.{key}: {path} not found{hint}; put it there and run `{_add(path)}`, or a queued or temporary "
                "run will not find it (if it was added before, run `dvc pull`)"
            )


def warnings(dataset: DatasetSettings, folder: Path) -> list[str]:
    """What to do about files that neither DVC nor git tracks; empty outside a DVC repository."""
    if not Path(".dvc").is_dir() or folder.is_absolute():
        return []
    files = [path for path in own_files(dataset, folder).values() if path.is_file()]
    untracked: dict[str, Path] = {}
    for path in files:
        if not _by_dvc(path) and not _by_git(path):
            untracked.setdefault(_add(path), path)  # one command may add several files
    return [
        f"{path} is tracked neither by DVC nor by git, so a queued or temporary run does not find it; run `{add}`"
        for add, path in untracked.items()
    ]


def _by_dvc(path: Path) -> bool:
    return any(
        place.with_name(f"{place.name}.dvc").is_file()
        for place in (path, *path.parents)
        if place.name
    )


def _by_git(path: Path) -> bool:
    call = ["git", "ls-files", "--error-unmatch", "--", str(path)]
    try:
        return subprocess.run(call, capture_output=True).returncode == 0
    except OSError:  # no git
        return False


def _add(path: Path) -> str:
    """The command that tracks the file's folder, or the file alone if git tracks SOURCE.md beside it."""
    return f"dvc add {shlex.quote(str(path if (path.parent / 'SOURCE.md').is_file() else path.parent))}"
