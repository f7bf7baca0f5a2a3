"""A local causal LLM: shots and calibration chosen on validation, then validation and test labelled.

Labels are scored whole (slingshot.llm.scoring) after a prompt in the LLM's own form (slingshot.llm.rendering) that
shows it examples (slingshot.llm.examples).
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

from slingshot import checkpoints, hardware
from slingshot.choosing import primary_score
from slingshot.llm.examples import Advance, Examples, NearestExamples, Neighbours, SameExamples
from slingshot.llm.prompt import Prompt
from slingshot.llm.rendering import Form, Tokens, form
from slingshot.llm.scoring import CausalLm
from slingshot.llm.shots import select
from slingshot.llm.task import Cell, Task
from slingshot.progress import bar
from slingshot.settings import CausalLmSettings, Primary
from slingshot.tables import NO_SEED, predictions_frame
from slingshot.usage import Run, Usage

LATENCY_TEXTS = 20


def load(settings: CausalLmSettings, prompt: Prompt, device: str) -> tuple[CausalLm, Form]:
    """The LLM that scores the prompt's labels, and how a prompt is put to it.

    Raises UserError where the checkpoint is missing or no causal LLM, or can't tell two labels apart.
    """
    folder = checkpoints.locate(settings)
    wording = form(checkpoints.load_tokenizer(folder), prompt, settings.chat, settings.max_length)
    model = checkpoints.load_causal_lm(folder).to(device)
    return CausalLm(model, wording.labels, wording.end, settings.batch_size), wording


@dataclass(frozen=True)
class Pass:
    """The log-likelihoods of the first rows with one number of shots, and the content-free text's."""

    examples: Examples
    first: np.ndarray
    null: np.ndarray | None

    def shares(self, calibration: str) -> np.ndarray:
        return probabilities(self.first, self.null if calibration == "contextual" else None)


def run_cell(settings: CausalLmSettings, task: Task) -> Cell:
    """Label the task's rows.

    Every number of shots is passed once over the first `choose_rows` validation rows; each calibration is read off the
    same pass, and the chosen pass is kept, not repeated.
    """
    lm, wording = load(settings, task.prompt, hardware.set_up(task.params.run))
    primary, texts = task.params.metrics.primary, task.rows["text"].tolist()
    first = task.validation["label"].to_numpy()[: settings.choose_rows]
    seen, rest = texts[: len(first)], texts[len(first) :]
    began = time.perf_counter()
    with bar(len(seen) * len(settings.shots) + len(rest), task.name, "text") as progress:
        shown = _examples(lm, wording, settings, task)
        passes = [_pass(examples, seen, settings, progress.update) for examples in shown]
        chosen, calibration, tried = _choose(passes, settings, first, primary)
        after = time.perf_counter()
        scored = chosen.examples.score(rest, progress.update)
        null = chosen.examples.null(rest) if calibration == "contextual" else None
        seconds = time.perf_counter() - after
    examples = chosen.examples
    queries = examples.queries(texts)
    shares = np.vstack([chosen.shares(calibration), probabilities(scored, null)])
    predictions = _predictions(task, shares, queries, examples, wording)
    details = {
        "chosen": {"shots": examples.shots, "calibration": calibration},
        "tried": tried,
        "choosing_seconds": after - began,
        "choosing_requests": len(seen) * len(passes),
    }
    usage = Usage(
        kind="llm",
        title=settings.title,
        hardware=hardware.describe(lm.model.device.type, "float32"),
        train_rows=examples.rows,
        model_bytes=sum(p.numel() * p.element_size() for p in lm.model.parameters()),
        train=(),
        predict=(Run(NO_SEED, sum(map(len, queries[len(seen) :])), len(rest), seconds),),
        latency=hardware.latency(lambda text: examples.score([text]), seen, LATENCY_TEXTS),
        peak_memory_bytes=hardware.peak_memory_bytes(),
        requests=len(rest),
        llm_tokens=_tokens(predictions.iloc[len(seen) :], queries[len(seen) :], examples),
        details=details,
    )
    answers = _answers(task, predictions, np.vstack([chosen.first, scored]), queries, examples)
    shots = f"{examples.shots} shots{' a class' if settings.selection == 'stratified' else ''}"
    best = f"{primary} {max(entry['score'] for entry in tried):.3f} on the rows they were chosen on"
    return Cell(predictions, answers, usage, f"{shots}, {calibration} calibration, {best}")


