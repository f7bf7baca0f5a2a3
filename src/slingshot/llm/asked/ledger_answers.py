"""The answers in the ledger: reading them, taking in answers from elsewhere, and deleting unusable ones.

An answer is rotten where its digest does not match: the disk or something else has changed it since it was written.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from slingshot.llm.asked.entries import Record
from slingshot.llm.asked.ledger_file import LedgerFile
from slingshot.llm.asked.ledger_tables import DIGEST, SOUND
from slingshot.settings import UserError

CHUNK = 500
"""The most values in one SQL statement."""


class LedgerAnswers(LedgerFile):
    """A connection to the answers."""

    def answers(self, requests: Iterable[str]) -> dict[str, Record]:
        """The stored answers, by request. Raises UserError where one is rotten."""
        records, rotten = self.read(requests)
        if rotten:
            raise self.spoilt(rotten)
        return records

    def read(self, requests: Iterable[str]) -> tuple[dict[str, Record], set[str]]:
        """The stored answers, by request, and the requests whose answers are rotten."""
        columns = "request, response, request_id, seconds, at, batch, price"
        records, rotten = {}, set()
        for chunk in chunks(list(requests)):
            query = f"SELECT {SOUND}, {columns} FROM answers WHERE request IN ({marks(chunk)})"
            with self._explained():
                rows = self._db.execute(query, chunk).fetchall()
            for sound, request, response, request_id, seconds, at, batch, price in rows:
                if sound:
                    parsed = json.loads(response)
                    records[request] = Record(parsed, request_id, seconds, at, bool(batch), price)
                else:
                    rotten.add(request)
        return records, rotten

    def spoilt(self, requests: Collection[str]) -> UserError:
        """The error for rotten answers, with the remedies."""
        more = f" (and {len(requests) - 1:,} more)" if len(requests) > 1 else ""
        return UserError(
            f"{self.path}: the answer to request {min(requests)}{more} is damaged: the disk or something else has "
            "changed it. `slingshot ledger --rebuild` restores it from data/answers; `slingshot ledger --confirm-loss` "
            "gives it up"
        )

    def adopt(self, records: Mapping[str, Record], over: Collection[str] = ()) -> None:
        """Take in answers that were paid elsewhere.

        They replace rotten answers and those of the requests `over`. Other stored answers stay.
        """
        with self._transaction():
            for request, record in records.items():
                self._replace(request, record, over)

    def rotten(self) -> list[str]:
        """The requests whose answers are rotten."""
        query = f"SELECT request FROM answers WHERE NOT {SOUND} ORDER BY request"
        with self._explained():
            return [request for (request,) in self._db.execute(query)]

    def drop_rotten(self) -> None:
        """Delete the rotten answers."""
        with self._transaction():
            self._db.execute(f"DELETE FROM answers WHERE NOT {SOUND}")

    def drop_unbilled(self, requests: Iterable[str]) -> None:
        """Delete the answers to these requests, except those that this ledger paid for."""
        paid = "SELECT request FROM attempts WHERE outcome = 'answered'"
        sql = f"DELETE FROM answers WHERE request = ? AND request NOT IN ({paid})"
        with self._transaction():
            self._db.executemany(sql, [(request,) for request in requests])

    def _insert(self, request: str, record: Record) -> None:
        response = json.dumps(record.response, ensure_ascii=False)
        self._db.execute(
            f"INSERT OR IGNORE INTO answers SELECT *, {DIGEST} FROM (SELECT ? AS request, ? AS response,"
            " ? AS request_id, ? AS seconds, ? AS at, ? AS batch, ? AS price)",
            (
                request,
                response,
                record.request_id,
                record.seconds,
                record.at,
                record.batch,
                record.price,
            ),
        )

    def _replace(self, request: str, record: Record, over: Collection[str]) -> None:
        self._db.execute(
            f"DELETE FROM answers WHERE request = ? AND (? OR NOT {SOUND})",
            (request, request in over),
        )
        self._insert(request, record)


def chunks(values: Sequence[str]) -> Iterator[Sequence[str]]:
    """The values in parts that are small enough for one statement."""
    for start in range(0, len(values), CHUNK):
        yield values[start : start + CHUNK]


def marks(values: Sequence[str]) -> str:
    """A statement's question marks for the values."""
    return ", ".join("?" * len(values))
