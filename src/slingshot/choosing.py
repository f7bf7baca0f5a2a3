"""The primary metric on validation rows, by which hyper-parameters, epochs and prompts are chosen.

It serves the rooms that choose (finetune, llm); the figures people read come from slingshot.metrics.
"""

from __future__ import annotations

import numpy as np

from slingshot.settings import Primary


def primary_score(primary: Primary, labels: np.ndarray, probabilities: np.ndarray) -> float:
    """Higher is better. `labels` (rows,), `probabilities` (rows, classes).

    Classes without a validation row are left out of macro figures. With one class left, AUROC is
    undefined and accuracy stands in, so that there is always something to choose by.
    """
    from sklearn import metrics

    predicted = probabilities.argmax(axis=1)
    present = np.unique(labels)
    if primary == "macro_f1":
        return float(metrics.f1_score(labels, predicted, labels=present, average="macro", zero_division=0))
    if primary == "balanced_accuracy":
        return float(metrics.recall_score(labels, predicted, labels=present, average="macro", zero_division=0))
    if primary == "auroc" and len(present) > 1:
        return float(np.mean([metrics.roc_auc_score(labels == c, probabilities[:, c]) for c in present]))
    return float(metrics.accuracy_score(labels, predicted))
