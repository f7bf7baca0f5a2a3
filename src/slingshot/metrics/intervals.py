"""What evaluate writes of one contestant: point figures, and their intervals by metrics.estimates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from slingshot.metrics import calibration, clusters, estimates
from slingshot.metrics.scored import ENOUGH_SEEDS, Scored
from slingshot.settings import MetricsSettings
from slingshot.settings.catalogue import METRICS

ENOUGH_GROUPS, FEW_GROUPS = 100, 20
"""Below these an interval from groups is slightly, and much, too narrow (Cameron, Gelbach and Miller, 2008)."""
TRAINING_VARIANCE = "training variance not included"
CALIBRATION = ("log_loss", "brier", "ece", "rms_calibration_error", "ece_if_calibrated")
NO_BINNED_INTERVAL = (
    "no interval: resampling biases a binned calibration error upwards, most of all near 0; "
    "`calibration` has a test"
)


@dataclass(frozen=True)
class Scaling:
    """The test rows with scores scaled by the temperature that validation rows give each seed."""

    scored: Scored | None
    """None where no temperature could be fitted."""
    temperatures: tuple[float, ...] = ()
    """One for each run."""
    reason: str | None = None
    """Why there is none."""


def evaluate(
    test: Scored,
    validation: Scored | None,
    labels: Sequence[str],
    settings: MetricsSettings,
    scaling: Scaling | None = None,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The contents of metrics/scores, less what the predictions' metadata adds, and of metrics/intervals; `labels` are
    the class names in label order; `scaling` is what `temperature_scaled` gave, if it was asked before."""
    primary, bins = settings.primary, settings.ece_bins
    scaling = scaling or temperature_scaled(test, validation)
    seeds = figures(test, bins)
    points = mean_figures(seeds)
    points["test_rows"] = len(test.labels)
    points[f"validation_{primary}"] = (
        mean_figures(figures(validation, bins))[primary] if validation else None
    )
    notes = [*group_notes(test), *seed_notes(test), *failure_notes(test)]
    if points[f"validation_{primary}"] is None:
        cause = undefined(primary, validation) if validation else "no validation row is predicted"
        notes.append(f"validation_{primary}: {cause}")
    return points, {
        "calibration": _calibration(seeds, scaling, validation, bins),
        "calibration_reason": scaling.reason,
        "classes": _classes(test, labels, settings.confidence),
        "confidence": settings.confidence,
        "groups": test.group_count,
        "effective_groups": clusters.effective_groups(test.groups),
        "ece_bins": bins,
        "score_source": test.score_source,
        "metrics": {
            name: _interval(name, points[name], test, settings.confidence) for name in METRICS
        },
        "seeds": seeds,
        "notes": notes,
    }


def figures(scored: Scored, ece_bins: int) -> list[dict[str, Any]]:
    """Seed and point figures of each run; None where undefined."""
    from slingshot.metrics import scores

    names = (*METRICS, "auroc_classes", "ece_if_calibrated", "p_calibrated")
    rows = []
    for run in scored.runs:
        point = dict.fromkeys(names, float("nan")) | scores.point(run, scored.labels, ece_bins)
        if run.scores is not None:
            point |= asdict(calibration.measure(run, scored, ece_bins))
        rows.append(
            {"seed": run.seed} | {n: point[n] if np.isfinite(point[n]) else None for n in names}
        )
    return rows


def mean_figures(seeds: list[dict[str, Any]]) -> dict[str, Any]:
    """Means over seeds. What is undefined depends on the rows and the score source, not on the seed."""
    means = {}
    for name, value in seeds[0].items():
        means[name] = value if value is None else float(np.mean([row[name] for row in seeds]))
    for name in ("seed", "ece_if_calibrated", "p_calibrated"):
        del means[name]
    means["auroc_classes"] = seeds[0]["auroc_classes"]
    return means


def temperature_scaled(test: Scored, validation: Scored | None) -> Scaling:
    """Scale the scores of the test rows, which choose nothing: the temperature is that of validation rows."""
    if test.score_source == "none":
        return Scaling(None, reason="calibration needs scores, and the score source is none")
    if validation is None:
        return Scaling(None, reason="no validation row is predicted")
    # Where every answer failed all scores are uniform, which fits any temperature.
    fit = [
        run
        for run in validation.runs
        if run.scores is not None and np.ptp(run.scores, axis=1).any()
    ]
    if len(fit) < len(test.runs):
        return Scaling(None, reason="no validation row has scores")
    scored, temperatures = calibration.scale(test, validation)
    return Scaling(scored, tuple(temperatures))


