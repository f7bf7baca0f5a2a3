"""What dvc.lock knows of LLMs: which cells have answers, where DVC's cache holds them, and with which settings."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import NotRequired, TypedDict

from slingshot.machine import state
from slingshot.settings import UserError, read_yaml

LOCK = Path("dvc.lock")
ANSWERS = Path("data/answers")


class LockedLlm(TypedDict, total=False):
    """An LLM's settings in dvc.lock: those that are read here."""

    price: str | None
    max_tokens: int


class LockedOut(TypedDict):
    """An output of a stage."""

    path: str
    md5: NotRequired[str]


class LockedStage(TypedDict, total=False):
    """A stage of dvc.lock: those of its keys that are read here."""

    outs: list[LockedOut]
    params: dict[str, dict[str, LockedLlm]]
    """File -> key -> value. Only values of `llms` are read."""


def answers_file(dataset: str, llm: str) -> Path:
    """data/answers/D/L.parquet."""
    return ANSWERS / dataset / f"{llm}.parquet"


def cells() -> list[tuple[str, str]]:
    """Data set and LLM of all answers that dvc.lock knows, or that lie here."""
    paths = [Path(out["path"]) for stage in _stages().values() for out in stage.get("outs", [])]
    paths += sorted(ANSWERS.glob("*/*.parquet"))
    names = [(path.parent.name, path.stem) for path in paths if path.parent.parent == ANSWERS]
    return list(dict.fromkeys(names))


def paid() -> dict[str, list[str]]:
    """LLM -> data sets for which dvc.lock knows answers that had a price."""
    datasets: dict[str, list[str]] = {}
    for dataset, llm in cells():
        if settings(dataset, llm).get("price"):
            datasets.setdefault(llm, []).append(dataset)
    return datasets


def settings(dataset: str, llm: str) -> LockedLlm:
    """The LLM's settings that dvc.lock knows of the cell; empty where it knows none."""
    for values in _stage(dataset, llm).get("params", {}).values():
        if chosen := values.get(f"llms.{llm}"):
            return chosen
    return {}


def cached_answers(dataset: str, llm: str) -> Path | None:
    """The file in DVC's cache that holds what dvc.lock says the cell's answers were."""
    md5 = digest(dataset, llm)
    if md5 is None:
        return None
    try:
        return state.cache_dir() / "files" / "md5" / md5[:2] / md5[2:]
    except UserError:
        return None


def digest(dataset: str, llm: str) -> str | None:
    """The MD5 of the cell's answers, as dvc.lock has it."""
    path = answers_file(dataset, llm).as_posix()
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
    """The stages, read once as long as the file stays the same: a large one takes a tenth of a second."""
    return (read_yaml(path) or {}).get("stages") or {}
