"""What training gets and gives back, and the class of a family that does it.

To add a family: a module in slingshot.finetune that names its class, with the methods of `Classifier`, as CLASSIFIER;
and in settings/contestants.py its settings class, which names that module, in the union `ModelSettings`.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, Self

import numpy as np
import pandas as pd

from slingshot.settings import Family, Primary


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
    """Of the cell, as progress bars show it."""


@dataclass(frozen=True)
class Fit:
    """What training used: seconds and real tokens over all epochs, and what was chosen."""

    seconds: float
    tokens: int
    details: dict[str, Any]
    dtype: str = "float32"
    """Of the matrix products."""


class Classifier(Protocol):
    """One trained model. `fit` may leave and find a checkpoint in `scratch`, to go on from there."""

    @classmethod
    def fit(
        cls, settings: Any, task: TrainingTask, seed: int, scratch: Path
    ) -> tuple[Self, Fit]: ...

    def predict(self, texts: Sequence[str]) -> np.ndarray:
        """Class probabilities, shape (texts, classes)."""

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Real tokens of each text as the model sees it: words for a model without a tokenizer."""

    def save(self, folder: Path) -> None: ...

    @classmethod
    def load(cls, folder: Path, device: str) -> Self: ...


def classifier(settings: Family | type[Family]) -> type[Classifier]:
    """The class that trains such a model, imported only now."""
    return importlib.import_module(settings.module).CLASSIFIER  # type: ignore[no-any-return]
