"""The ledger: an SQLite file with every answer that was paid for, and every attempt to get one.

An answer is on disk before anything uses it. An attempt is entered before it is sent, with the most that it can cost,
and keeps that amount until its bill is known. So if the outcome is never known, because the process was killed or the
connection broke, the amount counts as spent for ever. Several processes may share the file. It contains no keys.

This module adds the attempts to the answers (ledger_answers.py) and the file (ledger_file.py).
"""

from __future__ import annotations

import math
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime

from slingshot.llm.asked.entries import Flight, Hold, Outcome, Record, Reservation, Spent
from slingshot.llm.asked.ledger_answers import LedgerAnswers, chunks, marks
from slingshot.llm.asked.ledger_tables import ENTER, SPEND


class Ledger(LedgerAnswers):
    """A connection to the file. Raises UserError that names the file where it can't be read or written."""

    def reserve(
        self, amounts: Mapping[str, float], hold: Hold, batch: str | None = None
    ) -> Reservation:
        """Enter attempts for the requests of `amounts` (request -> the most that it can cost), until the limit is met.

        Requests that are answered or in flight are left out. Attempts whose process is gone are ended first.
        """
        now, entered = time.time(), {}
        # One transaction reads the sum and adds to it, so that two processes can't both take the last of the budget.
        with self._transaction():
            answered, busy = self._answered_and_busy(list(amounts))
            room = math.inf if hold.limit is None else hold.limit - self._total(hold)
            over = False
            for request, amount in amounts.items():
                if request in answered or request in busy:
                    continue
                if amount > room:
                    over = True
                    break
                room -= amount
                entered[request] = self._enter(
                    request, hold.llm, now, hold.currency, amount, batch, None
                )
            self._add(hold.llm, hold.currency, sum(amounts[request] for request in entered))
        return Reservation(entered, answered, busy, over)

    def settle(
        self,
        attempt: int,
        outcome: Outcome,
        bill: float | None = None,
        record: Record | None = None,
    ) -> float | None:
        """End an attempt: store its answer, and replace the reserved amount with its bill.

        Without a bill, or with a higher one, the reserved amount stays, because an attempt never spends more than it
        reserved. Returns the amount that counts as spent. Returns None where the attempt had ended already, as when
        another process collected the same batch.
        """
        with self._transaction():
            request, llm, currency, reserved, before = self._db.execute(
                "SELECT request, llm, currency, amount, outcome FROM attempts WHERE id = ?",
                (attempt,),
            ).fetchone()
            if record is not None:
                self._insert(request, record)
            # Where this process lost its lock, another process may have ended this attempt as unknown. An unknown
            # outcome may still become known; every other outcome is final.
            if before is not None and (before != "unknown" or outcome == "unknown"):
                return None
            amount = float(reserved if bill is None else min(bill, reserved))
            self._db.execute(
                "UPDATE attempts SET outcome = ?, amount = ? WHERE id = ?",
                (outcome, amount, attempt),
            )
            self._add(llm, currency, amount - reserved)
        return amount

    def restore(
        self, llm: str, paid: Mapping[str, tuple[Record, str, float]], over: Collection[str] = ()
    ) -> int:
        """Take answers in, and add the bills of those that have none yet.

        `paid`: request -> answer, currency and bill. `over`: requests whose stored answers are replaced. Returns the
        number of bills that were added.
        """
        with self._transaction():
            rows = self._db.execute("SELECT request FROM attempts WHERE outcome = 'answered'")
            unbilled = paid.keys() - {request for (request,) in rows}
            for request, (record, currency, amount) in paid.items():
                self._replace(request, record, over)
                if request in unbilled:
                    at = datetime.fromisoformat(record.at).timestamp()
                    self._enter(request, llm, at, currency, amount, None, "answered")
                    self._add(llm, currency, amount)
        return len(unbilled)

    def name_batch(self, old: str, new: str) -> None:
        """Replace the name of a batch that was just submitted with the API's id, by which it is collected."""
        with self._transaction():
            self._db.execute("UPDATE attempts SET batch = ? WHERE batch = ?", (new, old))

    def settle_lost(self, batch: str) -> bool:
        """End the attempts of a batch as unknown. False where none of them is in flight under that name."""
        sql = "UPDATE attempts SET outcome = 'unknown' WHERE batch = ? AND outcome IS NULL"
        with self._transaction():
            return self._db.execute(sql, (batch,)).rowcount > 0

    def in_flight(self, requests: Iterable[str]) -> list[Flight]:
        """The attempts for these requests that have not ended."""
        rows = []
        for chunk in chunks(list(requests)):
            query = (
                "SELECT id, request, batch, at, owner FROM attempts"
                f" WHERE outcome IS NULL AND request IN ({marks(chunk)}) ORDER BY id"
            )
            with self._explained():
                rows += self._db.execute(query, chunk).fetchall()
        with self._explained():
            owners = {row[-1] for row in rows}
            alive = {owner: self._present.alive(owner) for owner in owners}
        return [
            Flight(attempt, request, batch, at, alive[owner])
            for attempt, request, batch, at, owner in rows
        ]

    def batch_size(self, batch: str) -> int:
        """The number of attempts in this batch."""
        query = "SELECT COUNT(*) FROM attempts WHERE batch = ?"
        with self._explained():
            (count,) = self._db.execute(query, (batch,)).fetchone()
        return int(count)

    def spent(self, llm: str) -> list[Spent]:
        """The money that was ever spent on an LLM, with an entry for each currency."""
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
        """The names of the LLMs that have attempts."""
        query = "SELECT DISTINCT llm FROM attempts ORDER BY llm"
        with self._explained():
            return [llm for (llm,) in self._db.execute(query)]

    def _answered_and_busy(self, requests: Sequence[str]) -> tuple[set[str], set[str]]:
        """The requests that are answered, and those in flight. Attempts whose process is gone are ended as unknown."""
        answered, busy = set(), set()
        for chunk in chunks(requests):
            query = f"SELECT request FROM answers WHERE request IN ({marks(chunk)})"
            answered |= {request for (request,) in self._db.execute(query, chunk)}
        end = "UPDATE attempts SET outcome = 'unknown' WHERE id = ?"
        for flight in self.in_flight(requests):
            if flight.batch is None and not flight.alive:
                self._db.execute(end, (flight.attempt,))
            else:
                busy.add(flight.request)
        return answered, busy

    def _total(self, hold: Hold) -> float:
        """All money that was ever spent or is reserved, in the hold's currency."""
        query = "SELECT currency, amount FROM totals WHERE llm = ?"
        sums = self._db.execute(query, (hold.llm,)).fetchall()
        worth = {**hold.worth, hold.currency: 1.0}
        return sum(float(amount) * worth[currency] for currency, amount in sums)

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
