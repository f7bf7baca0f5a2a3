"""The answers of an earlier run of a cell, as DVC has them: what makes a cell reproducible without a key.

data/answers/D/L.parquet is an output of the stage, and DVC deletes outputs before it runs a stage again. But its
contents stay in DVC's cache, where dvc.lock says which they are; `dvc pull` brings them to a fresh clone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from slingshot.files.answers import read_answers
from slingshot.llm.answer import AnswerKeys
from slingshot.llm.asked.api import Api
from slingshot.llm.asked.entries import Record
from slingshot.llm.asked.ledger import Ledger
from slingshot.machine import state
from slingshot.settings import UserError, read_yaml

LOCK = Path("dvc.lock")
ANSWERS = Path("data/answers")
NO_KEYS = AnswerKeys([], [])
KINDS = {
    "response": dict,
    "request_id": str,
    "seconds": int | float | None,
    "batch": bool,
    "price": str,
}
"""A record's fields, and what they are."""


def answers_file(dataset: str, llm: str) -> Path:
    return ANSWERS / dataset / f"{llm}.parquet"


@dataclass
class Earlier:
    """The answers of earlier runs of a cell, and what can't be read of them."""

    file: Path
    records: dict[str, Record] = field(default_factory=dict)
    """Request -> answer."""
    broken: dict[str, Path] = field(default_factory=dict)
    """Request whose record is no answer -> the file that has it, where no other has a sound one."""
    damaged: list[str] = field(default_factory=list)
    """Files, each with the remedy."""

    def troubles(self, requests: Iterable[str]) -> list[str]:
        """What may keep these answers from being here, each with the remedy."""
        found, broken = [*self.damaged], [request for request in requests if request in self.broken]
        if broken:
            more = f" (and {len(broken) - 1:,} more)" if broken[1:] else ""
            found.append(
                f"{self.broken[broken[0]]}: the record of request {broken[0]}{more} is no answer of this API: "
                f"`dvc pull {self.file}` brings what was there before. Its sound answers are in the ledger now: once "
                "that file is deleted, the others are asked for again"
            )
        return found


def earlier(dataset: str, llm: str, api: Api) -> Earlier:
    """Those of the last run of the cell that dvc.lock knows, and of one by hand since."""
    file, cached, digest = answers_file(dataset, llm), _cached(dataset, llm), _digest(dataset, llm)
    found = Earlier(file)
    if cached and cached.is_file() and _md5(file) != digest:
        if _md5(cached) == digest:
            with suppress(
                UserError
            ):  # of an earlier version: what it holds is no answer to these requests
                _read(cached, api, found)
        else:
            found.damaged.append(
                f"{cached}: DVC's cache holds other bytes there than {LOCK} says of {file}: delete it, then "
                f"`dvc pull {file}`"
            )
    if file.is_file():
        try:
            _read(file, api, found)
        except UserError as error:
            found.damaged.append(
                f"{file}: no file of answers ({error}): `dvc pull {file}`, or delete it"
            )
    for request in found.records.keys() & found.broken.keys():
        del found.broken[request]
    return found


def whole(dataset: str, llm: str) -> bool:
    """Whether the answers that dvc.lock knows of the cell, if it knows any, can be read here."""
    digest = _digest(dataset, llm)
    for path in (answers_file(dataset, llm), _cached(dataset, llm)):
        if path and digest and _md5(path) == digest:
            with suppress(UserError):
                return bool(len(read_answers(path)))
    return digest is None


def readable(record: Record, api: Api) -> bool:
    """Whether it is an answer of that API, with all that is taken from one."""
    try:
        datetime.fromisoformat(record.at)
        api.read(record.response, NO_KEYS)
        counts = api.tokens(record.response).values()
    except (AttributeError, LookupError, RecursionError, TypeError, ValueError):
        return False
    whole = all(type(count) is int and count >= 0 for count in counts)
    return whole and all(isinstance(getattr(record, name), kind) for name, kind in KINDS.items())


def sound(ledger: Ledger, api: Api, requests: Iterable[str]) -> tuple[dict[str, Record], set[str]]:
    """The answers that the ledger holds, and the requests whose answers are spoilt. One that is none of this API and
    was not paid from here, as an earlier version took it over, is dropped."""
    records, spoilt = ledger.read(requests)
    alien = {request for request, record in records.items() if not readable(record, api)}
    if alien:
        ledger.drop_unbilled(alien)
        spoilt |= ledger.read(alien)[0].keys()
    return {request: record for request, record in records.items() if request not in alien}, spoilt


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
        if locked(dataset, llm).get("price"):
            found.setdefault(llm, []).append(dataset)
    return found


def locked(dataset: str, llm: str) -> dict[str, Any]:
    """The LLM's settings that dvc.lock knows of the cell; empty where it knows none."""
    params = _stages().get(f"prompt_llm@{dataset}-{llm}", {}).get("params", {})
    return next(
        (values[f"llms.{llm}"] for values in params.values() if values.get(f"llms.{llm}")), {}
    )


def _read(path: Path, api: Api, found: Earlier) -> None:
    """Add what a file holds. Raises UserError where it is no file of answers."""
    answers = read_answers(path)
    for request, text in zip(answers["request"], answers["record"], strict=True):
        if not isinstance(text, str):
            continue  # it was never answered
        try:
            record = Record.from_json(text)
        except (RecursionError, TypeError, ValueError):
            record = None
        if record and readable(record, api):
            found.records[request] = record
        else:
            found.broken[request] = path


def _md5(path: Path) -> str | None:
    return (
        hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()
        if path.is_file()
        else None
    )


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
