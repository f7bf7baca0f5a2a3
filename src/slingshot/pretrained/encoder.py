"""A pretrained encoder that is not trained further. A baseline and the search for near examples use its features.

A text's features are the mean of its real tokens' states, scaled to unit length (Reimers and Gurevych 2019, section 3).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np
import torch

from slingshot.machine.progress import bar
from slingshot.pretrained import checkpoints, loading
from slingshot.pretrained.batching import prediction_batches
from slingshot.pretrained.inputs import Inputs
from slingshot.settings import Checkpoint

if TYPE_CHECKING:
    from transformers import PreTrainedModel


class Encoder:
    """An encoder model and its tokenizer."""

    def __init__(self, model: PreTrainedModel, inputs: Inputs, device: str) -> None:
        self.model, self.inputs, self.device = model, inputs, device
        loading.as_module(model).to(device).eval()

    @classmethod
    def of(cls, settings: Checkpoint, device: str) -> Self:
        """Load a checkpoint. Raises UserError where it is missing, or reads fewer tokens than `max_length`."""
        folder = checkpoints.locate(settings)
        model = loading.encoder(folder)
        loading.check_length(settings, model.config)
        return cls(model, Inputs(loading.tokenizer(folder), settings.max_length), device)

    @classmethod
    def load(cls, folder: Path, max_length: int, device: str) -> Self:
        """Load what `save` wrote."""
        return cls(loading.encoder(folder), Inputs(loading.tokenizer(folder), max_length), device)

    def save(self, folder: Path) -> None:
        """Write the model and its tokenizer."""
        self.model.save_pretrained(folder)
        self.inputs.tokenizer.save_pretrained(folder)

    @torch.inference_mode()
    def embed(self, texts: Sequence[str], name: str) -> np.ndarray:
        """Mean-pooled states of unit length, shape (texts, width). The progress bar shows `name`."""
        ids = [row for rows in self.inputs.windows(texts) for row in rows]
        pooled = np.empty((len(texts), self.model.config.hidden_size), dtype=np.float32)
        with bar(len(texts), name, "text") as progress:
            for rows in prediction_batches([len(row) for row in ids]):
                batch = self.inputs.collate([ids[row] for row in rows], self.device)
                states = self.model(**batch).last_hidden_state
                mask = batch["attention_mask"].unsqueeze(-1)
                mean = (states * mask).sum(1) / mask.sum(1)
                pooled[rows] = torch.nn.functional.normalize(mean, dim=-1).cpu().numpy()
                progress.update(len(rows))
        return pooled

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """The tokens of each text, with special tokens and without padding."""
        return [sum(map(len, rows)) for rows in self.inputs.windows(texts)]
