"""Turns the answers of a cell into its files: predictions, answers, usage. The same records give the same files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from slingshot.files.codes import FAILED, NO_SEED
from slingshot.files.predictions import predictions_frame
from slingshot.files.usage import TimedRun, Usage
from slingshot.llm.answer import Answer, AnswerKeys, verbalised, votes
from slingshot.llm.asked.api import Api, Ask
from slingshot.llm.asked.entries import Record
from slingshot.llm.asked.tally import Tally
from slingshot.llm.asked.wallet import Wallet, size
from slingshot.llm.task import PromptResult, PromptTask
from slingshot.machine import hardware
from slingshot.money.prices import TOKEN_KINDS, believed, llm_cost, uncached
from slingshot.settings import AskedSettings

SOURCES = {"none": "none", "verbalised": "verbalised", "votes": "vote"}
"""The setting `scores` -> the score source in data/predictions."""
NO_ANSWER = Answer("error")
SHOWN_SAVING = 0.0005
"""The share of the list price from which the summary shows a saving."""


@dataclass(frozen=True)
class Sample:
    """One request of a row, and its answer."""

    ask: Ask
    record: Record | None
    """None where the request was not answered."""
    answer: Answer
    claimed: Mapping[str, int]
    """Tokens by kind, as the API claims them; empty without an answer."""
    tokens: Mapping[str, int]
    """The claimed tokens, cut to the most that the request can use."""


def cell(
    llm: AskedSettings,
    task: PromptTask,
    api: Api,
    asks: Sequence[Sequence[Ask]],
    records: Mapping[str, Record],
    labelled: int,
    tally: Tally,
) -> PromptResult:
    """The cell's files.

    `asks` are the requests of each row, `records` are the answers by request, and `labelled` is the number of labelled
    rows that examples were taken from.
    """
    keys = AnswerKeys(task.prompt.ids, task.prompt.names)
    rows = [[_sample(llm, api, keys, ask, records.get(ask.request)) for ask in row] for row in asks]
    predictions = _predictions(llm, task, rows)
    usage = _usage(llm, task, predictions, rows, labelled)
    summary = _summary(task, predictions, usage, tally)
    samples = [sample for row in rows for sample in row]
    beyond = sum(sum(s.claimed.values()) > sum(s.tokens.values()) for s in samples)
    if beyond:
        summary += f"; {beyond:,} claim more tokens than a request can use, and count as the most that it can use"
    return PromptResult(predictions, _answers(task, rows), usage, summary)


def _sample(
    llm: AskedSettings, api: Api, keys: AnswerKeys, ask: Ask, record: Record | None
) -> Sample:
    if record is None:
        return Sample(ask, None, NO_ANSWER, {}, {})
    claimed = api.tokens(record.response)
    tokens = believed(claimed, size(ask.body), llm.max_tokens)
    return Sample(ask, record, api.read(record.response, keys), claimed, tokens)


def _predictions(
    llm: AskedSettings, task: PromptTask, rows: Sequence[Sequence[Sample]]
) -> pd.DataFrame:
    classes = len(task.prompt.names)
    outcomes = [_outcome(llm, [sample.answer for sample in row], classes) for row in rows]
    labels, scores, statuses = (list(column) for column in zip(*outcomes, strict=True))
    tokens = [_total([sample.tokens for sample in row]) for row in rows]
    return predictions_frame(
        task.rows,
        task.splits,
        scores,
        score_source=SOURCES[llm.scores],
        prediction=labels,
        input_tokens=[sum(kinds.values()) - kinds["output"] for kinds in tokens],
        output_tokens=[kinds["output"] for kinds in tokens],
        status=statuses,
    )


def _total(tokens: Sequence[Mapping[str, int]]) -> dict[str, int]:
    """The sum of tokens, by kind."""
    return {kind: sum(kinds.get(kind, 0) for kinds in tokens) for kind in TOKEN_KINDS}


def _outcome(
    llm: AskedSettings, answers: list[Answer], classes: int
) -> tuple[int, np.ndarray | None, str]:
    """A row's label, scores and status. With an unanswered sample the vote is incomplete, so there is no label."""
    if any(answer is NO_ANSWER for answer in answers):
        return FAILED, None, NO_ANSWER.status
    if llm.scores == "votes":
        label, shares = votes(answers, classes)
        return label, shares, answers[0].status if label == FAILED else "ok"
    [answer] = answers
    scores = verbalised(answer, classes) if llm.scores == "verbalised" else None
    return answer.label, scores, answer.status


