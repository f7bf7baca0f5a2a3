"""Temperature scaling of a contestant's test scores, and how well they are calibrated before and after it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from slingshot.files.intervals import (
    Calibration,
    CalibrationFigures,
    SeedFigures,
    SeedTemperature,
)
from slingshot.files.notes.figures import (
    NoCalibration,
    NoScores,
    NoValidationRows,
    NoValidationScores,
)
from slingshot.metrics import calibration
from slingshot.metrics.scored import Scored
from slingshot.metrics.seeds import seed_figures


@dataclass(frozen=True)
class Scaling:
    """The test rows with the scores of each seed scaled by the temperature that fits its validation rows."""

    scored: Scored
    temperatures: tuple[float, ...]
    """One for each run."""
    validation_rows: int


def temperature_scaled(
    test: Scored, validation: Scored | None
) -> tuple[Scaling | None, NoCalibration | None]:
    """The scaled test rows, or why no temperature can be fitted. The temperature never depends on test rows."""
    if test.score_source == "none":
        return None, NoScores()
    if validation is None:
        return None, NoValidationRows()
    # If every answer of a run failed, all its scores are uniform, and any temperature fits them.
    fitting = [
        run
        for run in validation.runs
        if run.scores is not None and np.ptp(run.scores, axis=1).any()
    ]
    if len(fitting) < len(test.runs):
        return None, NoValidationScores()
    scored, temperatures = calibration.scale(test, validation)
    return Scaling(scored, tuple(temperatures), len(validation.labels)), None


def before_and_after(seeds: Sequence[SeedFigures], scaling: Scaling, ece_bins: int) -> Calibration:
    """Calibration of the test rows before scaling (`seeds` has their figures) and after it."""
    return Calibration(
        before=_means(seeds),
        after=_means(seed_figures(scaling.scored, ece_bins)),
        temperatures=tuple(
            SeedTemperature(seed=seed.seed, temperature=temperature)
            for seed, temperature in zip(seeds, scaling.temperatures, strict=True)
        ),
        validation_rows=scaling.validation_rows,
    )


def _means(seeds: Sequence[SeedFigures]) -> CalibrationFigures:
    def mean(figures: list[float | None]) -> float:
        return float(np.array(figures, float).mean())

    # Bonferroni: the smallest of S p-values, times S.
    smallest = min(seed.p_calibrated for seed in seeds if seed.p_calibrated is not None)
    return CalibrationFigures(
        log_loss=mean([seed.metrics["log_loss"] for seed in seeds]),
        brier=mean([seed.metrics["brier"] for seed in seeds]),
        ece=mean([seed.metrics["ece"] for seed in seeds]),
        rms_calibration_error=mean([seed.metrics["rms_calibration_error"] for seed in seeds]),
        ece_if_calibrated=mean([seed.ece_if_calibrated for seed in seeds]),
        p_calibrated=min(1.0, len(seeds) * smallest),
    )
