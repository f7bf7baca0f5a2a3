"""A contestant's scores and their intervals, as the files in metrics/scores and metrics/intervals store them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from slingshot.files.intervals import ClassFigures, Interval, Intervals
from slingshot.files.notes.figures import (
    ENOUGH_GROUPS,
    BinnedError,
    FailedAnswers,
    FewSeeds,
    NeedsScores,
    NoValidation,
    NoValidationRows,
    OneClass,
    TestGroups,
    Undefined,
)
from slingshot.files.scores import Scores
from slingshot.metrics import clusters, estimates
from slingshot.metrics.recipes import of_recipe
from slingshot.metrics.scaling import before_and_after, temperature_scaled
from slingshot.metrics.scored import ENOUGH_SEEDS, Scored
from slingshot.metrics.seeds import mean_figures, seed_figures
from slingshot.settings import MetricsSettings
from slingshot.settings.catalogue import METRICS


@dataclass(frozen=True)
class Origin:
    """Where a contestant's figures come from: its training rows and its file of predictions."""

    fraction: float | None
    """Share of the training rows; None for an LLM."""
    train_rows: int
    md5: str
    """Digest of the file."""


@dataclass(frozen=True)
class Evaluation:
    """The figures of one contestant on its own."""

    scores: Scores
    intervals: Intervals
    scaled: Scored | None
    """The test rows with temperature-scaled scores; None if no temperature could be fitted."""


def evaluate(
    test: Scored,
    validation: Scored | None,
    labels: Sequence[str],
    settings: MetricsSettings,
    origin: Origin,
) -> Evaluation:
    """Score a contestant. `labels` are the class names in label order. `validation` is None without such predictions.

    The temperatures are fitted once, for the intervals and for the plots.
    """
    seeds = seed_figures(test, settings.ece_bins)
    figures = mean_figures(seeds)
    scaling, calibration_reason = temperature_scaled(test, validation)
    value = estimates.value_of(settings.primary, validation) if validation else None
    intervals = Intervals(
        metrics=_intervals(figures, test, settings.confidence),
        confidence=settings.confidence,
        groups=test.group_count,
        effective_groups=clusters.effective_groups(test.groups),
        ece_bins=settings.ece_bins,
        score_source=test.score_source,
        seeds=seeds,
        classes=_classes(test, labels, settings.confidence),
        calibration=before_and_after(seeds, scaling, settings.ece_bins) if scaling else None,
        calibration_reason=calibration_reason,
        validation_reason=_why_no_validation(value, validation, settings.primary),
        notes=(*group_notes(test), *_seed_notes(test), *_failure_notes(test)),
        predictions=origin.md5,
    )
    scores = Scores(
        metrics=figures,
        auroc_classes=seeds[0].auroc_classes,
        fraction=origin.fraction,
        train_rows=origin.train_rows,
        test_rows=len(test.labels),
        primary=settings.primary,
        validation=value,
    )
    return Evaluation(scores, intervals, scaling.scored if scaling else None)


def headline(metric: str, interval: Interval) -> str:
    """E.g. `accuracy 0.842 [0.817, 0.866]`, or why there is no figure."""
    if interval.low is None and interval.reason is not None:
        return interval.reason.words
    return f"{METRICS[metric].title} {interval.value:.3f} [{interval.low:.3f}, {interval.high:.3f}]"


def undefined(metric: str, scored: Scored) -> Undefined:
    """Why a metric has no figure on these rows."""
    if METRICS[metric].needs_scores and scored.score_source == "none":
        return NeedsScores(metric=metric)
    return OneClass(metric=metric)


def group_notes(scored: Scored) -> list[TestGroups]:
    """A note that these rows have few groups; empty if they have enough."""
    effective = clusters.effective_groups(scored.groups)
    if effective >= ENOUGH_GROUPS:
        return []
    return [TestGroups(groups=scored.group_count, effective=effective)]


def _seed_notes(scored: Scored) -> list[FewSeeds]:
    few = 0 < scored.trained_seeds < ENOUGH_SEEDS
    return [FewSeeds(seeds=scored.trained_seeds)] if few else []


def _failure_notes(scored: Scored) -> list[FailedAnswers]:
    answers = len(scored.labels) * len(scored.runs)
    return [FailedAnswers(kinds=dict(scored.failed), answers=answers)] if scored.failed else []


def _why_no_validation(
    value: float | None, validation: Scored | None, primary: str
) -> NoValidation | None:
    if validation is None:
        return NoValidationRows()
    return undefined(primary, validation) if value is None else None


def _intervals(
    figures: Mapping[str, float | None], test: Scored, confidence: float
) -> dict[str, Interval]:
    """Metric -> its interval. `figures` are the test figures."""
    return {metric: _interval(metric, figures[metric], test, confidence) for metric in METRICS}


def _interval(metric: str, value: float | None, scored: Scored, confidence: float) -> Interval:
    if value is None:
        return Interval(value=None, low=None, high=None, reason=undefined(metric, scored))
    if not METRICS[metric].compared:
        return Interval(value=value, low=None, high=None, reason=BinnedError())
    estimate = of_recipe(metric, scored)
    low, high = _within_range(estimate.interval(confidence), METRICS[metric].highest)
    return Interval(value=value, low=low, high=high, reason=None)


def _within_range(interval: tuple[float, float], highest: float) -> tuple[float, float]:
    """The interval, cut at the lowest and the highest possible figure. Training seeds, and losses, may exceed them."""
    low, high = interval
    return max(0.0, low), min(highest, high)


def _classes(test: Scored, labels: Sequence[str], confidence: float) -> tuple[ClassFigures, ...]:
    """Figures of each class with a test row, in label order."""
    return tuple(
        _class_figures(test, label, labels[label], confidence) for label in np.unique(test.labels)
    )


def _class_figures(test: Scored, label: int, name: str, confidence: float) -> ClassFigures:
    of_class = test.labels == label
    rows = int(of_class.sum())
    hits = [float((run.predictions[of_class] == label).sum()) for run in test.runs]
    predicted = [int((run.predictions == label).sum()) for run in test.runs]
    counts = list(zip(hits, predicted, strict=True))
    precisions = [hit / number for hit, number in counts if number]
    recall = of_recipe("accuracy", test.only(of_class))
    low, high = _within_range(recall.interval(confidence), 1.0)
    return ClassFigures(
        label=name,
        rows=rows,
        precision=float(np.mean(precisions)) if precisions else None,
        recall=float(np.mean(hits) / rows),
        recall_low=low,
        recall_high=high,
        f1=float(np.mean([2 * hit / (number + rows) for hit, number in counts])),
    )
