"""The answers of an earlier run of a cell, as DVC has them: what makes a cell reproducible without a key.

data/answers/D/L.parquet is an output of the stage, and DVC deletes outputs before it runs a stage again. But its
contents stay in DVC's cache, where dvc.lock says which they are; `dvc pull` brings them to a fresh clone.
"""

from __future__ import annotations

from pathlib import Path

from slingshot import state
from slingshot.llm.ledger import Record
from slingshot.settings import UserError, read_yaml
from slingshot.tables import read_answers

LOCK = Path("dvc.lock")


def answers_file(dataset: str, llm: str) -> Path:
    return Path("data/answers", dataset, f"{llm}.parquet")


def earlier(dataset: str, llm: str) -> dict[str, Record]:
    """Request -> answer, of the last run of the cell that dvc.lock knows, and of one by hand since."""
    path = answers_file(dataset, llm)
    return _read(_cached(path, f"prompt_llm@{dataset}-{llm}")) | _read(path)


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


def _cached(path: Path, stage: str) -> Path | None:
    """The file in DVC's cache that holds what dvc.lock says `path` was."""
    if not LOCK.is_file():
        return None
    outs = (read_yaml(LOCK) or {}).get("stages", {}).get(stage, {}).get("outs", [])
    digest = next((str(out["md5"]) for out in outs if out.get("path") == path.as_posix() and "md5" in out), None)
    if digest is None:
        return None
    try:
        return state.cache_dir() / "files" / "md5" / digest[:2] / digest[2:]
    except UserError:
        return None
