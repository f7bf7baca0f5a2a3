"""The answers of an earlier run of a cell, as DVC has them. They make a cell reproducible without a key.

data/answers/D/L.parquet is an output of the stage, and DVC deletes outputs before it runs a stage again. But the file's
contents stay in DVC's cache, under the digest that dvc.lock names (see locked.py); `dvc pull` brings them to a fresh
clone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from slingshot.files.answers import read_answers
from slingshot.llm.answer import AnswerKeys
from slingshot.llm.asked import locked
from slingshot.llm.asked.api import Api
from slingshot.llm.asked.entries import Record
from slingshot.llm.asked.ledger import Ledger
from slingshot.settings import UserError

NO_KEYS = AnswerKeys([], [])
TYPES = {
    "response": dict,
    "request_id": str,
    "seconds": int | float | None,
    "batch": bool,
    "price": str,
}
"""A record's fields, and their types."""


@dataclass
class Earlier:
    """The answers of earlier runs of a cell, and what can't be read of them."""

    file: Path
    records: dict[str, Record] = field(default_factory=dict)
    """Request -> answer."""
    broken: dict[str, Path] = field(default_factory=dict)
    """Request whose record is no answer -> the file that holds it, unless another file holds a sound one."""
    damaged: list[str] = field(default_factory=list)
    """Files that can't be used, each with the remedy."""

    def troubles(self, requests: Iterable[str]) -> list[str]:
        """What may keep the answers to these requests from being here, each with the remedy."""
        troubles, broken = [*self.damaged], [name for name in requests if name in self.broken]
        if broken:
            more = f" (and {len(broken) - 1:,} more)" if broken[1:] else ""
            troubles.append(
                f"{self.broken[broken[0]]}: the record of request {broken[0]}{more} is no answer of this API: "
                f"`dvc pull {self.file}` brings what was there before. Its sound answers are in the ledger now: once "
                "that file is deleted, the others are asked for again"
            )
        return troubles

    def add(self, path: Path, api: Api) -> None:
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
                self.records[request] = record
            else:
                self.broken[request] = path


def earlier(dataset: str, llm: str, api: Api) -> Earlier:
    """The answers of the last run of the cell that dvc.lock knows, and of a run by hand since then."""
    file, cached = locked.answers_file(dataset, llm), locked.cached_answers(dataset, llm)
    digest = locked.digest(dataset, llm)
    answers = Earlier(file)
    if cached and cached.is_file() and _md5(file) != digest:
        if _md5(cached) == digest:
            # A file of an earlier version can't be read; it holds no answer to these requests.
            with suppress(UserError):
                answers.add(cached, api)
        else:
            answers.damaged.append(
                f"{cached}: DVC's cache holds other bytes there than {locked.LOCK} says of {file}: delete it, then "
                f"`dvc pull {file}`"
            )
    if file.is_file():
        try:
            answers.add(file, api)
        except UserError as error:
            answers.damaged.append(
                f"{file}: no file of answers ({error}): `dvc pull {file}`, or delete it"
            )
    for request in answers.records.keys() & answers.broken.keys():
        del answers.broken[request]
    return answers


def whole(dataset: str, llm: str) -> bool:
    """Whether the answers that dvc.lock knows of the cell, if it knows any, can be read here."""
    digest = locked.digest(dataset, llm)
    for path in (locked.answers_file(dataset, llm), locked.cached_answers(dataset, llm)):
        if path and digest and _md5(path) == digest:
            with suppress(UserError):
                return bool(len(read_answers(path)))
    return digest is None


def readable(record: Record, api: Api) -> bool:
    """Whether the record is an answer of that API, from which everything can be read."""
    try:
        datetime.fromisoformat(record.at)
        api.read(record.response, NO_KEYS)
        counts = api.tokens(record.response).values()
    except (AttributeError, LookupError, RecursionError, TypeError, ValueError):
        return False
    counted = all(type(count) is int and count >= 0 for count in counts)
    return counted and all(isinstance(getattr(record, name), kind) for name, kind in TYPES.items())


def sound(ledger: Ledger, api: Api, requests: Iterable[str]) -> tuple[dict[str, Record], set[str]]:
    """The answers that the ledger holds, and the requests whose answers are spoilt.

    An answer that is none of this API and was not paid from here is dropped: an earlier version took it over.
    """
    records, spoilt = ledger.read(requests)
    alien = {request for request, record in records.items() if not readable(record, api)}
    if alien:
        ledger.drop_unbilled(alien)
        spoilt |= ledger.read(alien)[0].keys()
    return {request: record for request, record in records.items() if request not in alien}, spoilt


def _md5(path: Path) -> str | None:
    if not path.is_file():
        return None
    return hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()
