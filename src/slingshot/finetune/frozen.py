"""The second baseline: logistic regression on the features of a pretrained encoder that is not trained further."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import numpy as np

from slingshot.files.storage.json_files import read_json, write_json
from slingshot.finetune.families import Classifier, Details, FitResult, TrainingTask
from slingshot.finetune.linear import LinearClassifier, grid
from slingshot.pretrained.encoder import Encoder
from slingshot.settings import FrozenSettings


class FrozenEncoder:
    """An encoder, and a linear classifier on its features."""

    def __init__(self, encoder: Encoder, linear: LinearClassifier) -> None:
        self.encoder, self.linear = encoder, linear

    @classmethod
    def fit(
        cls, settings: FrozenSettings, task: TrainingTask, seed: int, scratch: Path
    ) -> tuple[Self, FitResult]:
        """Embed all texts once and try every C. The best primary metric on validation wins; the first C wins a tie."""
        started = time.perf_counter()
        encoder = Encoder.of(settings, task.device)
        texts = task.train["text"].tolist()
        features = encoder.embed(texts, task.name)
        checks = encoder.embed(task.validation["text"].tolist(), "embed")
        labels, truth = task.train["label"].to_numpy(), task.validation["label"].to_numpy()
        fits = list(
            grid(features, labels, checks, truth, len(task.names), settings.c, task.primary)
        )
        _, _, linear = max(fits, key=lambda fit: fit[1])
        tried = [{"c": c, "score": score} for c, score, _ in fits]
        details: Details = {"chosen": max(tried, key=lambda entry: entry["score"]), "tried": tried}
        seconds = time.perf_counter() - started
        tokens = sum(encoder.count_tokens(texts))
        return cls(encoder, linear), FitResult(seconds, tokens, details)

    def predict(self, texts: Sequence[str]) -> np.ndarray:
        """Class probabilities, shape (texts, classes)."""
        return self.linear.predict(self.encoder.embed(texts, "predict"))

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """The encoder's tokens of each text."""
        return self.encoder.count_tokens(texts)

    def save(self, folder: Path) -> None:
        """Write the encoder's checkpoint, linear.safetensors and linear.json."""
        from safetensors.numpy import save_file

        self.encoder.save(folder)
        layer = {
            "coefficients": np.ascontiguousarray(self.linear.coefficients),
            "intercepts": np.ascontiguousarray(self.linear.intercepts),
        }
        save_file(layer, folder / "linear.safetensors")
        write_json(folder / "linear.json", {"max_length": self.encoder.inputs.max_length})

    @classmethod
    def load(cls, folder: Path, device: str) -> Self:
        """Load what `save` wrote."""
        from safetensors.numpy import load_file

        layer = load_file(folder / "linear.safetensors")
        encoder = Encoder.load(folder, read_json(folder / "linear.json")["max_length"], device)
        return cls(encoder, LinearClassifier(layer["coefficients"], layer["intercepts"]))


CLASSIFIER: type[Classifier[FrozenSettings]] = FrozenEncoder
