"""A pretrained sequence classifier whose weights are all fine-tuned.

The saved folder is a checkpoint of transformers (safetensors, tokenizer, label names), with inputs.json, which says how
long texts are cut. Where a long text is read in windows, each window is a training row with the text's label, and the
weights of the windows add up to that of the text. The text's logits are pooled from those of its windows.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import torch
from scipy.special import log_softmax, softmax

from slingshot.files.storage.json_files import read_json, write_json
from slingshot.finetune.families import Classifier, Details, FitResult, TrainingTask
from slingshot.finetune.scratch import TrainingState
from slingshot.finetune.training import Objective, train
from slingshot.machine import hardware
from slingshot.machine.progress import bar
from slingshot.metrics.choosing import primary_score
from slingshot.pretrained import checkpoints, loading
from slingshot.pretrained.batching import prediction_batches
from slingshot.pretrained.inputs import Inputs
from slingshot.settings import TransformerSettings

if TYPE_CHECKING:
    from transformers import PreTrainedModel


class Transformer:
    """A classifier and its tokenizer."""

    def __init__(
        self,
        model: PreTrainedModel,
        inputs: Inputs,
        device: str,
        dtype: str = "float32",
        compiled: bool = False,
    ) -> None:
        self.model: Any = model  # transformers leaves many of its methods untyped
        loading.as_module(model).to(device)
        self.inputs, self.device, self.dtype = inputs, device, dtype
        if self.model.config.pad_token_id is None:
            self.model.config.pad_token_id = inputs.tokenizer.pad_token_id
        self._forward = torch.compile(self.model, dynamic=True) if compiled else self.model

    @classmethod
    def fit(
        cls, settings: TransformerSettings, task: TrainingTask, seed: int, scratch: Path
    ) -> tuple[Self, FitResult]:
        """Train all weights, and keep those of the best epoch on validation. May continue from `scratch`."""
        began = time.perf_counter()
        classifier = cls._pretrained(settings, task, seed)
        windows = classifier.inputs.windows(task.train["text"].tolist())
        rows, owner = _flat(windows)
        labels = task.train["label"].to_numpy()
        # A text's weight is shared by its windows. So a long text counts as much as a short one.
        weights_of_texts = class_weights(labels, settings.class_weights)
        weights = (weights_of_texts / [len(parts) for parts in windows])[owner]
        targets = torch.tensor(labels[owner], device=task.device)
        row_weights = torch.tensor(weights, device=task.device, dtype=torch.float32)
        checks, truth = task.validation["text"].tolist(), task.validation["label"].to_numpy()

        def loss(batch: np.ndarray) -> torch.Tensor:
            logits = classifier._logits([rows[row] for row in batch])
            each = torch.nn.functional.cross_entropy(
                logits, targets[batch], reduction="none", label_smoothing=settings.label_smoothing
            )
            return (each * row_weights[batch]).sum()

        def validate() -> float:
            return primary_score(task.primary, truth, classifier.predict(checks))

        set_up = time.perf_counter() - began
        lengths = [len(row) for row in rows]
        objective = Objective(loss, weights, lengths, validate, task.name)
        state = train(classifier.model, objective, settings, seed, scratch)
        seconds = set_up + state.seconds
        return classifier, FitResult(seconds, state.tokens, _details(state), classifier.dtype)

    @classmethod
    def _pretrained(cls, settings: TransformerSettings, task: TrainingTask, seed: int) -> Self:
        """The classifier before training. Raises UserError where the checkpoint can't classify."""
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
        """The tokens of each text's windows together, with special tokens and without padding."""
        return [sum(map(len, rows)) for rows in self.inputs.windows(texts)]

    def save(self, folder: Path) -> None:
        """Write the checkpoint and inputs.json."""
        self.model.save_pretrained(folder)
        self.inputs.tokenizer.save_pretrained(folder)
        options = {
            "max_length": self.inputs.max_length,
            "truncation": self.inputs.truncation,
            "overlap": self.inputs.overlap,
            "dtype": self.dtype,
        }
        write_json(folder / "inputs.json", options)

    @classmethod
    def load(cls, folder: Path, device: str) -> Self:
        """Load what `save` wrote."""
        model = loading.trained(folder)
        options = read_json(folder / "inputs.json")
        dtype = hardware.precision(device, options.pop("dtype"))
        return cls(model, Inputs(loading.tokenizer(folder), **options), device, dtype)


def _details(state: TrainingState) -> Details:
    return {
        "chosen": {"epoch": state.best_epoch + 1, "score": state.scores[state.best_epoch]},
        "epochs": state.epoch,
        "steps": state.steps,
        "validation": state.scores,
        "loss": state.losses,
        "tokens_per_second": state.tokens / state.seconds if state.seconds else None,
    }


def _flat(windows: Sequence[list[np.ndarray]]) -> tuple[list[np.ndarray], np.ndarray]:
    """The windows of all texts as one list of rows, and the number of each row's text."""
    owner = np.repeat(np.arange(len(windows)), [len(rows) for rows in windows])
    return [row for rows in windows for row in rows], owner


def pool(logits: np.ndarray, owner: np.ndarray, texts: int) -> np.ndarray:
    """Logits of each text, shape (texts, classes): the mean over its windows, weighted by how sure each window is.

    `logits` has shape (windows, classes), and `owner` is the number of each window's text. A window's weight is
    (1 - H(p) / log(classes)) squared, where H is the entropy of its probabilities p. In a plain mean, a hundred windows
    that say little can outvote the one window that decides; without the square they still can. bench/pooling.py
    measured several poolings, on texts where most windows decide and on texts where one decides. No other pooling is
    better on both.
    """
    log_p = log_softmax(logits, axis=1)
    entropy = -(np.exp(log_p) * log_p).sum(axis=1)
    sure = np.maximum(1 - entropy / np.log(logits.shape[1]), 1e-9) ** 2
    weighted = np.zeros((texts, logits.shape[1]))
    np.add.at(weighted, owner, logits * sure[:, None])
    return weighted / np.bincount(owner, sure, minlength=texts)[:, None]


def class_weights(labels: np.ndarray, how: str) -> np.ndarray:
    """The weight of each row, shape (rows,): 1 where `how` is "none".

    Where `how` is "balanced", all classes have the same sum of weights, and the mean weight is 1.
    """
    if how == "none":
        return np.ones(len(labels))
    present, codes, counts = np.unique(labels, return_inverse=True, return_counts=True)
    return np.asarray(len(labels) / (len(present) * counts[codes]))


CLASSIFIER: type[Classifier[TransformerSettings]] = Transformer
