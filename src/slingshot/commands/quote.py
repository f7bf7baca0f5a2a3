"""`slingshot quote`: the cost of the missing answers, before any request is sent.

quote_tokens.py counts or estimates their tokens. The budget does not use estimates: each request reserves its highest
possible cost.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from slingshot.commands.quote_tokens import BYTES_PER_TOKEN, SAMPLE, Tokens, missing_tokens
from slingshot.llm.asked import ledger_place
from slingshot.llm.asked.api import Api
from slingshot.llm.asked.asking import questions, stored_answers
from slingshot.llm.asked.ledger import Ledger
from slingshot.llm.asked.wallet import Wallet
from slingshot.llm.task import PromptTask, provider
from slingshot.machine import progress
from slingshot.money.prices import bill, convert
from slingshot.settings import PARAMS, AskedSettings, Settings, UserError

if TYPE_CHECKING:
    from rich.table import Table


@dataclass(frozen=True)
class Quote:
    """The missing answers of one LLM on one data set. Money is in `currency`; null if the LLM has no price."""

    dataset: str
    llm: str
    requests: int
    stored: int
    """Answers in the ledger."""
    to_send: int
    input_tokens: int
    """Input tokens of the requests to send, with their static beginnings."""
    cacheable_tokens: int
    """The part of `input_tokens` in equal beginnings that are long enough for the API's cache."""
    output_tokens: int
    counted: bool
    """Whether the API counted the input tokens; otherwise they are estimated."""
    why: str
    """Why they were not counted."""
    currency: str
    cost: float | None
    """Cost at list price."""
    cost_cached: float | None
    """Cost with the API's cache, if every request except the first reads it."""
    cost_batch: float | None
    """Cost in Message Batches, with the cache."""


@dataclass(frozen=True)
class Account:
    """One LLM's budget, in `currency`."""

    llm: str
    currency: str
    budget: float | None
    spent: float
    reserved: float
    left: float | None


def quotes(settings: Settings, llms: Sequence[str]) -> tuple[list[Quote], list[Account]]:
    """A quote for each data set of the study and each LLM, and each LLM's account.

    Raises UserError for an LLM that is unknown or has no API, and if no rows are prepared.
    """
    quoted, accounts = [], []
    with Ledger(ledger_place.find().file) as ledger:
        for sign in ledger_place.lost(ledger, llms):
            progress.say(
                f"Warning: money was spent that this ledger does not record: {sign}; see `slingshot ledger`"
            )
        for name in llms:
            llm_settings = settings.llm(name)
            if not isinstance(llm_settings, AskedSettings):
                raise UserError(
                    f"'{name}' runs on this machine: it costs time, not money, so it has no quote"
                )
            wallet = Wallet.of(name, settings, spending=False)
            for dataset in settings.study.datasets:
                task = _task(dataset, name, settings)
                quoted.append(_quote(task, llm_settings, ledger, wallet))
            accounts.append(_account(wallet, ledger))
    return quoted, accounts


def _account(wallet: Wallet, ledger: Ledger) -> Account:
    standing = wallet.standing(ledger)
    return Account(
        llm=wallet.name,
        currency=wallet.cost.currency,
        budget=wallet.budget,
        spent=standing.billed,
        reserved=standing.reserved,
        left=standing.left,
    )


def paid(settings: Settings) -> list[str]:
    """The LLMs of the study that are asked through an API."""
    return [name for name in settings.study.llms if isinstance(settings.llms[name], AskedSettings)]


def _task(dataset: str, llm: str, settings: Settings) -> PromptTask:
    if not Path("data/shots", f"{dataset}.parquet").is_file():
        raise UserError(
            f"data set '{dataset}' is not prepared: run `dvc repro shots`, which asks no LLM"
        )
    return PromptTask.read(dataset, llm, settings)


def _quote(task: PromptTask, llm_settings: AskedSettings, ledger: Ledger, wallet: Wallet) -> Quote:
    api: Api = provider(llm_settings).connect(llm_settings, task.settings)
    asked, _ = questions(llm_settings, task, api)
    asks = {ask.request: ask for row in asked for ask in row}
    records = stored_answers(ledger, task, api, list(asks))
    missing = [ask for request, ask in asks.items() if request not in records]
    tokens = missing_tokens(task, llm_settings, api, missing, records)
    cost, cached, batch = _costs(wallet, tokens, len(missing))
    return Quote(
        dataset=task.dataset,
        llm=task.llm,
        requests=len(asks),
        stored=len(asks) - len(missing),
        to_send=len(missing),
        input_tokens=tokens.input,
        cacheable_tokens=tokens.cacheable,
        output_tokens=tokens.output,
        counted=not tokens.uncounted,
        why=tokens.uncounted,
        currency=wallet.cost.currency,
        cost=cost,
        cost_cached=cached,
        cost_batch=batch,
    )


