"""The training loop: AdamW, warm-up and linear decay, the best epoch kept, and exact resumption.

Every `save_seconds` the loop writes one safetensors file with weights, optimiser moments, the random
state and its place. A run that was killed reads it and ends with the same weights as one that wasn't:
batches are a pure function of seed and epoch, and dropout goes on from the stored random state.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from slingshot.finetune.batching import training_batches
from slingshot.progress import bar
from slingshot.settings import TransformerSettings, UserError
from slingshot.tables import atomic

CHECKPOINT, BEST = "checkpoint.safetensors", "best.safetensors"


@dataclass
class Place:
    """How far the run has come. `step` counts within `epoch`; `seconds` leave interruptions out."""

    epoch: int = 0
    step: int = 0
    tokens: int = 0
    seconds: float = 0.0
    best_epoch: int = -1
    scores: list[float] = field(default_factory=list)
    """The primary metric on validation after each epoch."""
    losses: list[float] = field(default_factory=list)
    """Mean training loss of each finished epoch."""
    loss_sum: float = 0.0


def train(
    model: Any,
    batch: Callable[[np.ndarray], dict[str, torch.Tensor]],
    lengths: list[int],
    validate: Callable[[], float],
    settings: TransformerSettings,
    seed: int,
    scratch: Path,
    name: str,
) -> Place:
    """Train `model` in place and leave it with the weights of its best epoch on validation.

    `batch` gives the model's arguments for some rows, `lengths` each row's tokens; ties between epochs
    go to the earlier one. Raises UserError when the loss is no longer finite.
    """
    optimizer = torch.optim.AdamW(_groups(model, settings.weight_decay), lr=settings.learning_rate, fused=True)
    torch.manual_seed(seed)
    place = _restore(scratch / CHECKPOINT, model, optimizer)
    steps = len(training_batches(lengths, settings.batch_size, seed, 0))
    saved = clock = time.perf_counter()
    done = place.epoch * steps + place.step
    with bar(settings.epochs * steps, name, "step", done) as progress:
        while place.epoch < settings.epochs:
            for rows in training_batches(lengths, settings.batch_size, seed, place.epoch)[place.step :]:
                rate = _rate(place.epoch * steps + place.step, settings.epochs * steps, settings)
                place.loss_sum += _step(model, optimizer, batch(rows), rate, settings, name)
                place.step += 1
                place.tokens += sum(lengths[row] for row in rows)
                progress.update()
                if time.perf_counter() - saved >= settings.save_seconds:
                    clock = _tick(place, clock)
                    _save(scratch / CHECKPOINT, model, optimizer, place)
                    saved = time.perf_counter()
            _end_epoch(model, place, steps, validate, scratch)
            progress.set_postfix(validation=f"{place.scores[-1]:.3f}")
            clock = _tick(place, clock)
            _save(scratch / CHECKPOINT, model, optimizer, place)
            saved = time.perf_counter()
    model.load_state_dict(load_file(scratch / BEST))
    return place


def _step(model: Any, optimizer: Any, batch: Any, rate: float, settings: TransformerSettings, name: str) -> float:
    model.train()
    for group in optimizer.param_groups:
        group["lr"] = rate
    loss = model(**batch).loss
    if not torch.isfinite(loss):
        raise UserError(f"{name}: the loss is {loss.item()}; lower learning_rate in params.yaml")
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), settings.max_grad_norm)
    optimizer.step()
    return float(loss.detach())


def _end_epoch(model: Any, place: Place, steps: int, validate: Callable[[], float], scratch: Path) -> None:
    score = validate()
    if not place.scores or score > max(place.scores):
        place.best_epoch = place.epoch
        with atomic(scratch / BEST) as temporary:
            save_file(_weights(model), temporary)
    place.scores.append(score)
    place.losses.append(place.loss_sum / steps)
    place.epoch, place.step, place.loss_sum = place.epoch + 1, 0, 0.0


def _tick(place: Place, clock: float) -> float:
    now = time.perf_counter()
    place.seconds += now - clock
    return now


def _groups(model: Any, decay: float) -> list[dict[str, Any]]:
    """Weight decay on matrices only: not on biases, norms and other vectors."""
    parameters = [p for p in model.parameters() if p.requires_grad]
    matrices = [p for p in parameters if p.ndim > 1]
    vectors = [p for p in parameters if p.ndim <= 1]
    return [{"params": matrices, "weight_decay": decay}, {"params": vectors, "weight_decay": 0.0}]


def _rate(step: int, total: int, settings: TransformerSettings) -> float:
    """Linear warm-up over the first share of all steps, then linear decay to 0."""
    warm = max(1, round(settings.warmup * total))
    share = (step + 1) / warm if step < warm else (total - step) / max(1, total - warm)
    return settings.learning_rate * share


def _weights(model: Any) -> dict[str, torch.Tensor]:
    # Cloned, because tied weights share memory, which safetensors refuses.
    return {key: value.detach().clone().contiguous() for key, value in model.state_dict().items()}


def _save(path: Path, model: Any, optimizer: Any, place: Place) -> None:
    tensors = {f"model/{key}": value for key, value in _weights(model).items()}
    for number, moments in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer/{number}/{key}": value.clone() for key, value in moments.items()}
    tensors["random/cpu"] = torch.get_rng_state()
    if torch.cuda.is_available():
        tensors["random/cuda"] = torch.cuda.get_rng_state()
    with atomic(path) as temporary:
        save_file(tensors, temporary, metadata={"place": json.dumps(asdict(place))})


def _restore(path: Path, model: Any, optimizer: Any) -> Place:
    """Put the stored state back; a fresh Place where there is none."""
    if not path.exists():
        return Place()
    with safe_open(path, framework="pt") as file:
        place = Place(**json.loads(file.metadata()["place"]))
    tensors = load_file(path)
    model.load_state_dict({k.removeprefix("model/"): v for k, v in tensors.items() if k.startswith("model/")})
    moments: dict[int, dict[str, torch.Tensor]] = {}
    for key, value in tensors.items():
        if key.startswith("optimizer/"):
            _, number, name = key.split("/")
            moments.setdefault(int(number), {})[name] = value
    optimizer.load_state_dict({**optimizer.state_dict(), "state": moments})
    torch.set_rng_state(tensors["random/cpu"])
    if "random/cuda" in tensors:
        torch.cuda.set_rng_state(tensors["random/cuda"])
    return place
