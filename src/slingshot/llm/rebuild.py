"""The ledger from data/answers: what is lost of it, or has rotted, is taken from there with its bills.

Each record names the price list that it was billed by, so that its bill is known as long as params.yaml has that list.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from slingshot.llm import ledger_place, replay
from slingshot.llm.api import Api
from slingshot.llm.ledger import Ledger, Record
from slingshot.llm.task import provider
from slingshot.llm.wallet import FREE
from slingshot.money import believed, bill
from slingshot.settings import PARAMS, Asked, Settings, UserError

LONGEST = 1_000_000
"""Input tokens of any request, where the price has no `up_to`: no record says how long its own was."""


@dataclass
class Rebuilt:
    """What came of it."""

    answers: int = 0
    """That data/answers holds."""
    billed: int = 0
    """Of them, those whose bills the ledger did not have."""
    mended: int = 0
    """Of them, those that were rotten in the ledger."""
    lacking: list[str] = field(default_factory=list)
    """What could not be taken in, each with the remedy."""
    notes: list[str] = field(default_factory=list)

    @property
    def complete(self) -> bool:
        return bool(self.answers) and not self.lacking


def rebuild(params: Settings, ledger: Ledger) -> Rebuilt:
    """Take every answer of data/answers, in the work tree and as dvc.lock knows it, into the ledger, with its bill.

    What has its bill there is not counted again. Where all that dvc.lock knows was to be had, the ledger is one that
    knows what was spent. Raises UserError, and changes nothing, where params.yaml lacks a price list.
    """
    found = Rebuilt()
    cells = [(dataset, llm) for dataset, llm in replay.cells() if _counts(llm, params)]
    taken = [(llm, _paid(dataset, llm, params, found)) for dataset, llm in cells]
    for llm, paid in taken:
        spoilt = replay.sound(ledger, _api(llm, params), paid)[1] if paid else set()
        found.answers += len(paid)
        found.billed += ledger.restore(llm, paid, spoilt)
        found.mended += len(spoilt)
    if found.complete:
        ledger_place.settle(ledger)
    return found


def confirm_loss(params: Settings, ledger: Ledger) -> list[str]:
    """Accept that what is missing is gone, and drop what is rotten. Returns what was accepted."""
    accepted = list(missing(params, ledger))
    ledger.drop_rotten()
    if accepted:
        ledger_place.settle(ledger)
    return accepted


def missing(params: Settings, ledger: Ledger) -> Iterator[str]:
    """What the ledger should hold and does not."""
    yield from ledger_place.lost(ledger, [name for name, llm in params.llms.items() if isinstance(llm, Asked)])
    for request in ledger.rotten():
        yield f"the answer to request {request} is not as it was written"


def _counts(llm: str, params: Settings) -> bool:
    """Whether an LLM is asked through an API, or was, as dvc.lock has it."""
    settings = params.llms.get(llm)
    return llm in replay.paid() if settings is None else isinstance(settings, Asked)


def _paid(dataset: str, llm: str, params: Settings, found: Rebuilt) -> dict[str, tuple[Record, str, float]]:
    """Request -> answer, currency and bill, of one cell; what can't be had is noted."""
    file, settings = replay.answers_file(dataset, llm), params.llms.get(llm)
    if not isinstance(settings, Asked):
        found.lacking.append(f"{PARAMS}: llms.{llm} is missing, by which the answers in {file} are read: put it back")
        return {}
    api = _api(llm, params)
    earlier = replay.earlier(dataset, llm, api)
    found.lacking += earlier.troubles(earlier.broken)
    if not (earlier.damaged or replay.whole(dataset, llm)):
        found.lacking.append(f"{file}: what {replay.LOCK} knows of it is not in DVC's cache: `dvc pull {file}`")
    return {
        request: (record, *_bill(record, api, settings.max_tokens, params, found))
        for request, record in earlier.records.items()
    }


def _api(llm: str, params: Settings) -> Api:
    settings = params.llms[llm]
    api: Api = provider(settings).connect(settings, params)
    return api


def _bill(record: Record, api: Api, max_tokens: int, params: Settings, found: Rebuilt) -> tuple[str, float]:
    """Currency and amount, by the price list that the record names, of no more tokens than a request can use."""
    if record.price == FREE:
        return FREE, 0.0
    name, _, date = record.price.rpartition(" ")
    price = params.cost.llm_prices.get(name)
    if price is None:
        raise UserError(f"{PARAMS}: cost.llm_prices.{name} is missing, by which answers were billed: put it back")
    note = f"{PARAMS}: answers that were billed by {record.price} are counted by that list as it is of {price.date}"
    if str(price.date) != date and note not in found.notes:
        found.notes.append(note)
    tokens = believed(api.tokens(record.response), price.up_to or LONGEST, max_tokens)
    return price.currency, bill(tokens, price, batch=record.batch)
