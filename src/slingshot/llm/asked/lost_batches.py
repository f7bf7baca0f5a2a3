"""Finds batches whose id was never learnt, because a kill or a broken connection came first.

Such a batch is in the ledger under a name of its own. It is looked for among the account's latest batches, and
recognised by what its results hold.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import aclosing

from slingshot.llm.asked.api import BatchState, RejectError, RetryError
from slingshot.llm.asked.entries import Flight
from slingshot.llm.asked.retrying import Retrying
from slingshot.llm.asked.sending import Sender

NEW = "new:"
"""Begins a batch's name until the API has named it."""
CLOCKS = 86_400.0
"""Seconds that the API's clock may differ from ours. A batch is recognised by what its results hold, not by when it was
made, so this only bounds the search."""


class LostBatches:
    """The search of one run."""

    def __init__(self, sender: Sender, retrying: Retrying) -> None:
        self._sender, self._retrying = sender, retrying
        self._never_made = 0
        """Batches that were submitted and never made."""

    async def named(self, name: str, flights: Sequence[Flight]) -> str | None:
        """The API's id of the batch that is in the ledger under `name`, with these attempts.

        None while another process is submitting it, and where it is nowhere: then it was not made or can no longer be
        found, and its attempts stay spent. Raises RetryError where that happened `run.attempts` times.
        """
        if not name.startswith(NEW):
            return name
        ledger, run = self._sender.ledger, self._sender.run
        if any(flight.alive for flight in flights) and ledger.owner not in name:
            return None  # another process is just submitting it
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
            return None  # another process has just named it, or taken it for lost
        self._never_made += 1
        if self._never_made == run.attempts:
            raise RetryError("a batch was submitted, and the API has not made it")
        return None

    async def _around(self, at: float) -> list[BatchState]:
        """The account's batches except those from long before `at`. Those that have ended come first, because they
        need no waiting; among them those made closest to `at`."""
        states: list[BatchState] = []
        async for state in self._sender.api.recent():
            if state.created < at - CLOCKS:
                break
            states.append(state)
        return sorted(states, key=lambda state: (not state.ended, abs(state.created - at)))

    async def _holds(self, batch: str, requests: set[str]) -> bool:
        """Whether these requests are in a batch. The account's other users make batches of that size too."""
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
