"""Which threshold a cascade takes, by the figures that all candidates have on validation rows.

The highest of many figures is high by luck too. So each threshold is judged by the lead that it shows over the better
of the two sides: how far it is ahead on these rows, less one standard error of that difference, which is small as all
answer the same rows. Where none shows a lead, the better side answers alone. bench/coverage/cascade.py simulates what
this rule loses, and compares it with others.
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
    """NEVER, and quantiles of `confidence`, rising: at most THRESHOLDS in all. The lowest confidence is not among them:
    like NEVER it escalates none of these rows."""
    quantiles = np.unique(np.quantile(confidence, np.linspace(0, 1, THRESHOLDS), method="nearest"))
    return [NEVER, *quantiles[1:].tolist()]


def deal(groups: Sequence[str]) -> np.ndarray:
    """Each row's block, from 0: whole groups, dealt out in turn; shape (rows,)."""
    return np.asarray(np.unique(np.asarray(groups), return_inverse=True)[1] % BLOCKS)


def choose(values: np.ndarray, without: np.ndarray, within: np.ndarray) -> int | None:
    """The place of the candidate that shows the highest lead, or of the better side where none shows one. Of ties the
    first, which asks the LLM least. None where neither side can be taken.

    `values` are the candidates' figures, shape (candidates,): the first is of the small model alone, the last of the
    LLM alone; NaN is undefined. `without` are the figures without each block, shape (candidates, blocks). `within`
    says who may be taken, shape (candidates,).
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
    """Of figures, by the delete-a-group jackknife (Kott, 2001, Journal of Official Statistics 17(4)); shape (figures,).

    `without` are the figures without each block, shape (figures, blocks). Blocks that leave one undefined are left out.
    With fewer than two others the error is infinite.
    """
    defined = without[:, np.isfinite(without).all(axis=0)]
    blocks = defined.shape[1]
    if blocks < 2:
        return np.full(len(defined), np.inf)
    squares = ((defined - defined.mean(axis=1, keepdims=True)) ** 2).sum(axis=1)
    return np.asarray(np.sqrt((blocks - 1) / blocks * squares))
