"""Tells which connections have a ledger open, and whether the connection that made an attempt is still alive.

Each open connection has a kernel lock on its own file beside the ledger. The kernel frees the lock when the process
ends, however it ends. Clocks and process numbers are not used, because another container has other ones.

On a file system without locks, only one process at a time uses the ledger. It makes a marker file, and deletes it at
its end.
"""

from __future__ import annotations

import errno
import json
import os
import socket
import uuid
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from slingshot.settings import UserError

NO_LOCKS = {errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOLCK}
"""The errors of a file system without locks."""


class Owner:
    """The mark of one connection that it is open. `locks` says whether the file system has locks."""

    def __init__(self, ledger: Path) -> None:
        """Raises UserError where the file system has no locks and another process uses the ledger, and OSError where a
        file beside the ledger can't be made.
        """
        self.name = uuid.uuid4().hex
        self._folder = ledger.with_name(f"{ledger.name}-owners")
        self._marker = ledger.with_name(f"{ledger.name}-payer")
        self._folder.mkdir(exist_ok=True)
        self._lock = _lock(self._file(self.name))
        try:
            self._lock.acquire()
            self.locks = True
        except OSError as error:
            if error.errno not in NO_LOCKS:
                raise
            self.locks = False
        if self.locks:
            self._greet()
        else:
            self._mark()

    def close(self) -> None:
        """Remove the mark."""
        if self.locks:
            self._file(self.name).unlink(missing_ok=True)
            self._lock.release()
        else:
            self._marker.unlink(missing_ok=True)

    def alive(self, owner: str) -> bool:
        """Whether the connection of that name is still open in any process. If not, its file is deleted."""
        if owner == self.name:
            return True
        return self.locks and not _ended(self._file(owner))

    def _file(self, owner: str) -> Path:
        return self._folder / f"{owner}.lock"

    def _greet(self) -> None:
        """With locks: delete the files of dead connections. Raises UserError if a process without locks is here."""
        if self._marker.exists():
            self.close()
            raise self._taken()
        for file in self._folder.glob("*.lock"):
            if file != self._file(self.name):
                with suppress(OSError):  # its own process may be deleting it
                    _ended(file)

    def _mark(self) -> None:
        """Without locks: raise UserError if another process uses the ledger, and mark that this process does."""
        self._file(self.name).unlink(missing_ok=True)
        holder = {
            "host": socket.gethostname(),
            "process": os.getpid(),
            "since": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        }
        try:
            with self._marker.open("x", encoding="utf-8") as file:
                json.dump(holder, file)
        except FileExistsError:
            raise self._taken() from None
        with_locks = next(self._folder.glob("*.lock"), None)
        if with_locks:
            self.close()
            raise UserError(
                f"{with_locks}: another process uses this ledger with locks, which this process can't use: wait until "
                "it has ended; if no such process runs, delete that file"
            )

    def _taken(self) -> UserError:
        try:
            holder = json.loads(self._marker.read_text(encoding="utf-8"))
            who = f"process {holder['process']} on {holder['host']} has used it since {holder['since']}"
        except (OSError, ValueError, KeyError, TypeError):
            who = "another process uses it"
        return UserError(
            f"{self._marker}: the file system has no locks, so only one process at a time may use the ledger, and "
            f"{who}. Wait until it has ended; if it was killed, delete that file. Then run this again"
        )


def _lock(file: Path) -> FileLock:
    return FileLock(file, thread_local=False, fallback_to_soft=False)


def _ended(file: Path) -> bool:
    """Whether the lock is free. If so, its file is deleted."""
    if not file.exists():
        return True
    try:
        with _lock(file).acquire(blocking=False):
            file.unlink(missing_ok=True)
    except Timeout:
        return False
    return True
