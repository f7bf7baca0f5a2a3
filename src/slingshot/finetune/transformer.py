"""A pretrained sequence classifier fine-tuned whole.

The saved folder is a checkpoint as transformers knows it (safetensors, tokenizer, label names), and inputs.json,
which says how long texts are read. A text read in windows is trained on window by window, each with the text's label
and their weights adding up to the text's; its logits are its windows' pooled.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from scipy.special import log_softmax, softmax

from slingshot.files.storage.json_files import read_json, write_json
from slingshot.finetune.families import Classifier, Fit, TrainingTask
from slingshot.finetune.training import train
from slingshot.machine import hardware
from slingshot.machine.progress import bar
from slingshot.metrics.choosing import primary_score
from slingshot.pretrained import checkpoints, loading
from slingshot.pretrained.batching import prediction_batches
from slingshot.pretrained.inputs import Inputs
from slingshot.settings import TransformerSettings


class Transformer:
    """A classifier and its inputs."""

    def __init__(
        self,
        model: Any,
        inputs: Inputs,
        device: str,
        dtype: str = "float32",
        compiled: bool = False,
    ) -> None:
        self.model, self.inputs, self.device, self.dtype = model.to(device), inputs, device, dtype
        if self.model.config.pad_token_id is None:
            self.model.config.pad_token_id = inputs.tokenizer.pad_token_id
        self._forward = torch.compile(self.model, dynamic=True) if compiled else self.model

    @classmethod
    def fit(
        cls, settings: TransformerSettings, task: TrainingTask, seed: int, scratch: Path
    ) -> tuple[Self, Fit]:
        """Train all weights on train, keep the best epoch on validation; goes on from `scratch`."""
        began = time.perf_counter()
        classifier = cls._pretrained(settings, task, seed)
        windows = classifier.inputs.windows(task.train["text"].tolist())
        rows, owner = _flat(windows)
        labels = task.train["label"].to_numpy()
        weights = (class_weights(labels, settings.class_weights) / [len(held) for held in windows])[
            owner
        ]
        targets = torch.tensor(labels[owner], device=task.device)
        counted = torch.tensor(weights, device=task.device, dtype=torch.float32)
        checks, truth = task.validation["text"].tolist(), task.validation["label"].to_numpy()

        def loss(batch: np.ndarray) -> torch.Tensor:
            logits = classifier._logits([rows[row] for row in batch])
            each = torch.nn.functional.cross_entropy(
                logits, targets[batch], reduction="none", label_smoothing=settings.label_smoothing
            )
            return (each * counted[batch]).sum()

        def validate() -> float:
            return primary_score(task.primary, truth, classifier.predict(checks))

        set_up = time.perf_counter() - began
        lengths = [len(row) for row in rows]
        place = train(
            classifier.model, loss, weights, lengths, validate, settings, seed, scratch, task.name
        )
        details = {
            "chosen": {"epoch": place.best_epoch + 1, "score": place.scores[place.best_epoch]},
            "epochs": place.epoch,
            "steps": place.steps,
            "validation": place.scores,
            "loss": place.losses,
            "tokens_per_second": place.tokens / place.seconds if place.seconds else None,
        }
        return classifier, Fit(set_up + place.seconds, place.tokens, details, classifier.dtype)

    @classmethod
    def _pretrained(cls, settings: TransformerSettings, task: TrainingTask, seed: int) -> Self:
        folder = checkpoints.locate(settings)
        torch.manual_seed(seed)  # the classification head starts at random
        model = loading.classifier(folder, task.names)
        loading.check_length(settings, model.config)
        inputs = Inputs(
            loading.tokenizer(folder), settings.max_length, settings.truncation, settings.overlap
        )
        dtype = hardware.precision(task.device, settings.precision)
        compiled = task.device == "cuda" if settings.compile == "auto" else settings.compile
        return cls(model, inputs, task.device, dtype, compiled)

    def _logits(self, rows: Sequence[np.ndarray]) -> torch.Tensor:
        with torch.autocast(self.device, torch.bfloat16, enabled=self.dtype == "bfloat16"):
            output = self._forward(**self.inputs.collate(rows, self.device), return_dict=True)
        logits: torch.Tensor = output.logits.float()
        return logits

    @torch.inference_mode()
    def predict(self, texts: Sequence[str]) -> np.ndarray:
        """Class probabilities (softmax of the logits), shape (texts, classes)."""
        self.model.eval()
        rows, owner = _flat(self.inputs.windows(texts))
        logits = np.empty((len(rows), self.model.config.num_labels))
        with bar(len(rows), "predict", "window" if len(rows) > len(texts) else "text") as progress:
            for batch in prediction_batches([len(row) for row in rows]):
                logits[batch] = self._logits([rows[row] for row in batch]).cpu().double().numpy()
                progress.update(len(batch))
        return np.asarray(softmax(pool(logits, owner, len(texts)), axis=1))

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [sum(map(len, rows)) for rows in self.inputs.windows(texts)]

    def save(self, folder: Path) -> None:
        self.model.save_pretrained(folder)
        self.inputs.tokenizer.save_pretrained(folder)
        kept = {key: getattr(self.inputs, key) for key in ("max_length", "truncation", "overlap")}
        write_json(folder / "inputs.json", kept | {"dtype": self.dtype})

    @classmethod
    def load(cls, folder: Path, device: str) -> Self:
        model = loading.trained(folder)
        kept = read_json(folder / "inputs.json")
        dtype = hardware.precision(device, kept.pop("dtype"))
        return cls(model, Inputs(loading.tokenizer(folder), **kept), device, dtype)


def _flat(windows: Sequence[list[np.ndarray]]) -> tuple[list[np.ndarray], np.ndarray]:
    """Rows of all texts, and the number of the text that each belongs to."""
    return [row for rows in windows for row in rows], np.repeat(
        np.arange(len(windows)), [len(rows) for rows in windows]
    )


def pool(logits: np.ndarray, owner: np.ndarray, texts: int) -> np.ndarray:
    """Logits of each text, shape (texts, classes): the mean of its windows', weighted by how sure each window is.

    A window's weight is (1 - H(p) / log(classes)) squared, H the entropy of its probabilities p. In a plain mean the
    slight leaning of a hundred windows that say nothing outvotes the one that decides, and without the square they
    still may. Of the poolings that bench/pooling.py measured none does better on both kinds of text: where most
    windows tell, and where one does.
    """
    log_p = log_softmax(logits, axis=1)
    entropy = -(np.exp(log_p) * log_p).sum(axis=1)
    sure = np.maximum(1 - entropy / np.log(logits.shape[1]), 1e-9) ** 2
    weighted = np.zeros((texts, logits.shape[1]))
    np.add.at(weighted, owner, logits * sure[:, None])
    return weighted / np.bincount(owner, sure, minlength=texts)[:, None]


def class_weights(labels: np.ndarray, how: str) -> np.ndarray:
    """Weight of each row: 1, or its class's, so that every class weighs as much as any other and rows 1 on average."""
    if how == "none":
        return np.ones(len(labels))
    present, codes, counts = np.unique(labels, return_inverse=True, return_counts=True)
    return np.asarray(len(labels) / (len(present) * counts[codes]))


CLASSIFIER: type[Classifier] = Transformer
