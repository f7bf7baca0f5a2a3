"""What a training run leaves to go on from: its last checkpoint and the weights of its best epoch.

A checkpoint is one safetensors file with weights, optimiser moments, the random state and the run's place. Each file
bears its place in its name, and the manifest names those that count, with their digests: a kill at any moment leaves
the earlier ones or the later ones, and a damaged one is never gone on from.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from slingshot.files.storage.atomic import atomic
from slingshot.machine import sealed


@dataclass
class Place:
    """How far the run has come. `step` counts within `epoch`; `seconds` leave interruptions and checkpoints out."""

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


class Scratch:
    """The folder of one run, whose weights and moments are those of `model` and `optimizer`."""

    def __init__(self, folder: Path, model: Any, optimizer: Any) -> None:
        self.folder, self.model, self.optimizer = folder, model, optimizer

    def restore(self) -> Place:
        """Put the stored state back; a fresh Place where there is none, or one that is damaged."""
        if not sealed.is_sealed(self.folder):
            return Place()
        why = sealed.damage(self.folder)
        if why:
            sealed.set_aside(self.folder, why, "the training starts anew")
            return Place()
        [path] = self.folder.glob("checkpoint-*.safetensors")
        with safe_open(path, framework="pt") as file:
            place = Place(**json.loads(file.metadata()["place"]))
        self._load(load_file(path))
        return place

    def save(self, place: Place) -> None:
        """Keep the run's state, in the place of an earlier one."""
        tensors = {f"model/{key}": value for key, value in self._weights().items()}
        for number, moments in self.optimizer.state_dict()["state"].items():
            tensors |= {
                f"optimizer/{number}/{key}": value.clone() for key, value in moments.items()
            }
        tensors["random/cpu"] = torch.get_rng_state()
        if torch.cuda.is_available():
            tensors["random/cuda"] = torch.cuda.get_rng_state()
        path = self.folder / f"checkpoint-{place.epoch}-{place.step}.safetensors"
        with atomic(path) as temporary:
            save_file(tensors, temporary, metadata={"place": json.dumps(asdict(place))})
        sealed.seal(self.folder, [path.name, *([self._best(place).name] if place.scores else [])])

    def keep_best(self, place: Place) -> None:
        """Keep the weights as those of the best epoch; `save` makes them count."""
        with atomic(self._best(place)) as temporary:
            save_file(self._weights(), temporary)

    def load_best(self, place: Place) -> None:
        """Put the weights of the best epoch back."""
        self.model.load_state_dict(load_file(self._best(place)))

    def _best(self, place: Place) -> Path:
        return self.folder / f"best-{place.best_epoch}.safetensors"

    def _weights(self) -> dict[str, torch.Tensor]:
        # Cloned, because tied weights share memory, which safetensors refuses.
        return {
            key: value.detach().clone().contiguous()
            for key, value in self.model.state_dict().items()
        }

    def _load(self, tensors: dict[str, torch.Tensor]) -> None:
        self.model.load_state_dict(
            {k.removeprefix("model/"): v for k, v in tensors.items() if k.startswith("model/")}
        )
        moments: dict[int, dict[str, torch.Tensor]] = {}
        for key, value in tensors.items():
            if key.startswith("optimizer/"):
                _, number, name = key.split("/")
                moments.setdefault(int(number), {})[name] = value
        self.optimizer.load_state_dict({**self.optimizer.state_dict(), "state": moments})
        torch.set_rng_state(tensors["random/cpu"])
        if "random/cuda" in tensors:
            torch.cuda.set_rng_state(tensors["random/cuda"])
