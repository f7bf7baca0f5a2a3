"""Which rows share a batch: rows of similar length, so that little padding is computed.

Training batches are a pure function of lengths, seed and epoch, so that an interrupted run goes on
with the very same batches. A prediction batch holds at most a budget of tokens, padding included.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

POOL = 50
"""Batches whose rows are sorted by length together, after all rows were shuffled: still random, hardly padded."""
PREDICT_TOKENS = 2048


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
