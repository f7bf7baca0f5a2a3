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

from slingshot.batching import training_batches
from slingshot.progress import bar
from slingshot.settings import TransformerSettings, UserError
from slingshot.tables import atomic

CHECKPOINT, BEST = "checkpoint.safetensors", "best.safetensors"
LOSS_POINTS = 100
"""Of the loss curve, over all epochs."""


@dataclass
class Place:
    """How far the run has come. `step` counts within `epoch`; `seconds` leave interruptions out."""

    epoch: int = 0
    step: int = 0
    tokens: int = 0
    seconds: float = 0.0
    best_epoch: int = -1
    steps: int = 0
    """Of one epoch."""
    scores: list[float] = field(default_factory=list)
    """The primary metric on validation after each epoch."""
    losses: list[tuple[int, float]] = field(default_factory=list)
    """Steps of the optimiser so far, and the mean training loss over the last of them."""
    loss_sum: float = 0.0
    loss_steps: int = 0

    @property
    def done(self) -> int:
        """Steps of the optimiser so far."""
        return self.epoch * self.steps + self.step


def train(
    model: Any,
    loss: Callable[[np.ndarray], torch.Tensor],
    weights: np.ndarray,
    lengths: list[int],
    validate: Callable[[], float],
    settings: TransformerSettings,
    seed: int,
    scratch: Path,
    name: str,
) -> Place:
    """Train `model` in place and leave it with the weights of its best epoch on validation.

    `loss` gives the weighted sum of some rows' losses; `weights` and `lengths` each row's weight and tokens. Ties
    between epochs go to the earlier one. Raises UserError when the loss is no longer finite.
    """
    optimizer = torch.optim.AdamW(_groups(model, settings.weight_decay), lr=settings.learning_rate, fused=True)
    torch.manual_seed(seed)
    place = _restore(scratch / CHECKPOINT, model, optimizer)
    place.steps = len(_steps(lengths, settings, seed, 0))
    total = settings.epochs * place.steps
    saved = clock = time.perf_counter()
    with bar(total, name, "step", place.done) as progress:
        while place.epoch < settings.epochs and not _stalled(place, settings.patience):
            for batches in _steps(lengths, settings, seed, place.epoch)[place.step :]:
                rate = _rate(place.done, total, settings)
                mean = _step(model, optimizer, loss, weights, batches, rate, settings.max_grad_norm, name)
                place.step += 1
                _note_loss(place, mean, max(1, total // LOSS_POINTS))
                place.tokens += sum(lengths[row] for rows in batches for row in rows)
                progress.update()
                if time.perf_counter() - saved >= settings.save_seconds:
                    clock = _tick(place, clock)
                    _save(scratch / CHECKPOINT, model, optimizer, place)
                    saved = time.perf_counter()
            _end_epoch(model, place, validate, scratch)
            progress.set_postfix(validation=f"{place.scores[-1]:.3f}")
            clock = _tick(place, clock)
            _save(scratch / CHECKPOINT, model, optimizer, place)
            saved = time.perf_counter()
    model.load_state_dict(load_file(scratch / BEST))
    return place


def _steps(lengths: list[int], settings: TransformerSettings, seed: int, epoch: int) -> list[list[np.ndarray]]:
    """The batches of each step of the optimiser in one epoch."""
    batches = training_batches(lengths, settings.batch_size, seed, epoch)
    return [batches[start : start + settings.accumulate] for start in range(0, len(batches), settings.accumulate)]


def _stalled(place: Place, patience: int | None) -> bool:
    return patience is not None and place.epoch - 1 - place.best_epoch >= patience


def _step(
    model: Any,
    optimizer: Any,
    loss: Callable[[np.ndarray], torch.Tensor],
    weights: np.ndarray,
    batches: list[np.ndarray],
    rate: float,
    max_norm: float,
    name: str,
) -> float:
    """One step of the optimiser; the mean loss over its rows, as their weights count them."""
    model.train()
    for group in optimizer.param_groups:
        group["lr"] = rate
    optimizer.zero_grad(set_to_none=True)
    total, mean = sum(weights[rows].sum() for rows in batches), 0.0
    for rows in batches:
        part = loss(rows) / total
        if not torch.isfinite(part):
            raise UserError(f"{name}: the loss is {part.item()}; lower learning_rate in params.yaml")
        part.backward()
        mean += float(part.detach())
    torch.nn.utils.clip_grad_norm_(model.parameters(), max_norm)
    optimizer.step()
    return mean


def _note_loss(place: Place, mean: float, every: int) -> None:
    place.loss_sum, place.loss_steps = place.loss_sum + mean, place.loss_steps + 1
    if place.done % every == 0:
        place.losses.append((place.done, place.loss_sum / place.loss_steps))
        place.loss_sum, place.loss_steps = 0.0, 0


def _end_epoch(model: Any, place: Place, validate: Callable[[], float], scratch: Path) -> None:
    score = validate()
    if not place.scores or score > max(place.scores):
        place.best_epoch = place.epoch
        with atomic(scratch / BEST) as temporary:
            save_file(_weights(model), temporary)
    place.scores.append(score)
    place.epoch, place.step = place.epoch + 1, 0


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
