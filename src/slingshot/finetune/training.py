"""The training loop: AdamW, warm-up and linear decay, the best epoch kept, and exact resumption.

After each epoch, and every `save_seconds`, the loop leaves a checkpoint (see finetune.scratch). A run that was killed
reads it and ends with the same weights as one that wasn't: batches are a pure function of seed and epoch, and dropout
goes on from the stored random state.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from slingshot.finetune.scratch import Place, Scratch
from slingshot.machine.progress import bar
from slingshot.pretrained.batching import training_batches
from slingshot.settings import TransformerSettings, UserError

LOSS_POINTS = 100
"""Of the loss curve, over all epochs."""


def train(
    model: Any,
    loss: Callable[[np.ndarray], torch.Tensor],
    weights: np.ndarray,
    lengths: list[int],
    validate: Callable[[], float],
    settings: TransformerSettings,
    seed: int,
    folder: Path,
    name: str,
) -> Place:
    """Train `model` in place and leave it with the weights of its best epoch on validation.

    `loss` gives the weighted sum of some rows' losses; `weights` and `lengths` each row's weight and tokens. Ties
    between epochs go to the earlier one. `folder` holds the checkpoint to go on from. Raises UserError when the loss is
    no longer finite.
    """
    optimizer = torch.optim.AdamW(
        _groups(model, settings.weight_decay), lr=settings.learning_rate, fused=True
    )
    torch.manual_seed(seed)
    scratch = Scratch(folder, model, optimizer)
    place = scratch.restore()
    place.steps = len(_steps(lengths, settings, seed, 0))
    total = settings.epochs * place.steps
    clock = saved = time.perf_counter()
    with bar(total, name, "step", place.done) as progress:
        while place.epoch < settings.epochs and not _stalled(place, settings.patience):
            for batches in _steps(lengths, settings, seed, place.epoch)[place.step :]:
                rate = _rate(place.done, total, settings)
                mean = _step(
                    model, optimizer, loss, weights, batches, rate, settings.max_grad_norm, name
                )
                place.step += 1
                _note_loss(place, mean, max(1, total // LOSS_POINTS))
                place.tokens += sum(lengths[row] for rows in batches for row in rows)
                progress.update()
                if time.perf_counter() - saved >= settings.save_seconds:
                    place.seconds += time.perf_counter() - clock
                    scratch.save(place)
                    clock = saved = time.perf_counter()
            _end_epoch(place, validate, scratch)
            progress.set_postfix(validation=f"{place.scores[-1]:.3f}")
            place.seconds += time.perf_counter() - clock
            scratch.save(place)
            clock = saved = time.perf_counter()
    scratch.load_best(place)
    return place


def _steps(
    lengths: list[int], settings: TransformerSettings, seed: int, epoch: int
) -> list[list[np.ndarray]]:
    """The batches of each step of the optimiser in one epoch."""
    batches = training_batches(lengths, settings.batch_size, seed, epoch)
    return [
        batches[start : start + settings.accumulate]
        for start in range(0, len(batches), settings.accumulate)
    ]


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
            raise UserError(
                f"{name}: the loss is {part.item()}; lower learning_rate in params.yaml"
            )
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


def _end_epoch(place: Place, validate: Callable[[], float], scratch: Scratch) -> None:
    score = validate()
    if not place.scores or score > max(place.scores):
        place.best_epoch = place.epoch
        scratch.keep_best(place)
    place.scores.append(score)
    place.epoch, place.step = place.epoch + 1, 0


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
