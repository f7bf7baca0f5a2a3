"""Labels rows with a local causal LLM: chooses shots and calibration on validation, then labels all rows.

rendering.py turns a prompt into tokens, examples.py chooses the examples in it, scoring.py scores whole labels after
it, and choosing.py chooses the number of shots and the calibration.
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


def load(llm: CausalLmSettings, prompt: Prompt, device: str) -> tuple[CausalLm, Form]:
    """Load the LLM, which scores the prompt's labels, and the form of its prompts.

    Raises UserError where the checkpoint is missing or not a causal LLM, or has the same tokens for two labels.
    """
    folder = checkpoints.locate(llm)
    # The protocols Tokenizer and Model state only those parts of transformers' classes that are used here.
    tokenizer = cast(Tokenizer, loading.tokenizer(folder))
    model = cast(Model, loading.causal_lm(folder).to(device))
    wording = form(tokenizer, prompt, llm.chat, llm.max_length)
    return CausalLm(model, wording.labels, wording.end, llm.batch_size), wording


@dataclass(frozen=True)
class Labelled:
    """The task's rows with their scores."""

    examples: Examples
    queries: list[Tokens]
    log_likelihoods: np.ndarray
    """Shape (rows, labels)."""
    shares: np.ndarray
    """Label probabilities, calibrated: shape (rows, labels)."""
    choosing_rows: int
    """Shots and calibration were chosen on so many rows, the first ones."""
    timed: hardware.Timed
    """The log-likelihoods and label probabilities of the other rows, and the time that they took."""
    choice: Choice


def run_cell(llm: CausalLmSettings, task: PromptTask) -> PromptResult:
    """Label the task's rows: see Provider."""
    scorer, wording = load(llm, task.prompt, hardware.set_up(task.settings.run))
    labelled = _label(scorer, wording, llm, task)
    predictions = _predictions(task, labelled, wording)
    usage = _usage(llm, task, scorer, labelled, predictions)
    answers = _answers(task, labelled, predictions)
    return PromptResult(predictions, answers, usage, _summary(llm, task, labelled))


def _label(scorer: CausalLm, wording: Form, llm: CausalLmSettings, task: PromptTask) -> Labelled:
    """Choose shots and calibration, and label all rows.

    Each number of shots takes one pass over the first `choose_rows` validation rows, which serves every calibration.
    The chosen pass is kept, so these rows are not labelled again.
    """
    texts = task.rows["text"].tolist()
    labels = task.validation["label"].to_numpy()[: llm.choose_rows]
    first, rest = texts[: len(labels)], texts[len(labels) :]
    began = time.perf_counter()
    with bar(len(first) * len(llm.shots) + len(rest), task.name, "text") as progress:
        options = _examples(scorer, wording, llm, task)
        passes = [run_pass(examples, first, llm, progress.update) for examples in options]
        chosen, calibration, tried = choose(passes, llm, labels, task.settings.metrics.primary)
        seconds, examples = time.perf_counter() - began, chosen.examples

        def answer(texts: list[str]) -> np.ndarray:
            """Log-likelihoods and label probabilities, shape (texts, 2, labels)."""
            # Each text is timed as if it were new, also where it repeats an earlier one.
            for text in texts:
                examples.forget(text)
            scores = examples.score(texts, progress.update)
            null = examples.null(texts) if calibration == "contextual" else None
            return np.stack([scores, probabilities(scores, null)], axis=1)

        timed = hardware.timed(answer, rest, [len(query) for query in examples.queries(rest)])
    choice = Choice(examples.shots, calibration, tried, seconds, len(first) * len(passes))
    log_likelihoods = np.vstack([chosen.first, timed.answers[:, 0]])
    shares = np.vstack([chosen.shares(calibration), timed.answers[:, 1]])
    queries = examples.queries(texts)
    return Labelled(examples, queries, log_likelihoods, shares, len(first), timed, choice)


def _examples(
    scorer: CausalLm, wording: Form, llm: CausalLmSettings, task: PromptTask
) -> Iterator[Examples]:
    """The examples for each number of shots."""
    near = Neighbours(task, llm) if llm.selection == "nearest" else None
    for shots in llm.shots:
        if near:
            yield NearestExamples(scorer, wording, near, shots)
        else:
            rows = select(task.pool, shots, llm.selection)
            yield SameExamples(scorer, wording, rows, shots, llm.max_length)


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
    llm: CausalLmSettings,
    task: PromptTask,
    scorer: CausalLm,
    labelled: Labelled,
    predictions: pd.DataFrame,
) -> Usage:
    """The usage, with the tokens of the rows after the first `choosing_rows`."""
    examples, start = labelled.examples, labelled.choosing_rows
    later = predictions.iloc[start:]
    tokens, shared = sum(map(len, labelled.queries[start:])), len(examples.shared)
    timed = labelled.timed

    def answer(text: str) -> None:
        examples.forget(text)
        examples.score([text])
        if labelled.choice.calibration == "contextual":
            examples.null([text])

    return Usage(
        kind="llm",
        title=llm.title,
        hardware=hardware.describe(scorer.model.device.type, "float32"),
        train_rows=examples.rows,
        validation_rows=len(task.validation),
        model_bytes=sum(p.numel() * p.element_size() for p in scorer.model.parameters()),
        train=(),
        predict=(TimedRun(NO_SEED, tokens, len(later), timed.seconds, timed.error),),
        latency=hardware.latency(answer, task.rows["text"].tolist()),
        peak_memory_bytes=hardware.peak_memory_bytes(),
        requests=len(later),
        # The tokens that all prompts share are written to the cache once, and read for every text.
        llm_tokens={
            "input": tokens,
            "output": int(later["output_tokens"].sum()),
            "cache_write": shared,
            "cache_read": shared * len(later),
        },
        details=labelled.choice.details(),
    )


def _answers(task: PromptTask, labelled: Labelled, predictions: pd.DataFrame) -> pd.DataFrame:
    """The rows of data/answers. `request` is the digest of the prompt's tokens."""
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


def _summary(llm: CausalLmSettings, task: PromptTask, labelled: Labelled) -> str:
    """What was chosen, in words for the terminal."""
    choice = labelled.choice
    shots = f"{choice.shots} shots"
    if llm.selection == "stratified":
        shots += " for each class"
    score = max(trial.score for trial in choice.tried)
    labels = task.validation["label"].to_numpy()[: labelled.choosing_rows]
    best = f"{said(task.settings.metrics.primary, labels, score)} on the rows that chose them"
    return f"{shots}, {choice.calibration} calibration, {best}"
