"""The primary metric on validation rows, by which finetune and llm choose hyper-parameters, epochs and prompts.

The figures that people read come from the other modules of slingshot.metrics.
"""

from __future__ import annotations

import numpy as np

from slingshot.metrics.formulas import figure
from slingshot.settings import Primary


def chosen_by(primary: Primary, labels: np.ndarray) -> Primary:
    """The metric that chooses on rows with these labels: `primary`, or accuracy if AUROC is undefined because all rows
    are of one class."""
    return "accuracy" if primary == "auroc" and len(np.unique(labels)) < 2 else primary


def said(primary: Primary, labels: np.ndarray, score: float) -> str:
    """The score that chose on rows with these labels, in words, e.g. `macro_f1 0.842`."""
    metric = chosen_by(primary, labels)
    return f"{metric} {score:.3f}" + (
        "" if metric == primary else f" ({primary} is undefined, as the rows are of one class)"
    )


def primary_score(primary: Primary, labels: np.ndarray, probabilities: np.ndarray) -> float:
    """The score of the rows, higher is better. `labels` has shape (rows,), `probabilities` (rows, classes).

    Raises ValueError for the AUROC of one class (see `chosen_by`), or of scores that are not finite.
    """
    value = figure(primary, labels, probabilities.argmax(axis=1), probabilities)
    if value is None:
        raise ValueError(
            f"{primary} is undefined: the rows are of one class, or a score is no number"
        )
    return value
