"""A local causal LLM: it chooses shots and calibration on validation, then labels validation and test.

Labels are scored whole (scoring.py) after a prompt in the LLM's own form (rendering.py) that shows it examples
(examples.py). choosing.py says how shots and calibration are chosen.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

import numpy as np
import pandas as pd

from slingshot.files.codes import NO_SEED
from slingshot.files.predictions import predictions_frame
from slingshot.files.usage import TimedRun, Usage
from slingshot.llm.local.choosing import Choice, choose, probabilities, run_pass
from slingshot.llm.local.examples import (
    Examples,
    NearestExamples,
    Neighbours,
    SameExamples,
)
from slingshot.llm.local.model import Model, Tokenizer
from slingshot.llm.local.rendering import Form, Tokens, form
from slingshot.llm.local.scoring import CausalLm
from slingshot.llm.prompt import Prompt
from slingshot.llm.shots import select
from slingshot.llm.task import PromptResult, PromptTask
from slingshot.machine import hardware
from slingshot.machine.progress import bar
from slingshot.metrics.choosing import said
from slingshot.pretrained import checkpoints, loading
from slingshot.settings import CausalLmSettings


def load(settings: CausalLmSettings, prompt: Prompt, device: str) -> tuple[CausalLm, Form]:
    """The LLM that scores the prompt's labels, and the form of its prompts.

    Raises UserError where the checkpoint is missing or no causal LLM, or can't tell two labels apart.
    """
    folder = checkpoints.locate(settings)
    # Of transformers' classes the protocols state only what is used here.
    tokenizer = cast(Tokenizer, loading.tokenizer(folder))
    model = cast(Model, loading.causal_lm(folder).to(device))
    wording = form(tokenizer, prompt, settings.chat, settings.max_length)
    return CausalLm(model, wording.labels, wording.end, settings.batch_size), wording


@dataclass(frozen=True)
class Labelled:
    """The task's rows with their scores. Shots and calibration were chosen on the first `seen` rows."""

    examples: Examples
    queries: list[Tokens]
    log_likelihoods: np.ndarray
    """Shape (rows, labels)."""
    shares: np.ndarray
    """Label probabilities, calibrated: shape (rows, labels)."""
    seen: int
    timed: hardware.Timed
    """The rows after the first `seen`."""
    choice: Choice


def run_cell(settings: CausalLmSettings, task: PromptTask) -> PromptResult:
    """Label the task's rows."""
    lm, wording = load(settings, task.prompt, hardware.set_up(task.params.run))
    labelled = _label(lm, wording, settings, task)
    predictions = _predictions(task, labelled, wording)
    usage = _usage(settings, task, lm, labelled, predictions)
    answers = _answers(task, labelled, predictions)
    return PromptResult(predictions, answers, usage, _summary(settings, task, labelled))


def _label(lm: CausalLm, wording: Form, settings: CausalLmSettings, task: PromptTask) -> Labelled:
    """Choose shots and calibration, and label all rows.

    Each number of shots takes one pass over the first `choose_rows` validation rows. Each calibration is read off the
    same pass, and the chosen pass is kept, not repeated.
    """
    texts = task.rows["text"].tolist()
    labels = task.validation["label"].to_numpy()[: settings.choose_rows]
    seen, rest = texts[: len(labels)], texts[len(labels) :]
    began = time.perf_counter()
    with bar(len(seen) * len(settings.shots) + len(rest), task.name, "text") as progress:
        shown = _examples(lm, wording, settings, task)
        passes = [run_pass(examples, seen, settings, progress.update) for examples in shown]
        chosen, calibration, tried = choose(passes, settings, labels, task.params.metrics.primary)
        seconds, examples = time.perf_counter() - began, chosen.examples

        def answer(texts: list[str]) -> np.ndarray:
            for text in texts:
                examples.forget(text)
            scored = examples.score(texts, progress.update)
            null = examples.null(texts) if calibration == "contextual" else None
            return np.stack([scored, probabilities(scored, null)], axis=1)

        timed = hardware.timed(answer, rest, [len(query) for query in examples.queries(rest)])
    choice = Choice(examples.shots, calibration, tried, seconds, len(seen) * len(passes))
    log_likelihoods = np.vstack([chosen.first, timed.answers[:, 0]])
    shares = np.vstack([chosen.shares(calibration), timed.answers[:, 1]])
    queries = examples.queries(texts)
    return Labelled(examples, queries, log_likelihoods, shares, len(seen), timed, choice)


