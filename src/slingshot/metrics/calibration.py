"""Whether scores are calibrated: temperature scaling, calibration errors, and a test of calibration.

A row's confidence is the score of its prediction. A failed row counts as wrong, and its confidence is its highest
score. The gap of a bin is its accuracy minus its mean confidence. All figures are those of one run. Rows of a group are
not assumed to be independent.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.special import expit, logit, ndtri

from slingshot.metrics.formulas import CLIP
from slingshot.metrics.scored import Scored, SeedRun

SEED = 20242
DRAWS = 2000
"""Sets of outcomes that are drawn under perfect calibration."""
COLDEST, HOTTEST = 0.05, 20.0
"""The lowest and the highest temperature that is tried."""


def temperature(scores: np.ndarray, labels: np.ndarray) -> float:
    """The T at which softmax(log scores / T) has the least log-loss (Guo et al., 2017, section 4.2, arXiv:1706.04599).

    `scores` has shape (rows, classes), `labels` (rows,). Log scores replace logits: they differ only by a constant for
    each row.
    """
    from scipy.optimize import minimize_scalar

    logs = np.log(np.maximum(scores, CLIP))
    of_label = logs[np.arange(len(labels)), labels]

    def log_loss(inverse: float) -> float:
        heights = inverse * logs
        top = heights.max(axis=1, keepdims=True)
        normaliser = top[:, 0] + np.log(np.exp(heights - top).sum(axis=1))
        return float(np.mean(normaliser - inverse * of_label))

    # The log-loss is convex in 1 / T, so there is one minimum.
    minimum = minimize_scalar(
        log_loss, bounds=(1 / HOTTEST, 1 / COLDEST), method="bounded", options={"xatol": 1e-5}
    )
    return float(1 / minimum.x)


def scaled(scores: np.ndarray, temperature: float) -> np.ndarray:
    """softmax(log scores / temperature), shape (rows, classes)."""
    heights = np.log(np.maximum(scores, CLIP)) / temperature
    raised = np.exp(heights - heights.max(axis=1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=1, keepdims=True))


def temperature_error(
    scores: np.ndarray, labels: np.ndarray, groups: np.ndarray, temperature: float
) -> float:
    """Standard error of a temperature that was fitted on these rows, as a share of the temperature; at most 1.

    It follows from the curvature of the log-loss and from sums over groups (the sandwich estimator: White, 1982; Liang
    and Zeger, 1986). `scores` has shape (rows, classes), `labels` and `groups` (rows,).
    """
    chances = scaled(scores, temperature)
    logs = np.log(np.maximum(scores, CLIP)) / temperature
    mean = (chances * logs).sum(axis=1)
    slopes = np.bincount(groups, logs[np.arange(len(labels)), labels] - mean)
    curvature = float((chances * (logs - mean[:, None]) ** 2).sum())
    # If all rows are right, they tell almost nothing about the temperature.
    return min(1.0, float(np.sqrt((slopes**2).sum())) / curvature) if curvature > CLIP else 1.0


def scale(scored: Scored, validation: Scored) -> tuple[Scored, list[float]]:
    """The rows of `scored`, with the scores of each run scaled by the temperature that fits its validation rows; and
    the temperature of each run. Predictions do not change. Every run of both must have scores."""
    runs, temperatures = [], []
    for run, fitted in zip(scored.runs, validation.runs, strict=True):
        assert run.scores is not None and fitted.scores is not None
        value = temperature(fitted.scores, validation.labels)
        error = temperature_error(fitted.scores, validation.labels, validation.groups, value)
        runs.append(replace(run, scores=scaled(run.scores, value), temperature_error=error))
        temperatures.append(value)
    return replace(scored, runs=tuple(runs)), temperatures


def confidence(run: SeedRun) -> np.ndarray:
    """Confidence of each row, shape (rows,). Raises ValueError for a run without scores."""
    if run.scores is None:
        raise ValueError("no scores")
    own = run.scores[np.arange(len(run.scores)), run.predictions]
    return np.asarray(np.where(run.predictions >= 0, own, run.scores.max(axis=1)))


def bin_of(confidence: np.ndarray, bins: int) -> np.ndarray:
    """Number of each row's bin, from 0; shape (rows,). Bins have equal width and include their upper end."""
    return np.asarray(np.clip(np.ceil(confidence * bins).astype(np.int64) - 1, 0, bins - 1))


@dataclass(frozen=True)
class Calibration:
    """Calibration figures of one run."""

    ece: float
    """Expected calibration error: the sum over bins of |gap|, weighted by their rows. It is biased upwards."""
    rms_calibration_error: float
    """Root of the mean squared gap without its bias; 0 if the bias is larger than the mean square."""
    ece_if_calibrated: float
    """The mean ECE of as many rows if confidences were exact, except for the error of the temperature."""
    p_calibrated: float
    """The chance of an ECE at least as large in that case."""


