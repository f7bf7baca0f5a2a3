"""The hardware that a stage runs on: device, threads, memory and speed, and their entries in usage files."""

from __future__ import annotations

import math
import os
import platform
import resource
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from slingshot.settings import PARAMS, RunSettings, UserError

if TYPE_CHECKING:
    import numpy as np

LATENCY_TEXTS = 100
"""Single texts that are timed. The 95th percentile of fewer texts would depend on a handful of slow ones."""
PARTS = 10
"""The least number of parts that are timed separately."""
PART_TEXTS = 16
"""The least number of texts in a part. A model takes more time for each text when it gets few at a time."""


@dataclass(frozen=True)
class Timed:
    """The answers in order, the seconds of one pass over the texts, and the standard error of these seconds."""

    answers: np.ndarray
    seconds: float
    error: float | None


def timed(
    answer: Callable[[list[str]], np.ndarray], texts: Sequence[str], tokens: Sequence[int]
) -> Timed:
    """Answer the texts in parts, and time each part. Few texts are answered several times, to get PARTS parts.

    `answer` returns an array with a row for each text. `tokens` are the tokens of each text. A part is every nth text,
    so that the parts are alike. The standard error covers what changes from part to part. It does not cover another
    machine, or other work on this machine.
    """
    import numpy as np

    count = max(1, min(PARTS, len(texts) // PART_TEXTS))
    passes = math.ceil(PARTS / count)
    answers: list[np.ndarray] = [np.empty(0)] * len(texts)
    seconds = []
    for _ in range(passes):
        for part in range(count):
            started = time.perf_counter()
            part_answers = answer(list(texts[part::count]))
            seconds.append(time.perf_counter() - started)
            answers[part::count] = part_answers
    part_tokens = [sum(tokens[part::count]) for part in range(count)]
    error = standard_error(seconds, part_tokens * passes)
    error_of_pass = None if error is None else error / passes
    return Timed(np.stack(answers), sum(seconds) / passes, error_of_pass)


def standard_error(seconds: Sequence[float], tokens: Sequence[int]) -> float | None:
    """The standard error of the sum of `seconds`, one entry for each part with its `tokens`; None for under two parts.

    The formula is that of a ratio estimator (Cochran, Sampling Techniques, 1977, section 2.11). It measures how far
    each part is from the mean seconds of a token, times the part's tokens. Without tokens all parts count the same.
    """
    import numpy as np

    durations, size = np.asarray(seconds, dtype=float), np.asarray(tokens, dtype=float)
    if len(durations) < 2:
        return None
    shares = size / size.sum() if size.sum() else np.full(len(size), 1 / len(size))
    residuals = durations - shares * durations.sum()
    return float(np.sqrt((residuals**2).sum() * len(durations) / (len(durations) - 1)))


def set_up(settings: RunSettings) -> str:
    """Set torch's threads, choose its device and return the device's name. `auto` prefers CUDA, then MPS, then CPU.

    Raises UserError for a device that torch does not find.
    """
    import torch

    if settings.threads:
        torch.set_num_threads(settings.threads)
    if torch.cuda.is_available():  # so that the same seed gives the same weights
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.use_deterministic_algorithms(True, warn_only=True)
    if settings.device == "cuda" and not torch.cuda.is_available():
        raise UserError(f"{PARAMS}: run.device is cuda, but torch finds no CUDA device; write auto")
    if settings.device == "mps" and not torch.backends.mps.is_available():
        raise UserError(f"{PARAMS}: run.device is mps, but torch finds no such device; write auto")
    if settings.device != "auto":
        return settings.device
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def precision(device: str, setting: str) -> str:
    """The dtype of matrix products. `auto` is bfloat16 on a GPU that has it; on CPUs it was measured to be slower."""
    if setting != "auto":
        return setting
    import torch

    return "bfloat16" if device == "cuda" and torch.cuda.is_bf16_supported() else "float32"


def describe(device: str, dtype: str) -> dict[str, str | int | None]:
    """Name, cores, device and dtype, as in usage files."""
    name = _processor()
    if device == "cuda":
        import torch

        name = torch.cuda.get_device_name()
    return {"name": name, "cores": os.cpu_count(), "device": device, "dtype": dtype}


def latency(
    answer: Callable[[str], object], texts: Sequence[str], count: int = LATENCY_TEXTS
) -> dict[str, float]:
    """Median and 95th percentile of the seconds for one text at a time, and the number of `texts`.

    The first of `count` + 1 calls warms up and is left out, unless there is only one text.
    """
    seconds = []
    for text in texts[: count + 1]:
        started = time.perf_counter()
        answer(text)
        seconds.append(time.perf_counter() - started)
    return percentiles(seconds[1:] or seconds)


def percentiles(seconds: Sequence[float]) -> dict[str, float]:
    """Median and 95th percentile of single texts' seconds, as in usage files."""
    import numpy as np

    return {
        "p50": float(np.percentile(seconds, 50)),
        "p95": float(np.percentile(seconds, 95)),
        "texts": len(seconds),
    }


def peak_memory_bytes() -> int:
    """The largest resident memory that this process has had."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if platform.system() == "Darwin" else peak * 1024


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
