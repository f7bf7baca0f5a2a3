"""The second baseline: a pretrained encoder left as it is, mean-pooled, + logistic regression.

Pooling is the mean over real tokens, then unit length (Reimers and Gurevych 2019, section 3).
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
import transformers

from slingshot import checkpoints
from slingshot.finetune.batching import prediction_batches
from slingshot.finetune.families import Fit, Task
from slingshot.finetune.inputs import Inputs
from slingshot.finetune.linear import Linear, grid
from slingshot.progress import bar
from slingshot.settings import FrozenSettings
from slingshot.tables import read_json, write_json


class Frozen:
    """An encoder, its inputs, and a linear layer on the pooled states."""

    def __init__(self, encoder: Any, inputs: Inputs, linear: Linear | None, device: str) -> None:
        self.encoder = encoder.to(device).eval()
        self.inputs, self.linear, self.device = inputs, linear, device

    @classmethod
    def fit(cls, settings: FrozenSettings, task: Task, seed: int, scratch: Path) -> tuple[Self, Fit]:
        """Embed once, try every C; the best primary metric on validation wins, ties to the first."""
        started = time.perf_counter()
        folder = checkpoints.locate(settings)
        encoder = transformers.AutoModel.from_pretrained(folder, use_safetensors=True, dtype=torch.float32)
        checkpoints.check_length(settings, encoder.config)
        model = cls(encoder, Inputs(checkpoints.load_tokenizer(folder), settings.max_length), None, task.device)
        texts = task.train["text"].tolist()
        features = model.embed(texts, task.name)
        checks = model.embed(task.validation["text"].tolist())
        labels, truth = task.train["label"].to_numpy(), task.validation["label"].to_numpy()
        tried = list(grid(features, labels, checks, truth, len(task.names), settings.c, task.primary))
        c, score, model.linear = max(tried, key=lambda entry: entry[1])
        details = {"chosen": {"c": c, "score": score}, "tried": [{"c": c, "score": s} for c, s, _ in tried]}
        return model, Fit(time.perf_counter() - started, sum(model.count_tokens(texts)), details)

    @torch.inference_mode()
    def embed(self, texts: Sequence[str], name: str | None = None) -> np.ndarray:
        """Unit-length mean-pooled states, shape (texts, width); `name` shows progress."""
        ids = [row for rows in self.inputs.windows(texts) for row in rows]
        pooled = np.empty((len(texts), self.encoder.config.hidden_size), dtype=np.float32)
        with bar(len(texts), name or "embed", "text") as progress:
            for rows in prediction_batches([len(row) for row in ids]):
                batch = self.inputs.collate([ids[row] for row in rows], self.device)
                states = self.encoder(**batch).last_hidden_state
                mask = batch["attention_mask"].unsqueeze(-1)
                mean = (states * mask).sum(1) / mask.sum(1)
                pooled[rows] = torch.nn.functional.normalize(mean, dim=-1).cpu().numpy()
                progress.update(len(rows))
        return pooled

    def predict(self, texts: Sequence[str]) -> np.ndarray:
        """Class probabilities, shape (texts, classes)."""
        assert self.linear is not None
        return self.linear.predict(self.embed(texts, "predict"))

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [sum(map(len, rows)) for rows in self.inputs.windows(texts)]

    def save(self, folder: Path) -> None:
        from safetensors.numpy import save_file

        assert self.linear is not None
        self.encoder.save_pretrained(folder)
        self.inputs.tokenizer.save_pretrained(folder)
        layer = {"coefficients": self.linear.coefficients, "intercepts": self.linear.intercepts}
        save_file({key: np.ascontiguousarray(value) for key, value in layer.items()}, folder / "linear.safetensors")
        write_json(folder / "linear.json", {"max_length": self.inputs.max_length})

    @classmethod
    def load(cls, folder: Path, device: str) -> Self:
        from safetensors.numpy import load_file

        layer = load_file(folder / "linear.safetensors")
        encoder = transformers.AutoModel.from_pretrained(folder, use_safetensors=True, dtype=torch.float32)
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
        linear = Linear(layer["coefficients"], layer["intercepts"])
        return cls(encoder, Inputs(tokenizer, read_json(folder / "linear.json")["max_length"]), linear, device)