def measure(run: SeedRun, scored: Scored, bins: int) -> Calibration:
    """Calibration of a run on the rows of `scored`. Raises ValueError for a run without scores.

    The squared error is debiased bin by bin (Ferro and Fricker, 2012, A bias-corrected decomposition of the Brier
    score; Kumar et al., 2019, section 4, arXiv:1909.10155), with the gap's variance from the group sums. The test draws
    outcomes from the confidences (consistency resampling: Broecker and Smith, 2007). It widens their scatter by the
    root of the design effect of the groups (Rao and Scott, 1981). For scaled scores, a true temperature is drawn too.
    Otherwise the error of the fitted temperature would count as bad calibration (bench/coverage/calibration.py).
    """
    sure = confidence(run)
    place = bin_of(sure, bins)
    residuals = (run.predictions == scored.labels) - sure
    rows = np.bincount(place, minlength=bins)
    used = rows > 0
    gaps = np.divide(np.bincount(place, residuals, bins), rows, out=np.zeros(bins), where=used)
    ece = float(np.abs(gaps) @ rows / rows.sum())
    squares = gaps**2 - _variance(residuals - gaps[place], place, scored.groups, bins)
    square = float(np.where(np.isfinite(squares), squares, 0) @ rows / rows.sum())
    widening = np.sqrt(_design_effect(residuals - gaps[place], scored.groups))
    by_chance = _by_chance(sure, run.temperature_error * _logit(run, sure), place, widening)
    return Calibration(
        ece=ece,
        rms_calibration_error=float(np.sqrt(max(square, 0.0))),
        ece_if_calibrated=float(by_chance.mean()),
        p_calibrated=float((1 + (by_chance >= ece).sum()) / (len(by_chance) + 1)),
    )


def _variance(
    deviations: np.ndarray, place: np.ndarray, groups: np.ndarray, bins: int
) -> np.ndarray:
    """Variance of each bin's gap, from the sums of the groups in it; shape (bins,). It is infinite in a bin of one
    group, which tells nothing."""
    count = groups.max() + 1
    cells, cell = np.unique(place * count + groups, return_inverse=True)
    where = cells // count
    squares = np.bincount(where, np.bincount(cell, deviations) ** 2, bins)
    rows, in_bin = np.bincount(place, minlength=bins), np.bincount(where, minlength=bins)
    some = in_bin > 1
    variance = np.full(bins, np.inf)
    variance[some] = squares[some] / rows[some] ** 2 * in_bin[some] / (in_bin[some] - 1)
    return variance


def _design_effect(deviations: np.ndarray, groups: np.ndarray) -> float:
    """The factor by which groups raise the variance of a sum of deviations, compared with independent rows; at least
    1."""
    sums = np.bincount(groups, deviations)
    own = float((deviations**2).sum())
    return max(1.0, float((sums**2).sum()) / own) if own else 1.0


def _logit(run: SeedRun, sure: np.ndarray) -> np.ndarray:
    """The derivative of each row's logit of the confidence `sure` by a factor on all logits; shape (rows,).

    It is the log score of the prediction minus the mean log score of the other classes, weighted by their scores. With
    two classes, it is the logit itself.
    """
    assert run.scores is not None
    logs = np.log(np.maximum(run.scores, CLIP))
    own = np.log(np.maximum(sure, CLIP))
    return np.asarray((own - (run.scores * logs).sum(axis=1)) / np.maximum(1 - sure, CLIP))


def _by_chance(
    sure: np.ndarray, error: np.ndarray, place: np.ndarray, widening: float
) -> np.ndarray:
    """ECE of DRAWS sets of outcomes, shape (DRAWS,). Each row is right with the probability `sure`; the scatter is
    multiplied by `widening`. `error` is the standard error of the confidences' logits: within a set, all logits move
    together. `sure`, `error` and `place` (the row's bin) have shape (rows,)."""
    generator = np.random.default_rng(SEED)
    # Rows are sorted by bin, so each bin is a slice. Sets are drawn in blocks, because all at once need gigabytes.
    order = np.argsort(place, kind="stable")
    sorted_sure, sorted_error = (values[order].astype(np.float32) for values in (sure, error))
    logits = logit(sorted_sure.clip(CLIP, 1 - CLIP))
    shifts = ndtri((np.arange(DRAWS, dtype=np.float32)[:, None] + 0.5) / DRAWS)
    starts = np.flatnonzero(np.diff(place[order], prepend=-1))
    block = max(1, 4_000_000 // len(sure))
    drawn = []
    for start in range(0, DRAWS, block):
        chances = np.broadcast_to(sorted_sure, (min(block, DRAWS - start), len(sure)))
        if error.any():
            chances = expit(logits + shifts[start : start + block] * sorted_error).astype(
                np.float32
            )
        right = generator.random(chances.shape, dtype=np.float32) < chances
        residuals = np.float32(widening) * (right - chances) + (chances - sorted_sure)
        drawn.append(
            np.abs(np.add.reduceat(residuals, starts, axis=1, dtype=np.float64)).sum(axis=1)
        )
    return np.concatenate(drawn) / len(sure)
