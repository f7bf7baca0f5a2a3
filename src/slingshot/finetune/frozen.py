"""The second baseline: a pretrained encoder left as it is + logistic regression on its mean-pooled states."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import numpy as np

from slingshot.files.storage.json_files import read_json, write_json
from slingshot.finetune.families import Classifier, Fit, TrainingTask
from slingshot.finetune.linear import Linear, grid
from slingshot.pretrained.encoder import Encoder
from slingshot.settings import FrozenSettings


class FrozenEncoder:
    """An encoder, and a linear layer on what it makes of a text."""

    def __init__(self, encoder: Encoder, linear: Linear) -> None:
        self.encoder, self.linear = encoder, linear

    @classmethod
    def fit(
        cls, settings: FrozenSettings, task: TrainingTask, seed: int, scratch: Path
    ) -> tuple[Self, Fit]:
        """Embed once, try every C; the best primary metric on validation wins, ties to the first."""
        started = time.perf_counter()
        encoder = Encoder.of(settings, task.device)
        texts = task.train["text"].tolist()
        features = encoder.embed(texts, task.name)
        checks = encoder.embed(task.validation["text"].tolist(), "embed")
        labels, truth = task.train["label"].to_numpy(), task.validation["label"].to_numpy()
        tried = list(
            grid(features, labels, checks, truth, len(task.names), settings.c, task.primary)
        )
        c, score, linear = max(tried, key=lambda entry: entry[1])
        details = {
            "chosen": {"c": c, "score": score},
            "tried": [{"c": c, "score": s} for c, s, _ in tried],
        }
        return cls(encoder, linear), Fit(
            time.perf_counter() - started, sum(encoder.count_tokens(texts)), details
        )

    def predict(self, texts: Sequence[str]) -> np.ndarray:
        """Class probabilities, shape (texts, classes)."""
        return self.linear.predict(self.encoder.embed(texts, "predict"))

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return self.encoder.count_tokens(texts)

    def save(self, folder: Path) -> None:
        from safetensors.numpy import save_file

        self.encoder.save(folder)
        layer = {"coefficients": self.linear.coefficients, "intercepts": self.linear.intercepts}
        save_file(
            {key: np.ascontiguousarray(value) for key, value in layer.items()},
            folder / "linear.safetensors",
        )
        write_json(folder / "linear.json", {"max_length": self.encoder.inputs.max_length})

    @classmethod
    def load(cls, folder: Path, device: str) -> Self:
        from safetensors.numpy import load_file

        layer = load_file(folder / "linear.safetensors")
        encoder = Encoder.load(folder, read_json(folder / "linear.json")["max_length"], device)
        return cls(encoder, Linear(layer["coefficients"], layer["intercepts"]))


CLASSIFIER: type[Classifier] = FrozenEncoder
