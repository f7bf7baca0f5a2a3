"""data/usage/D/C.json: what training and prediction took, from which costs are worked out."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from slingshot.files.storage.json_files import read_json, write_json
from slingshot.settings import UserError


@dataclass(frozen=True)
class TimedRun:
    """One training or prediction run: its seed (-1: none), real tokens, texts and seconds.

    `error` is the standard error of a prediction's seconds, from parts of it that were timed on their own; null where
    none were.
    """

    seed: int
    tokens: int
    texts: int
    seconds: float
    error: float | None = None


@dataclass(frozen=True)
class Usage:
    """data/usage/D/C.json: what a contestant used. Tokens are real ones, padding left out.

    hardware: name, cores, device, dtype. train_rows: labelled rows that were trained on or shown as examples;
    validation_rows: those by which was chosen. latency: p50 and p95 of single texts, in seconds, and of how many
    `texts`; empty where nothing answered them one by one. Bytes are null for what runs elsewhere.
    `train` is empty for LLMs. `predict` times the texts that were not already passed to choose by; a local LLM's
    tokens there are the text's and those around it, an API's are all that it counts as input, and its seconds those of
    its answers, one after the other, or 0 where a batch, which does not tell, gave some. llm_tokens and, of what
    Message Batches answered, batch_tokens hold tokens by kind (money.TOKEN_KINDS; null for models), prefix included,
    and requests their number, of the same texts.
    `details` holds what was chosen on validation and how, for people to read.
    """

    kind: str
    title: str
    hardware: dict[str, Any]
    train_rows: int
    validation_rows: int
    model_bytes: int | None
    train: tuple[TimedRun, ...]
    predict: tuple[TimedRun, ...]
    latency: dict[str, float]
    peak_memory_bytes: int | None
    requests: int | None = None
    llm_tokens: dict[str, int] | None = None
    batch_tokens: dict[str, int] | None = None
    details: dict[str, Any] | None = None

    def write(self, path: Path) -> None:
        write_json(path, asdict(self))

    @classmethod
    def read(cls, path: Path) -> Usage:
        """Raises UserError when the file is missing or lacks a field."""
        value = read_json(path)
        try:
            runs = {
                key: tuple(TimedRun(**run) for run in value[key]) for key in ("train", "predict")
            }
            usage = cls(**(value | runs))
        except (KeyError, TypeError, AttributeError) as error:
            raise UserError(f"{path}: not a usage file: {error}; run `dvc repro`") from None
        seconds = [
            s for run in (*usage.train, *usage.predict) for s in (run.seconds, run.error or 0.0)
        ]
        if any(s < 0 or not math.isfinite(s) for s in seconds):
            raise UserError(f"{path}: seconds must be finite and not negative; run `dvc repro`")
        return usage
