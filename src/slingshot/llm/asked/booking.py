"""Books answers: stores them with their bills, and collects those that claim more than they can have cost."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime

from slingshot.llm.asked.api import Api, Ask, Reply
from slingshot.llm.asked.entries import Record
from slingshot.llm.asked.ledger import Ledger
from slingshot.llm.asked.tally import Tally
from slingshot.llm.asked.wallet import ROUNDING, Wallet, size
from slingshot.money.prices import believed

CLAIM = "claim", "more tokens than a request can use"
COST = "cost", "more than was reserved, because the price was raised meanwhile"


class Books:
    """The books of one run with one LLM."""

    def __init__(
        self, api: Api, ledger: Ledger, wallet: Wallet, max_tokens: int, tally: Tally
    ) -> None:
        self._api, self._ledger, self._wallet = api, ledger, wallet
        self._max_tokens, self._tally = max_tokens, tally
        self._suspects: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
        """The problem of a bill (CLAIM or COST) -> a line for each answer that has it."""

    def keep(
        self, ask: Ask, attempt: int, reply: Reply, seconds: float | None, *, batch: bool = False
    ) -> None:
        """Store an answer and its bill. `seconds` is None for an answer from a batch."""
        claimed, length = self._api.tokens(reply.response), size(ask.body)
        bill, beyond = self._wallet.bill(claimed, ask.body, self._max_tokens, batch=batch)
        at = datetime.now(UTC).isoformat(timespec="milliseconds")
        price = self._wallet.price_name
        record = Record(reply.response, reply.request_id, seconds, at, batch, price)
        booked = self._ledger.settle(attempt, "answered", bill, record)
        if booked is None:
            self._tally.replay(1)
            return
        self._tally.count(believed(claimed, length, self._max_tokens), booked)
        shown = self._wallet.shown(booked)
        if beyond:
            input_tokens = sum(claimed.values()) - claimed["output"]
            self._suspects[CLAIM].append(
                f"{claimed['output']:,} output and {input_tokens:,} input tokens, for a request of {length:,} "
                f"bytes with max_tokens {self._max_tokens:,}; {shown} was booked, for the most that it can use"
            )
        elif booked < bill * (1 - ROUNDING):
            self._suspects[COST].append(f"{self._wallet.shown(bill)}; {shown} was booked")

    def take_warnings(self) -> list[str]:
        """A message for each problem of bills since the last call. The user should look before the run goes on."""
        warnings = [
            _warning(verb, excess, lines) for (verb, excess), lines in self._suspects.items()
        ]
        self._suspects.clear()
        return warnings


def _warning(verb: str, excess: str, lines: list[str]) -> str:
    number = len(lines)
    answers = f"an answer {verb}s" if number == 1 else f"{number:,} answers {verb}"
    first = "" if number == 1 else ", the first"
    return (
        f"{answers} {excess}{first}: {lines[0]}, and the answer is kept. Check the bill in the API's own account, "
        "and whether server, model and price are right, before you run this again"
    )
