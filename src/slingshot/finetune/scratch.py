"""The scratch folder of a training run: its last checkpoint and the weights of its best epoch.

A checkpoint is one safetensors file with weights, optimiser moments, the random state and the run's progress. The name
of the file contains the epoch and the step, and the manifest lists the files that count, with their digests. So a kill
at any moment leaves either the earlier files or the later ones, and a run never continues from a damaged file.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from slingshot.files.storage.atomic import atomic
from slingshot.machine import sealed


@dataclass
class TrainingState:
    """A run's progress. `step` counts within `epoch`. `seconds` do not include interruptions and checkpoints."""

    epoch: int = 0
    step: int = 0
    tokens: int = 0
    seconds: float = 0.0
    best_epoch: int = -1
    steps: int = 0
    """Steps of the optimiser in one epoch."""
    scores: list[float] = field(default_factory=list)
    """The primary metric on validation after each epoch."""
    losses: list[tuple[int, float]] = field(default_factory=list)
    """Points of the loss curve: the steps so far, and the mean training loss since the point before."""
    loss_sum: float = 0.0
    """The sum of the losses since the last point of the curve, over `loss_steps` steps."""
    loss_steps: int = 0

    @property
    def done(self) -> int:
        """Steps of the optimiser so far."""
        return self.epoch * self.steps + self.step


class ScratchFolder:
    """The scratch folder of a run that trains `model` with `optimizer`."""

    def __init__(
        self, folder: Path, model: torch.nn.Module, optimizer: torch.optim.Optimizer
    ) -> None:
        self.folder, self.model, self.optimizer = folder, model, optimizer

    def restore(self) -> TrainingState:
        """Load the stored state into model and optimizer; a fresh state where none is stored, or it is damaged."""
        if not sealed.is_sealed(self.folder):
            return TrainingState()
        why = sealed.damage(self.folder)
        if why:
            sealed.set_aside(self.folder, why, "the training starts again")
            return TrainingState()
        [path] = self.folder.glob("checkpoint-*.safetensors")
        with safe_open(path, framework="pt") as file:
            state = TrainingState(**json.loads(file.metadata()["place"]))
        self._load(load_file(path))
        return state

    def save(self, state: TrainingState) -> None:
        """Store the run's state in place of the earlier one."""
        tensors = {f"model/{key}": value for key, value in self._weights().items()}
        for number, moments in self.optimizer.state_dict()["state"].items():
            for key, value in moments.items():
                tensors[f"optimizer/{number}/{key}"] = value.clone()
        tensors["random/cpu"] = torch.get_rng_state()
        if torch.cuda.is_available():
            tensors["random/cuda"] = torch.cuda.get_rng_state()
        path = self.folder / f"checkpoint-{state.epoch}-{state.step}.safetensors"
        with atomic(path) as temporary:
            save_file(tensors, temporary, metadata={"place": json.dumps(asdict(state))})
        best = [self._best(state).name] if state.scores else []
        sealed.seal(self.folder, [path.name, *best])

    def keep_best(self, state: TrainingState) -> None:
        """Write the weights as those of the best epoch. They count after the next `save`, which seals them."""
        with atomic(self._best(state)) as temporary:
            save_file(self._weights(), temporary)

    def load_best(self, state: TrainingState) -> None:
        """Load the weights of the best epoch into the model."""
        self.model.load_state_dict(load_file(self._best(state)))

    def _best(self, state: TrainingState) -> Path:
        return self.folder / f"best-{state.best_epoch}.safetensors"

    def _weights(self) -> dict[str, torch.Tensor]:
        # Cloned because tied weights share memory, and safetensors refuses tensors that do.
        return {
            key: value.detach().clone().contiguous()
            for key, value in self.model.state_dict().items()
        }

    def _load(self, tensors: dict[str, torch.Tensor]) -> None:
        """Put the tensors of a checkpoint into model, optimiser and random generators: the inverse of `save`."""
        weights: dict[str, torch.Tensor] = {}
        moments: dict[int, dict[str, torch.Tensor]] = {}
        for key, value in tensors.items():
            if key.startswith("model/"):
                weights[key.removeprefix("model/")] = value
            elif key.startswith("optimizer/"):
                _, number, name = key.split("/")
                moments.setdefault(int(number), {})[name] = value
        self.model.load_state_dict(weights)
        self.optimizer.load_state_dict({**self.optimizer.state_dict(), "state": moments})
        torch.set_rng_state(tensors["random/cpu"])
        if "random/cuda" in tensors:
            torch.cuda.set_rng_state(tensors["random/cuda"])
