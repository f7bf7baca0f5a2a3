"""Rebuilds the ledger from data/answers: restores lost and rotten answers, with their bills.

Each record names the price list that it was billed by. So its bill can be computed as long as params.yaml has the list.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from slingshot.files import paths
from slingshot.llm.asked import ledger_place, locked, replay
from slingshot.llm.asked.api import Api
from slingshot.llm.asked.entries import Record
from slingshot.llm.asked.ledger import Ledger
from slingshot.llm.asked.wallet import FREE
from slingshot.llm.task import provider
from slingshot.money.prices import believed, bill
from slingshot.settings import PARAMS, AskedSettings, LlmPrice, Settings, UserError

LONGEST = 1_000_000
"""The most input tokens of a request whose price has no `up_to`. Records do not contain the length of the request."""
SHOWN = 3
"""The number of requests with rotten answers that a line names."""


@dataclass
class Rebuilt:
    """The result of a rebuild."""

    answers: int = 0
    """Answers in data/answers."""
    billed: int = 0
    """Those of them whose bills were missing in the ledger."""
    mended: int = 0
    """Those of them that were rotten in the ledger."""
    lacking: list[str] = field(default_factory=list)
    """Lines on what could not be taken in, each with the remedy."""
    notes: list[str] = field(default_factory=list)
    """Lines on bills that are not certain."""

    @property
    def complete(self) -> bool:
        """Whether data/answers has answers, and all of them were taken in."""
        return bool(self.answers) and not self.lacking


def rebuild(settings: Settings, ledger: Ledger) -> Rebuilt:
    """Take every answer of data/answers into the ledger, with its bill: from the work tree, and as dvc.lock has it.

    A bill that the ledger has already is not counted again. Where nothing was missing, the ledger counts as complete
    from then on. Raises UserError, and changes nothing, where params.yaml lacks a price list.
    """
    rebuilt = Rebuilt()
    cells = [(dataset, llm) for dataset, llm in locked.cells() if _is_asked(llm, settings)]
    bills = [(llm, _paid(dataset, llm, settings, rebuilt)) for dataset, llm in cells]
    for llm, paid in bills:
        spoilt = replay.sound(ledger, _api(llm, settings), paid)[1] if paid else set()
        rebuilt.answers += len(paid)
        rebuilt.billed += ledger.restore(llm, paid, spoilt)
        rebuilt.mended += len(spoilt)
    if rebuilt.complete:
        ledger_place.settle(ledger)
        if rebuilt.billed:
            rebuilt.notes.append(
                "the bills of answers that data/answers no longer has, e.g. of earlier settings, are lost, and so are "
                "the sums reserved for attempts of unknown outcome: this part of the budget starts again"
            )
    return rebuilt


def confirm_loss(settings: Settings, ledger: Ledger) -> list[str]:
    """Accept that missing answers are lost, and delete rotten ones. Returns lines on each loss and its consequences."""
    again = "may be requested and paid for again"
    losses = [
        f"{sign}: its budget starts again, and its answers {again}"
        for sign in _lost(settings, ledger)
    ]
    losses += [f"{line}: they {again}, and their bills stay" for line in _rotten(ledger)]
    ledger.drop_rotten()
    if losses:
        ledger_place.settle(ledger)
    return losses


def missing(settings: Settings, ledger: Ledger) -> list[str]:
    """Lines on the entries that the ledger should have, but lacks."""
    return _lost(settings, ledger) + _rotten(ledger)


def _lost(settings: Settings, ledger: Ledger) -> list[str]:
    names = [name for name, llm in settings.llms.items() if isinstance(llm, AskedSettings)]
    return ledger_place.lost(ledger, names)


def _rotten(ledger: Ledger) -> list[str]:
    """One line on all rotten answers, if there are any."""
    rotten = ledger.rotten()
    if not rotten:
        return []
    first = ", ".join(rotten[:SHOWN]) + (", ..." if rotten[SHOWN:] else "")
    return [f"answers that are damaged: {len(rotten):,} (requests {first})"]


def _is_asked(llm: str, settings: Settings) -> bool:
    """Whether an LLM is behind an API. For one that params.yaml no longer has, dvc.lock shows it by a price."""
    llm_settings = settings.llms.get(llm)
    return llm in locked.paid() if llm_settings is None else isinstance(llm_settings, AskedSettings)


def _paid(
    dataset: str, llm: str, settings: Settings, rebuilt: Rebuilt
) -> dict[str, tuple[Record, str, float]]:
    """One cell's answers: request -> answer, currency and bill. Adds lines on unusable answers to `rebuilt`."""
    file, llm_settings = paths.answers(dataset, llm), settings.llms.get(llm)
    if not isinstance(llm_settings, AskedSettings):
        rebuilt.lacking.append(
            f"{PARAMS}: llms.{llm} is missing, but is needed to read the answers in {file}: put it back"
        )
        return {}
    api = _api(llm, settings)
    earlier = replay.earlier(dataset, llm, api)
    rebuilt.lacking += earlier.troubles(earlier.broken)
    if not (earlier.damaged or replay.whole(dataset, llm)):
        rebuilt.lacking.append(
            f"{file}: the answers that {locked.LOCK} lists are not in DVC's cache: `dvc pull {file}`"
        )
    before = locked.settings(dataset, llm)
    default = AskedSettings.model_fields["max_tokens"].default
    # No record has the max_tokens that its request was sent with, so the greatest value that is known limits the bill.
    most = max(llm_settings.max_tokens, before.get("max_tokens", default) if before else 0)
    paid, cut = {}, 0
    for request, record in earlier.records.items():
        price = _price(record, settings, rebuilt)
        if price is None:
            paid[request] = (record, FREE, 0.0)
            continue
        claimed = api.tokens(record.response)
        tokens = believed(claimed, price.up_to or LONGEST, most)
        cut += sum(claimed.values()) > sum(tokens.values())
        paid[request] = (record, price.currency, bill(tokens, price, batch=record.batch))
    if cut:
        rebuilt.notes.append(
            f"{file}: {cut:,} answers claim more tokens than a request can use, and are billed for the most that it "
            f"can; they cost more if llms.{llm}.max_tokens was over {most:,} when they were requested"
        )
    return paid


def _api(llm: str, settings: Settings) -> Api:
    llm_settings = settings.llms[llm]
    api: Api = provider(llm_settings).connect(llm_settings, settings)
    return api


def _price(record: Record, settings: Settings, rebuilt: Rebuilt) -> LlmPrice | None:
    """The price list that the record names; None where nothing was paid. Raises UserError where the list is missing."""
    if record.price == FREE:
        return None
    name, _, date = record.price.rpartition(" ")
    price = settings.cost.llm_prices.get(name)
    if price is None:
        raise UserError(
            f"{PARAMS}: cost.llm_prices.{name} is missing, but is needed to bill answers: put it back"
        )
    note = f"{PARAMS}: answers that were billed by {record.price} are billed here by that list as of {price.date}"
    if str(price.date) != date and note not in rebuilt.notes:
        rebuilt.notes.append(note)
    return price
