"""The primary metric on validation rows, by which hyper-parameters, epochs and prompts are chosen.

It serves the rooms that choose (finetune, llm); the figures people read come from slingshot.metrics.
"""

from __future__ import annotations

import numpy as np

from slingshot.metrics.formulas import figure
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

    Raises ValueError for the AUROC of one class: see `chosen_by`.
    """
    value = figure(primary, labels, probabilities.argmax(axis=1), probabilities)
    if value is None:
        raise ValueError(f"{primary} of rows of one class is undefined")
    return value
