"""Reads the answers of an earlier run of a cell from DVC. They make a cell reproducible without a key.

data/answers/D/L.parquet is an output of the stage, and DVC deletes outputs before it runs a stage again. But the
contents stay in DVC's cache under the digest in dvc.lock (see locked.py), and `dvc pull` fetches them into a new clone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from slingshot.files import paths
from slingshot.files.answers import read_answers
from slingshot.llm.answer import AnswerKeys
from slingshot.llm.asked import locked
from slingshot.llm.asked.api import Api
from slingshot.llm.asked.entries import Record
from slingshot.llm.asked.ledger import Ledger
from slingshot.settings import UserError

NO_KEYS = AnswerKeys([], [])
"""Labels to read an answer with where only matters whether it can be read."""
TYPES = {
    "response": dict,
    "request_id": str,
    "seconds": int | float | None,
    "batch": bool,
    "price": str,
}
"""A record's field -> its type."""


@dataclass
class Earlier:
    """The answers of earlier runs of a cell, with those that can't be read."""

    file: Path
    records: dict[str, Record] = field(default_factory=dict)
    """Request -> answer."""
    broken: dict[str, Path] = field(default_factory=dict)
    """Request whose record can't be read -> its file, unless another file has a readable record."""
    damaged: list[str] = field(default_factory=list)
    """Files that can't be used, each with the remedy."""

    def troubles(self, requests: Iterable[str]) -> list[str]:
        """Possible reasons why the answers to these requests are missing, each with the remedy."""
        troubles = list(self.damaged)
        broken = [request for request in requests if request in self.broken]
        if broken:
            more = f" (and {len(broken) - 1:,} more)" if broken[1:] else ""
            troubles.append(
                f"{self.broken[broken[0]]}: the record of request {broken[0]}{more} is not an answer of this API: "
                f"`dvc pull {self.file}` restores the earlier file. The ledger has taken in its readable answers. If "
                "you delete that file, the others are requested again"
            )
        return troubles

    def add(self, path: Path, api: Api) -> None:
        """Add the answers of a file. Raises UserError where it is not a file of answers."""
        answers = read_answers(path)
        for request, text in zip(answers["request"], answers["record"], strict=True):
            if not isinstance(text, str):
                continue  # the request was not answered
            try:
                record = Record.from_json(text)
            except (RecursionError, TypeError, ValueError):
                record = None
            if record and readable(record, api):
                self.records[request] = record
            else:
                self.broken[request] = path


def earlier(dataset: str, llm: str, api: Api) -> Earlier:
    """The answers of the cell's last run in dvc.lock, and of a later run by hand."""
    file, cached = paths.answers(dataset, llm), locked.cached_answers(dataset, llm)
    digest = locked.digest(dataset, llm)
    answers = Earlier(file)
    if cached and cached.is_file() and _md5(file) != digest:
        if _md5(cached) == digest:
            # An earlier version's file can't be read, but it has no answers to these requests anyway.
            with suppress(UserError):
                answers.add(cached, api)
        else:
            answers.damaged.append(
                f"{cached}: this file of DVC's cache is not the {file} that {locked.LOCK} lists: delete it, then "
                f"`dvc pull {file}`"
            )
    if file.is_file():
        try:
            answers.add(file, api)
        except UserError as error:
            answers.damaged.append(
                f"{file}: not a file of answers ({error}): `dvc pull {file}`, or delete it"
            )
    for request in answers.records.keys() & answers.broken.keys():
        del answers.broken[request]
    return answers


def whole(dataset: str, llm: str) -> bool:
    """Whether the cell's answers in dvc.lock can be read here. True where it has none."""
    digest = locked.digest(dataset, llm)
    for path in (paths.answers(dataset, llm), locked.cached_answers(dataset, llm)):
        if path and digest and _md5(path) == digest:
            with suppress(UserError):
                return bool(len(read_answers(path)))
    return digest is None


def readable(record: Record, api: Api) -> bool:
    """Whether the record is a complete answer of that API."""
    try:
        datetime.fromisoformat(record.at)
        api.read(record.response, NO_KEYS)
        counts = api.tokens(record.response).values()
    except (AttributeError, LookupError, RecursionError, TypeError, ValueError):
        return False
    counted = all(type(count) is int and count >= 0 for count in counts)
    return counted and all(isinstance(getattr(record, name), kind) for name, kind in TYPES.items())


def sound(ledger: Ledger, api: Api, requests: Iterable[str]) -> tuple[dict[str, Record], set[str]]:
    """The ledger's answers to the requests, and those requests whose answers are spoilt, i.e. rotten or unreadable.

    An unreadable answer that this ledger did not pay for is deleted: an earlier version has taken it in from elsewhere.
    """
    records, spoilt = ledger.read(requests)
    unreadable = {request for request, record in records.items() if not readable(record, api)}
    if unreadable:
        ledger.drop_unbilled(unreadable)
        spoilt |= ledger.read(unreadable)[0].keys()
    return {name: records[name] for name in records if name not in unreadable}, spoilt


def _md5(path: Path) -> str | None:
    if not path.is_file():
        return None
    return hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()
