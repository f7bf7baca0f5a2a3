"""One cell of an LLM that is asked text by text: which requests it needs, which answers are here, and asking for the
others."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable
from contextlib import ExitStack

import pandas as pd

from slingshot.llm import shots
from slingshot.llm.asked import ledger_place, locked, replay
from slingshot.llm.asked.answered import cell
from slingshot.llm.asked.api import Api, Ask, Shots
from slingshot.llm.asked.batches import Batches
from slingshot.llm.asked.entries import Record
from slingshot.llm.asked.ledger import Ledger
from slingshot.llm.asked.sending import Sender
from slingshot.llm.asked.tally import Tally
from slingshot.llm.asked.wallet import Wallet, money_text
from slingshot.llm.prompt import AnswerForm, Prompt
from slingshot.llm.task import PromptResult, PromptTask
from slingshot.machine import progress
from slingshot.settings import PARAMS, AskedSettings, UserError

AGAIN = "Then run `dvc repro` again: it asks only for what is left"


class StoppedByHandError(UserError):
    """The run was stopped by Ctrl-C."""

    exit_code = 130


def run_cell(settings: AskedSettings, task: PromptTask, api: Api) -> PromptResult:
    """Answer every row: from the ledger, from an earlier data/answers, or by asking the API.

    Raises UserError where more than `max_errors` rows are left without an answer, or the run ended early.
    """
    asked, labelled = questions(settings, task, api)
    asks = {ask.request: ask for row in asked for ask in row}
    with ExitStack() as opened:
        try:
            place = ledger_place.find()
            ledger = opened.enter_context(Ledger(place.file))
            records = stored_answers(ledger, task, api, list(asks))
        except UserError as error:
            records = _replayed(task, api, asks.keys(), error)
        missing = [ask for request, ask in asks.items() if request not in records]
        tally = Tally(replayed=len(records))
        wallet = Wallet.of(task.llm, task.params, spending=bool(missing))
        if missing:  # then the ledger is open: a whole replay leaves nothing to ask
            _check_leave(settings, task, len(missing), len(asks))
            wallet.standing(ledger)  # a missing rate is an error before anything is sent
            wallet.check_length(missing)
            if wallet.price:
                ledger_place.check(ledger, place, task.llm)
            run, say = task.params.run, lambda line: progress.say(f"{task.name}: {line}")
            _send(task, Sender(api, ledger, wallet, run, settings.max_tokens, tally, say), missing)
            records = ledger.answers(asks)
        errors = sum(any(ask.request not in records for ask in row) for row in asked)
        if tally.stopped and not (tally.all_failed and errors <= settings.max_errors):
            raise _stopped(task, tally, len(records), len(asks), ledger, wallet)
    if errors > settings.max_errors:
        raise _too_many_errors(settings, task, tally, errors, len(asked))
    return cell(settings, task, api, asked, records, labelled, tally)


def _replayed(
    task: PromptTask, api: Api, requests: Collection[str], error: UserError
) -> dict[str, Record]:
    """All answers from data/answers, where the ledger can't be used. Raises `error` where one is missing there."""
    earlier = replay.earlier(task.dataset, task.llm, api).records
    if not all(request in earlier for request in requests):
        raise error
    progress.say(
        f"{task.name}: Warning: {error}. This run needs no ledger: data/answers has all its answers"
    )
    return {request: earlier[request] for request in requests}


def questions(settings: AskedSettings, task: PromptTask, api: Api) -> tuple[list[list[Ask]], int]:
    """Each row's requests, one for each sample; and how many rows of train the examples came from."""
    rows, prompt = task.rows, task.prompt
    form: AnswerForm = "confidence" if settings.scores == "verbalised" else "label"
    system, schema = prompt.system(form), answer_schema(prompt.ids, form)
    texts = [text[: settings.max_characters] for text in rows["text"]]
    if settings.selection == "nearest" and settings.shots:
        assert settings.encoder is not None  # settings say so
        nearest = shots.Nearest(task.pool, settings.encoder, task.params.run)
        shown = nearest.of(texts, settings.shots)
        turns, labelled = [_turns(prompt, examples, settings) for examples in shown], len(task.pool)
    else:
        # "nearest" comes here only with no shots, which any selection finds.
        selection = "fixed" if settings.selection == "nearest" else settings.selection
        examples = shots.select(task.pool, settings.shots, selection)
        turns, labelled = [_turns(prompt, examples, settings)] * len(rows), len(examples)
    asked = []
    for text, before in zip(texts, turns, strict=True):
        body = api.body(system, before, prompt.question(text), schema)
        asked.append([Ask(api.digest(body, sample), body) for sample in range(settings.samples)])
    return asked, labelled


def answer_schema(ids: Iterable[str], form: AnswerForm) -> dict[str, object]:
    """The JSON schema of an answer: `label`, one of the ids, and `confidence` where the form asks for it."""
    properties: dict[str, dict[str, object]] = {"label": {"type": "string", "enum": list(ids)}}
    if form == "confidence":
        properties["confidence"] = {"type": "integer"}
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _turns(prompt: Prompt, examples: pd.DataFrame, settings: AskedSettings) -> Shots:
    """Examples as question and answer. An answer states no confidence: nobody knows it."""
    texts = [text[: settings.max_characters] for text in examples["text"]]
    answers = [f'{{"label": "{prompt.ids[label]}"}}' for label in examples["label"]]
    return [(prompt.question(text), answer) for text, answer in zip(texts, answers, strict=True)]


