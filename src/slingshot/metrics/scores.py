"""Point figures as `evaluate.Metric` classes, one small class a metric, usable on their own:

    from slingshot.metrics.scores import MacroF1
    MacroF1().compute(predictions=[0, 1, -1], references=[0, 1, 1])

Labels are the classes with at least one scored row. -1, a failed row, is never a class: it only
loses recall. A figure that is undefined is NaN.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, ClassVar

import datasets
import numpy as np

from slingshot.files.codes import NO_SEED
from slingshot.metrics import calibration
from slingshot.metrics.scored import CLIP, SeedRun

# evaluate imports transformers and torch, three of its four seconds, for evaluators that nothing here uses;
# where it can't, it does without.
_loaded = {name: module for name, module in sys.modules.items() if name == "transformers"}
sys.modules["transformers"] = None  # type: ignore[assignment]
import evaluate  # noqa: E402

del sys.modules["transformers"]
sys.modules |= _loaded


class _Metric(evaluate.Metric):  # type: ignore[misc]  # evaluate has no types
    """Common ground: offline and in memory, inputs as numpy arrays."""

    paper = ""
    inputs: tuple[str, ...] = ("predictions", "references")
    figures: ClassVar[Callable[..., dict[str, float]]]
    """Metric name -> figure, from arrays under the names of `inputs`."""

    def __init__(self) -> None:
        super().__init__(keep_in_memory=True)

    def _info(self) -> Any:
        known = {
            "predictions": datasets.Value("int64"),
            "prediction_scores": datasets.Sequence(datasets.Value("float64")),
            "references": datasets.Value("int64"),
        }
        return evaluate.MetricInfo(
            description=self.__doc__,
            citation=self.paper,
            features=datasets.Features({name: known[name] for name in self.inputs}),
        )

    def _compute(self, **inputs: Any) -> dict[str, float]:
        return self.figures(**{name: np.asarray(values) for name, values in inputs.items()})


class Accuracy(_Metric):
    """Share of rows whose prediction is the label."""

    def figures(self, predictions: np.ndarray, references: np.ndarray) -> dict[str, float]:
        return {"accuracy": float(np.mean(predictions == references))}


class BalancedAccuracy(_Metric):
    """Recall, averaged over the classes."""

    paper = "Brodersen et al. (2010), The balanced accuracy and its posterior distribution, ICPR"

    def figures(self, predictions: np.ndarray, references: np.ndarray) -> dict[str, float]:
        from sklearn.metrics import recall_score

        labels = np.unique(references)
        return {
            "balanced_accuracy": float(
                recall_score(references, predictions, labels=labels, average="macro")
            )
        }


class MacroF1(_Metric):
    """F1 = 2 hits / (rows + predictions) of a class, averaged over the classes."""

    paper = "Opitz and Burst (2019), Macro F1 and Macro F1, arXiv:1911.03347: the averaged F1"

    def figures(self, predictions: np.ndarray, references: np.ndarray) -> dict[str, float]:
        from sklearn.metrics import f1_score

        labels = np.unique(references)
        return {
            "macro_f1": float(f1_score(references, predictions, labels=labels, average="macro"))
        }


class Coverage(_Metric):
    """Share of rows with a valid answer."""

    def figures(self, predictions: np.ndarray, references: np.ndarray) -> dict[str, float]:
        return {"coverage": float(np.mean(predictions >= 0))}


class Auroc(_Metric):
    """One-vs-rest area under the ROC curve, averaged over the classes with both outcomes; NaN under two."""

    paper = "Fawcett (2006), An introduction to ROC analysis, section 9, unweighted"
    inputs = ("prediction_scores", "references")

    def figures(self, prediction_scores: np.ndarray, references: np.ndarray) -> dict[str, float]:
        from sklearn.metrics import roc_auc_score

        labels = np.unique(references)
        if len(labels) < 2:
            return {"auroc": float("nan"), "auroc_classes": 0}
        areas = [
            roc_auc_score(references == label, prediction_scores[:, label]) for label in labels
        ]
        return {"auroc": float(np.mean(areas)), "auroc_classes": len(areas)}


class LogLoss(_Metric):
    """Mean of -log(score of the label), scores clipped at 1e-6 from below."""

    paper = "Good (1952), Rational Decisions, JRSS B 14(1)"
    inputs = ("prediction_scores", "references")

    def figures(self, prediction_scores: np.ndarray, references: np.ndarray) -> dict[str, float]:
        held = prediction_scores[np.arange(len(references)), references]
        return {"log_loss": float(np.mean(-np.log(np.maximum(held, CLIP))))}


class Brier(_Metric):
    """Squared differences between scores and outcomes, summed over classes, averaged over rows: 0 to 2."""

    paper = "Brier (1950), Verification of forecasts expressed in terms of probability, equation 2"
    inputs = ("prediction_scores", "references")

    def figures(self, prediction_scores: np.ndarray, references: np.ndarray) -> dict[str, float]:
        outcomes = np.eye(prediction_scores.shape[1])[references]
        return {"brier": float(np.mean(np.sum((prediction_scores - outcomes) ** 2, axis=1)))}


class Ece(_Metric):
    """Expected calibration error: |accuracy - confidence| of equal-width bins, weighted by their rows.

    Biased upwards (metrics/calibration.py debiases its square and tests it).
    """

    paper = (
        "Guo et al. (2017), On Calibration of Modern Neural Networks, equation 3, arXiv:1706.04599"
    )
    inputs = ("predictions", "prediction_scores", "references")

    def __init__(self, bins: int = 15) -> None:
        super().__init__()
        self.bins = bins

    def figures(
        self, predictions: np.ndarray, prediction_scores: np.ndarray, references: np.ndarray
    ) -> dict[str, float]:
        confidence = calibration.confidence(SeedRun(NO_SEED, predictions, prediction_scores))
        bins = calibration.bin_of(confidence, self.bins)
        gaps = np.bincount(bins, weights=(predictions == references) - confidence)
        return {"ece": float(np.abs(gaps).sum() / len(references))}


def point(run: SeedRun, labels: np.ndarray, ece_bins: int) -> dict[str, float]:
    """Every point figure of one run; NaN where it is undefined."""
    labelled = evaluate.combine([Accuracy(), BalancedAccuracy(), MacroF1(), Coverage()])
    figures: dict[str, float] = labelled.compute(predictions=run.predictions, references=labels)
    if run.scores is None:
        return figures | dict.fromkeys(
            ("auroc", "auroc_classes", "log_loss", "brier", "ece"), float("nan")
        )
    probabilistic = evaluate.combine([Auroc(), LogLoss(), Brier(), Ece(ece_bins)])
    figures |= probabilistic.compute(
        predictions=run.predictions, prediction_scores=run.scores, references=labels
    )
    return figures
