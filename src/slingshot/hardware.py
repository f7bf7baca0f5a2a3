"""The machine a stage runs on: device, threads, memory, and how it is described in usage files."""

from __future__ import annotations

import os
import platform
import resource
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from slingshot.settings import PARAMS, RunSettings, UserError


def set_up(run: RunSettings) -> str:
    """Choose the torch device (`auto`: CUDA, then MPS, then CPU), set threads, return its name.

    Raises UserError for a device that torch does not find.
    """
    import torch

    if run.threads:
        torch.set_num_threads(run.threads)
    if torch.cuda.is_available():  # the same seed, the same weights
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.use_deterministic_algorithms(True, warn_only=True)
    if run.device == "cuda" and not torch.cuda.is_available():
        raise UserError(f"{PARAMS}: run.device is cuda, but torch finds no CUDA device; write auto")
    if run.device == "mps" and not torch.backends.mps.is_available():
        raise UserError(f"{PARAMS}: run.device is mps, but torch finds no such device; write auto")
    if run.device != "auto":
        return run.device
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def precision(device: str, asked: str) -> str:
    """The dtype of matrix products. auto: bfloat16 on a GPU that has it; on CPUs it was measured to be slower."""
    if asked != "auto":
        return asked
    import torch

    return "bfloat16" if device == "cuda" and torch.cuda.is_bf16_supported() else "float32"


def describe(device: str, dtype: str) -> dict[str, Any]:
    """Name, cores, device and dtype, as usage files hold them."""
    name = _processor()
    if device == "cuda":
        import torch

        name = torch.cuda.get_device_name()
    return {"name": name, "cores": os.cpu_count(), "device": device, "dtype": dtype}


def latency(answer: Callable[[str], Any], texts: Sequence[str], count: int) -> dict[str, float]:
    """Median and 95th percentile, in seconds, of answering one text at a time.

    The first of `count` + 1 calls warms up and is left out, unless there is but one text.
    """
    import numpy as np

    seconds = []
    for text in texts[: count + 1]:
        started = time.perf_counter()
        answer(text)
        seconds.append(time.perf_counter() - started)
    kept = seconds[1:] or seconds
    return {"p50": float(np.percentile(kept, 50)), "p95": float(np.percentile(kept, 95))}


def peak_memory_bytes() -> int:
    """Most resident memory this process has held."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if platform.system() == "Darwin" else peak * 1024


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
