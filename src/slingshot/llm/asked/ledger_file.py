"""The ledger's SQLite file: its tables, how several processes share it, and what is said where it can't be used."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import time
import uuid
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Self

from slingshot.llm.asked.owners import Owner
from slingshot.machine.console import REMEDIES
from slingshot.settings import UserError

VERSION = 1
"""Of the tables. 0, which had no number, had no digests, and told who is alive by process and clock."""
ANSWERS = """
CREATE TABLE answers (
    request TEXT PRIMARY KEY,   -- digest of all that was asked
    response TEXT NOT NULL,     -- the API's JSON, usage in it
    request_id TEXT NOT NULL,   -- the API's own
    seconds REAL,               -- from sending to the whole answer; null in a batch
    at TEXT NOT NULL,           -- when, UTC
    batch INTEGER NOT NULL,
    price TEXT NOT NULL,        -- the price list's name and date
    digest TEXT                 -- of all this
) WITHOUT ROWID"""
ATTEMPTS = """
CREATE TABLE attempts (
    id INTEGER PRIMARY KEY,
    request TEXT NOT NULL,
    llm TEXT NOT NULL,
    owner TEXT NOT NULL,        -- the connection that made it (see owners)
    at REAL NOT NULL,           -- when it was entered, seconds since the epoch
    currency TEXT NOT NULL,
    amount REAL NOT NULL,       -- the most it can cost; once the bill is known, the bill
    batch TEXT,
    outcome TEXT                -- null while it is in flight
)"""
IN_FLIGHT = "CREATE INDEX in_flight ON attempts (request) WHERE outcome IS NULL"
BATCHES = "CREATE INDEX batches ON attempts (batch) WHERE batch IS NOT NULL"
TOTALS = "CREATE TABLE totals (llm TEXT, currency TEXT, amount REAL NOT NULL, PRIMARY KEY (llm, currency))"
KNOWS = """
CREATE TABLE knows (
    kind TEXT NOT NULL,         -- self: this one; ledger, llm: what was paid from it, or for it, is here or given up
    name TEXT NOT NULL,         -- the ledger's id, the LLM's name
    PRIMARY KEY (kind, name)
) WITHOUT ROWID"""
DIGEST = (
    "digest_of(CAST(request AS BLOB), CAST(response AS BLOB), CAST(request_id AS BLOB), CAST(seconds AS REAL),"
    " CAST(at AS BLOB), batch, CAST(price AS BLOB))"
)
SOUND = f"(digest = {DIGEST}) IS TRUE"
"""Whether an answer is as it was written."""
ATTEMPT = "request, llm, owner, at, currency, amount, batch, outcome"
FRESH = (ANSWERS, ATTEMPTS, IN_FLIGHT, BATCHES, TOTALS, KNOWS)
FROM_0 = (
    "ALTER TABLE answers ADD COLUMN digest TEXT",
    f"UPDATE answers SET digest = {DIGEST}",
    "ALTER TABLE attempts DROP COLUMN until",
    KNOWS,
    "INSERT INTO knows SELECT DISTINCT 'llm', llm FROM attempts",
)
SPEND = "INSERT INTO totals VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET amount = amount + excluded.amount"
ENTER = f"INSERT INTO attempts ({ATTEMPT}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
ANSWER = "INSERT OR IGNORE INTO answers VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
KNOW = "INSERT OR IGNORE INTO knows VALUES (?, ?)"
KNOWN = "SELECT CASE kind WHEN 'self' THEN 'ledger' ELSE kind END, name FROM knows"
SUMS = (
    "DELETE FROM totals",
    "INSERT INTO totals SELECT llm, currency, SUM(amount) FROM attempts GROUP BY llm, currency",
)
PATIENCE = 60.0
"""Seconds of waiting for another process that writes."""


class LedgerFile:
    """One connection, and its owner's presence. Raises UserError, naming the file, where it can't be used."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with self._explained(), ExitStack() as opened:
            self._present = Owner(path)
            opened.callback(self._present.close)
            uri = path.absolute().as_uri() + ("" if self._present.locks else "?vfs=unix-none")
            self._db = sqlite3.connect(uri, timeout=PATIENCE, isolation_level=None, uri=True)
            opened.callback(self._db.close)
            self._db.create_function("digest_of", 7, digest, deterministic=True)
            self._db.text_factory = lambda data: data.decode(
                errors="replace"
            )  # its digest tells what rotted
            self._prepare(time.monotonic() + PATIENCE)
            self._opened = opened.pop_all()
        self.owner = self._present.name

    def close(self) -> None:
        self._opened.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    @property
    def id(self) -> str:
        """By which this ledger is known again."""
        [own] = self.known("self")
        return own

    def known(self, kind: str) -> set[str]:
        """The names of that kind in the table `knows`."""
        with self._explained():
            return {
                name
                for (name,) in self._db.execute("SELECT name FROM knows WHERE kind = ?", (kind,))
            }

    def know(self, kind: str, names: Iterable[str]) -> None:
        with self._transaction():
            self._db.executemany(KNOW, [(kind, name) for name in names])

    def be_alone(self) -> None:
        """Keep others from the file until this is closed. Raises UserError where another connection is open."""
        with self._explained():
            try:
                for statement in (
                    "locking_mode = EXCLUSIVE",
                    "busy_timeout = 0",
                    "journal_mode = DELETE",
                ):
                    self._db.execute(f"PRAGMA {statement}")
                self._db.execute("BEGIN EXCLUSIVE")
                self._db.execute("COMMIT")
            except sqlite3.OperationalError as error:
                if not _busy(error):
                    raise
                raise UserError(
                    f"{self.path}: another process has this ledger open. Run this again when it has ended"
                ) from None

    def take_in(self, other: LedgerFile) -> None:
        """Add what another ledger holds and this one does not, and answer to its id from then on. A bill that both have
        counts once, whether one is a copy of the other or both took it from data/answers."""
        attempts = f"SELECT {ATTEMPT} FROM attempts ORDER BY id"
        with self._transaction():
            held = self._db.execute(attempts).fetchall()
            same = {(request, owner, at) for request, _, owner, at, *_ in held}
            answered = {row[0] for row in held if row[-1] == "answered"}
            for row in other._db.execute(attempts).fetchall():
                request, _, owner, at, *_, outcome = row
                if (request, owner, at) not in same and not (
                    outcome == "answered" and request in answered
                ):
                    self._db.execute(ENTER, row)
            self._db.executemany(ANSWER, other._db.execute("SELECT * FROM answers").fetchall())
            self._db.executemany(KNOW, other._db.execute(KNOWN).fetchall())
            for statement in SUMS:
                self._db.execute(statement)

    def _prepare(self, until: float) -> None:
        """Readers don't wait for writers; a commit returns when it is on disk."""
        while True:
            try:
                self._db.execute(
                    f"PRAGMA locking_mode = {'NORMAL' if self._present.locks else 'EXCLUSIVE'}"
                )
                self._check_version()
                self._db.execute("PRAGMA journal_mode = WAL")
                self._db.execute("PRAGMA synchronous = FULL")
                if self._check_version() < VERSION:
                    self._migrate()
                return
            except sqlite3.OperationalError as error:
                # Turning to WAL fails at once, without SQLite's own waiting, while another process does the same.
                if not _busy(error) or time.monotonic() > until:
                    raise
                time.sleep(0.02)

    def _check_version(self) -> int:
        (version,) = self._db.execute("PRAGMA user_version").fetchone()
        if version > VERSION:
            raise UserError(
                f"{self.path}: a newer Slingshot wrote this ledger (version {version} of its tables; this one knows "
                f"{VERSION}): update Slingshot. Nothing is sent, and the file stays as it is"
            )
        return int(version)

    def _migrate(self) -> None:
        with self._writing():
            if self._check_version() < VERSION:  # another process may have been first
                tables = {
                    name
                    for (name,) in self._db.execute(
                        "SELECT name FROM sqlite_master WHERE type = 'table'"
                    )
                }
                for statement in FROM_0 if "attempts" in tables else FRESH:
                    self._db.execute(statement)
                self._db.execute("INSERT INTO knows VALUES ('self', ?)", (uuid.uuid4().hex,))
                self._db.execute(f"PRAGMA user_version = {VERSION}")

    @contextmanager
    def _writing(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._explained(), self._writing():
            yield

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            what: object = error
            remedy = "Make room or mend the file (never delete it: what it holds was paid for)"
            if isinstance(error, OSError) and error.errno in REMEDIES:
                what, remedy = REMEDIES[error.errno]
                remedy = remedy[0].upper() + remedy[1:]
            if getattr(error, "sqlite_errorcode", None) in (
                sqlite3.SQLITE_NOTADB,
                sqlite3.SQLITE_CORRUPT,
            ):
                remedy = "Mend it, or move that file aside and run `slingshot ledger --rebuild`"
            raise UserError(
                f"{self.path}: the ledger of paid answers can't be used: {what}. Nothing more is sent. {remedy}, then "
                "run `dvc repro` again"
            ) from None


def _busy(error: sqlite3.Error) -> bool:
    """Whether another connection is in the way."""
    return error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY


def digest(request: bytes, response: bytes, *others: object) -> str | None:
    """Of an answer's columns; None where `response` is no JSON object, which no digest equals."""
    try:
        whole = isinstance(json.loads(response), dict)
    except (ValueError, RecursionError):
        whole = False
    return (
        hashlib.sha256(repr((request, response, *others)).encode()).hexdigest() if whole else None
    )
