"""Every metric that Slingshot reports: its key, titles, direction, range, and the class that computes it.

To add a metric, write an entry here, its formula in slingshot.metrics (the class that `formula` names), and a test.
"""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Metric:
    """A metric of predictions. Every file holds its figure under `key`."""

    key: str
    title: str
    """Its name in a sentence."""
    heading: str
    """Its name above a column."""
    short: str
    """Its name above a narrow column."""
    formula: str | None
    """The evaluate.Metric class that computes it, as module:class; None for a figure of metrics.calibration."""
    highest: float = 1.0
    """The highest possible figure. The lowest is 0."""
    lower_is_better: bool = False
    needs_scores: bool = False
    """Whether it is undefined without class probabilities."""
    macro: bool = False
    """Whether it is a mean over classes that all weigh the same."""
    primary: bool = False
    """Whether it may be metrics.primary."""
    compared: bool = True
    """Whether it has an interval, so that two figures of it can be compared."""
    curve: bool = False
    """Whether learning curves show it, so that metrics/curve has a column of it."""


_ALL = (
    Metric(
        "accuracy",
        "accuracy",
        "Accuracy",
        "Accuracy",
        "slingshot.metrics.scores:Accuracy",
        primary=True,
        curve=True,
    ),
    Metric(
        "balanced_accuracy",
        "balanced accuracy",
        "Balanced accuracy",
        "Bal. acc.",
        "slingshot.metrics.scores:BalancedAccuracy",
        macro=True,
        primary=True,
        curve=True,
    ),
    Metric(
        "macro_f1",
        "macro-F1",
        "Macro-F1",
        "Macro F1",
        "slingshot.metrics.scores:MacroF1",
        macro=True,
        primary=True,
        curve=True,
    ),
    Metric("coverage", "coverage", "Coverage", "Cover", "slingshot.metrics.scores:Coverage"),
    Metric(
        "auroc",
        "AUROC",
        "AUROC",
        "AUROC",
        "slingshot.metrics.scores:Auroc",
        needs_scores=True,
        macro=True,
        primary=True,
        curve=True,
    ),
    Metric(
        "log_loss",
        "log-loss",
        "Log-loss",
        "Log loss",
        "slingshot.metrics.scores:LogLoss",
        highest=math.inf,
        lower_is_better=True,
        needs_scores=True,
        curve=True,
    ),
    Metric(
        "brier",
        "Brier score",
        "Brier score",
        "Brier",
        "slingshot.metrics.scores:Brier",
        highest=2.0,
        lower_is_better=True,
        needs_scores=True,
        curve=True,
    ),
    Metric(
        "ece",
        "expected calibration error",
        "Expected calibration error",
        "ECE",
        "slingshot.metrics.scores:Ece",
        lower_is_better=True,
        needs_scores=True,
        compared=False,
        curve=True,
    ),
    Metric(
        "rms_calibration_error",
        "RMS calibration error",
        "RMS calibration error",
        "RMS CE",
        None,
        lower_is_better=True,
        needs_scores=True,
        compared=False,
    ),
)
METRICS: dict[str, Metric] = {metric.key: metric for metric in _ALL}
PRIMARY: tuple[str, ...] = tuple(metric.key for metric in _ALL if metric.primary)
