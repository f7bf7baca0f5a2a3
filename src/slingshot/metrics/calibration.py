"""Whether scores mean what they say: temperature scaling, calibration errors and a test of them, coverage and risk.

A row's confidence is the score of its prediction; for a failed row, which is wrong, the highest. The gap of a bin is
its accuracy minus its mean confidence. Figures of one run; rows of a group are not taken to be independent.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.special import expit, logit, ndtri

from slingshot.metrics.formulas import CLIP
from slingshot.metrics.scored import Scored, SeedRun

SEED = 20242
DRAWS = 2000
"""Of the outcomes that perfect calibration would give."""
COLDEST, HOTTEST = 0.05, 20.0
"""Temperatures that are tried."""


def temperature(scores: np.ndarray, labels: np.ndarray) -> float:
    """The T at which softmax(log scores / T) has the least log-loss (Guo et al., 2017, section 4.2, arXiv:1706.04599).

    `scores` has shape (rows, classes). Without logits, log scores serve: they are logits less a constant of each row.
    """
    from scipy.optimize import minimize_scalar

    logs = np.log(np.maximum(scores, CLIP))
    held = logs[np.arange(len(labels)), labels]

    def log_loss(inverse: float) -> float:
        heights = inverse * logs
        top = heights.max(axis=1, keepdims=True)
        normaliser = top[:, 0] + np.log(np.exp(heights - top).sum(axis=1))
        return float(np.mean(normaliser - inverse * held))

    # Convex in 1 / T, so what is found is the minimum.
    found = minimize_scalar(
        log_loss, bounds=(1 / HOTTEST, 1 / COLDEST), method="bounded", options={"xatol": 1e-5}
    )
    return float(1 / found.x)


def scaled(scores: np.ndarray, temperature: float) -> np.ndarray:
    """softmax(log scores / temperature), shape (rows, classes)."""
    heights = np.log(np.maximum(scores, CLIP)) / temperature
    raised = np.exp(heights - heights.max(axis=1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=1, keepdims=True))


def temperature_error(
    scores: np.ndarray, labels: np.ndarray, groups: np.ndarray, temperature: float
) -> float:
    """Standard error of a temperature that was fitted on these rows, as a share of it; at most 1.

    From the curvature of the log-loss, with sums over groups (the sandwich: White, 1982; Liang and Zeger, 1986).
    """
    chances = scaled(scores, temperature)
    logs = np.log(np.maximum(scores, CLIP)) / temperature
    mean = (chances * logs).sum(axis=1)
    slopes = np.bincount(groups, logs[np.arange(len(labels)), labels] - mean)
    curvature = float((chances * (logs - mean[:, None]) ** 2).sum())
    # Where the rows say next to nothing of the temperature, as those do that are all right, it may be any.
    return min(1.0, float(np.sqrt((slopes**2).sum())) / curvature) if curvature > CLIP else 1.0


def scale(scored: Scored, validation: Scored) -> tuple[Scored, list[float]]:
    """The same rows with the scores of each run scaled by the temperature that fits its validation rows, and the
    temperatures; predictions stay. Every run of both must have scores."""
    runs, found = [], []
    for run, fitted in zip(scored.runs, validation.runs, strict=True):
        assert run.scores is not None and fitted.scores is not None
        value = temperature(fitted.scores, validation.labels)
        error = temperature_error(fitted.scores, validation.labels, validation.groups, value)
        runs.append(replace(run, scores=scaled(run.scores, value), temperature_error=error))
        found.append(value)
    return replace(scored, runs=tuple(runs)), found


def confidence(run: SeedRun) -> np.ndarray:
    """Shape (rows,). Raises ValueError for a run without scores."""
    if run.scores is None:
        raise ValueError("no scores")
    own = run.scores[np.arange(len(run.scores)), run.predictions]
    return np.asarray(np.where(run.predictions >= 0, own, run.scores.max(axis=1)))


def bin_of(confidence: np.ndarray, bins: int) -> np.ndarray:
    """Number of each row's bin: equal widths, each closed above."""
    return np.asarray(np.clip(np.ceil(confidence * bins).astype(np.int64) - 1, 0, bins - 1))


@dataclass(frozen=True)
class Calibration:
    """What the bins of one run say."""

    ece: float
    """Sum over bins of |gap|, weighted by their rows: biased upwards, and never 0."""
    rms_calibration_error: float
    """Root of the mean squared gap, its bias taken off; 0 where less than nothing remains."""
    ece_if_calibrated: float
    """The ECE that as many rows would show on average were their confidences exact, but for the temperature's error."""
    p_calibrated: float
    """Of the hypothesis that they are."""


