"""The families a model can belong to, each with the modules that its training runs.

To add one: a class with the methods of `Classifier`, its settings class in settings/contestants.py, an entry here.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, Self

import numpy as np
import pandas as pd

from slingshot.settings import Primary


@dataclass(frozen=True)
class Task:
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
    def fit(cls, settings: Any, task: Task, seed: int, scratch: Path) -> tuple[Self, Fit]: ...

    def predict(self, texts: Sequence[str]) -> np.ndarray:
        """Class probabilities, shape (texts, classes)."""

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Real tokens of each text as the model sees it: words for a model without a tokenizer."""

    def save(self, folder: Path) -> None: ...

    @classmethod
    def load(cls, folder: Path, device: str) -> Self: ...


@dataclass(frozen=True)
class Family:
    classifier: str
    """module:class, imported only when the family is used."""
    modules: tuple[str, ...]
    """Every slingshot module that a cell of this family loads: its resume folder is keyed by their
    source, so a change in one family retrains only that family."""
    seeded: bool
    """Whether a training seed changes the outcome."""

    def load(self) -> type[Classifier]:
        module, _, name = self.classifier.partition(":")
        return getattr(importlib.import_module(module), name)  # type: ignore[no-any-return]


_COMMON = (
    "slingshot.atomic",
    "slingshot.choosing",
    "slingshot.finetune.families",
    "slingshot.finetune.resume",
    "slingshot.finetune.run",
    "slingshot.hardware",
    "slingshot.progress",
    "slingshot.sealed",
    "slingshot.state",
    "slingshot.tables",
    "slingshot.usage",
)
_CHECKPOINT = ("slingshot.batching", "slingshot.checkpoints", "slingshot.hub", "slingshot.inputs", "slingshot.loading")

FAMILIES = {
    "tfidf": Family(
        "slingshot.finetune.tfidf:Tfidf", (*_COMMON, "slingshot.finetune.linear", "slingshot.finetune.tfidf"), False
    ),
    "frozen": Family(
        "slingshot.finetune.frozen:Frozen",
        (*_COMMON, *_CHECKPOINT, "slingshot.encoder", "slingshot.finetune.frozen", "slingshot.finetune.linear"),
        False,
    ),
    "transformer": Family(
        "slingshot.finetune.transformer:Transformer",
        (
            *_COMMON,
            *_CHECKPOINT,
            "slingshot.finetune.scratch",
            "slingshot.finetune.training",
            "slingshot.finetune.transformer",
        ),
        True,
    ),
}