def _costs(
    wallet: Wallet, tokens: Tokens, requests: int
) -> tuple[float | None, float | None, float | None]:
    """The cost at list price, with the cache, and in batches with the cache."""
    price = wallet.price
    if price is None:
        return None, None, None

    def money(kinds: dict[str, int], batch: bool) -> float:
        return convert(bill(kinds, price, batch=batch), price.currency, wallet.cost)

    once = tokens.cacheable // requests if requests else 0
    cached = {
        "input": tokens.input - tokens.cacheable,
        "output": tokens.output,
        "cache_read": tokens.cacheable - once,
    }
    return (
        money({"input": tokens.input, "output": tokens.output}, False),
        money(cached | {"cache_write": once}, False),
        money(cached | {"cache_write_1h": once}, True),
    )


def as_json(quotes: Sequence[Quote], accounts: Sequence[Account]) -> dict[str, object]:
    """The quotes and accounts for programs."""
    return {
        "quotes": [asdict(quote) for quote in quotes],
        "accounts": [asdict(account) for account in accounts],
    }


def show(quotes: Sequence[Quote], accounts: Sequence[Account]) -> None:
    """Print a table of quotes, a table of accounts, and notes."""
    from slingshot.machine.console import terminal

    out, currency = terminal(), quotes[0].currency
    out.print(_quotes_table(quotes, currency))
    out.print(_accounts_table(quotes, accounts, currency))
    for line in _notes(quotes, accounts):
        out.print(f"- {line}", soft_wrap=True)


def _quotes_table(quotes: Sequence[Quote], currency: str) -> Table:
    from slingshot.report.numbers import count, significant

    def figure(tokens: int, mark: str) -> str:
        return mark + count(tokens) if tokens else count(tokens)

    table = _table()
    for heading in ("Data set", "LLM"):
        table.add_column(heading, overflow="fold")
    money = (f"{currency} at list", "with cache", "in batches")
    for heading in ("Stored", "To send", "Input tokens", "Cacheable", "Output", *money):
        table.add_column(heading, justify="right")
    for quote in quotes:
        mark = "" if quote.counted else "~"
        figures = [
            figure(quote.input_tokens, mark),
            figure(quote.cacheable_tokens, mark),
            figure(quote.output_tokens, "~"),
        ]
        costs = [significant(cost) for cost in (quote.cost, quote.cost_cached, quote.cost_batch)]
        numbers = (count(quote.stored), count(quote.to_send), *figures, *costs)
        table.add_row(quote.dataset, quote.llm, *numbers)
    return table


def _accounts_table(quotes: Sequence[Quote], accounts: Sequence[Account], currency: str) -> Table:
    from slingshot.report.numbers import significant

    table = _table()
    table.add_column("LLM")
    for heading in (f"Budget, {currency}", "Spent", "Reserved", "Left", "Left after this, at list"):
        table.add_column(heading, justify="right")
    for account in accounts:
        due = sum(quote.cost or 0 for quote in quotes if quote.llm == account.llm)
        after = None if account.left is None else account.left - due
        amounts = (account.budget, account.spent, account.reserved, account.left, after)
        table.add_row(account.llm, *map(significant, amounts))
    return table


def _table() -> Table:
    from rich import box
    from rich.table import Table

    return Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))


def _notes(quotes: Sequence[Quote], accounts: Sequence[Account]) -> Iterator[str]:
    for why in dict.fromkeys(quote.why for quote in quotes if quote.why):
        cells = ", ".join(f"{quote.dataset}-{quote.llm}" for quote in quotes if quote.why == why)
        yield f"~ Input tokens of {cells} are estimated, {BYTES_PER_TOKEN:g} bytes to a token: {why}."
    if any(quote.counted and quote.to_send for quote in quotes):
        yield f"Input tokens were counted by the API on up to {SAMPLE} requests and scaled by bytes."
    yield "~ Output tokens are estimated from stored answers, or from a short answer. Thinking tokens come on top."
    yield "Another `seed` is another test set, and its answers must be paid for again."
    for account in accounts:
        if account.budget is None:
            yield f"{account.llm} has no budget: name one as run.budget.{account.llm} in {PARAMS} before it is asked."
