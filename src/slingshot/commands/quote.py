"""What the answers that are not here yet would cost, before anything is sent for them: `slingshot quote`.

Tokens are counted by the API on a sample of the requests, where a key is set and the texts may leave, and scaled by
bytes; elsewhere they are estimated from bytes. An estimate is not the budget's business: what may be spent is decided
request by request, by the most that one can cost.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from slingshot.llm.asked import ledger_place
from slingshot.llm.asked.api import Api, Ask, Body, RejectError, RetryError, StopError
from slingshot.llm.asked.asking import held, questions
from slingshot.llm.asked.entries import Record
from slingshot.llm.asked.ledger import Ledger
from slingshot.llm.asked.wallet import Wallet, size
from slingshot.llm.task import PromptTask, provider
from slingshot.machine import progress
from slingshot.money.prices import OVERHEAD, bill, convert
from slingshot.settings import PARAMS, AskedSettings, Settings, UserError, nearest

SAMPLE = 40
"""Requests that are counted by the API."""
BYTES_PER_TOKEN = 3.5
"""Of English and JSON, about."""


@dataclass(frozen=True)
class Quote:
    """One LLM on one data set: what is missing. Money is in `currency`; null where the LLM has no price."""

    dataset: str
    llm: str
    requests: int
    stored: int
    """Answers that are here already."""
    to_send: int
    input_tokens: int
    """Of what is to be sent, the static beginnings in it."""
    cacheable_tokens: int
    """Of those, in beginnings that are alike and long enough for the API's cache."""
    output_tokens: int
    counted: bool
    """Whether input tokens were counted by the API; else they are estimated."""
    why: str
    """Why they were not counted."""
    currency: str
    cost: float | None
    """At list price."""
    cost_cached: float | None
    """With the API's cache, were it read every time but the first."""
    cost_batch: float | None
    """In Message Batches, with the cache."""


@dataclass(frozen=True)
class Account:
    """One LLM's budget, in `currency`."""

    llm: str
    currency: str
    budget: float | None
    spent: float
    reserved: float
    left: float | None


def quotes(params: Settings, llms: Sequence[str]) -> tuple[list[Quote], list[Account]]:
    """A quote for each data set of the study and each LLM, and each LLM's account.

    Raises UserError for an LLM that is unknown or is not asked through an API, and where no rows are prepared.
    """
    found, accounts = [], []
    with Ledger(ledger_place.find().file) as ledger:
        for sign in ledger_place.lost(ledger, llms):
            progress.say(
                f"Warning: money was spent that this ledger knows nothing of: {sign}; see `slingshot ledger`"
            )
        for name in llms:
            settings = params.llms.get(name)
            if settings is None:
                raise UserError(f"{PARAMS}: no LLM '{name}'{nearest(name, params.llms)}")
            if not isinstance(settings, AskedSettings):
                raise UserError(
                    f"'{name}' runs on this machine: it is paid for in time, and has no quote"
                )
            wallet = Wallet.of(name, params, spending=False)
            standing = wallet.standing(ledger)
            found += [
                _quote(_task(d, name, params), settings, ledger, wallet)
                for d in params.study.datasets
            ]
            accounts.append(
                Account(
                    name,
                    params.cost.currency,
                    wallet.budget,
                    standing.billed,
                    standing.reserved,
                    standing.left,
                )
            )
    return found, accounts


def paid(params: Settings) -> list[str]:
    """The LLMs of the study that are asked through an API."""
    return [name for name in params.study.llms if isinstance(params.llms[name], AskedSettings)]


def _task(dataset: str, llm: str, params: Settings) -> PromptTask:
    if not Path("data/shots", f"{dataset}.parquet").is_file():
        raise UserError(
            f"data set '{dataset}' is not prepared: run `dvc repro shots`, which asks no LLM"
        )
    return PromptTask.read(dataset, llm, params)


def _quote(task: PromptTask, settings: AskedSettings, ledger: Ledger, wallet: Wallet) -> Quote:
    api: Api = provider(settings).connect(settings, task.params)
    asked, _ = questions(settings, task, api)
    asks = {ask.request: ask for row in asked for ask in row}
    records = held(ledger, task, api, list(asks))
    missing = [ask for request, ask in asks.items() if request not in records]
    per_byte, why = _tokens_per_byte(task, settings, api, missing)
    lengths = [api.lengths(api.marked(ask.body, hour=False)) for ask in missing]
    beginning = lengths[0][0] if missing else 0
    tokens = {
        "input": round(sum(whole for _, whole in lengths) * per_byte),
        "cacheable": round(beginning * len(missing) * per_byte),
        "output": round(_output_tokens(api, records, missing, settings) * len(missing)),
    }
    cost, cached, batch = _costs(wallet, tokens, len(missing))
    return Quote(
        dataset=task.dataset,
        llm=task.llm,
        requests=len(asks),
        stored=len(asks) - len(missing),
        to_send=len(missing),
        input_tokens=tokens["input"],
        cacheable_tokens=tokens["cacheable"],
        output_tokens=tokens["output"],
        counted=not why,
        why=why,
        currency=wallet.cost.currency,
        cost=cost,
        cost_cached=cached,
        cost_batch=batch,
    )


