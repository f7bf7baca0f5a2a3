"""A local causal LLM: shots and calibration chosen on validation, then validation and test labelled.

Labels are scored whole (scoring.py) after a prompt in the LLM's own form (rendering.py) that shows it examples
(examples.py).
"""

from __future__ import annotations

import hashlib
import itertools
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import softmax

from slingshot.files.codes import NO_SEED
from slingshot.files.predictions import predictions_frame
from slingshot.files.usage import TimedRun, Usage
from slingshot.llm.local.examples import (
    Advance,
    Examples,
    NearestExamples,
    Neighbours,
    SameExamples,
)
from slingshot.llm.local.rendering import Form, Tokens, form
from slingshot.llm.local.scoring import CausalLm
from slingshot.llm.prompt import Prompt
from slingshot.llm.shots import select
from slingshot.llm.task import PromptResult, PromptTask
from slingshot.machine import hardware
from slingshot.machine.progress import bar
from slingshot.metrics.choosing import chosen_by, primary_score, said
from slingshot.pretrained import checkpoints, loading
from slingshot.settings import CausalLmSettings, Primary


def load(settings: CausalLmSettings, prompt: Prompt, device: str) -> tuple[CausalLm, Form]:
    """The LLM that scores the prompt's labels, and how a prompt is put to it.

    Raises UserError where the checkpoint is missing or no causal LLM, or can't tell two labels apart.
    """
    folder = checkpoints.locate(settings)
    wording = form(loading.tokenizer(folder), prompt, settings.chat, settings.max_length)
    model = loading.causal_lm(folder).to(device)
    return CausalLm(model, wording.labels, wording.end, settings.batch_size), wording


@dataclass(frozen=True)
class Pass:
    """The log-likelihoods of the first rows with one number of shots, and the content-free text's."""

    examples: Examples
    first: np.ndarray
    null: np.ndarray | None

    def shares(self, calibration: str) -> np.ndarray:
        return probabilities(self.first, self.null if calibration == "contextual" else None)


@dataclass(frozen=True)
class Labelled:
    """What became of the task's rows, of which the `seen` first ones chose shots and calibration."""

    examples: Examples
    queries: list[Tokens]
    log_likelihoods: np.ndarray
    """Shape (rows, labels); `shares` are what calibration makes of them."""
    shares: np.ndarray
    seen: int
    timed: hardware.Timed
    """The rows after the `seen` first."""
    details: dict[str, Any]


def run_cell(settings: CausalLmSettings, task: PromptTask) -> PromptResult:
    """Label the task's rows."""
    lm, wording = load(settings, task.prompt, hardware.set_up(task.params.run))
    done = _label(lm, wording, settings, task)
    predictions = _predictions(task, done, wording)
    usage = _usage(settings, task, lm, done, predictions)
    return PromptResult(
        predictions, _answers(task, done, predictions), usage, _said(settings, task, done)
    )


def _label(lm: CausalLm, wording: Form, settings: CausalLmSettings, task: PromptTask) -> Labelled:
    """Every number of shots is passed once over the first `choose_rows` validation rows; each calibration is read off
    the same pass, and the chosen pass is kept, not repeated."""
    texts = task.rows["text"].tolist()
    labels = task.validation["label"].to_numpy()[: settings.choose_rows]
    seen, rest = texts[: len(labels)], texts[len(labels) :]
    began = time.perf_counter()
    with bar(len(seen) * len(settings.shots) + len(rest), task.name, "text") as progress:
        shown = _examples(lm, wording, settings, task)
        passes = [_pass(examples, seen, settings, progress.update) for examples in shown]
        chosen, calibration, tried = _choose(passes, settings, labels, task.params.metrics.primary)
        after, examples = time.perf_counter(), chosen.examples

        def answer(texts: list[str]) -> np.ndarray:
            for text in texts:
                examples.forget(text)
            scored = examples.score(texts, progress.update)
            null = examples.null(texts) if calibration == "contextual" else None
            return np.stack([scored, probabilities(scored, null)], axis=1)

        timed = hardware.timed(answer, rest, [len(query) for query in examples.queries(rest)])
    details = {
        "chosen": {"shots": examples.shots, "calibration": calibration},
        "tried": tried,
        "choosing_seconds": after - began,
        "choosing_requests": len(seen) * len(passes),
    }
    every = np.vstack([chosen.first, timed.answers[:, 0]])
    shares = np.vstack([chosen.shares(calibration), timed.answers[:, 1]])
    return Labelled(examples, examples.queries(texts), every, shares, len(seen), timed, details)


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


