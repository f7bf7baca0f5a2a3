"""One cell of the study: shots and calibration chosen on validation, then validation and test labelled."""

from __future__ import annotations

import hashlib
import itertools
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from slingshot import hardware
from slingshot.choosing import primary_score
from slingshot.llm import prompt
from slingshot.llm.causal_lm import CausalLm, Prefix, probabilities
from slingshot.progress import bar
from slingshot.settings import CausalLmSettings, Primary
from slingshot.tables import NO_SEED, predictions_frame
from slingshot.usage import Run, Usage

LATENCY_TEXTS = 20


@dataclass(frozen=True)
class Pass:
    """One few-shot prefix, the content-free text's log-likelihoods after it, and those of the first rows."""

    shots: int
    rows: int
    prefix: Prefix
    null: np.ndarray
    first: np.ndarray


@dataclass(frozen=True)
class Cell:
    predictions: pd.DataFrame
    answers: pd.DataFrame
    usage: Usage


def run_cell(
    settings: CausalLmSettings,
    lm: CausalLm,
    pool: pd.DataFrame,
    validation: pd.DataFrame,
    test: pd.DataFrame,
    primary: Primary,
    name: str,
) -> Cell:
    """Label the first `max_validation` validation rows and all of test.

    Every number of shots is passed once over the first `choose_rows` validation rows; each calibration
    is read off the same pass, and the chosen pass is kept, not repeated.
    """
    validation = validation.iloc[: settings.max_validation]
    first = validation.iloc[: settings.choose_rows]
    total = len(first) * len(settings.shots) + len(validation) - len(first) + len(test)
    began = time.perf_counter()
    with bar(total, name, "text") as progress:
        passes = [_pass(lm, pool, shots, first["text"].tolist(), progress) for shots in settings.shots]
        chosen, calibration, tried = _choose(passes, settings, first["label"].to_numpy(), primary)
        choosing = time.perf_counter() - began
        rest = pd.concat([validation.iloc[len(first) :], test], ignore_index=True)
        after = time.perf_counter()
        rest_scored = lm.log_likelihoods(chosen.prefix, rest["text"].tolist(), progress.update)
        seconds = time.perf_counter() - after
    scored = np.vstack([chosen.first, rest_scored])
    scores = probabilities(scored, chosen.null if calibration == "contextual" else None)
    rows = {"validation": validation, "test": test}
    queries = np.array(lm.query_tokens([*validation["text"], *test["text"]]))
    predictions = _predictions(lm, rows, scores, queries + len(chosen.prefix.tokens))
    usage = Usage(
        kind="llm",
        title=settings.title,
        hardware=hardware.describe(lm.device, "float32"),
        train_rows=chosen.rows,
        model_bytes=lm.model_bytes,
        train=(),
        predict=(Run(NO_SEED, int(queries[len(first) :].sum()), len(rest), seconds),),
        latency=hardware.latency(
            lambda text: lm.log_likelihoods(chosen.prefix, [text]), first["text"].tolist(), LATENCY_TEXTS
        ),
        peak_memory_bytes=hardware.peak_memory_bytes(),
        requests=len(rest),
        llm_tokens=_tokens(predictions.iloc[len(first) :], queries[len(first) :], chosen),
        details={
            "chosen": {"shots": chosen.shots, "calibration": calibration},
            "tried": tried,
            "choosing_seconds": choosing,
            "choosing_requests": len(first) * len(passes),
        },
    )
    return Cell(predictions, _answers(lm, predictions, scored, rows, chosen), usage)


def _pass(lm: CausalLm, pool: pd.DataFrame, shots: int, texts: list[str], progress: Any) -> Pass:
    examples = prompt.select_shots(pool, shots)
    prefix = lm.prefix(examples["text"].tolist(), examples["label"].tolist())
    null = lm.log_likelihoods(prefix, [prompt.NULL_TEXT])[0]
    return Pass(shots, len(examples), prefix, null, lm.log_likelihoods(prefix, texts, progress.update))


def _choose(
    passes: Iterable[Pass], settings: CausalLmSettings, labels: np.ndarray, primary: Primary
) -> tuple[Pass, str, list[dict[str, Any]]]:
    """The best primary metric on the first validation rows; ties to what stands first in params.yaml."""
    tried, scores = [], []
    options = list(itertools.product(passes, settings.calibration))
    for one, calibration in options:
        shares = probabilities(one.first, one.null if calibration == "contextual" else None)
        scores.append(primary_score(primary, labels, shares))
        tried.append({"shots": one.shots, "calibration": calibration, "score": scores[-1]})
    chosen, calibration = options[int(np.argmax(scores))]
    return chosen, calibration, tried


def _predictions(lm: CausalLm, rows: dict[str, pd.DataFrame], scores: np.ndarray, tokens: np.ndarray) -> pd.DataFrame:
    lengths = np.array([len(label) for label in lm.labels])
    parts, start = [], 0
    for split, part in rows.items():
        here = slice(start, start + len(part))
        output = lengths[scores[here].argmax(axis=1)]
        parts.append(
            predictions_frame(
                part, split, scores[here], score_source="logprob", input_tokens=tokens[here], output_tokens=output
            )
        )
        start += len(part)
    return pd.concat(parts, ignore_index=True)


def _tokens(predictions: pd.DataFrame, queries: np.ndarray, chosen: Pass) -> dict[str, int]:
    """Tokens by kind of what was predicted: the prefix is written to the cache once and read for every text."""
    return {
        "input": int(queries.sum()),
        "output": int(predictions["output_tokens"].sum()),
        "cache_write": len(chosen.prefix.tokens),
        "cache_read": len(chosen.prefix.tokens) * len(predictions),
    }


def _answers(
    lm: CausalLm, predictions: pd.DataFrame, scored: np.ndarray, rows: dict[str, pd.DataFrame], chosen: Pass
) -> pd.DataFrame:
    """What the LLM said, row by row: the request's digest, the answer and the labels' log-likelihoods."""
    prefix = hashlib.sha256(repr(chosen.prefix.tokens).encode())
    texts = [text for part in rows.values() for text in part["text"]]
    requests = []
    for text in texts:
        digest = prefix.copy()
        digest.update(prompt.fold(text).encode())
        requests.append(digest.hexdigest())
    answers = predictions[["id", "split"]].copy()
    answers["request"] = requests
    answers["answer"] = [lm.names[number] for number in predictions["prediction"]]
    answers["log_likelihoods"] = list(scored)
    return answers
