"""Point figures as `evaluate.Metric` classes. Each metric is a small class that can be used on its own:

    from slingshot.metrics.scores import MacroF1
    MacroF1().compute(predictions=[0, 1, -1], references=[0, 1, 1])

Only classes with at least one scored row count. A failed row has the prediction -1, which is never a class: it only
loses recall. An undefined figure is NaN.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from typing import Any, ClassVar

import datasets
import numpy as np

from slingshot.files.codes import NO_SEED
from slingshot.metrics import calibration, formulas
from slingshot.metrics.scored import SeedRun
from slingshot.settings.catalogue import METRICS

# evaluate imports these for evaluators that nothing here uses. That takes five of its six seconds. It also works
# without them, so they are hidden while it loads.
_UNUSED = ("transformers", "scipy.stats")
_loaded = {name: sys.modules[name] for name in _UNUSED if name in sys.modules}
sys.modules |= dict.fromkeys(_UNUSED)  # type: ignore[arg-type]
import evaluate  # noqa: E402

for _name in _UNUSED:
    del sys.modules[_name]
sys.modules |= _loaded


class _Metric(evaluate.Metric):  # type: ignore[misc]  # evaluate has no types
    """The base class: offline and in memory, inputs as numpy arrays."""

    paper = ""
    inputs: tuple[str, ...] = ("predictions", "references")
    figures: ClassVar[Callable[..., dict[str, float]]]
    """Metric name -> figure, from arrays under the names of `inputs`."""

    def __init__(self, bins: int = 15) -> None:
        """`bins` is the number of bins of the expected calibration error; other metrics ignore it."""
        super().__init__(keep_in_memory=True)
        self.bins = bins

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
        return {"accuracy": formulas.accuracy(references, predictions)}


class BalancedAccuracy(_Metric):
    """Recall, averaged over the classes."""

    paper = "Brodersen et al. (2010), The balanced accuracy and its posterior distribution, ICPR"

    def figures(self, predictions: np.ndarray, references: np.ndarray) -> dict[str, float]:
        return {"balanced_accuracy": formulas.balanced_accuracy(references, predictions)}


class MacroF1(_Metric):
    """F1 = 2 hits / (rows + predictions) of a class, averaged over the classes."""

    paper = "Opitz and Burst (2019), Macro F1 and Macro F1, arXiv:1911.03347: the averaged F1"

    def figures(self, predictions: np.ndarray, references: np.ndarray) -> dict[str, float]:
        return {"macro_f1": formulas.macro_f1(references, predictions)}


class Coverage(_Metric):
    """Share of rows with a valid answer."""

    def figures(self, predictions: np.ndarray, references: np.ndarray) -> dict[str, float]:
        return {"coverage": formulas.coverage(references, predictions)}


class Auroc(_Metric):
    """One-vs-rest area under the ROC curve, averaged over the classes; NaN with fewer than two classes."""

    paper = "Fawcett (2006), An introduction to ROC analysis, section 9, unweighted"
    inputs = ("prediction_scores", "references")

    def figures(self, prediction_scores: np.ndarray, references: np.ndarray) -> dict[str, float]:
        classes = len(np.unique(references))
        area = formulas.auroc(references, prediction_scores)
        return {"auroc": area, "auroc_classes": classes if classes > 1 else 0}


class LogLoss(_Metric):
    """Mean of -log(score of the label), scores clipped at 1e-6 from below."""

    paper = "Good (1952), Rational Decisions, JRSS B 14(1)"
    inputs = ("prediction_scores", "references")

    def figures(self, prediction_scores: np.ndarray, references: np.ndarray) -> dict[str, float]:
        return {"log_loss": formulas.log_loss(references, prediction_scores)}


class Brier(_Metric):
    """Squared differences between scores and outcomes, summed over classes, averaged over rows: 0 to 2."""

    paper = "Brier (1950), Verification of forecasts expressed in terms of probability, equation 2"
    inputs = ("prediction_scores", "references")

    def figures(self, prediction_scores: np.ndarray, references: np.ndarray) -> dict[str, float]:
        return {"brier": formulas.brier(references, prediction_scores)}


class Ece(_Metric):
    """Expected calibration error: |accuracy - confidence| of equal-width bins, weighted by their rows.

    Biased upwards (metrics/calibration.py debiases its square and tests it).
    """

    paper = (
        "Guo et al. (2017), On Calibration of Modern Neural Networks, equation 3, arXiv:1706.04599"
    )
    inputs = ("predictions", "prediction_scores", "references")

    def figures(
        self, predictions: np.ndarray, prediction_scores: np.ndarray, references: np.ndarray
    ) -> dict[str, float]:
        confidence = calibration.confidence(SeedRun(NO_SEED, predictions, prediction_scores))
        bins = calibration.bin_of(confidence, self.bins)
        gaps = np.bincount(bins, weights=(predictions == references) - confidence)
        return {"ece": float(np.abs(gaps).sum() / len(references))}


def point(run: SeedRun, labels: np.ndarray, ece_bins: int) -> dict[str, float]:
    """Every point figure of one run for which the catalogue names a class; NaN if it is undefined."""
    figures = dict.fromkeys(
        (metric.key for metric in METRICS.values() if metric.formula), float("nan")
    )
    figures["auroc_classes"] = float("nan")
    of_predictions = _combined(needs_scores=False, bins=ece_bins)
    figures |= of_predictions.compute(predictions=run.predictions, references=labels)
    if run.scores is not None:
        of_scores = _combined(needs_scores=True, bins=ece_bins)
        figures |= of_scores.compute(
            predictions=run.predictions, prediction_scores=run.scores, references=labels
        )
    return figures


def _combined(*, needs_scores: bool, bins: int) -> Any:
    """The catalogue's metrics of one kind, as one evaluate.Metric."""
    names = [m.formula for m in METRICS.values() if m.formula and m.needs_scores == needs_scores]
    classes = []
    for name in names:
        module, _, attribute = name.partition(":")
        classes.append(getattr(importlib.import_module(module), attribute))
    return evaluate.combine([metric(bins) for metric in classes])
