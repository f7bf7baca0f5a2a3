"""The training loop: AdamW, warm-up and linear decay, the choice of the best epoch, and exact resumption.

After each epoch, and every `save_seconds`, the loop writes a checkpoint (see finetune.scratch). A run that was killed
reads it, and ends with the same weights as a run that was not. That is because batches are a pure function of seed and
epoch, and dropout continues from the stored random state.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from slingshot.finetune.scratch import ScratchFolder, TrainingState
from slingshot.machine.progress import bar
from slingshot.pretrained.batching import training_batches
from slingshot.settings import TransformerSettings, UserError

LOSS_POINTS = 100
"""Points of the loss curve, over all epochs."""


@dataclass(frozen=True)
class Objective:
    """The function that training minimises, over rows that are numbered from 0, and the score that it reports."""

    loss: Callable[[np.ndarray], torch.Tensor]
    """Row numbers -> the sum of these rows' losses, each times the row's weight."""
    weights: np.ndarray
    """The weight of each row."""
    lengths: list[int]
    """Tokens of each row."""
    validate: Callable[[], float]
    """The current score of the model on validation."""
    name: str
    """The run's name in the progress bar and in errors."""


def train(
    model: torch.nn.Module,
    objective: Objective,
    settings: TransformerSettings,
    seed: int,
    folder: Path,
) -> TrainingState:
    """Train `model` in place. At the end it has the weights of its best epoch on validation.

    The earlier epoch wins a tie. The run continues from a checkpoint in `folder`. Raises UserError if a loss is
    not finite.
    """
    optimizer = _optimizer(model, settings)
    torch.manual_seed(seed)  # before the scratch folder restores a random state
    scratch = ScratchFolder(folder, model, optimizer)
    state = scratch.restore()
    state.steps = len(_steps(objective.lengths, settings, seed, 0))
    total = settings.epochs * state.steps
    saved = time.perf_counter()

    def save() -> None:
        nonlocal saved
        state.seconds += time.perf_counter() - saved
        scratch.save(state)
        saved = time.perf_counter()  # the seconds of saving do not count as training

    with bar(total, objective.name, "step", state.done) as progress:
        while state.epoch < settings.epochs and not _stalled(state, settings.patience):
            for batches in _steps(objective.lengths, settings, seed, state.epoch)[state.step :]:
                rate = _rate(state.done, total, settings)
                loss = _step(model, optimizer, objective, batches, rate, settings.max_grad_norm)
                tokens = sum(objective.lengths[row] for rows in batches for row in rows)
                _note_step(state, loss, tokens, max(1, total // LOSS_POINTS))
                progress.update()
                if time.perf_counter() - saved >= settings.save_seconds:
                    save()
            _end_epoch(state, objective.validate(), scratch)
            progress.set_postfix(validation=f"{state.scores[-1]:.3f}")
            save()
    scratch.load_best(state)
    return state


def _steps(
    lengths: list[int], settings: TransformerSettings, seed: int, epoch: int
) -> list[list[np.ndarray]]:
    """The batches of each step of the optimiser in one epoch."""
    batches = training_batches(lengths, settings.batch_size, seed, epoch)
    return [
        batches[start : start + settings.accumulate]
        for start in range(0, len(batches), settings.accumulate)
    ]


def _stalled(state: TrainingState, patience: int | None) -> bool:
    """Whether the last `patience` epochs brought no better score."""
    return patience is not None and state.epoch - 1 - state.best_epoch >= patience


def _step(
    model: torch.nn.Module,
    optimizer: torch.optim.Optimizer,
    objective: Objective,
    batches: list[np.ndarray],
    rate: float,
    max_norm: float,
) -> float:
    """One step of the optimiser over some batches. Returns the weighted mean loss of their rows."""
    model.train()
    for group in optimizer.param_groups:
        group["lr"] = rate
    optimizer.zero_grad(set_to_none=True)
    # Each batch's loss is divided by the weights of all batches, so the gradients add up to that of one large batch.
    total, mean = sum(objective.weights[rows].sum() for rows in batches), 0.0
    for rows in batches:
        part = objective.loss(rows) / total
        if not torch.isfinite(part):
            raise UserError(
                f"{objective.name}: the loss is {part.item()}; lower learning_rate in params.yaml"
            )
        part.backward()
        mean += float(part.detach())
    torch.nn.utils.clip_grad_norm_(model.parameters(), max_norm)
    optimizer.step()
    return mean


def _note_step(state: TrainingState, loss: float, tokens: int, every: int) -> None:
    """Count a step. After every `every` steps their mean loss becomes a point of the curve."""
    state.step, state.tokens = state.step + 1, state.tokens + tokens
    state.loss_sum, state.loss_steps = state.loss_sum + loss, state.loss_steps + 1
    if state.done % every == 0:
        state.losses.append((state.done, state.loss_sum / state.loss_steps))
        state.loss_sum, state.loss_steps = 0.0, 0


def _end_epoch(state: TrainingState, score: float, scratch: ScratchFolder) -> None:
    """Note the epoch's score on validation. Keep its weights if it is the best so far."""
    if not state.scores or score > max(state.scores):
        state.best_epoch = state.epoch
        scratch.keep_best(state)
    state.scores.append(score)
    state.epoch, state.step = state.epoch + 1, 0


def _optimizer(model: torch.nn.Module, settings: TransformerSettings) -> torch.optim.Optimizer:
    """AdamW with weight decay on matrices only, not on biases, norms and other vectors."""
    parameters = [p for p in model.parameters() if p.requires_grad]
    matrices = [p for p in parameters if p.ndim > 1]
    vectors = [p for p in parameters if p.ndim <= 1]
    groups = [
        {"params": matrices, "weight_decay": settings.weight_decay},
        {"params": vectors, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=settings.learning_rate, fused=True)


def _rate(step: int, total: int, settings: TransformerSettings) -> float:
    """Linear warm-up over the first share of all steps, then linear decay to 0."""
    warm = max(1, round(settings.warmup * total))
    share = (step + 1) / warm if step < warm else (total - step) / max(1, total - warm)
    return settings.learning_rate * share
