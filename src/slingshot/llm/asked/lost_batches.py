"""Finds batches whose id never reached the ledger, because of a kill or a broken connection.

Such a batch is in the ledger under a temporary name. The search goes through the account's latest batches, and
recognises the batch by the requests in its results.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import aclosing

from slingshot.llm.asked.api import BatchState, RejectError, RetryError
from slingshot.llm.asked.entries import Flight
from slingshot.llm.asked.retrying import Retrying
from slingshot.llm.asked.sending import Sender

NEW = "new:"
"""The beginning of a batch's name in the ledger until the API's id replaces it."""
CLOCKS = 86_400.0
"""Seconds by which the API's clock may differ from ours. This only limits the search: a batch is recognised by its
results, not by its time."""


class LostBatches:
    """The search for lost batches in one run."""

    def __init__(self, sender: Sender, retrying: Retrying) -> None:
        self._sender, self._retrying = sender, retrying
        self._never_made = 0
        """The number of batches that were submitted, but that the API does not have."""

    async def named(self, name: str, flights: Sequence[Flight]) -> str | None:
        """The API's id of the batch that is in the ledger under `name`, with these attempts.

        None while another process is submitting it, and where the API does not have it. Then its attempts stay spent.
        Raises RetryError where the API lacked `run.attempts` batches.
        """
        if not name.startswith(NEW):
            return name
        ledger, run = self._sender.ledger, self._sender.run
        if any(flight.alive for flight in flights) and ledger.owner not in name:
            return None  # another process is submitting it now
        size, at = ledger.batch_size(name), min(flight.at for flight in flights)
        requests = {flight.request for flight in flights}
        for state in await self._retrying.call(lambda: self._around(at), run.timeout):
            alike = state.requests == size and not ledger.batch_size(state.id)
            if alike and await self._holds(state.id, requests):
                ledger.name_batch(name, state.id)
                return state.id
            if self._sender.ended.is_set():
                return None
        if not ledger.settle_lost(name):
            return None  # another process has just found it, or given it up
        self._never_made += 1
        if self._never_made == run.attempts:
            raise RetryError("a batch was submitted, but the API does not have it")
        return None

    async def _around(self, at: float) -> list[BatchState]:
        """The account's batches, without those from long before `at`.

        Batches that have ended come first, because they need no waiting. Among them come first those made closest to
        `at`.
        """
        states: list[BatchState] = []
        async for state in self._sender.api.recent():
            if state.created < at - CLOCKS:
                break
            states.append(state)
        return sorted(states, key=lambda state: (not state.ended, abs(state.created - at)))

    async def _holds(self, batch: str, requests: set[str]) -> bool:
        """Whether these requests are in a batch. Other users of the account may have batches of the same size."""
        try:
            if not await self._retrying.ends(batch):
                return False
            first = await self._retrying.call(lambda: self._first(batch), self._sender.run.timeout)
        except RejectError:
            return False
        return first in requests

    async def _first(self, batch: str) -> str | None:
        """The request of the first result that can be read."""
        async with aclosing(self._sender.api.results(batch)) as results:
            async for result in results:
                if result.request is not None:
                    return result.request
        return None
