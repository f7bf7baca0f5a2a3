"""data/usage/D/C.json: what training and prediction used. Costs are computed from it."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from pathlib import Path

from slingshot.files.storage.json_files import JsonObject, read_json, write_json
from slingshot.settings import UserError


@dataclass(frozen=True)
class TimedRun:
    """One training or prediction run. Padding is not counted as tokens."""

    seed: int
    """NO_SEED for a contestant without one."""
    tokens: int
    texts: int
    seconds: float
    error: float | None = None
    """Standard error of a prediction's seconds, from parts that were timed separately; None without such parts."""


@dataclass(frozen=True)
class Usage:
    """What a contestant used. Padding is not counted as tokens."""

    kind: str
    """model, llm or cascade."""
    title: str
    hardware: dict[str, str | int | None]
    """name, cores, device and dtype."""
    train_rows: int
    """Labelled rows that were trained on or shown as examples."""
    validation_rows: int
    """Labelled rows that settings were chosen on."""
    model_bytes: int | None
    """None for a model that runs elsewhere."""
    train: tuple[TimedRun, ...]
    """Empty for LLMs."""
    predict: tuple[TimedRun, ...]
    """The texts that were predicted, without those that a local LLM chose its settings on.

    A local LLM's tokens are those of the text and of the words around it. An API's are all that it counts as input, and
    its seconds are those of all answers, one after the other. They are 0 where a batch, whose answers have no times,
    gave some.
    """
    latency: dict[str, float]
    """p50 and p95 of single texts, in seconds, and the number of `texts`; empty where no text was answered alone."""
    peak_memory_bytes: int | None
    """None for a model that runs elsewhere."""
    requests: int | None = None
    """Requests to an LLM for the texts of `predict`; None for models."""
    llm_tokens: dict[str, int] | None = None
    """Tokens of these requests by kind (money.prices.TOKEN_KINDS), prefix included; None for models."""
    batch_tokens: dict[str, int] | None = None
    """The same for requests in Message Batches, which `llm_tokens` leaves out; None without any."""
    details: JsonObject | None = None
    """What was chosen on validation and how, for people to read."""

    def write(self, path: Path) -> None:
        write_json(path, asdict(self))

    @classmethod
    def read(cls, path: Path) -> Usage:
        """Read the file. Raises UserError when it is missing or malformed."""
        value = read_json(path)
        try:
            train, predict = (
                tuple(TimedRun(**run) for run in value[key]) for key in ("train", "predict")
            )
            usage = cls(**(value | {"train": train, "predict": predict}))
        except (KeyError, TypeError, AttributeError) as error:
            raise UserError(f"{path}: not a usage file: {error}; run `dvc repro`") from None
        runs = [*usage.train, *usage.predict]
        seconds = [run.seconds for run in runs] + [run.error or 0.0 for run in runs]
        if any(value < 0 or not math.isfinite(value) for value in seconds):
            raise UserError(f"{path}: seconds must be finite and not negative; run `dvc repro`")
        return usage
