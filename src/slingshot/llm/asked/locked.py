"""Reads from dvc.lock which cells have answers, where DVC's cache has them, and which settings they were made with."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import NotRequired, TypedDict

from slingshot.files import paths
from slingshot.machine import state
from slingshot.settings import UserError, read_yaml

LOCK = Path("dvc.lock")


class LockedLlm(TypedDict, total=False):
    """The settings of an LLM in dvc.lock that are read here."""

    price: str | None
    max_tokens: int


class LockedOut(TypedDict):
    """An output of a stage."""

    path: str
    md5: NotRequired[str]


class LockedStage(TypedDict, total=False):
    """The keys of a stage in dvc.lock that are read here."""

    outs: list[LockedOut]
    params: dict[str, dict[str, LockedLlm]]
    """File -> key -> value. Only the keys under `llms` are read."""


def cells() -> list[tuple[str, str]]:
    """Data set and LLM of all answers that dvc.lock lists, or that are in the work tree."""
    files = [Path(out["path"]) for stage in _stages().values() for out in stage.get("outs", [])]
    files += sorted(Path().glob(str(paths.answers("*", "*"))))
    pairs = {file: (file.parent.name, file.stem) for file in files}
    return [pair for file, pair in pairs.items() if file == paths.answers(*pair)]


def paid() -> dict[str, list[str]]:
    """LLM -> the data sets for which it has answers that had a price."""
    datasets: dict[str, list[str]] = {}
    for dataset, llm in cells():
        if settings(dataset, llm).get("price"):
            datasets.setdefault(llm, []).append(dataset)
    return datasets


def settings(dataset: str, llm: str) -> LockedLlm:
    """The LLM's settings in dvc.lock for the cell; empty where there are none."""
    for values in _stage(dataset, llm).get("params", {}).values():
        if chosen := values.get(f"llms.{llm}"):
            return chosen
    return {}


def cached_answers(dataset: str, llm: str) -> Path | None:
    """The path in DVC's cache of the cell's answers, as dvc.lock has them; None where it has none."""
    md5 = digest(dataset, llm)
    if md5 is None:
        return None
    try:
        return state.cache_dir() / "files" / "md5" / md5[:2] / md5[2:]
    except UserError:
        return None


def digest(dataset: str, llm: str) -> str | None:
    """The MD5 of the cell's answers in dvc.lock; None where it has none."""
    path = paths.answers(dataset, llm).as_posix()
    for out in _stage(dataset, llm).get("outs", []):
        if out.get("path") == path and "md5" in out:
            return str(out["md5"])
    return None


def _stage(dataset: str, llm: str) -> LockedStage:
    return _stages().get(f"prompt_llm@{dataset}-{llm}", {})


def _stages() -> dict[str, LockedStage]:
    """The stages of dvc.lock, by name."""
    return _read(LOCK.absolute(), LOCK.stat().st_mtime_ns) if LOCK.is_file() else {}


@lru_cache(maxsize=1)
def _read(path: Path, written: int) -> dict[str, LockedStage]:
    """The stages of the file, cached by the time when it was `written`: a large file takes a tenth of a second."""
    return (read_yaml(path) or {}).get("stages") or {}
