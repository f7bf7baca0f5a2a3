"""Whether a difference between two contestants on the same rows is more than chance."""

from __future__ import annotations

import numpy as np
from scipy.special import bdtr, chdtrc

from slingshot.files.codes import NO_SEED
from slingshot.files.pairs import McNemar
from slingshot.metrics.scored import Scored, SeedRun

EXACT_BELOW = 25
"""With fewer discordant rows, or groups, a test of their signs is exact."""


def mcnemar(a: Scored, b: Scored) -> tuple[McNemar, ...]:
    """McNemar's test (1947) of each pair of trained models that have equal seeds, or of which one has no seed.

    With fewer than EXACT_BELOW discordant rows the test is exact, otherwise chi-square with Edwards' (1948) continuity
    correction. It assumes independent rows. It is only shown for comparison; claims use `signs`.
    """
    tests = []
    for left in a.runs:
        for right in b.runs:
            if left.seed == right.seed or NO_SEED in (left.seed, right.seed):
                tests.append(_mcnemar(left, right, a.labels))
    return tuple(tests)


def _mcnemar(left: SeedRun, right: SeedRun, labels: np.ndarray) -> McNemar:
    left_right, right_right = left.predictions == labels, right.predictions == labels
    only_left = int((left_right & ~right_right).sum())
    only_right = int((right_right & ~left_right).sum())
    discordant = only_left + only_right
    exact = discordant < EXACT_BELOW
    if exact:
        p = _sign_test(only_left, only_right)
    else:
        p = float(chdtrc(1, (abs(only_left - only_right) - 1) ** 2 / discordant))
    return McNemar(
        seed_a=left.seed,
        seed_b=right.seed,
        only_a=only_left,
        only_b=only_right,
        p=p,
        exact=exact,
    )


def signs(a: Scored, b: Scored) -> float | None:
    """p of the sign test (Conover, 1999, section 3.4) over groups. The sign of a group shows the side with more right
    rows, over all seeds; ties are left out. None from EXACT_BELOW groups with a sign on. If groups are single rows and
    there is one seed, it is McNemar's exact test."""
    ahead = np.bincount(a.groups, np.round(_right(a) - _right(b), 12))
    for_a, for_b = int((ahead > 0).sum()), int((ahead < 0).sum())
    if for_a + for_b >= EXACT_BELOW:
        return None
    return _sign_test(for_a, for_b)


def _sign_test(for_a: int, for_b: int) -> float:
    """Two-sided p of so many signs for each side, if both are equally likely."""
    return min(1.0, 2 * float(bdtr(min(for_a, for_b), for_a + for_b, 0.5)))


def _right(scored: Scored) -> np.ndarray:
    """Share of the seeds that have each row right; shape (rows,)."""
    return np.asarray(np.mean([run.predictions == scored.labels for run in scored.runs], axis=0))
