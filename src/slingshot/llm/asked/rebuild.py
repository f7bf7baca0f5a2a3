"""The ledger from data/answers: what is lost of it, or has rotted, is taken from there with its bills.

Each record names the price list that it was billed by, so that its bill is known as long as params.yaml has that list.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from slingshot.llm.asked import ledger_place, replay
from slingshot.llm.asked.api import Api
from slingshot.llm.asked.entries import Record
from slingshot.llm.asked.ledger import Ledger
from slingshot.llm.asked.wallet import FREE
from slingshot.llm.task import provider
from slingshot.money.prices import believed, bill
from slingshot.settings import PARAMS, AskedSettings, LlmPrice, Settings, UserError

LONGEST = 1_000_000
"""Input tokens of any request, where the price has no `up_to`: no record says how long its own was."""
SHOWN = 3
"""Requests that are named of those whose answers are rotten."""


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
        if found.billed:
            found.notes.append(
                "the bills of answers that data/answers holds no longer, as of other settings, and what was held for "
                "attempts of unknown outcome are lost: that much of the budget starts anew"
            )
    return found


def confirm_loss(params: Settings, ledger: Ledger) -> list[str]:
    """Accept that what is missing is gone, and drop what is rotten. Returns what was accepted, and what it means."""
    again = "may be asked and paid again"
    accepted = [
        f"{sign}: its budget starts anew, and its answers {again}" for sign in _lost(params, ledger)
    ]
    accepted += [f"{line}: they {again}, and their bills stay" for line in _rotten(ledger)]
    ledger.drop_rotten()
    if accepted:
        ledger_place.settle(ledger)
    return accepted


def missing(params: Settings, ledger: Ledger) -> list[str]:
    """What the ledger should hold and does not."""
    return _lost(params, ledger) + _rotten(ledger)


def _lost(params: Settings, ledger: Ledger) -> list[str]:
    return ledger_place.lost(
        ledger, [name for name, llm in params.llms.items() if isinstance(llm, AskedSettings)]
    )


def _rotten(ledger: Ledger) -> list[str]:
    """One line for all."""
    rotten = ledger.rotten()
    first = ", ".join(rotten[:SHOWN]) + (", ..." if rotten[SHOWN:] else "")
    return (
        [f"answers that are not as they were written: {len(rotten):,} (requests {first})"]
        if rotten
        else []
    )


def _counts(llm: str, params: Settings) -> bool:
    """Whether an LLM is asked through an API, or was, as dvc.lock has it."""
    settings = params.llms.get(llm)
    return llm in replay.paid() if settings is None else isinstance(settings, AskedSettings)


def _paid(
    dataset: str, llm: str, params: Settings, found: Rebuilt
) -> dict[str, tuple[Record, str, float]]:
    """Request -> answer, currency and bill, of one cell; what can't be had is noted."""
    file, settings = replay.answers_file(dataset, llm), params.llms.get(llm)
    if not isinstance(settings, AskedSettings):
        found.lacking.append(
            f"{PARAMS}: llms.{llm} is missing, by which the answers in {file} are read: put it back"
        )
        return {}
    api = _api(llm, params)
    earlier = replay.earlier(dataset, llm, api)
    found.lacking += earlier.troubles(earlier.broken)
    if not (earlier.damaged or replay.whole(dataset, llm)):
        found.lacking.append(
            f"{file}: what {replay.LOCK} knows of it is not in DVC's cache: `dvc pull {file}`"
        )
    locked, standard = replay.locked(dataset, llm), AskedSettings.model_fields["max_tokens"].default
    most = max(settings.max_tokens, locked.get("max_tokens", standard) if locked else 0)
    paid, cut = {}, 0
    for request, record in earlier.records.items():
        price = _price(record, params, found)
        if price is None:
            paid[request] = (record, FREE, 0.0)
            continue
        claimed = api.tokens(record.response)
        tokens = believed(claimed, price.up_to or LONGEST, most)
        cut += sum(claimed.values()) > sum(tokens.values())
        paid[request] = (record, price.currency, bill(tokens, price, batch=record.batch))
    if cut:
        found.notes.append(
            f"{file}: {cut:,} answers claim more tokens than a request can use, and are billed for that most; they "
            f"cost more if llms.{llm}.max_tokens was greater than {most:,} when they were asked for"
        )
    return paid


def _api(llm: str, params: Settings) -> Api:
    settings = params.llms[llm]
    api: Api = provider(settings).connect(settings, params)
    return api


def _price(record: Record, params: Settings, found: Rebuilt) -> LlmPrice | None:
    """The price list that the record names; None where nothing was paid."""
    if record.price == FREE:
        return None
    name, _, date = record.price.rpartition(" ")
    price = params.cost.llm_prices.get(name)
    if price is None:
        raise UserError(
            f"{PARAMS}: cost.llm_prices.{name} is missing, by which answers were billed: put it back"
        )
    note = f"{PARAMS}: answers that were billed by {record.price} are counted by that list as it is of {price.date}"
    if str(price.date) != date and note not in found.notes:
        found.notes.append(note)
    return price