def measure(run: SeedRun, scored: Scored, bins: int) -> Calibration:
    """Calibration of a run on the rows of `scored`.

    The squared error is debiased bin by bin (Ferro and Fricker, 2012, A bias-corrected decomposition of the Brier
    score; Kumar et al., 2019, section 4, arXiv:1909.10155), with the gap's variance from the group sums. The test draws
    outcomes from the confidences (consistency resampling: Broecker and Smith, 2007) and widens what they scatter by the
    root of the design effect of the groups (Rao and Scott, 1981). Scores that were scaled draw their true temperature
    too: else the error of the fitted one would count against them (bench/coverage/calibration.py).
    """
    held = confidence(run)
    place = bin_of(held, bins)
    residuals = (run.predictions == scored.labels) - held
    rows = np.bincount(place, minlength=bins)
    used = rows > 0
    gaps = np.divide(np.bincount(place, residuals, bins), rows, out=np.zeros(bins), where=used)
    ece = float(np.abs(gaps) @ rows / rows.sum())
    squares = gaps**2 - _variance(residuals - gaps[place], place, scored.groups, bins)
    square = float(np.where(np.isfinite(squares), squares, 0) @ rows / rows.sum())
    widening = np.sqrt(_design_effect(residuals - gaps[place], scored.groups))
    by_chance = _by_chance(held, run.temperature_error * _logit(run, held), place, widening)
    return Calibration(
        ece=ece,
        rms_calibration_error=float(np.sqrt(max(square, 0.0))),
        ece_if_calibrated=float(by_chance.mean()),
        p_calibrated=float((1 + (by_chance >= ece).sum()) / (len(by_chance) + 1)),
    )


def _variance(
    deviations: np.ndarray, place: np.ndarray, groups: np.ndarray, bins: int
) -> np.ndarray:
    """Of each bin's gap, from the sums of the groups in it; infinite in a bin of one group, which tells nothing."""
    count = groups.max() + 1
    cells, cell = np.unique(place * count + groups, return_inverse=True)
    where = cells // count
    squares = np.bincount(where, np.bincount(cell, deviations) ** 2, bins)
    rows, held = np.bincount(place, minlength=bins), np.bincount(where, minlength=bins)
    known = held > 1
    variance = np.full(bins, np.inf)
    variance[known] = squares[known] / rows[known] ** 2 * held[known] / (held[known] - 1)
    return variance


def _design_effect(deviations: np.ndarray, groups: np.ndarray) -> float:
    """How much wider than rows of their own the groups make a sum of deviations vary; at least 1."""
    sums = np.bincount(groups, deviations)
    own = float((deviations**2).sum())
    return max(1.0, float((sums**2).sum()) / own) if own else 1.0


def _logit(run: SeedRun, held: np.ndarray) -> np.ndarray:
    """How far the logit of each row's confidence moves where all logits are stretched, as a share; shape (rows,).

    It is the log score of the prediction less the others' mean: of two classes, the logit itself.
    """
    assert run.scores is not None
    logs = np.log(np.maximum(run.scores, CLIP))
    own = np.log(np.maximum(held, CLIP))
    return np.asarray((own - (run.scores * logs).sum(axis=1)) / np.maximum(1 - held, CLIP))


def _by_chance(
    held: np.ndarray, error: np.ndarray, place: np.ndarray, widening: float
) -> np.ndarray:
    """ECE of DRAWS sets of outcomes that are right with the probability of their confidence, `widening` times as
    scattered. `error`, of shape (rows,), is the standard error of the confidences' logits; all of a set err alike."""
    generator = np.random.default_rng(SEED)
    order = np.argsort(place, kind="stable")
    sorted_held, sorted_error = (values[order].astype(np.float32) for values in (held, error))
    logits = logit(sorted_held.clip(CLIP, 1 - CLIP))
    shifts = ndtri((np.arange(DRAWS, dtype=np.float32)[:, None] + 0.5) / DRAWS)
    starts = np.flatnonzero(np.diff(place[order], prepend=-1))
    block = max(1, 4_000_000 // len(held))
    drawn = []
    for start in range(0, DRAWS, block):
        chances = np.broadcast_to(sorted_held, (min(block, DRAWS - start), len(held)))
        if error.any():
            chances = expit(logits + shifts[start : start + block] * sorted_error).astype(
                np.float32
            )
        right = generator.random(chances.shape, dtype=np.float32) < chances
        residuals = np.float32(widening) * (right - chances) + (chances - sorted_held)
        drawn.append(
            np.abs(np.add.reduceat(residuals, starts, axis=1, dtype=np.float64)).sum(axis=1)
        )
    return np.concatenate(drawn) / len(held)
