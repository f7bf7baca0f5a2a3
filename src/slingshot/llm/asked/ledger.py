"""The ledger: every answer that was paid for, and every attempt at one, in an SQLite file of the state folder.

An answer is in it, on disk, before anything uses it. An attempt is in it before it is sent, with the most that it can
cost, and keeps that amount until its bill is known. So an attempt whose outcome nobody learned, because the process was
killed or the connection broke, counts as spent for ever. Several processes may share the file. It never holds a key.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from slingshot.llm.asked.entries import Flight, Hold, Outcome, Record, Reservation, Spent
from slingshot.llm.asked.ledger_file import DIGEST, ENTER, SOUND, SPEND, LedgerFile
from slingshot.settings import UserError

CHUNK = 500
"""Values in one statement."""


class Ledger(LedgerFile):
    """One connection to the file. Raises UserError, naming the file, where it can't be read or written."""

    # --- answers ---------------------------------------------------------------------------------

    def answers(self, requests: Iterable[str]) -> dict[str, Record]:
        """The answers that are held, by request. Raises UserError where one is not as it was written."""
        found, rotten = self.read(requests)
        if rotten:
            raise self.spoilt(rotten)
        return found

    def read(self, requests: Iterable[str]) -> tuple[dict[str, Record], set[str]]:
        """The answers that are held, by request, and the requests whose answers are not as they were written."""
        columns = "request, response, request_id, seconds, at, batch, price"
        found, rotten = {}, set()
        for part in _chunks(list(requests)):
            with self._explained():
                query = f"SELECT {SOUND}, {columns} FROM answers WHERE request IN ({_marks(part)})"
                rows = self._db.execute(query, part).fetchall()
            for sound, request, response, request_id, seconds, at, batch, price in rows:
                if sound:
                    found[request] = Record(
                        json.loads(response), request_id, seconds, at, bool(batch), price
                    )
                else:
                    rotten.add(request)
        return found, rotten

    def spoilt(self, requests: Collection[str]) -> UserError:
        """What to do about such answers."""
        more = f" (and {len(requests) - 1:,} more)" if len(requests) > 1 else ""
        return UserError(
            f"{self.path}: the answer to request {min(requests)}{more} is not as it was written: the disk or something "
            "else has changed it. `slingshot ledger --rebuild` takes it from data/answers again; `slingshot ledger "
            "--confirm-loss` gives it up"
        )

    def adopt(self, records: Mapping[str, Record], over: Collection[str] = ()) -> None:
        """Keep answers that were paid elsewhere; what is held already stays, but for what is spoilt: the rotten, and
        those of the requests `over`."""
        with self._transaction():
            for request, record in records.items():
                self._replace(request, record, over)

    def rotten(self) -> list[str]:
        """Requests whose answers are not as they were written."""
        with self._explained():
            rows = self._db.execute(
                f"SELECT request FROM answers WHERE NOT {SOUND} ORDER BY request"
            )
            return [request for (request,) in rows]

    def drop_rotten(self) -> None:
        """Delete those answers."""
        with self._transaction():
            self._db.execute(f"DELETE FROM answers WHERE NOT {SOUND}")

    def restore(
        self, llm: str, paid: Mapping[str, tuple[Record, str, float]], over: Collection[str] = ()
    ) -> int:
        """As `adopt`, and keep the bills of those that have none yet; request -> answer, its currency and its bill.
        Returns how many bills were added."""
        with self._transaction():
            rows = self._db.execute("SELECT request FROM attempts WHERE outcome = 'answered'")
            new = paid.keys() - {request for (request,) in rows}
            for request, (record, currency, amount) in paid.items():
                self._replace(request, record, over)
                if request in new:
                    at = datetime.fromisoformat(record.at).timestamp()
                    self._enter(request, llm, at, currency, amount, None, "answered")
                    self._add(llm, currency, amount)
        return len(new)

    def drop_unbilled(self, requests: Iterable[str]) -> None:
        """Delete these answers, but for those that were paid from here."""
        paid = "SELECT request FROM attempts WHERE outcome = 'answered'"
        sql = f"DELETE FROM answers WHERE request = ? AND request NOT IN ({paid})"
        with self._transaction():
            self._db.executemany(sql, [(request,) for request in requests])

    # --- attempts --------------------------------------------------------------------------------

    def reserve(
        self, wanted: Mapping[str, float], hold: Hold, batch: str | None = None
    ) -> Reservation:
        """Enter an attempt at each of `wanted` (request -> the most it can cost), in order, until the limit is met.

        What is answered already, or just being asked, is left out. Attempts of those that are gone are ended.
        """
        now, entered = time.time(), {}
        with self._transaction():
            answered, busy = self._taken(list(wanted))
            room = math.inf if hold.limit is None else hold.limit - self._total(hold)
            over = False
            for request, amount in wanted.items():
                if request in answered or request in busy:
                    continue
                if amount > room:
                    over = True
                    break
                room -= amount
                entered[request] = self._enter(
                    request, hold.llm, now, hold.currency, amount, batch, None
                )
            self._add(hold.llm, hold.currency, sum(wanted[request] for request in entered))
        return Reservation(entered, answered, busy, over)

    def settle(
        self,
        attempt: int,
        outcome: Outcome,
        bill: float | None = None,
        record: Record | None = None,
    ) -> float | None:
        """End an attempt: keep its answer, and its bill in place of what was held for it (null leaves that, and so
        does one above it: an attempt never takes more than it reserved). Returns what counts as spent.

        None where another process that collects the same batch was first.
        """
        with self._transaction():
            request, llm, currency, held, before = self._db.execute(
                "SELECT request, llm, currency, amount, outcome FROM attempts WHERE id = ?",
                (attempt,),
            ).fetchone()
            if record is not None:
                self._insert(request, record)
            # What another process took for lost, as of a machine that lost its lock, may still be learnt.
            if before is not None and (before != "unknown" or outcome == "unknown"):
                return None
            amount = float(held if bill is None else min(bill, held))
            self._db.execute(
                "UPDATE attempts SET outcome = ?, amount = ? WHERE id = ?",
                (outcome, amount, attempt),
            )
            self._add(llm, currency, amount - held)
        return amount

    def name_batch(self, old: str, new: str) -> None:
        """Give a batch's attempts the API's id, by which it is collected, in place of the one it was made under."""
        with self._transaction():
            self._db.execute("UPDATE attempts SET batch = ? WHERE batch = ?", (new, old))

    def settle_lost(self, batch: str) -> bool:
        """End a batch's attempts as unknown. False where none is in flight under that name (any more)."""
        with self._transaction():
            sql = "UPDATE attempts SET outcome = 'unknown' WHERE batch = ? AND outcome IS NULL"
            return self._db.execute(sql, (batch,)).rowcount > 0

    def in_flight(self, requests: Iterable[str]) -> list[Flight]:
        """Attempts at these requests that have not ended."""
        found = []
        for part in _chunks(list(requests)):
            with self._explained():
                found += self._db.execute(
                    "SELECT id, request, batch, at, owner FROM attempts"
                    f" WHERE outcome IS NULL AND request IN ({_marks(part)}) ORDER BY id",
                    part,
                ).fetchall()
        with self._explained():
            alive = {owner: self._present.alive(owner) for owner in {row[-1] for row in found}}
        return [Flight(n, r, b, at, alive[owner]) for n, r, b, at, owner in found]

    def batch_size(self, batch: str) -> int:
        """How many attempts were in this batch."""
        with self._explained():
            (count,) = self._db.execute(
                "SELECT COUNT(*) FROM attempts WHERE batch = ?", (batch,)
            ).fetchone()
        return int(count)

    def spent(self, llm: str) -> list[Spent]:
        """What was ever spent on an LLM, a line a currency."""
        with self._explained():
            rows = self._db.execute(
                "SELECT currency, SUM(CASE WHEN outcome IN ('answered', 'unbilled') THEN amount ELSE 0 END),"
                " SUM(CASE WHEN outcome IS NULL OR outcome = 'unknown' THEN amount ELSE 0 END),"
                " COUNT(DISTINCT CASE WHEN outcome = 'answered' THEN request END)"
                " FROM attempts WHERE llm = ? GROUP BY currency ORDER BY currency",
                (llm,),
            ).fetchall()
        return [Spent(*row) for row in rows]

    def llms(self) -> list[str]:
        """Those that attempts were made at, by name."""
        with self._explained():
            return [
                llm for (llm,) in self._db.execute("SELECT DISTINCT llm FROM attempts ORDER BY llm")
            ]

    def _taken(self, requests: Sequence[str]) -> tuple[set[str], set[str]]:
        """Which of the requests are answered, and which are in flight."""
        answered, busy = set(), set()
        for part in _chunks(requests):
            rows = self._db.execute(
                f"SELECT request FROM answers WHERE request IN ({_marks(part)})", part
            )
            answered |= {request for (request,) in rows}
        for flight in self.in_flight(requests):
            if flight.batch is None and not flight.alive:
                self._db.execute(
                    "UPDATE attempts SET outcome = 'unknown' WHERE id = ?", (flight.attempt,)
                )
            else:
                busy.add(flight.request)
        return answered, busy

    def _total(self, hold: Hold) -> float:
        """All that was ever spent or is held, in the hold's currency."""
        sums = self._db.execute(
            "SELECT currency, amount FROM totals WHERE llm = ?", (hold.llm,)
        ).fetchall()
        return sum(
            float(amount) * (1.0 if c == hold.currency else hold.worth[c]) for c, amount in sums
        )

    # --- the tables ------------------------------------------------------------------------------

    def _insert(self, request: str, record: Record) -> None:
        values = (
            request,
            json.dumps(record.response, ensure_ascii=False),
            record.request_id,
            record.seconds,
        )
        self._db.execute(
            f"INSERT OR IGNORE INTO answers SELECT *, {DIGEST} FROM (SELECT ? AS request, ? AS response,"
            " ? AS request_id, ? AS seconds, ? AS at, ? AS batch, ? AS price)",
            (*values, record.at, record.batch, record.price),
        )

    def _replace(self, request: str, record: Record, over: Collection[str]) -> None:
        self._db.execute(
            f"DELETE FROM answers WHERE request = ? AND (? OR NOT {SOUND})",
            (request, request in over),
        )
        self._insert(request, record)

    def _enter(
        self,
        request: str,
        llm: str,
        at: float,
        currency: str,
        amount: float,
        batch: str | None,
        outcome: str | None,
    ) -> int:
        row = (request, llm, self.owner, at, currency, amount, batch, outcome)
        return int(self._db.execute(ENTER, row).lastrowid or 0)

    def _add(self, llm: str, currency: str, amount: float) -> None:
        self._db.execute(SPEND, (llm, currency, amount))


def _chunks(values: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(values), CHUNK):
        yield values[start : start + CHUNK]


def _marks(values: Sequence[str]) -> str:
    return ", ".join("?" * len(values))
