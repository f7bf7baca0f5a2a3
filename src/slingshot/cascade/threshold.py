"""Chooses a cascade's threshold, by the figures of all candidates on validation rows.

The highest of many figures is partly luck. So each threshold is judged by its lead over the better of the two sides:
the difference of their figures on these rows, less one standard error of this difference. The error is small, because
all candidates answer the same rows. Where no threshold has a positive lead, the better side answers alone.
bench/coverage/cascade.py simulates what this rule loses, and compares it with other rules.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

THRESHOLDS = 20
NEVER = 0.0
"""The threshold that no confidence is under, so that the LLM never answers."""
BLOCKS = 20
"""Parts of the rows that are left out in turn to see how much a figure varies."""


def candidates(confidence: np.ndarray) -> list[float]:
    """At most THRESHOLDS thresholds in ascending order: NEVER, then quantiles of `confidence`.

    The lowest confidence is left out, because like NEVER it escalates none of these rows.
    """
    quantiles = np.unique(np.quantile(confidence, np.linspace(0, 1, THRESHOLDS), method="nearest"))
    return [NEVER, *quantiles[1:].tolist()]


def deal(groups: Sequence[str]) -> np.ndarray:
    """The number of each row's block, shape (rows,). Whole groups are dealt out to the blocks in turn."""
    return np.asarray(np.unique(np.asarray(groups), return_inverse=True)[1] % BLOCKS)


def choose(values: np.ndarray, without: np.ndarray, within: np.ndarray) -> int | None:
    """The index of the candidate with the highest lead, or of the better side where no lead is positive.

    The first candidate, which asks the LLM least, wins a tie. None where neither side is allowed.

    `values` are the candidates' figures, shape (candidates,). The first is the small model's, the last the LLM's; NaN
    is an undefined figure. `without` are the figures without each block, shape (candidates, blocks). `within` says
    which candidates are allowed, shape (candidates,).
    """
    allowed = within & np.isfinite(values)
    sides = [index for index in (0, len(values) - 1) if allowed[index]]
    if not sides:
        return None
    better = max(sides, key=lambda index: float(values[index]))
    errors = standard_errors(without - without[better])
    # Rounded, so that equal candidates tie whatever the last bits of their figures.
    leads = np.round(np.where(allowed, values - values[better] - errors, -np.inf), 12)
    highest = int(np.argmax(leads))
    return highest if leads[highest] > 0 else better


def standard_errors(without: np.ndarray) -> np.ndarray:
    """The standard errors of figures by the delete-a-group jackknife, shape (figures,).

    The formula is that of Kott (2001), Journal of Official Statistics 17(4). `without` are the figures without each
    block, shape (figures, blocks). A block is left out if some figure is undefined without it. With fewer than two
    blocks the error is infinite.
    """
    defined = without[:, np.isfinite(without).all(axis=0)]
    blocks = defined.shape[1]
    if blocks < 2:
        return np.full(len(defined), np.inf)
    squares = ((defined - defined.mean(axis=1, keepdims=True)) ** 2).sum(axis=1)
    return np.asarray(np.sqrt((blocks - 1) / blocks * squares))
