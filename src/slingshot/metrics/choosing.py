"""The primary metric on validation rows, by which hyper-parameters, epochs and prompts are chosen.

It serves the rooms that choose (finetune, llm); the figures people read come from slingshot.metrics.
"""

from __future__ import annotations

import numpy as np

from slingshot.settings import Primary


def chosen_by(primary: Primary, labels: np.ndarray) -> Primary:
    """The metric that chooses on rows of these labels: `primary`, or accuracy in place of an AUROC that is undefined,
    for the rows are of one class."""
    return "accuracy" if primary == "auroc" and len(np.unique(labels)) < 2 else primary


def said(primary: Primary, labels: np.ndarray, score: float) -> str:
    """The score that chose on rows of these labels, e.g. `macro_f1 0.842`."""
    by = chosen_by(primary, labels)
    return f"{by} {score:.3f}" + (
        "" if by == primary else f" ({primary} is undefined, as the rows are of one class)"
    )


def primary_score(primary: Primary, labels: np.ndarray, probabilities: np.ndarray) -> float:
    """Higher is better. `labels` (rows,), `probabilities` (rows, classes).

    Classes without a validation row are left out of macro figures. Raises ValueError for the AUROC of one class: see
    `chosen_by`.
    """
    from sklearn import metrics

    predicted = probabilities.argmax(axis=1)
    present = np.unique(labels)
    if primary == "macro_f1":
        return float(
            metrics.f1_score(labels, predicted, labels=present, average="macro", zero_division=0)
        )
    if primary == "balanced_accuracy":
        return float(
            metrics.recall_score(
                labels, predicted, labels=present, average="macro", zero_division=0
            )
        )
    if primary == "auroc":
        if len(present) < 2:
            raise ValueError("AUROC of rows of one class is undefined")
        return float(
            np.mean([metrics.roc_auc_score(labels == c, probabilities[:, c]) for c in present])
        )
    return float(metrics.accuracy_score(labels, predicted))
