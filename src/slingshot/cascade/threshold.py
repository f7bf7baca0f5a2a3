"""Which threshold a cascade takes, by the figures on validation rows of all that are tried.

The highest of many figures is high by luck too. So each threshold is judged by the lead that it shows over the better
of the two sides: what it is ahead on these rows, less one standard error of that difference, which is small as all
answer the same rows. Where none shows a lead, the better side answers alone. bench/coverage/cascade.py simulates what
this loses, beside other rules.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

THRESHOLDS = 20
NEVER = 0.0
"""The threshold that no row is under."""
BLOCKS = 20
"""Parts of the rows that are left out in turn to see how much a figure varies."""


def candidates(confidence: np.ndarray) -> list[float]:
    """NEVER, and quantiles of `confidence`, rising: at most THRESHOLDS. The lowest confidence is not among them: it
    too escalates none of these rows, and ties go to the small model."""
    quantiles = np.unique(np.quantile(confidence, np.linspace(0, 1, THRESHOLDS), method="nearest"))
    return [NEVER, *quantiles[1:].tolist()]


def deal(groups: Sequence[str]) -> np.ndarray:
    """Each row's block, from 0: whole groups, dealt out in turn; shape (rows,)."""
    return np.asarray(np.unique(np.asarray(groups), return_inverse=True)[1] % BLOCKS)


def choose(values: np.ndarray, without: np.ndarray, within: np.ndarray) -> int | None:
    """Which of what was tried shows the highest lead, of ties the first, which asks least; without one the better
    side. None where neither side can be taken.

    `values` are the figures, shape (tried,): first the small model alone, last the LLM alone; NaN is undefined.
    `without` are those without each block, shape (tried, blocks). `within` says which may be taken, shape (tried,).
    """
    allowed = within & np.isfinite(values)
    sides = [place for place in (0, len(values) - 1) if allowed[place]]
    if not sides:
        return None
    better = max(sides, key=lambda place: float(values[place]))
    errors = standard_errors(without - without[better])
    shown = np.round(np.where(allowed, values - values[better] - errors, -np.inf), 12)
    highest = int(np.argmax(shown))
    return highest if shown[highest] > 0 else better


def standard_errors(without: np.ndarray) -> np.ndarray:
    """Of figures, from those without each block, shape (figures, blocks): the delete-a-group jackknife (Kott, 2001,
    Journal of Official Statistics 17(4)). Blocks without a figure are left out; infinite where under two have one."""
    held = without[:, np.isfinite(without).all(axis=0)]
    blocks = held.shape[1]
    if blocks < 2:
        return np.full(len(held), np.inf)
    squares = ((held - held.mean(axis=1, keepdims=True)) ** 2).sum(axis=1)
    return np.asarray(np.sqrt((blocks - 1) / blocks * squares))
