"""The point figures of each training run, and their means."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict

import numpy as np

from slingshot.files.intervals import SeedFigures
from slingshot.metrics import calibration
from slingshot.metrics.scored import Scored
from slingshot.settings.catalogue import METRICS


def seed_figures(scored: Scored, ece_bins: int) -> tuple[SeedFigures, ...]:
    """The figures of each run; an undefined figure is None."""
    from slingshot.metrics import scores  # loads evaluate, which takes a second

    seeds = []
    for run in scored.runs:
        figures = scores.point(run, scored.labels, ece_bins)
        if run.scores is not None:
            figures |= asdict(calibration.measure(run, scored, ece_bins))
        known = {name: figure for name, figure in figures.items() if math.isfinite(figure)}
        seeds.append(
            SeedFigures(
                seed=run.seed,
                metrics={metric: known.get(metric) for metric in METRICS},
                auroc_classes=int(known["auroc_classes"]) if "auroc_classes" in known else None,
                ece_if_calibrated=known.get("ece_if_calibrated"),
                p_calibrated=known.get("p_calibrated"),
            )
        )
    return tuple(seeds)


def mean_figures(seeds: Sequence[SeedFigures]) -> dict[str, float | None]:
    """Metric -> its mean over seeds; None if it is undefined. That depends only on rows and score source, so all seeds
    agree."""
    means: dict[str, float | None] = {}
    for metric, first in seeds[0].metrics.items():
        figures = np.array([seed.metrics[metric] for seed in seeds], float)
        means[metric] = None if first is None else float(figures.mean())
    return means
