"""The tables of the ledger's SQLite file, and the digest that shows whether an answer has changed."""

from __future__ import annotations

import hashlib
import json

VERSION = 1
"""Version of the tables. Version 0 had no number and no digests, and found live processes by id and clock."""
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
"""Whether an answer is unchanged since it was written."""
ATTEMPT = "request, llm, owner, at, currency, amount, batch, outcome"
FRESH = (ANSWERS, ATTEMPTS, IN_FLIGHT, BATCHES, TOTALS, KNOWS)
"""The statements that make a new file."""
FROM_0 = (
    "ALTER TABLE answers ADD COLUMN digest TEXT",
    f"UPDATE answers SET digest = {DIGEST}",
    "ALTER TABLE attempts DROP COLUMN until",
    KNOWS,
    "INSERT INTO knows SELECT DISTINCT 'llm', llm FROM attempts",
)
"""The statements that turn a file of version 0 into one of version 1."""
SPEND = "INSERT INTO totals VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET amount = amount + excluded.amount"
ENTER = f"INSERT INTO attempts ({ATTEMPT}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
ANSWER = "INSERT OR IGNORE INTO answers VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
KNOW = "INSERT OR IGNORE INTO knows VALUES (?, ?)"
KNOWN = "SELECT CASE kind WHEN 'self' THEN 'ledger' ELSE kind END, name FROM knows"
"""The rows of another ledger's `knows` for the ledger that takes it in: the other's own id becomes that of a ledger."""
SUMS = (
    "DELETE FROM totals",
    "INSERT INTO totals SELECT llm, currency, SUM(amount) FROM attempts GROUP BY llm, currency",
)


def digest(request: bytes, response: bytes, *others: object) -> str | None:
    """The digest of an answer's columns; None, which no digest equals, where `response` is not a JSON object."""
    try:
        is_object = isinstance(json.loads(response), dict)
    except (ValueError, RecursionError):
        return None
    columns = repr((request, response, *others))
    return hashlib.sha256(columns.encode()).hexdigest() if is_object else None