def _examples(lm: CausalLm, wording: Form, settings: CausalLmSettings, task: Task) -> Iterator[Examples]:
    near = Neighbours(task, settings)
    for shots in settings.shots:
        if settings.selection == "nearest":
            yield NearestExamples(lm, wording, near, shots)
        else:
            rows = select(task.pool, shots, settings.selection)
            yield SameExamples(lm, wording, rows, shots, settings.max_length)


def _pass(examples: Examples, texts: list[str], settings: CausalLmSettings, advance: Advance) -> Pass:
    null = examples.null(texts) if "contextual" in settings.calibration else None
    return Pass(examples, examples.score(texts, advance), null)


def _choose(
    passes: Iterable[Pass], settings: CausalLmSettings, labels: np.ndarray, primary: Primary
) -> tuple[Pass, str, list[dict[str, Any]]]:
    """The best primary metric on the first validation rows; ties to what stands first in params.yaml."""
    tried, scores = [], []
    options = list(itertools.product(passes, settings.calibration))
    for one, calibration in options:
        scores.append(primary_score(primary, labels, one.shares(calibration)))
        tried.append({"shots": one.examples.shots, "calibration": calibration, "score": scores[-1]})
    chosen, calibration = options[int(np.argmax(scores))]
    return chosen, calibration, tried


def _predictions(
    task: Task, shares: np.ndarray, queries: list[Tokens], examples: Examples, wording: Form
) -> pd.DataFrame:
    lengths = np.array([len(label) for label in wording.labels])
    tokens = np.array([len(examples.shared) + len(query) for query in queries])
    parts, start = [], 0
    for split, rows in (("validation", task.validation), ("test", task.test)):
        here = slice(start, start + len(rows))
        parts.append(
            predictions_frame(
                rows,
                split,
                shares[here],
                score_source="logprob",
                input_tokens=tokens[here],
                output_tokens=lengths[shares[here].argmax(axis=1)],
            )
        )
        start += len(rows)
    return pd.concat(parts, ignore_index=True)


def _tokens(predictions: pd.DataFrame, queries: list[Tokens], examples: Examples) -> dict[str, int]:
    """Tokens by kind of what was predicted: what is shared is written to the cache once and read for every text."""
    return {
        "input": sum(map(len, queries)),
        "output": int(predictions["output_tokens"].sum()),
        "cache_write": len(examples.shared),
        "cache_read": len(examples.shared) * len(predictions),
    }


def _answers(
    task: Task, predictions: pd.DataFrame, scored: np.ndarray, queries: list[Tokens], examples: Examples
) -> pd.DataFrame:
    """What the LLM said, row by row: the digest of the prompt's tokens, the answer and the labels' log-likelihoods."""
    shared = hashlib.sha256(repr(examples.shared).encode())
    requests = []
    for query in queries:
        digest = shared.copy()
        digest.update(repr(query).encode())
        requests.append(digest.hexdigest())
    answers = predictions[["id", "split"]].copy()
    answers["sample"] = 0
    answers["request"] = requests
    answers["answer"] = [task.prompt.names[number] for number in predictions["prediction"]]
    answers["log_likelihoods"] = list(scored)
    answers["record"] = None
    return answers


def probabilities(log_likelihoods: np.ndarray, null: np.ndarray | None = None) -> np.ndarray:
    """Label probabilities, shape (texts, labels), normalised over the labels.

    With `null`, the log-likelihoods of the content-free text, (labels,) or for each text its own, each label's
    probability is first divided by its content-free one: contextual calibration, Zhao et al. 2021, section 5,
    W = diag(p_cf)^-1.
    """
    logits = log_likelihoods if null is None else log_likelihoods - null
    return np.asarray(softmax(logits, axis=1))
