"""From the answers of a cell to its files: predictions, answers, usage. The same records give the same files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

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
"""The setting `scores` -> the score source."""
NO_ANSWER = Answer("error")


def cell(
    settings: AskedSettings,
    task: PromptTask,
    api: Api,
    asked: Sequence[Sequence[Ask]],
    records: Mapping[str, Record],
    labelled: int,
    tally: Tally,
) -> PromptResult:
    """`asked` are each row's requests, of which `records` has answers; `labelled` the rows that examples came from."""
    keys = AnswerKeys(task.prompt.ids, task.prompt.names)
    found = [[records.get(ask.request) for ask in row] for row in asked]
    answers = [[api.read(r.response, keys) if r else NO_ANSWER for r in row] for row in found]
    claimed = [[api.tokens(r.response) if r else {} for r in row] for row in found]
    kinds = [
        [
            believed(t, size(ask.body), settings.max_tokens) if t else t
            for ask, t in zip(row, tokens, strict=True)
        ]
        for row, tokens in zip(asked, claimed, strict=True)
    ]
    predictions = _predictions(settings, task, answers, kinds)
    usage = _usage(settings, task, predictions, found, kinds, labelled)
    said = _said(task, predictions, usage, tally)
    says, counts = ([sum(t.values()) for row in side for t in row] for side in (claimed, kinds))
    if beyond := sum(more > most for more, most in zip(says, counts, strict=True)):
        said += f"; {beyond:,} claim more tokens than a request can use, and count with the most that it can"
    return PromptResult(predictions, _answers(task, asked, answers, found), usage, said)


def _predictions(
    settings: AskedSettings,
    task: PromptTask,
    answers: list[list[Answer]],
    kinds: list[list[dict[str, int]]],
) -> pd.DataFrame:
    classes = len(task.prompt.names)
    outcomes = [_outcome(settings, row, classes) for row in answers]
    labels, scores, statuses = (list(column) for column in zip(*outcomes, strict=True))
    tokens = [
        Counter({kind: sum(t.get(kind, 0) for t in row) for kind in TOKEN_KINDS}) for row in kinds
    ]
    output = [t["output"] for t in tokens]
    return predictions_frame(
        task.rows,
        task.splits,
        scores,
        score_source=SOURCES[settings.scores],
        prediction=labels,
        input_tokens=[t.total() - t["output"] for t in tokens],
        output_tokens=output,
        status=statuses,
    )


def _outcome(
    settings: AskedSettings, answers: list[Answer], classes: int
) -> tuple[int, np.ndarray | None, str]:
    """A row's label, scores and status. A row of which one sample has no answer has none: the vote is not over."""
    if any(answer is NO_ANSWER for answer in answers):
        return FAILED, None, NO_ANSWER.status
    if settings.scores == "votes":
        label, shares = votes(answers, classes)
        return label, shares, answers[0].status if label == FAILED else "ok"
    [answer] = answers
    return (
        answer.label,
        verbalised(answer, classes) if settings.scores == "verbalised" else None,
        answer.status,
    )


def _answers(
    task: PromptTask,
    asked: Sequence[Sequence[Ask]],
    answers: list[list[Answer]],
    found: list[list[Record | None]],
) -> pd.DataFrame:
    """data/answers: one line a row and sample, in order."""
    lines = [
        (
            row_id,
            split,
            sample,
            ask.request,
            answer.text,
            None,
            record.as_json() if record else None,
        )
        for row_id, split, row, given, held in zip(
            task.rows["id"], task.splits, asked, answers, found, strict=True
        )
        for sample, (ask, answer, record) in enumerate(zip(row, given, held, strict=True))
    ]
    columns = ["id", "split", "sample", "request", "answer", "log_likelihoods", "record"]
    return pd.DataFrame(lines, columns=columns)


def _usage(
    settings: AskedSettings,
    task: PromptTask,
    predictions: pd.DataFrame,
    found: list[list[Record | None]],
    kinds: list[list[dict[str, int]]],
    labelled: int,
) -> Usage:
    pairs = [
        (r, t)
        for row, tokens in zip(found, kinds, strict=True)
        for r, t in zip(row, tokens, strict=True)
        if r
    ]
    single, batched = (
        {kind: sum(t.get(kind, 0) for r, t in pairs if r.batch == batch) for kind in TOKEN_KINDS}
        for batch in (False, True)
    )
    seconds = [r.seconds for r, _ in pairs if r.seconds is not None]
    known = predictions[predictions["status"] != NO_ANSWER.status]
    tokens = int(known["input_tokens"].sum())
    # A batch does not say how long its answers took.
    timed = len(seconds) == len(pairs)
    error = hardware.standard_error(seconds, [sum(t.values()) for _, t in pairs]) if timed else None
    statuses = Counter(zip(predictions["split"], predictions["status"], strict=True))
    return Usage(
        kind="llm",
        title=settings.title,
        hardware={
            "name": "an API",
            "cores": None,
            "device": "remote" if settings.remote else "server",
            "dtype": None,
        },
        train_rows=labelled,
        validation_rows=len(task.validation),
        model_bytes=None,
        train=(),
        predict=(TimedRun(NO_SEED, tokens, len(known), sum(seconds) if timed else 0.0, error),),
        latency=hardware.percentiles(seconds) if seconds else {},
        peak_memory_bytes=None,
        requests=len(pairs),
        llm_tokens=single,
        batch_tokens=batched if any(batched.values()) else None,
        details={
            "statuses": {f"{split} {status}": n for (split, status), n in statuses.items()},
            "prices": sorted({r.price for r, _ in pairs}),
            "models": sorted({str(r.response.get("model")) for r, _ in pairs}),
        },
    )


def _said(task: PromptTask, predictions: pd.DataFrame, usage: Usage, tally: Tally) -> str:
    valid = (predictions["status"] == "ok").mean()
    said = f"{len(predictions):,} rows, {tally.replayed:,} answers replayed, {tally.answered:,} asked for"
    wallet = Wallet.of(task.llm, task.params, spending=False)
    if tally.answered and wallet.price:
        said += f" at {wallet.shown(tally.cost)}"
    said += f", coverage {valid:.3f}"
    if wallet.price and usage.llm_tokens is not None:
        held = (usage.llm_tokens, usage.batch_tokens or {})
        paid = sum(
            llm_cost(t, wallet.price, wallet.cost, batch=b)
            for t, b in zip(held, (False, True), strict=True)
        )
        listed = llm_cost(uncached(*held), wallet.price, wallet.cost)
        if listed and abs(1 - paid / listed) >= 0.0005:
            said += f"; its cache and batches save {1 - paid / listed:.1%} of the list price"
    return said
