"""The area under the ROC curve of each class against all others: what it is, and how much rows vary it.

Each row has a placement: the share of the other side's rows that it is rightly above or below (DeLong, DeLong and
Clarke-Pearson, Biometrics 44, 1988). Their variance says how much an area varies, unless few are out of place: then the
variance of Hanley and McNeil (Radiology 143, 1982) does, which the area alone gives.
"""

from __future__ import annotations

import numpy as np

from slingshot.metrics.clusters import centred
from slingshot.metrics.scored import Scored
from slingshot.metrics.tilted import Outcomes, linear


def placements(one: Scored) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The areas, shape (areas,), what each row adds to their mean, and the number of its class, both of shape (rows,);
    means over seeds. Of two classes that are all there are, one area is that of both."""
    present, codes = np.unique(one.labels, return_inverse=True)
    scores = [run.scores for run in one.runs if run.scores is not None]
    areas = np.zeros(1 if scores[0].shape[1] == 2 else len(present))
    adds = np.zeros(len(codes))
    for held in scores:
        for place in range(len(areas)):
            positive, column = codes == place, held[:, present[place]]
            ups, downs = np.sort(column[positive]), np.sort(column[~positive])
            above = (
                sum(np.searchsorted(downs, column[positive], side) for side in ("left", "right"))
                / 2
                / len(downs)
            )
            below = (
                sum(np.searchsorted(ups, column[~positive], side) for side in ("left", "right"))
                / 2
                / len(ups)
            )
            areas[place] += above.mean() / len(scores)
            share_of = len(scores) * len(areas)
            adds[positive] += (above - above.mean()) / len(ups) / share_of
            adds[~positive] += (below.mean() - below) / len(downs) / share_of
    return areas, adds, codes


def effective_trials(
    areas: np.ndarray, adds: np.ndarray, codes: np.ndarray
) -> tuple[Outcomes, float]:
    """Areas as shares of effective trials, those that give Hanley and McNeil's variance, and by what factor their
    standard error is wider: what they have in common, and what the placements vary beyond it."""
    positives = np.bincount(codes)[: len(areas)]
    negatives = len(codes) - positives
    more = (positives + negatives) / 2 - 1
    trials = positives * negatives / (1 + more * ((1 - areas) / (2 - areas) + areas / (1 + areas)))
    strata = np.repeat(np.arange(len(areas)), 2)
    counts = np.stack([areas * trials, (1 - areas) * trials], axis=1).ravel()
    outcomes = Outcomes(strata, counts, linear(np.tile([1 / len(areas), 0.0], len(areas))))
    modelled = float((areas * (1 - areas) / np.maximum(trials - 1, 0.5)).sum()) / len(areas) ** 2
    variance = float(_variances(adds, codes)[0].sum())
    return outcomes, float(np.sqrt(max(1.0, variance / modelled))) if modelled else 1.0


def correlation(a: np.ndarray, b: np.ndarray, codes: np.ndarray) -> float:
    """Of two mean areas on the same rows, from what each row adds to them."""
    own = [float(_variances(adds, codes)[0].sum()) for adds in (a, b)]
    product = float(np.sqrt(own[0] * own[1]))
    if not product:
        return 0.0
    # The few rows of a rare class say little, and this decides how wide an interval is: it is drawn towards 0, by Welch
    # and Satterthwaite's degrees of freedom.
    variances, free = _variances(a + b, codes)
    df = float(variances.sum() ** 2 / (variances**2 / free).sum()) if variances.any() else 1.0
    found = (
        (own[0] + own[1] - float(_variances(a - b, codes)[0].sum())) / 2 / product * df / (df + 1)
    )
    return min(1.0, max(-1.0, found))


def _variances(adds: np.ndarray, strata: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Each stratum's unbiased variance of the sum of its rows, and its degrees of freedom."""
    rows = np.bincount(strata)
    free = np.maximum(rows - 1, 0.5)
    return np.bincount(strata, centred(adds, strata) ** 2) * rows / free, free
