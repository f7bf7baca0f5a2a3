"""The ledger's SQLite file: its tables, how several processes share it, and what is said where it can't be used."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from slingshot.settings import UserError

SCHEMA = """
CREATE TABLE IF NOT EXISTS answers (
    request TEXT PRIMARY KEY,   -- digest of all that was asked
    response TEXT NOT NULL,     -- the API's JSON, usage in it
    request_id TEXT NOT NULL,   -- the API's own
    seconds REAL,               -- from sending to the whole answer; null in a batch
    at TEXT NOT NULL,           -- when, UTC
    batch INTEGER NOT NULL,
    price TEXT NOT NULL         -- the price list's name and date
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS attempts (
    id INTEGER PRIMARY KEY,
    request TEXT NOT NULL,
    llm TEXT NOT NULL,
    owner TEXT NOT NULL,        -- host, process and when it started
    at REAL NOT NULL,           -- when it was entered, seconds since the epoch
    until REAL NOT NULL,        -- when it is surely over
    currency TEXT NOT NULL,
    amount REAL NOT NULL,       -- the most it can cost; once the bill is known, the bill
    batch TEXT,
    outcome TEXT                -- null while it is in flight
);
CREATE INDEX IF NOT EXISTS in_flight ON attempts (request) WHERE outcome IS NULL;
CREATE INDEX IF NOT EXISTS batches ON attempts (batch) WHERE batch IS NOT NULL;
CREATE TABLE IF NOT EXISTS totals (llm TEXT, currency TEXT, amount REAL NOT NULL, PRIMARY KEY (llm, currency));
"""
PATIENCE = 60.0
"""Seconds of waiting for another process that writes."""


class LedgerFile:
    """One connection."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with self._explained():
            self._db = sqlite3.connect(path, timeout=PATIENCE, isolation_level=None)
            self._prepare(time.monotonic() + PATIENCE)

    def close(self) -> None:
        self._db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _prepare(self, until: float) -> None:
        """Readers don't wait for writers; a commit returns when it is on disk."""
        while True:
            try:
                self._db.execute("PRAGMA journal_mode = WAL")
                self._db.execute("PRAGMA synchronous = FULL")
                self._db.executescript(SCHEMA)
                return
            except sqlite3.OperationalError as error:
                # Turning to WAL fails at once, without SQLite's own waiting, while another process does the same.
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                    raise
                time.sleep(0.02)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._explained():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise UserError(
                f"{self.path}: the ledger of paid answers can't be used: {error}. Nothing more is sent. Make room or "
                "mend the file (never delete it: what it holds was paid for), then run `dvc repro` again"
            ) from None