def _calibration(
    before: list[dict[str, Any]], scaling: Scaling, validation: Scored | None, bins: int
) -> dict[str, Any] | None:
    """Means over seeds; of the tests the smallest p, corrected for their number. None without a temperature."""
    if scaling.scored is None or validation is None:
        return None
    after = figures(scaling.scored, bins)

    def summed(seeds: list[dict[str, Any]]) -> dict[str, Any]:
        p = min(1.0, len(seeds) * min(row["p_calibrated"] for row in seeds))
        means = {name: float(np.mean([row[name] for row in seeds])) for name in CALIBRATION}
        return means | {"p_calibrated": p}

    return {
        "validation_rows": len(validation.labels),
        "temperatures": [
            {"seed": row["seed"], "temperature": temperature}
            for row, temperature in zip(before, scaling.temperatures, strict=True)
        ],
        "before": summed(before),
        "after": summed(after),
    }


def _classes(test: Scored, labels: Sequence[str], confidence: float) -> list[dict[str, Any]]:
    """Precision, recall with its interval, and F1 of each class with a test row: means over seeds. A class that is
    never predicted has no precision."""
    rows = []
    for label in np.unique(test.labels):
        of_class = test.labels == label
        hits = [float((run.predictions[of_class] == label).sum()) for run in test.runs]
        predicted = [int((run.predictions == label).sum()) for run in test.runs]
        precisions = [hit / number for hit, number in zip(hits, predicted, strict=True) if number]
        f1 = [
            2 * hit / (number + of_class.sum()) for hit, number in zip(hits, predicted, strict=True)
        ]
        low, high = _bounded(
            estimates.of_recipe("accuracy", test.only(of_class)).interval(confidence), 1.0
        )
        rows.append(
            {
                "label": labels[label],
                "rows": int(of_class.sum()),
                "precision": float(np.mean(precisions)) if precisions else None,
                "recall": float(np.mean(hits) / of_class.sum()),
                "recall_low": low,
                "recall_high": high,
                "f1": float(np.mean(f1)),
            }
        )
    return rows


def _bounded(interval: tuple[float, float], highest: float) -> tuple[float, float]:
    """Inside what a figure can be: training seeds, and losses, may carry it past that."""
    low, high = interval
    return max(0.0, low), min(highest, high)


def undefined(metric: str, scored: Scored) -> str:
    """Why a metric has no figure on these rows."""
    if METRICS[metric].needs_scores and scored.score_source == "none":
        return f"{metric} is undefined, as it needs scores, and the score source is none"
    return f"{metric} is undefined, as it needs at least two classes among the scored rows"


def group_notes(scored: Scored) -> list[str]:
    count, says = scored.group_count, clusters.effective_groups(scored.groups)
    told = f"{count} test group{'s' if count > 1 else ''}"
    if round(says) < count:
        told += f" of unequal size, which say as much as {says:.0f} equal ones"
    if says < FEW_GROUPS:
        return [f"{told}: too few to resolve a difference, and intervals are narrow"]
    return [f"{told}: intervals rest on these, not on rows"] if says < ENOUGH_GROUPS else []


def seed_notes(scored: Scored) -> list[str]:
    few = 0 < scored.trained_seeds < ENOUGH_SEEDS
    return [TRAINING_VARIANCE] if few else []


def failure_notes(scored: Scored) -> list[str]:
    """How many answers are no valid ones, and what they are instead."""
    if not scored.failed:
        return []
    kinds = ", ".join(
        f"{count} {status.replace('_', ' ')}" for status, count in scored.failed.items()
    )
    rows = len(scored.labels) * len(scored.runs)
    return [
        f"{sum(scored.failed.values())} of {rows} test answers are not valid and count as wrong: {kinds}"
    ]


def headline(metric: str, interval: dict[str, Any]) -> str:
    """E.g. `accuracy 0.842 [0.817, 0.866]`, or why there is no figure."""
    if interval["low"] is None:
        return str(interval["reason"])
    return f"{metric} {interval['value']:.3f} [{interval['low']:.3f}, {interval['high']:.3f}]"


def _interval(name: str, value: float | None, scored: Scored, confidence: float) -> dict[str, Any]:
    low = high = reason = None
    if value is None:
        reason = undefined(name, scored)
    elif not METRICS[name].compared:
        reason = NO_BINNED_INTERVAL
    else:
        low, high = _bounded(
            estimates.of_recipe(name, scored).interval(confidence), METRICS[name].highest
        )
    return {"value": value, "low": low, "high": high, "reason": reason}
