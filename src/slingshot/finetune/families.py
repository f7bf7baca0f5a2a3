"""The input and the result of training, and the class that trains each family.

To add a family, write a module in slingshot.finetune whose CLASSIFIER is a class with the methods of `Classifier`. Then
write its settings class in settings/contestants.py, which names that module, and add it to the union `ModelSettings`.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, Self, TypedDict, TypeVar

import numpy as np
import pandas as pd

from slingshot.machine import hardware
from slingshot.settings import Family, Primary, RunSettings

S = TypeVar("S", bound=Family)
S_contra = TypeVar("S_contra", bound=Family, contravariant=True)


@dataclass(frozen=True)
class TrainingTask:
    """The data that a classifier is trained on. Rows are in nested order; labels are 0..len(names)-1."""

    train: pd.DataFrame
    validation: pd.DataFrame
    names: Sequence[str]
    primary: Primary
    """The metric that chooses on the validation rows."""
    device: str
    name: str
    """The cell's name, which progress bars show."""


class Details(TypedDict, total=False):
    """How one seed was trained, for people to read. A family leaves out the keys that it does not have."""

    chosen: dict[str, float]
    """The option that validation chose, e.g. the epoch, and its `score` there."""
    tried: list[dict[str, float]]
    """All options that were tried, in the form of `chosen`."""
    epochs: int
    """The number of epochs that were run."""
    steps: int
    """Steps of the optimiser in one epoch."""
    validation: list[float]
    """The primary metric on validation after each epoch."""
    loss: list[tuple[int, float]]
    """Points of the loss curve: the steps so far, and the mean training loss since the point before."""
    tokens_per_second: float | None


@dataclass(frozen=True)
class FitResult:
    """What training used and chose. `tokens` are those of all epochs, without padding."""

    seconds: float
    tokens: int
    details: Details
    dtype: str = "float32"
    """The dtype of the matrix products."""


class Classifier(Protocol[S_contra]):
    """One trained model of a family whose settings class is S_contra."""

    @classmethod
    def fit(
        cls, settings: S_contra, task: TrainingTask, seed: int, scratch: Path
    ) -> tuple[Self, FitResult]:
        """Train one seed. It may write checkpoints into `scratch`, and continues from one that is there."""

    def predict(self, texts: Sequence[str]) -> np.ndarray:
        """Class probabilities, shape (texts, classes)."""

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """The tokens of each text as the model reads it, without padding. A model without a tokenizer counts words."""

    def save(self, folder: Path) -> None:
        """Write the model into `folder`."""

    @classmethod
    def load(cls, folder: Path, device: str) -> Self:
        """Load what `save` wrote."""


def device(family: Family | type[Family], settings: RunSettings) -> str:
    """Name of the device that runs the family's models. Raises UserError for a device that torch does not find."""
    return hardware.set_up(settings) if family.torch else "cpu"


def classifier(settings: S | type[S]) -> type[Classifier[S]]:
    """The class that trains a model with these settings. Its module is imported only now."""
    trained_by: type[Classifier[S]] = importlib.import_module(settings.module).CLASSIFIER
    return trained_by
