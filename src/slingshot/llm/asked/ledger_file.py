"""The ledger's SQLite file: how it is opened, how several processes share it, and what is said where it can't be used.

Its tables are in ledger_tables.py.
"""

from __future__ import annotations

import sqlite3
import time
import uuid
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Self

from slingshot.llm.asked.ledger_tables import (
    ANSWER,
    ATTEMPT,
    ENTER,
    FRESH,
    FROM_0,
    KNOW,
    KNOWN,
    SUMS,
    VERSION,
    digest,
)
from slingshot.llm.asked.owners import Owner
from slingshot.machine.console import REMEDIES
from slingshot.settings import UserError

PATIENCE = 60.0
"""Seconds of waiting for another process that writes."""
ALONE = ("locking_mode = EXCLUSIVE", "busy_timeout = 0", "journal_mode = DELETE")
"""What keeps other connections out."""


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
            # A text that has rotted is read all the same: its digest tells.
            self._db.text_factory = lambda data: data.decode(errors="replace")
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
        """The id by which this ledger is recognised."""
        [own] = self.known("self")
        return own

    def known(self, kind: str) -> set[str]:
        """The names of that kind in the table `knows`."""
        query = "SELECT name FROM knows WHERE kind = ?"
        with self._explained():
            return {name for (name,) in self._db.execute(query, (kind,))}

    def know(self, kind: str, names: Iterable[str]) -> None:
        """Add names of that kind to the table `knows`."""
        with self._transaction():
            self._db.executemany(KNOW, [(kind, name) for name in names])

    def be_alone(self) -> None:
        """Keep others from the file until this is closed. Raises UserError where another connection is open."""
        with self._explained():
            try:
                for setting in ALONE:
                    self._db.execute(f"PRAGMA {setting}")
                self._db.execute("BEGIN EXCLUSIVE")
                self._db.execute("COMMIT")
            except sqlite3.OperationalError as error:
                if not _busy(error):
                    raise
                raise UserError(
                    f"{self.path}: another process has this ledger open. Run this again when it has ended"
                ) from None

    def take_in(self, other: LedgerFile) -> None:
        """Add what another ledger holds and this one does not, and answer to its id from then on.

        A bill that both hold counts once, whether one is a copy of the other or both took it from data/answers.
        """
        query = f"SELECT {ATTEMPT} FROM attempts ORDER BY id"
        with self._transaction():
            own = self._db.execute(query).fetchall()
            # A copy has the same attempts; a rebuilt ledger has attempts of its own at the same requests.
            copies = {(request, owner, at) for request, _, owner, at, *_ in own}
            billed = {row[0] for row in own if row[-1] == "answered"}
            for row in other._db.execute(query).fetchall():
                request, _, owner, at, *_, outcome = row
                billed_twice = outcome == "answered" and request in billed
                if (request, owner, at) not in copies and not billed_twice:
                    self._db.execute(ENTER, row)
            self._db.executemany(ANSWER, other._db.execute("SELECT * FROM answers").fetchall())
            self._db.executemany(KNOW, other._db.execute(KNOWN).fetchall())
            for statement in SUMS:
                self._db.execute(statement)

    def _prepare(self, until: float) -> None:
        """Set the file up so that readers don't wait for writers, and a commit returns when it is on disk."""
        locking = "NORMAL" if self._present.locks else "EXCLUSIVE"
        while True:
            try:
                self._db.execute(f"PRAGMA locking_mode = {locking}")
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
        query = "SELECT name FROM sqlite_master WHERE type = 'table'"
        with self._writing():
            if self._check_version() < VERSION:  # another process may have been first
                tables = {name for (name,) in self._db.execute(query)}
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
        """Turn what SQLite and the system raise into a UserError with the remedy."""
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            problem: object = error
            remedy = "Make room or mend the file (never delete it: what it holds was paid for)"
            if isinstance(error, OSError) and error.errno in REMEDIES:
                problem, remedy = REMEDIES[error.errno]
                remedy = remedy[0].upper() + remedy[1:]
            code = getattr(error, "sqlite_errorcode", None)
            if code in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT):
                remedy = "Mend it, or move that file aside and run `slingshot ledger --rebuild`"
            raise UserError(
                f"{self.path}: the ledger of paid answers can't be used: {problem}. Nothing more is sent. {remedy}, "
                "then run `dvc repro` again"
            ) from None


def _busy(error: sqlite3.Error) -> bool:
    """Whether another connection is in the way."""
    return error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
