"""Whether a difference between two contestants on the same rows is more than chance."""

from __future__ import annotations

from typing import Any

import numpy as np

from slingshot.files.codes import NO_SEED
from slingshot.metrics.scored import Scored

EXACT_BELOW = 25
"""Discordant rows, or groups, under which a test of their signs is exact."""


def mcnemar(a: Scored, b: Scored) -> list[dict[str, Any]]:
    """McNemar's test (1947) of each two fitted models: of equal seeds, or one of them without a seed.

    Exact under 25 discordant rows, else chi-square with Edwards' (1948) continuity correction. It takes rows to be
    independent, and stands beside what decides: `signs`.
    """
    from scipy.stats import binomtest, chi2

    tests = []
    for left in a.runs:
        for right in b.runs:
            if left.seed != right.seed and NO_SEED not in (left.seed, right.seed):
                continue
            a_right, b_right = left.predictions == a.labels, right.predictions == a.labels
            only_a, only_b = int((a_right & ~b_right).sum()), int((b_right & ~a_right).sum())
            discordant = only_a + only_b
            exact = discordant < EXACT_BELOW
            if exact:
                p = binomtest(only_a, discordant).pvalue if discordant else 1.0
            else:
                p = chi2.sf((abs(only_a - only_b) - 1) ** 2 / discordant, df=1)
            tests.append(
                {
                    "seed_a": left.seed,
                    "seed_b": right.seed,
                    "only_a": only_a,
                    "only_b": only_b,
                    "p": float(p),
                    "exact": exact,
                }
            )
    return tests


def signs(a: Scored, b: Scored) -> float | None:
    """The sign test (Conover, 1999, section 3.4) over groups, each on the side of the one with more rows right, over
    all seeds; ties are left out. None where it is not exact. Where groups are single rows and there is one seed, it is
    McNemar's exact test."""
    from scipy.stats import binomtest

    ahead = np.bincount(a.groups, np.round(_right(a) - _right(b), 12))
    for_a, for_b = int((ahead > 0).sum()), int((ahead < 0).sum())
    if for_a + for_b >= EXACT_BELOW:
        return None
    return float(binomtest(for_a, for_a + for_b).pvalue) if for_a + for_b else 1.0


def _right(scored: Scored) -> np.ndarray:
    """Share of the seeds that have each row right; shape (rows,)."""
    return np.asarray(np.mean([run.predictions == scored.labels for run in scored.runs], axis=0))
