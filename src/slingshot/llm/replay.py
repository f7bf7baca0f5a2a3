"""The answers of an earlier run of a cell, as DVC has them: what makes a cell reproducible without a key.

data/answers/D/L.parquet is an output of the stage, and DVC deletes outputs before it runs a stage again. But its
contents stay in DVC's cache, where dvc.lock says which they are; `dvc pull` brings them to a fresh clone.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path
from typing import Any

from slingshot import state
from slingshot.llm.ledger import Record
from slingshot.settings import UserError, read_yaml
from slingshot.tables import read_answers

LOCK = Path("dvc.lock")
ANSWERS = Path("data/answers")


def answers_file(dataset: str, llm: str) -> Path:
    return ANSWERS / dataset / f"{llm}.parquet"


def earlier(dataset: str, llm: str) -> dict[str, Record]:
    """Request -> answer, of the last run of the cell that dvc.lock knows, and of one by hand since."""
    return _read(_cached(dataset, llm)) | _read(answers_file(dataset, llm))


def whole(dataset: str, llm: str) -> bool:
    """Whether the answers that dvc.lock knows of the cell, if it knows any, can be read here."""
    digest = _digest(dataset, llm)
    if digest is None:
        return True
    path = answers_file(dataset, llm)
    if path.is_file() and hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest() == digest:
        return True
    try:
        cached = _cached(dataset, llm)
        return cached is not None and bool(len(read_answers(cached)))
    except UserError:
        return False


def cells() -> list[tuple[str, str]]:
    """Data set and LLM of all answers that dvc.lock knows, or that lie here."""
    paths = [Path(out["path"]) for stage in _stages().values() for out in stage.get("outs", [])]
    paths += sorted(ANSWERS.glob("*/*.parquet"))
    found = [(path.parent.name, path.stem) for path in paths if path.parent.parent == ANSWERS]
    return list(dict.fromkeys(found))


def paid() -> dict[str, list[str]]:
    """LLM -> data sets of which dvc.lock knows answers that had a price."""
    found: dict[str, list[str]] = {}
    for dataset, llm in cells():
        params = _stages().get(f"prompt_llm@{dataset}-{llm}", {}).get("params", {})
        if any((values.get(f"llms.{llm}") or {}).get("price") for values in params.values()):
            found.setdefault(llm, []).append(dataset)
    return found


def _read(path: Path | None) -> dict[str, Record]:
    """Empty where there is no such file, or one of an earlier version: what it holds is no answer to these requests."""
    if path is None or not path.is_file():
        return {}
    try:
        answers = read_answers(path)
        held = zip(answers["request"], answers["record"], strict=True)
        return {request: Record.from_json(record) for request, record in held if isinstance(record, str)}
    except (UserError, ValueError, TypeError):
        return {}


def _cached(dataset: str, llm: str) -> Path | None:
    """The file in DVC's cache that holds what dvc.lock says the cell's answers were."""
    digest = _digest(dataset, llm)
    if digest is None:
        return None
    try:
        return state.cache_dir() / "files" / "md5" / digest[:2] / digest[2:]
    except UserError:
        return None


def _digest(dataset: str, llm: str) -> str | None:
    """What dvc.lock says the cell's answers were."""
    outs = _stages().get(f"prompt_llm@{dataset}-{llm}", {}).get("outs", [])
    path = answers_file(dataset, llm).as_posix()
    return next((str(out["md5"]) for out in outs if out.get("path") == path and "md5" in out), None)


def _stages() -> dict[str, Any]:
    """Of dvc.lock, by name."""
    return _of_lock(LOCK.absolute(), LOCK.stat().st_mtime_ns) if LOCK.is_file() else {}


@lru_cache(maxsize=1)
def _of_lock(path: Path, written: int) -> dict[str, Any]:
    """Read once, as long as it stays the same: a large one takes a tenth of a second."""
    return (read_yaml(path) or {}).get("stages") or {}