def _tokens_per_byte(
    task: PromptTask, settings: AskedSettings, api: Api, missing: Sequence[Ask]
) -> tuple[float, str]:
    """Input tokens to a byte of a request, and why the API did not count them (empty where it did)."""
    if not missing:
        return 0.0, ""
    if settings.remote and not task.params.dataset(task.dataset).may_leave:
        return 1 / BYTES_PER_TOKEN, f"datasets.{task.dataset}.may_leave is not true"
    if settings.remote and not api.key():
        return 1 / BYTES_PER_TOKEN, "no key is set"
    chosen = (
        [missing[len(missing) * n // SAMPLE].body for n in range(SAMPLE)]
        if len(missing) > SAMPLE
        else None
    )
    bodies = chosen or [ask.body for ask in missing]
    try:
        counted = asyncio.run(
            _count(api, bodies, task.params.run.timeout, task.params.run.concurrency)
        )
    except (RetryError, RejectError, StopError, TimeoutError) as error:
        return 1 / BYTES_PER_TOKEN, str(error) or "the API did not answer in time"
    return counted / sum(api.lengths(body)[1] for body in bodies), ""


async def _count(api: Api, bodies: Sequence[Body], seconds: float, at_once: int) -> int:
    total = 0
    try:
        async with asyncio.timeout(seconds):
            for start in range(0, len(bodies), at_once):
                some = bodies[start : start + at_once]
                counts = await asyncio.gather(*(api.count(body) for body in some))
                most = (size(body) + OVERHEAD for body in some)
                total += sum(map(min, counts, most))
    finally:
        await api.close()
    return total


def _output_tokens(
    api: Api, records: dict[str, Record], missing: Sequence[Ask], settings: AskedSettings
) -> float:
    """Of one answer: the mean of those that are here, else of an answer in JSON, without thinking."""
    known = [
        min(api.tokens(record.response)["output"], settings.max_tokens)
        for record in records.values()
    ]
    if known:
        return sum(known) / len(known)
    return 30.0 if settings.scores == "verbalised" else 15.0


def _costs(wallet: Wallet, tokens: dict[str, int], requests: int) -> Iterator[float | None]:
    """At list price; with the cache; in batches with the cache."""
    price = wallet.price
    if price is None:
        yield from (None, None, None)
        return

    def money(kinds: dict[str, int], batch: bool) -> float:
        return convert(bill(kinds, price, batch=batch), price.currency, wallet.cost)

    output, once = tokens["output"], tokens["cacheable"] // requests if requests else 0
    cached = {
        "input": tokens["input"] - tokens["cacheable"],
        "output": output,
        "cache_read": tokens["cacheable"] - once,
    }
    yield money({"input": tokens["input"], "output": output}, False)
    yield money(cached | {"cache_write": once}, False)
    yield money(cached | {"cache_write_1h": once}, True)


def as_json(found: Sequence[Quote], accounts: Sequence[Account]) -> dict[str, Any]:
    """For programs."""
    return {"quotes": [asdict(one) for one in found], "accounts": [asdict(one) for one in accounts]}


def show(found: Sequence[Quote], accounts: Sequence[Account]) -> None:
    """Print a table of quotes, one of accounts, and what they rest on."""
    from rich import box
    from rich.table import Table

    from slingshot.machine.console import terminal
    from slingshot.report.numbers import count, significant

    out, currency = terminal(), found[0].currency
    grid = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for heading in ("Data set", "LLM"):
        grid.add_column(heading, overflow="fold")
    money = (f"{currency} at list", "with cache", "in batches")
    for heading in ("Stored", "To send", "Input tokens", "Cacheable", "Output", *money):
        grid.add_column(heading, justify="right")
    for one in found:
        tokens = (one.input_tokens, one.cacheable_tokens, one.output_tokens)
        marks = ("" if one.counted else "~", "" if one.counted else "~", "~")
        figures = [m + count(t) if t else count(t) for m, t in zip(marks, tokens, strict=True)]
        costs = [significant(cost) for cost in (one.cost, one.cost_cached, one.cost_batch)]
        grid.add_row(one.dataset, one.llm, count(one.stored), count(one.to_send), *figures, *costs)
    out.print(grid)
    held = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    held.add_column("LLM")
    for heading in (f"Budget, {currency}", "Spent", "Reserved", "Left", "Left after this, at list"):
        held.add_column(heading, justify="right")
    for account in accounts:
        due = sum(one.cost or 0 for one in found if one.llm == account.llm)
        after = None if account.left is None else account.left - due
        figures = [
            significant(x)
            for x in (account.budget, account.spent, account.reserved, account.left, after)
        ]
        held.add_row(account.llm, *figures)
    out.print(held)
    for line in _notes(found, accounts):
        out.print(f"- {line}", soft_wrap=True)


def _notes(found: Sequence[Quote], accounts: Sequence[Account]) -> Iterator[str]:
    for why in dict.fromkeys(one.why for one in found if one.why):
        where = ", ".join(f"{one.dataset}-{one.llm}" for one in found if one.why == why)
        yield f"~ Input tokens of {where} are estimated, {BYTES_PER_TOKEN:g} bytes to a token: {why}."
    if any(one.counted and one.to_send for one in found):
        yield f"Input tokens were counted by the API on up to {SAMPLE} requests and scaled by bytes."
    yield "~ Output tokens are those of stored answers, or of a short answer; what a model thinks comes on top."
    yield "Another `seed` is another test set, and pays again."
    for account in accounts:
        if account.budget is None:
            yield f"{account.llm} has no budget: name one as run.budget.{account.llm} in {PARAMS} before it is asked."
