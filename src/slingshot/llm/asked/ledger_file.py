"""The ledger's SQLite file: opening it, sharing it between processes, and the errors where it can't be used.

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
"""Seconds to wait for another process that writes."""
ALONE = ("locking_mode = EXCLUSIVE", "busy_timeout = 0", "journal_mode = DELETE")
"""The settings that keep other connections out."""


class LedgerFile:
    """A connection to the file, and its mark that it is open. Raises UserError where the file can't be used."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with self._explained(), ExitStack() as opened:
            self._present = Owner(path)
            opened.callback(self._present.close)
            uri = path.absolute().as_uri() + ("" if self._present.locks else "?vfs=unix-none")
            self._db = sqlite3.connect(uri, timeout=PATIENCE, isolation_level=None, uri=True)
            opened.callback(self._db.close)
            self._db.create_function("digest_of", 7, digest, deterministic=True)
            # A rotten text is read too, whatever its bytes: its digest shows that it is rotten.
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
        """The id of this ledger."""
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
        """Keep others out of the file until this connection closes. Raises UserError where another one is open."""
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
                    f"{self.path}: another process uses this ledger. Run this again when it has ended"
                ) from None

    def take_in(self, other: LedgerFile) -> None:
        """Add the entries of another ledger that this one lacks, and its id, which counts as one of this ledger from
        then on.

        A bill that both have counts once, whether one ledger is a copy of the other, or both took it from data/answers.
        """
        query = f"SELECT {ATTEMPT} FROM attempts ORDER BY id"
        with self._transaction():
            own = self._db.execute(query).fetchall()
            # A copy has the very same attempts. A rebuilt ledger has other attempts with bills for the same requests.
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
        """Set the file up so that readers do not wait for writers, and a commit returns only when it is on disk."""
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
                # The change to WAL fails at once while another process makes it too: SQLite does not wait here.
                if not _busy(error) or time.monotonic() > until:
                    raise
                time.sleep(0.02)

    def _check_version(self) -> int:
        (version,) = self._db.execute("PRAGMA user_version").fetchone()
        if version > VERSION:
            raise UserError(
                f"{self.path}: a newer Slingshot wrote this ledger (version {version} of its tables; this one reads "
                f"{VERSION}): update Slingshot. Nothing is sent, and the file is not changed"
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
        """Turn errors of SQLite and of the operating system into a UserError with the remedy."""
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            problem: object = error
            remedy = "Make room or mend the file (never delete it: its answers were paid for)"
            if isinstance(error, OSError) and error.errno in REMEDIES:
                problem, remedy = REMEDIES[error.errno]
                remedy = remedy[0].upper() + remedy[1:]
            code = getattr(error, "sqlite_errorcode", None)
            if code in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT):
                remedy = "Mend it, or move that file away and run `slingshot ledger --rebuild`"
            raise UserError(
                f"{self.path}: the ledger of paid answers can't be used: {problem}. Nothing more is sent. {remedy}, "
                "then run `dvc repro` again"
            ) from None


def _busy(error: sqlite3.Error) -> bool:
    """Whether another connection blocks this one."""
    return error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
