"""Rebuilds the ledger from data/answers: it takes lost and rotten answers from there, with their bills.

Each record names the price list that it was billed by, so its bill is known as long as params.yaml has that list.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from slingshot.llm.asked import ledger_place, locked, replay
from slingshot.llm.asked.api import Api
from slingshot.llm.asked.entries import Record
from slingshot.llm.asked.ledger import Ledger
from slingshot.llm.asked.wallet import FREE
from slingshot.llm.task import provider
from slingshot.money.prices import believed, bill
from slingshot.settings import PARAMS, AskedSettings, LlmPrice, Settings, UserError

LONGEST = 1_000_000
"""The most input tokens of a request, where the price has no `up_to`. No record says how long its request was."""
SHOWN = 3
"""How many requests with rotten answers are named."""


@dataclass
class Rebuilt:
    """What a rebuild has done."""

    answers: int = 0
    """How many answers data/answers holds."""
    billed: int = 0
    """How many of their bills the ledger did not have."""
    mended: int = 0
    """How many of them were rotten in the ledger."""
    lacking: list[str] = field(default_factory=list)
    """What could not be taken in, each with the remedy."""
    notes: list[str] = field(default_factory=list)

    @property
    def complete(self) -> bool:
        return bool(self.answers) and not self.lacking


def rebuild(params: Settings, ledger: Ledger) -> Rebuilt:
    """Take every answer of data/answers, in the work tree and as dvc.lock knows it, into the ledger, with its bill.

    A bill that the ledger has already is not counted again. Where everything that dvc.lock knows is here, the ledger
    then counts as one that knows what was spent. Raises UserError, and changes nothing, where params.yaml lacks a price
    list.
    """
    rebuilt = Rebuilt()
    cells = [(dataset, llm) for dataset, llm in locked.cells() if _is_asked(llm, params)]
    bills = [(llm, _paid(dataset, llm, params, rebuilt)) for dataset, llm in cells]
    for llm, paid in bills:
        spoilt = replay.sound(ledger, _api(llm, params), paid)[1] if paid else set()
        rebuilt.answers += len(paid)
        rebuilt.billed += ledger.restore(llm, paid, spoilt)
        rebuilt.mended += len(spoilt)
    if rebuilt.complete:
        ledger_place.settle(ledger)
        if rebuilt.billed:
            rebuilt.notes.append(
                "the bills of answers that data/answers holds no longer, as of other settings, and what was held for "
                "attempts of unknown outcome are lost: that much of the budget starts anew"
            )
    return rebuilt


def confirm_loss(params: Settings, ledger: Ledger) -> list[str]:
    """Accept that missing answers are gone, and drop rotten ones. Returns what was accepted, and what it means."""
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
    asked = [name for name, llm in params.llms.items() if isinstance(llm, AskedSettings)]
    return ledger_place.lost(ledger, asked)


def _rotten(ledger: Ledger) -> list[str]:
    """One line for all rotten answers, if there are any."""
    rotten = ledger.rotten()
    if not rotten:
        return []
    first = ", ".join(rotten[:SHOWN]) + (", ..." if rotten[SHOWN:] else "")
    return [f"answers that are not as they were written: {len(rotten):,} (requests {first})"]


def _is_asked(llm: str, params: Settings) -> bool:
    """Whether an LLM is asked through an API. dvc.lock says so of one that params.yaml has no longer."""
    settings = params.llms.get(llm)
    return llm in locked.paid() if settings is None else isinstance(settings, AskedSettings)


def _paid(
    dataset: str, llm: str, params: Settings, rebuilt: Rebuilt
) -> dict[str, tuple[Record, str, float]]:
    """One cell's answers: request -> answer, currency and bill. Notes what can't be had in `rebuilt`."""
    file, settings = locked.answers_file(dataset, llm), params.llms.get(llm)
    if not isinstance(settings, AskedSettings):
        rebuilt.lacking.append(
            f"{PARAMS}: llms.{llm} is missing, by which the answers in {file} are read: put it back"
        )
        return {}
    api = _api(llm, params)
    earlier = replay.earlier(dataset, llm, api)
    rebuilt.lacking += earlier.troubles(earlier.broken)
    if not (earlier.damaged or replay.whole(dataset, llm)):
        rebuilt.lacking.append(
            f"{file}: what {locked.LOCK} knows of it is not in DVC's cache: `dvc pull {file}`"
        )
    before = locked.settings(dataset, llm)
    default = AskedSettings.model_fields["max_tokens"].default
    most = max(settings.max_tokens, before.get("max_tokens", default) if before else 0)
    paid, cut = {}, 0
    for request, record in earlier.records.items():
        price = _price(record, params, rebuilt)
        if price is None:
            paid[request] = (record, FREE, 0.0)
            continue
        claimed = api.tokens(record.response)
        tokens = believed(claimed, price.up_to or LONGEST, most)
        cut += sum(claimed.values()) > sum(tokens.values())
        paid[request] = (record, price.currency, bill(tokens, price, batch=record.batch))
    if cut:
        rebuilt.notes.append(
            f"{file}: {cut:,} answers claim more tokens than a request can use, and are billed for that most; they "
            f"cost more if llms.{llm}.max_tokens was greater than {most:,} when they were asked for"
        )
    return paid


def _api(llm: str, params: Settings) -> Api:
    settings = params.llms[llm]
    api: Api = provider(settings).connect(settings, params)
    return api


def _price(record: Record, params: Settings, rebuilt: Rebuilt) -> LlmPrice | None:
    """The price list that the record names; None where nothing was paid. Raises UserError where it is missing."""
    if record.price == FREE:
        return None
    name, _, date = record.price.rpartition(" ")
    price = params.cost.llm_prices.get(name)
    if price is None:
        raise UserError(
            f"{PARAMS}: cost.llm_prices.{name} is missing, by which answers were billed: put it back"
        )
    note = f"{PARAMS}: answers that were billed by {record.price} are counted by that list as it is of {price.date}"
    if str(price.date) != date and note not in rebuilt.notes:
        rebuilt.notes.append(note)
    return price