def stored_answers(
    ledger: Ledger, task: PromptTask, api: Api, requests: list[str]
) -> dict[str, Record]:
    """The answers that are here. Those of an earlier run, as DVC has them, are put into the ledger first.

    Raises UserError where an answer is stored but can't be read.
    """
    records, spoilt = replay.sound(ledger, api, requests)
    lacking = [request for request in requests if request not in records]
    if not lacking:
        return records
    earlier = replay.earlier(task.dataset, task.llm, api)
    adopted = {
        request: earlier.records[request] for request in lacking if request in earlier.records
    }
    ledger.adopt(adopted, spoilt)
    if mended := spoilt & adopted.keys():
        progress.say(
            f"{task.name}: {len(mended):,} answers in {ledger.path} were not as they were written, and were taken from "
            f"{earlier.file} again"
        )
    if unmended := spoilt - adopted.keys():
        raise ledger.spoilt(unmended)
    left = [request for request in lacking if request not in adopted]
    if left and (troubles := earlier.troubles(left)):
        raise UserError(". ".join(troubles))
    return records | adopted


def _check_leave(settings: AskedSettings, task: PromptTask, missing: int, requests: int) -> None:
    """Raises UserError where the texts may not leave this machine."""
    if settings.remote and not task.params.dataset(task.dataset).may_leave:
        raise UserError(
            f"{PARAMS}: datasets.{task.dataset}.may_leave is not true, so its texts are sent to no one, and "
            f"{missing:,} of {requests:,} answers of '{task.llm}' are not here. Set it to true, or bring the answers: "
            f"`dvc pull {locked.answers_file(task.dataset, task.llm)}`"
        )


def _send(task: PromptTask, sender: Sender, missing: list[Ask]) -> None:
    """Ask the API for the missing answers. Those in batches of an earlier run are collected first."""
    tally, wallet, batched = sender.tally, sender.wallet, sender.run.mode == "batch"
    asks = [Ask(ask.request, sender.api.marked(ask.body, hour=batched)) for ask in missing]

    async def work() -> None:
        batches, left = Batches(sender), asks
        # Once is enough, unless another process puts some of the requests into a batch meanwhile: then `send_all` of
        # the sender leaves them, and they are collected in the next turn.
        while left and not sender.ended.is_set():
            await sender.together([batches.send_all(left, submit=batched)])
            left = sender.left(left)
            if left and not batched and not sender.ended.is_set():
                await sender.send_all(left, first_alone=sender.api.caches(left[0].body))
                left = sender.left(left)
        await sender.api.close()

    total = len(missing) + tally.replayed
    with progress.bar(total, task.name, "answer", done=tally.replayed) as bar:

        def tell() -> None:
            bar.set_postfix_str(
                f"{tally.answered:,} answered, {tally.replayed:,} replayed, {len(tally.failed):,} failed, "
                f"{tally.tokens:,} tokens, {wallet.shown(tally.cost)}",
                refresh=False,
            )
            bar.update(tally.answered + tally.replayed - bar.n)

        tally.tell = tell
        asyncio.run(work())


def _stopped(
    task: PromptTask, tally: Tally, answered: int, requests: int, ledger: Ledger, wallet: Wallet
) -> UserError:
    """The error of a run that ended early: why, what is kept, and what it has cost."""
    standing, currency = wallet.standing(ledger), task.params.cost.currency
    lines = [f"{task.name}: stopped: {tally.stopped}"]
    lines.append(
        f"{answered:,} of {requests:,} requests are answered and kept, {requests - answered:,} are left"
    )
    if wallet.budget is not None:
        spent = money_text(standing.billed, currency)
        reserved = money_text(standing.reserved, currency)
        lines.append(
            f"'{task.llm}' has cost {spent}, and {reserved} are reserved for attempts whose outcome is not known, of a "
            f"budget of {money_text(wallet.budget, currency)}"
        )
    if tally.budget_reached:
        lines.append(
            f"`slingshot quote` says what the rest costs; raise run.budget.{task.llm} in {PARAMS}"
        )
    error = StoppedByHandError if tally.interrupted else UserError
    return error(". ".join([*lines, AGAIN]))


def _too_many_errors(
    settings: AskedSettings, task: PromptTask, tally: Tally, errors: int, rows: int
) -> UserError:
    return UserError(
        f"{task.name}: {errors:,} of {rows:,} rows have no answer after {task.params.run.attempts} attempts each "
        f"(llms.{task.llm}.max_errors is {settings.max_errors}). {_reasons(tally)}. Run `dvc repro` again: it asks "
        "only for these"
    )


def _reasons(tally: Tally) -> str:
    """The commonest reason of failure, and how many requests have it."""
    if not tally.failed:
        return "They were not asked for"
    reasons = list(tally.failed.values())
    most = max(reasons, key=reasons.count)
    return f"{reasons.count(most):,} of {len(reasons):,} failed with: {most}"
