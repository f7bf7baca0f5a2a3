"""Runs one cell of an LLM behind an API: builds its requests, finds stored answers, and asks for the missing ones."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable
from contextlib import ExitStack

import pandas as pd

from slingshot.files import paths
from slingshot.llm import shots
from slingshot.llm.asked import ledger_place, replay
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

AGAIN = "Then run `dvc repro` again: it asks only for the missing answers"


class StoppedByHandError(UserError):
    """The run was stopped by Ctrl-C."""

    exit_code = 130


def run_cell(llm: AskedSettings, task: PromptTask, api: Api) -> PromptResult:
    """Label all rows, with answers from the ledger, from an earlier data/answers, or from the API.

    Raises UserError where more than `max_errors` rows have no answer, or the run ended early.
    """
    rows, labelled = questions(llm, task, api)
    asks = {ask.request: ask for row in rows for ask in row}
    with ExitStack() as opened:
        try:
            place = ledger_place.find()
            ledger = opened.enter_context(Ledger(place.file))
            records = stored_answers(ledger, task, api, list(asks))
        except UserError as error:
            records = _replayed(task, api, asks.keys(), error)
        missing = [ask for request, ask in asks.items() if request not in records]
        tally = Tally(replayed=len(records))
        wallet = Wallet.of(task.llm, task.settings, spending=bool(missing))
        if missing:  # then the ledger is open, because without it `_replayed` has all answers
            _check_leave(llm, task, len(missing), len(asks))
            wallet.standing(ledger)  # a missing rate is an error before anything is sent
            wallet.check_length(missing)
            if wallet.price:
                ledger_place.check(ledger, place, task.llm)
            run, say = task.settings.run, lambda line: progress.say(f"{task.name}: {line}")
            _send(task, Sender(api, ledger, wallet, run, llm.max_tokens, tally, say), missing)
            records = ledger.answers(asks)
        errors = sum(any(ask.request not in records for ask in row) for row in rows)
        if tally.stopped and not (tally.all_failed and errors <= llm.max_errors):
            raise _stopped(task, tally, len(records), len(asks), ledger, wallet)
    if errors > llm.max_errors:
        raise _too_many_errors(llm, task, tally, errors, len(rows))
    return cell(llm, task, api, rows, records, labelled, tally)


def _replayed(
    task: PromptTask, api: Api, requests: Collection[str], error: UserError
) -> dict[str, Record]:
    """All answers from data/answers, for a ledger that can't be used. Raises `error` where one is missing there."""
    earlier = replay.earlier(task.dataset, task.llm, api)
    if not all(request in earlier.records for request in requests):
        raise error
    progress.say(
        f"{task.name}: Warning: {error}. This run needs no ledger: {earlier.file} has all its answers"
    )
    return {request: earlier.records[request] for request in requests}


def questions(llm: AskedSettings, task: PromptTask, api: Api) -> tuple[list[list[Ask]], int]:
    """Each row's requests, one for each sample, and the number of labelled rows that examples were taken from."""
    rows, prompt = task.rows, task.prompt
    form: AnswerForm = "confidence" if llm.scores == "verbalised" else "label"
    system, schema = prompt.system(form), answer_schema(prompt.ids, form)
    texts = [text[: llm.max_characters] for text in rows["text"]]
    if llm.selection == "nearest" and llm.shots:
        assert llm.encoder is not None  # the settings check it
        nearest = shots.Nearest(task.pool, llm.encoder, task.settings.run)
        neighbours = nearest.of(texts, llm.shots)
        turns, labelled = [_turns(prompt, near, llm) for near in neighbours], len(task.pool)
    else:
        # "nearest" reaches this branch only without shots, and then every selection gives the same.
        selection = "fixed" if llm.selection == "nearest" else llm.selection
        examples = shots.select(task.pool, llm.shots, selection)
        turns, labelled = [_turns(prompt, examples, llm)] * len(rows), len(examples)
    asks = []
    for text, before in zip(texts, turns, strict=True):
        body = api.body(system, before, prompt.question(text), schema)
        asks.append([Ask(api.digest(body, sample), body) for sample in range(llm.samples)])
    return asks, labelled


