"""metrics/intervals/D/C.json: a contestant's intervals, seeds, classes and calibration, and why a figure is missing."""

from __future__ import annotations

from slingshot.files.figures import Figures
from slingshot.files.notes.figures import NoCalibration, NoInterval, NoValidation, OfContestant
from slingshot.files.storage.record import Record


class Interval(Record):
    """A figure on test with its interval; both bounds are None where it has none."""

    value: float | None
    low: float | None
    high: float | None
    reason: NoInterval | None
    """Why a figure or its interval is missing."""


class SeedFigures(Figures):
    """The figures of one training run; seed -1 for a contestant without one."""

    seed: int
    auroc_classes: int | None
    ece_if_calibrated: float | None
    """The mean ECE of scores that are calibrated, which comes from chance alone."""
    p_calibrated: float | None
    """The p-value of the hypothesis that the scores are calibrated."""


class CalibrationFigures(Record):
    """Means over seeds. `p_calibrated` is the smallest of the seeds, corrected for their number."""

    log_loss: float
    brier: float
    ece: float
    rms_calibration_error: float
    ece_if_calibrated: float
    p_calibrated: float


class SeedTemperature(Record):
    seed: int
    temperature: float


class Calibration(Record):
    """Before and after the scores are scaled by the temperature that validation rows give."""

    before: CalibrationFigures
    after: CalibrationFigures
    temperatures: tuple[SeedTemperature, ...]
    validation_rows: int


class ClassFigures(Record):
    """The figures of a class that has a test row: means over seeds."""

    label: str
    rows: int
    precision: float | None
    """None for a class that is never predicted."""
    recall: float
    recall_low: float
    recall_high: float
    f1: float


class Intervals(Record):
    """The whole file."""

    metrics: dict[str, Interval]
    """Metric -> its interval, for every metric."""
    confidence: float
    groups: int
    """Groups of test rows."""
    effective_groups: float
    """The number of groups of equal size that give as much information."""
    ece_bins: int
    score_source: str
    seeds: tuple[SeedFigures, ...]
    classes: tuple[ClassFigures, ...]
    calibration: Calibration | None
    calibration_reason: NoCalibration | None
    validation_reason: NoValidation | None
    """Why metrics/scores has no figure on validation rows."""
    notes: tuple[OfContestant, ...]
    predictions: str
    """The md5 of the predictions file that was scored."""
