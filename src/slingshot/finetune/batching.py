"""Texts to padded batches: short with short, so that little padding is computed.

Training batches are a pure function of lengths, seed and epoch, so that an interrupted run goes on
with the very same batches. Prediction batches hold a budget of tokens, padding included.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

POOL = 50
"""Batches whose rows are shuffled together, then sorted by length: still random, hardly padded."""
PREDICT_TOKENS = 2048


def tokenize(tokenizer: Any, texts: Sequence[str], max_length: int) -> list[list[int]]:
    """Token ids of each text, cut at its end to `max_length`. Special tokens spelt out in a text are text."""
    encoded = tokenizer(list(texts), truncation=True, max_length=max_length, split_special_tokens=True)
    return list(encoded["input_ids"])


def training_batches(lengths: Sequence[int], size: int, seed: int, epoch: int) -> list[np.ndarray]:
    """Row numbers of each batch of one epoch."""
    rng = np.random.default_rng([seed, epoch])
    order = rng.permutation(len(lengths))
    sizes = np.asarray(lengths)
    batches = []
    for start in range(0, len(order), POOL * size):
        pool = order[start : start + POOL * size]
        pool = pool[np.argsort(sizes[pool], kind="stable")]
        batches += [pool[i : i + size] for i in range(0, len(pool), size)]
    return [batches[i] for i in rng.permutation(len(batches))]


def prediction_batches(lengths: Sequence[int], budget: int = PREDICT_TOKENS) -> list[np.ndarray]:
    """Row numbers of each batch, longest last; rows x longest stays within `budget` where a batch has several rows."""
    order = np.argsort(lengths, kind="stable")
    batches: list[list[int]] = [[]]
    for row in order:
        if batches[-1] and (len(batches[-1]) + 1) * lengths[row] > budget:
            batches.append([])
        batches[-1].append(int(row))
    return [np.array(batch) for batch in batches if batch]


def collate(ids: list[list[int]], rows: np.ndarray, tokenizer: Any, device: str) -> dict[str, torch.Tensor]:
    """The rows' ids padded to the longest, with their attention mask, on the device."""
    padded = tokenizer.pad({"input_ids": [ids[row] for row in rows]}, return_tensors="pt")
    return {key: value.to(device) for key, value in padded.items()}
