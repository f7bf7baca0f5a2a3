"""The formulas of the point figures of one run; `figure` computes any of them.

Arrays: `labels` and `predictions` have shape (rows,), `scores` (rows, classes). Only classes with at least one scored
row count. A failed row has the prediction -1, which is never a class: it only loses recall. An undefined figure is NaN.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

CLIP = 1e-6
"""Log-loss raises lower scores to this score."""


def accuracy(labels: np.ndarray, predictions: np.ndarray) -> float:
    """Share of rows whose prediction is the label."""
    return float(np.mean(predictions == labels))


def balanced_accuracy(labels: np.ndarray, predictions: np.ndarray) -> float:
    """Recall, averaged over the classes (Brodersen et al., 2010)."""
    rows, _, hits = _counts(labels, predictions)
    return float(np.mean(hits / rows))


def macro_f1(labels: np.ndarray, predictions: np.ndarray) -> float:
    """F1 of a class, 2 hits / (rows + predictions), averaged over the classes (Opitz and Burst, 2019)."""
    rows, predicted, hits = _counts(labels, predictions)
    return float(np.mean(2 * hits / (rows + predicted)))


def _counts(
    labels: np.ndarray, predictions: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows, predictions and hits of each class with a row, all of shape (classes,)."""
    size = int(max(labels.max(), predictions.max())) + 1
    rows = np.bincount(labels, minlength=size)
    predicted = np.bincount(predictions[predictions >= 0], minlength=size)
    hits = np.bincount(labels[labels == predictions], minlength=size)
    present = rows > 0
    return rows[present], predicted[present], hits[present]


def coverage(labels: np.ndarray, predictions: np.ndarray) -> float:
    """Share of rows with a valid answer."""
    return float(np.mean(predictions >= 0))


def auroc(labels: np.ndarray, scores: np.ndarray) -> float:
    """One-vs-rest area under the ROC curve, averaged over the classes (Fawcett, 2006, section 9); NaN if
    all rows are of one class, or a score is not finite."""
    present = np.unique(labels)
    if len(present) < 2 or not np.isfinite(scores).all():
        return float("nan")
    areas = []
    for label in present:
        own, others = scores[labels == label, label], scores[labels != label, label]
        areas.append(share_under(own, others).mean())
    return float(np.mean(areas))


def share_under(values: np.ndarray, others: np.ndarray) -> np.ndarray:
    """For each value, the share of the others that are under it; a tie counts as half."""
    ordered = np.sort(others)
    # The mean of the two sides counts each tie as half.
    under = sum(np.searchsorted(ordered, values, side) for side in ("left", "right"))
    return np.asarray(under / 2 / len(ordered))


def log_loss(labels: np.ndarray, scores: np.ndarray) -> float:
    """Mean of -log(score of the label), scores clipped at CLIP from below (Good, 1952)."""
    own = scores[np.arange(len(labels)), labels]
    return float(np.mean(-np.log(np.maximum(own, CLIP))))


def brier(labels: np.ndarray, scores: np.ndarray) -> float:
    """Squared differences of scores and outcomes, summed over classes, averaged over rows: 0 to 2 (Brier, 1950)."""
    outcomes = np.eye(scores.shape[1])[labels]
    return float(np.mean(np.sum((scores - outcomes) ** 2, axis=1)))


OF_PREDICTIONS: dict[str, Callable[[np.ndarray, np.ndarray], float]] = {
    "accuracy": accuracy,
    "balanced_accuracy": balanced_accuracy,
    "macro_f1": macro_f1,
    "coverage": coverage,
}
OF_SCORES: dict[str, Callable[[np.ndarray, np.ndarray], float]] = {
    "auroc": auroc,
    "log_loss": log_loss,
    "brier": brier,
}


def figure(
    metric: str, labels: np.ndarray, predictions: np.ndarray, scores: np.ndarray | None
) -> float | None:
    """The figure of one run; None if it is undefined: it needs scores and has none, or it is not finite."""
    if metric in OF_PREDICTIONS:
        return OF_PREDICTIONS[metric](labels, predictions)
    value = float("nan") if scores is None else OF_SCORES[metric](labels, scores)
    return value if np.isfinite(value) else None