def _examples(
    lm: CausalLm, wording: Form, settings: CausalLmSettings, task: PromptTask
) -> Iterator[Examples]:
    near = Neighbours(task, settings) if settings.selection == "nearest" else None
    for shots in settings.shots:
        if near:
            yield NearestExamples(lm, wording, near, shots)
        else:
            rows = select(task.pool, shots, settings.selection)
            yield SameExamples(lm, wording, rows, shots, settings.max_length)


def _predictions(task: PromptTask, labelled: Labelled, wording: Form) -> pd.DataFrame:
    lengths = np.array([len(label) for label in wording.labels])
    return predictions_frame(
        task.rows,
        task.splits,
        labelled.shares,
        score_source="logprob",
        input_tokens=[len(labelled.examples.shared) + len(query) for query in labelled.queries],
        output_tokens=lengths[labelled.shares.argmax(axis=1)],
    )


def _usage(
    settings: CausalLmSettings,
    task: PromptTask,
    lm: CausalLm,
    labelled: Labelled,
    predictions: pd.DataFrame,
) -> Usage:
    """Tokens by kind count the rows after the first `seen`. Shared tokens are written to the cache once, and read for
    every text."""
    examples, later = labelled.examples, predictions.iloc[labelled.seen :]
    tokens, shared = sum(map(len, labelled.queries[labelled.seen :])), len(labelled.examples.shared)

    def answer(text: str) -> None:
        examples.forget(text)
        examples.score([text])
        if labelled.choice.calibration == "contextual":
            examples.null([text])

    return Usage(
        kind="llm",
        title=settings.title,
        hardware=hardware.describe(lm.model.device.type, "float32"),
        train_rows=examples.rows,
        validation_rows=len(task.validation),
        model_bytes=sum(p.numel() * p.element_size() for p in lm.model.parameters()),
        train=(),
        predict=(
            TimedRun(NO_SEED, tokens, len(later), labelled.timed.seconds, labelled.timed.error),
        ),
        latency=hardware.latency(answer, task.rows["text"].tolist()),
        peak_memory_bytes=hardware.peak_memory_bytes(),
        requests=len(later),
        llm_tokens={
            "input": tokens,
            "output": int(later["output_tokens"].sum()),
            "cache_write": shared,
            "cache_read": shared * len(later),
        },
        details=labelled.choice.details(),
    )


def _answers(task: PromptTask, labelled: Labelled, predictions: pd.DataFrame) -> pd.DataFrame:
    """data/answers: for each row the digest of the prompt's tokens, the answer and the labels' log-likelihoods."""
    shared = hashlib.sha256(repr(labelled.examples.shared).encode())
    requests = []
    for query in labelled.queries:
        digest = shared.copy()
        digest.update(repr(query).encode())
        requests.append(digest.hexdigest())
    answers = predictions[["id", "split"]].copy()
    answers["sample"] = 0
    answers["request"] = requests
    answers["answer"] = [task.prompt.names[number] for number in predictions["prediction"]]
    answers["log_likelihoods"] = list(labelled.log_likelihoods)
    answers["record"] = None
    return answers


def _summary(settings: CausalLmSettings, task: PromptTask, labelled: Labelled) -> str:
    """The sentence on what was chosen."""
    choice = labelled.choice
    shots = f"{choice.shots} shots{' a class' if settings.selection == 'stratified' else ''}"
    score = max(trial.score for trial in choice.tried)
    labels = task.validation["label"].to_numpy()[: labelled.seen]
    best = f"{said(task.params.metrics.primary, labels, score)} on the rows they were chosen on"
    return f"{shots}, {choice.calibration} calibration, {best}"
