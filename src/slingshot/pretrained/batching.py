"""Puts rows of similar length into one batch, so that little padding is computed.

Training batches are a pure function of lengths, seed and epoch. So a run that was interrupted continues with exactly
the same batches. A prediction batch has at most a budget of tokens, padding included.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

POOL = 50
"""Batches whose rows are sorted by length together. All rows are shuffled before, so batches stay random."""
PREDICT_TOKENS = 2048
"""The most tokens in a prediction batch, padding included."""


def training_batches(lengths: Sequence[int], size: int, seed: int, epoch: int) -> list[np.ndarray]:
    """The row numbers of each batch of one epoch. `lengths` are the tokens of each row, `size` the rows of a batch."""
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
    """The row numbers of each batch, shortest rows first. Rows x longest stays within `budget`; one row may be more."""
    order = np.argsort(lengths, kind="stable")
    batches: list[list[int]] = [[]]
    for row in order:
        if batches[-1] and (len(batches[-1]) + 1) * lengths[row] > budget:
            batches.append([])
        batches[-1].append(int(row))
    return [np.array(batch) for batch in batches if batch]