def answer_schema(ids: Iterable[str], form: AnswerForm) -> dict[str, object]:
    """The JSON schema of an answer: `label`, which is one of the ids, and `confidence` if the form has it."""
    properties: dict[str, dict[str, object]] = {"label": {"type": "string", "enum": list(ids)}}
    if form == "confidence":
        properties["confidence"] = {"type": "integer"}
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _turns(prompt: Prompt, examples: pd.DataFrame, llm: AskedSettings) -> Shots:
    """Examples as pairs of question and answer. The answers state no confidence, because nobody knows it."""
    texts = [text[: llm.max_characters] for text in examples["text"]]
    answers = [f'{{"label": "{prompt.ids[label]}"}}' for label in examples["label"]]
    return [(prompt.question(text), answer) for text, answer in zip(texts, answers, strict=True)]


def stored_answers(
    ledger: Ledger, task: PromptTask, api: Api, requests: list[str]
) -> dict[str, Record]:
    """The stored answers. The ledger first takes those of an earlier run that DVC has.

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
            f"{task.name}: {len(mended):,} answers in {ledger.path} were damaged, and were replaced with those of "
            f"{earlier.file}"
        )
    if unmended := spoilt - adopted.keys():
        raise ledger.spoilt(unmended)
    left = [request for request in lacking if request not in adopted]
    if left and (troubles := earlier.troubles(left)):
        raise UserError(". ".join(troubles))
    return records | adopted


def _check_leave(llm: AskedSettings, task: PromptTask, missing: int, requests: int) -> None:
    """Raises UserError where the texts may not leave this machine."""
    if llm.remote and not task.settings.dataset(task.dataset).may_leave:
        raise UserError(
            f"{PARAMS}: datasets.{task.dataset}.may_leave is not true, so its texts are not sent, and {missing:,} "
            f"of {requests:,} answers of '{task.llm}' are missing. Set it to true, or fetch the answers: "
            f"`dvc pull {paths.answers(task.dataset, task.llm)}`"
        )


def _send(task: PromptTask, sender: Sender, missing: list[Ask]) -> None:
    """Ask the API for the missing answers. First collect the batches of an earlier run."""
    tally, wallet, batched = sender.tally, sender.wallet, sender.run.mode == "batch"
    asks = [Ask(ask.request, sender.api.marked(ask.body, hour=batched)) for ask in missing]

    async def work() -> None:
        batches, remaining = Batches(sender), asks
        # One round is enough, unless another process puts some of the requests into a batch meanwhile. Then the
        # sender's `send_all` leaves them out, and the next round collects that batch.
        while remaining and not sender.ended.is_set():
            await sender.together([batches.send_all(remaining, submit=batched)])
            remaining = sender.remaining(remaining)
            if remaining and not batched and not sender.ended.is_set():
                first_alone = sender.api.caches(remaining[0].body)
                await sender.send_all(remaining, first_alone=first_alone)
                remaining = sender.remaining(remaining)
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
    """The error of a run that ended early: the reason, the answers that are kept, and the cost."""
    standing, currency = wallet.standing(ledger), task.settings.cost.currency
    lines = [f"{task.name}: stopped: {tally.stopped}"]
    lines.append(
        f"{answered:,} of {requests:,} requests are answered and kept, {requests - answered:,} are missing"
    )
    if wallet.budget is not None:
        spent = money_text(standing.billed, currency)
        reserved = money_text(standing.reserved, currency)
        lines.append(
            f"'{task.llm}' has cost {spent} of its budget of {money_text(wallet.budget, currency)}, and {reserved} are "
            "reserved for attempts whose outcome is not known"
        )
    if tally.budget_reached:
        lines.append(
            f"`slingshot quote` shows what the rest costs; raise run.budget.{task.llm} in {PARAMS}"
        )
    error = StoppedByHandError if tally.interrupted else UserError
    return error(". ".join([*lines, AGAIN]))


def _too_many_errors(
    llm: AskedSettings, task: PromptTask, tally: Tally, errors: int, rows: int
) -> UserError:
    return UserError(
        f"{task.name}: {errors:,} of {rows:,} rows have no answer after {task.settings.run.attempts} attempts each "
        f"(llms.{task.llm}.max_errors is {llm.max_errors}). {_reasons(tally)}. Run `dvc repro` again: it asks "
        "only for these rows"
    )


def _reasons(tally: Tally) -> str:
    """The most frequent reason of failure, and the number of requests that have it."""
    if not tally.failed:
        return "They were not sent"
    reasons = list(tally.failed.values())
    most = max(reasons, key=reasons.count)
    return f"{reasons.count(most):,} of {len(reasons):,} failed with: {most}"
