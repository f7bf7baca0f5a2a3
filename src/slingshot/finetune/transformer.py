"""A pretrained sequence classifier fine-tuned whole.

The saved folder is a checkpoint as transformers knows it: safetensors, tokenizer, label names.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
import transformers
from scipy.special import softmax

from slingshot import checkpoints
from slingshot.choosing import primary_score
from slingshot.finetune.batching import collate, prediction_batches, tokenize
from slingshot.finetune.families import Fit, Task
from slingshot.finetune.training import train
from slingshot.progress import bar
from slingshot.settings import TransformerSettings


class Transformer:
    """A classifier, its tokenizer and the length that texts are cut to."""

    def __init__(self, model: Any, tokenizer: Any, device: str) -> None:
        self.model, self.tokenizer, self.device = model.to(device), tokenizer, device

    @classmethod
    def fit(cls, settings: TransformerSettings, task: Task, seed: int, scratch: Path) -> tuple[Self, Fit]:
        """Train all weights on train, keep the best epoch on validation; goes on from `scratch`."""
        began = time.perf_counter()
        classifier = cls._pretrained(settings, task, seed)
        ids = tokenize(classifier.tokenizer, task.train["text"].tolist(), settings.max_length)
        labels = torch.tensor(task.train["label"].tolist())
        checks, truth = task.validation["text"].tolist(), task.validation["label"].to_numpy()

        def batch(rows: np.ndarray) -> dict[str, torch.Tensor]:
            collated = collate(ids, rows, classifier.tokenizer, task.device)
            return {**collated, "labels": labels[rows].to(task.device)}

        def validate() -> float:
            return primary_score(task.primary, truth, classifier.predict(checks))

        set_up = time.perf_counter() - began
        lengths = [len(row) for row in ids]
        place = train(classifier.model, batch, lengths, validate, settings, seed, scratch, task.name)
        chosen = {"epoch": place.best_epoch + 1, "score": place.scores[place.best_epoch]}
        details = {"chosen": chosen, "validation": place.scores, "loss": place.losses}
        return classifier, Fit(set_up + place.seconds, place.tokens, details)

    @classmethod
    def _pretrained(cls, settings: TransformerSettings, task: Task, seed: int) -> Self:
        folder = checkpoints.locate(settings)
        torch.manual_seed(seed)  # the classification head starts at random
        model = transformers.AutoModelForSequenceClassification.from_pretrained(
            folder,
            num_labels=len(task.names),
            id2label=dict(enumerate(task.names)),
            label2id={name: number for number, name in enumerate(task.names)},
            problem_type="single_label_classification",
            use_safetensors=True,
            dtype=torch.float32,
        )
        checkpoints.check_length(settings, model.config)
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
        tokenizer.model_max_length = settings.max_length
        return cls(model, tokenizer, task.device)

    @torch.inference_mode()
    def predict(self, texts: Sequence[str]) -> np.ndarray:
        """Class probabilities (softmax of the logits), shape (texts, classes)."""
        self.model.eval()
        ids = tokenize(self.tokenizer, texts, self.tokenizer.model_max_length)
        logits = np.empty((len(texts), self.model.config.num_labels))
        with bar(len(texts), "predict", "text") as progress:
            for rows in prediction_batches([len(row) for row in ids]):
                output = self.model(**collate(ids, rows, self.tokenizer, self.device))
                logits[rows] = output.logits.cpu().double().numpy()
                progress.update(len(rows))
        return np.asarray(softmax(logits, axis=1))

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [len(ids) for ids in tokenize(self.tokenizer, texts, self.tokenizer.model_max_length)]

    def save(self, folder: Path) -> None:
        self.model.save_pretrained(folder)
        self.tokenizer.save_pretrained(folder)

    @classmethod
    def load(cls, folder: Path, device: str) -> Self:
        model = transformers.AutoModelForSequenceClassification.from_pretrained(folder, use_safetensors=True)
        return cls(model, transformers.AutoTokenizer.from_pretrained(folder), device)
