"""What training gets and gives back, and which class trains a family.

To add a family: a module in slingshot.finetune that names its class, with the methods of `Classifier`, as CLASSIFIER;
and in settings/contestants.py its settings class, which names that module, in the union `ModelSettings`.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, Self, TypedDict, TypeVar

import numpy as np
import pandas as pd

from slingshot.settings import Family, Primary

S = TypeVar("S", bound=Family)
S_contra = TypeVar("S_contra", bound=Family, contravariant=True)


@dataclass(frozen=True)
class TrainingTask:
    """What a classifier is trained on. Rows are in nested order; labels are 0..len(names)-1."""

    train: pd.DataFrame
    validation: pd.DataFrame
    names: Sequence[str]
    primary: Primary
    """The metric that chooses on the validation rows."""
    device: str
    name: str
    """The cell's name, which progress bars show."""


class Details(TypedDict, total=False):
    """How one seed was trained, for people to read. A family leaves out what it has not."""

    chosen: dict[str, float]
    """What was chosen on validation rows, e.g. the epoch, and its `score` there."""
    tried: list[dict[str, float]]
    """All that was tried, in the form of `chosen`."""
    epochs: int
    """Epochs that were run."""
    steps: int
    """Steps of the optimiser in one epoch."""
    validation: list[float]
    """The primary metric on validation after each epoch."""
    loss: list[tuple[int, float]]
    """Steps so far, and the mean training loss over the last of them."""
    tokens_per_second: float | None


@dataclass(frozen=True)
class FitResult:
    """What training used: seconds and real tokens over all epochs, and what was chosen."""

    seconds: float
    tokens: int
    details: Details
    dtype: str = "float32"
    """That of the matrix products."""


class Classifier(Protocol[S_contra]):
    """One trained model of a family whose settings class is S_contra.

    `fit` may leave a checkpoint in `scratch`, and goes on from one that it finds there.
    """

    @classmethod
    def fit(
        cls, settings: S_contra, task: TrainingTask, seed: int, scratch: Path
    ) -> tuple[Self, FitResult]: ...

    def predict(self, texts: Sequence[str]) -> np.ndarray:
        """Class probabilities, shape (texts, classes)."""

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Real tokens of each text as the model sees it: words for a model without a tokenizer."""

    def save(self, folder: Path) -> None: ...

    @classmethod
    def load(cls, folder: Path, device: str) -> Self: ...


def classifier(settings: S | type[S]) -> type[Classifier[S]]:
    """The class that trains such a model, imported only now."""
    trained_by: type[Classifier[S]] = importlib.import_module(settings.module).CLASSIFIER
    return trained_by