def _answers(task: PromptTask, rows: Sequence[Sequence[Sample]]) -> pd.DataFrame:
    """The rows of data/answers: one for each row and sample, in order."""
    lines = []
    for row_id, split, row in zip(task.rows["id"], task.splits, rows, strict=True):
        for number, sample in enumerate(row):
            record = sample.record.as_json() if sample.record else None
            request, text = sample.ask.request, sample.answer.text
            lines.append((row_id, split, number, request, text, None, record))
    columns = ["id", "split", "sample", "request", "answer", "log_likelihoods", "record"]
    return pd.DataFrame(lines, columns=columns)


def _usage(
    llm: AskedSettings,
    task: PromptTask,
    predictions: pd.DataFrame,
    rows: Sequence[Sequence[Sample]],
    labelled: int,
) -> Usage:
    answered = [(sample.record, sample.tokens) for row in rows for sample in row if sample.record]
    single, batched = (
        _total([tokens for record, tokens in answered if record.batch == batch])
        for batch in (False, True)
    )
    seconds = [record.seconds for record, _ in answered if record.seconds is not None]
    return Usage(
        kind="llm",
        title=llm.title,
        hardware={
            "name": "an API",
            "cores": None,
            "device": "remote" if llm.remote else "server",
            "dtype": None,
        },
        train_rows=labelled,
        validation_rows=len(task.validation),
        model_bytes=None,
        train=(),
        predict=(_timed(predictions, seconds, [tokens for _, tokens in answered]),),
        latency=hardware.percentiles(seconds) if seconds else {},
        peak_memory_bytes=None,
        requests=len(answered),
        llm_tokens=single,
        batch_tokens=batched if any(batched.values()) else None,
        details=_details(predictions, [record for record, _ in answered]),
    )


def _timed(
    predictions: pd.DataFrame, seconds: list[float], tokens: Sequence[Mapping[str, int]]
) -> TimedRun:
    """Tokens, texts and seconds. An answer from a batch has no time, so with any such answer the seconds are 0."""
    answered = predictions[predictions["status"] != NO_ANSWER.status]
    input_tokens = int(answered["input_tokens"].sum())
    if len(seconds) < len(tokens):
        return TimedRun(NO_SEED, input_tokens, len(answered), 0.0, None)
    error = hardware.standard_error(seconds, [sum(kinds.values()) for kinds in tokens])
    return TimedRun(NO_SEED, input_tokens, len(answered), sum(seconds), error)


def _details(predictions: pd.DataFrame, records: Sequence[Record]) -> dict[str, object]:
    """The counts of statuses by split, and the price lists and models of the answers."""
    statuses = Counter(zip(predictions["split"], predictions["status"], strict=True))
    return {
        "statuses": {f"{split} {status}": n for (split, status), n in statuses.items()},
        "prices": sorted({record.price for record in records}),
        "models": sorted({str(record.response.get("model")) for record in records}),
    }


def _summary(task: PromptTask, predictions: pd.DataFrame, usage: Usage, tally: Tally) -> str:
    """How the answers came about, and what the cache and batches saved, in words for the terminal."""
    valid = (predictions["status"] == "ok").mean()
    text = f"{len(predictions):,} rows, {tally.replayed:,} answers replayed, {tally.answered:,} asked for"
    wallet = Wallet.of(task.llm, task.settings, spending=False)
    if tally.answered and wallet.price:
        text += f" at {wallet.shown(tally.cost)}"
    text += f", coverage {valid:.3f}"
    if wallet.price and usage.llm_tokens is not None:
        single, batched = usage.llm_tokens, usage.batch_tokens or {}
        paid = llm_cost(single, wallet.price, wallet.cost)
        paid += llm_cost(batched, wallet.price, wallet.cost, batch=True)
        listed = llm_cost(uncached(single, batched), wallet.price, wallet.cost)
        if listed and abs(1 - paid / listed) >= SHOWN_SAVING:
            text += f"; its cache and batches save {1 - paid / listed:.1%} of the list price"
    return text