def _pass(
    examples: Examples, texts: list[str], settings: CausalLmSettings, advance: Advance
) -> Pass:
    null = examples.null(texts) if "contextual" in settings.calibration else None
    return Pass(examples, examples.score(texts, advance), null)


def _choose(
    passes: Iterable[Pass], settings: CausalLmSettings, labels: np.ndarray, primary: Primary
) -> tuple[Pass, str, list[dict[str, Any]]]:
    """The best primary metric on the first validation rows; ties to what stands first in params.yaml."""
    tried, scores, by = [], [], chosen_by(primary, labels)
    options = list(itertools.product(passes, settings.calibration))
    for one, calibration in options:
        scores.append(primary_score(by, labels, one.shares(calibration)))
        tried.append({"shots": one.examples.shots, "calibration": calibration, "score": scores[-1]})
    chosen, calibration = options[int(np.argmax(scores))]
    return chosen, calibration, tried


def _predictions(task: PromptTask, done: Labelled, wording: Form) -> pd.DataFrame:
    lengths = np.array([len(label) for label in wording.labels])
    return predictions_frame(
        task.rows,
        task.splits,
        done.shares,
        score_source="logprob",
        input_tokens=[len(done.examples.shared) + len(query) for query in done.queries],
        output_tokens=lengths[done.shares.argmax(axis=1)],
    )


def _usage(
    settings: CausalLmSettings,
    task: PromptTask,
    lm: CausalLm,
    done: Labelled,
    predictions: pd.DataFrame,
) -> Usage:
    """Tokens by kind are of the rows after the `seen` first: what is shared is written to the cache once and read for
    every text."""
    examples, later = done.examples, predictions.iloc[done.seen :]
    tokens, shared = sum(map(len, done.queries[done.seen :])), len(done.examples.shared)

    def answer(text: str) -> None:
        examples.forget(text)
        examples.score([text])
        if done.details["chosen"]["calibration"] == "contextual":
            examples.null([text])

    return Usage(
        kind="llm",
        title=settings.title,
        hardware=hardware.describe(lm.model.device.type, "float32"),
        train_rows=examples.rows,
        validation_rows=len(task.validation),
        model_bytes=sum(p.numel() * p.element_size() for p in lm.model.parameters()),
        train=(),
        predict=(TimedRun(NO_SEED, tokens, len(later), done.timed.seconds, done.timed.error),),
        latency=hardware.latency(answer, task.rows["text"].tolist()),
        peak_memory_bytes=hardware.peak_memory_bytes(),
        requests=len(later),
        llm_tokens={
            "input": tokens,
            "output": int(later["output_tokens"].sum()),
            "cache_write": shared,
            "cache_read": shared * len(later),
        },
        details=done.details,
    )


def _answers(task: PromptTask, done: Labelled, predictions: pd.DataFrame) -> pd.DataFrame:
    """What the LLM said, row by row: the digest of the prompt's tokens, the answer and the labels' log-likelihoods."""
    shared = hashlib.sha256(repr(done.examples.shared).encode())
    requests = []
    for query in done.queries:
        digest = shared.copy()
        digest.update(repr(query).encode())
        requests.append(digest.hexdigest())
    answers = predictions[["id", "split"]].copy()
    answers["sample"] = 0
    answers["request"] = requests
    answers["answer"] = [task.prompt.names[number] for number in predictions["prediction"]]
    answers["log_likelihoods"] = list(done.log_likelihoods)
    answers["record"] = None
    return answers


def _said(settings: CausalLmSettings, task: PromptTask, done: Labelled) -> str:
    shots = f"{done.examples.shots} shots{' a class' if settings.selection == 'stratified' else ''}"
    score = max(entry["score"] for entry in done.details["tried"])
    labels = task.validation["label"].to_numpy()[: done.seen]
    best = f"{said(task.params.metrics.primary, labels, score)} on the rows they were chosen on"
    return f"{shots}, {done.details['chosen']['calibration']} calibration, {best}"


def probabilities(log_likelihoods: np.ndarray, null: np.ndarray | None = None) -> np.ndarray:
    """Label probabilities, shape (texts, labels), normalised over the labels.

    With `null`, the log-likelihoods of the content-free text, (labels,) or for each text its own, each label's
    probability is first divided by its content-free one: contextual calibration, Zhao et al. 2021, section 5,
    W = diag(p_cf)^-1.
    """
    logits = log_likelihoods if null is None else log_likelihoods - null
    return np.asarray(softmax(logits, axis=1))
