"""The area under the ROC curve of each class against all others, and how much it varies with the test rows.

Each row has a placement: the share of the other side's rows that the row is rightly above or below (DeLong, DeLong and
Clarke-Pearson, Biometrics 44, 1988). The variance of an area comes from the variance of the placements. If few rows are
out of place, it is the variance of Hanley and McNeil (Radiology 143, 1982), which follows from the area alone.
"""

from __future__ import annotations

import numpy as np

from slingshot.metrics.clusters import centred
from slingshot.metrics.formulas import share_under
from slingshot.metrics.scored import Scored
from slingshot.metrics.tilted import Outcomes, linear


def placements(scored: Scored) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The areas, shape (areas,), what each row adds to their mean, and each row's class number, both of shape (rows,).

    Areas and additions are means over seeds. With two classes, both areas are equal, so only one is returned.
    """
    present, codes = np.unique(scored.labels, return_inverse=True)
    scores = [run.scores for run in scored.runs if run.scores is not None]
    areas = np.zeros(1 if scores[0].shape[1] == 2 else len(present))
    adds = np.zeros(len(codes))
    means_over = len(scores) * len(areas)
    for of_run in scores:
        for place in range(len(areas)):
            positive, column = codes == place, of_run[:, present[place]]
            ups, downs = column[positive], column[~positive]
            above, below = share_under(ups, downs), share_under(downs, ups)
            areas[place] += above.mean() / len(scores)
            adds[positive] += (above - above.mean()) / len(ups) / means_over
            adds[~positive] += (below.mean() - below) / len(downs) / means_over
    return areas, adds, codes


def effective_trials(
    areas: np.ndarray, adds: np.ndarray, codes: np.ndarray
) -> tuple[Outcomes, float]:
    """Areas as shares of effective trials, and a factor: the standard error of their mean, relative to the standard
    error of independent trials; at least 1.

    The number of effective trials is chosen to give Hanley and McNeil's variance. The factor is needed because areas
    share rows, and because placements may vary more than that. The arguments are what `placements` returns.
    """
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
    """The correlation of two mean areas on the same rows, from what each row adds to them; all of shape (rows,)."""
    own = [float(_variances(adds, codes)[0].sum()) for adds in (a, b)]
    product = float(np.sqrt(own[0] * own[1]))
    if not product:
        return 0.0
    # A correlation narrows the interval of a difference, but the few rows of a rare class measure it badly. So it is
    # shrunk towards 0, by Welch and Satterthwaite's degrees of freedom.
    variances, free = _variances(a + b, codes)
    df = float(variances.sum() ** 2 / (variances**2 / free).sum()) if variances.any() else 1.0
    covariance = (own[0] + own[1] - float(_variances(a - b, codes)[0].sum())) / 2
    return min(1.0, max(-1.0, covariance / product * df / (df + 1)))


def _variances(adds: np.ndarray, strata: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Each stratum's unbiased variance of the sum of its rows, and its degrees of freedom."""
    rows = np.bincount(strata)
    free = np.maximum(rows - 1, 0.5)
    return np.bincount(strata, centred(adds, strata) ** 2) * rows / free, free
