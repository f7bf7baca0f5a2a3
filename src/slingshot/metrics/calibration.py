"""Whether scores mean what they say: temperature scaling, calibration errors and a test of them, coverage and risk.

A row's confidence is the score of its prediction; for a failed row, which is wrong, the highest. The gap of a bin is
its accuracy minus its mean confidence. Figures of one run; rows of a group are not taken to be independent.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from slingshot.metrics.bootstrap import CLIP
from slingshot.metrics.scored import Run, Scored

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
    found = minimize_scalar(log_loss, bounds=(1 / HOTTEST, 1 / COLDEST), method="bounded", options={"xatol": 1e-5})
    return float(1 / found.x)


def scaled(scores: np.ndarray, temperature: float) -> np.ndarray:
    """softmax(log scores / temperature), shape (rows, classes)."""
    heights = np.log(np.maximum(scores, CLIP)) / temperature
    raised = np.exp(heights - heights.max(axis=1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=1, keepdims=True))


def scale(scored: Scored, temperatures: list[float]) -> Scored:
    """The same rows with the scores of each run scaled by its temperature; predictions stay."""
    runs = [
        run if run.scores is None else replace(run, scores=scaled(run.scores, value))
        for run, value in zip(scored.runs, temperatures, strict=True)
    ]
    return replace(scored, runs=tuple(runs))


def confidence(run: Run) -> np.ndarray:
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
    """The ECE that as many rows would show on average were their confidences exact."""
    p_calibrated: float
    """Of the hypothesis that they are."""


def measure(run: Run, scored: Scored, bins: int) -> Calibration:
    """Calibration of a run on the rows of `scored`.

    The squared error is debiased bin by bin (Ferro and Fricker, 2012, A bias-corrected decomposition of the Brier
    score; Kumar et al., 2019, section 4, arXiv:1909.10155), with the gap's variance from the group sums. The test draws
    outcomes from the confidences (consistency resampling: Broecker and Smith, 2007) and widens their ECE by the root
    of the design effect of the groups (Rao and Scott, 1981).
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
    by_chance = _by_chance(held, place, bins) * np.sqrt(_design_effect(residuals - gaps[place], scored.groups))
    return Calibration(
        ece=ece,
        rms_calibration_error=float(np.sqrt(max(square, 0.0))),
        ece_if_calibrated=float(by_chance.mean()),
        p_calibrated=float((1 + (by_chance >= ece).sum()) / (len(by_chance) + 1)),
    )


def _variance(deviations: np.ndarray, place: np.ndarray, groups: np.ndarray, bins: int) -> np.ndarray:
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


def _by_chance(held: np.ndarray, place: np.ndarray, bins: int) -> np.ndarray:
    """ECE of DRAWS sets of outcomes that are right with the probability of their confidence."""
    generator = np.random.default_rng(SEED)
    order = np.argsort(place, kind="stable")
    sorted_held = held[order].astype(np.float32)
    starts = np.flatnonzero(np.diff(place[order], prepend=-1))
    block = max(1, 4_000_000 // len(held))
    drawn = []
    for start in range(0, DRAWS, block):
        shape = (min(block, DRAWS - start), len(held))
        residuals = (generator.random(shape, dtype=np.float32) < sorted_held) - sorted_held
        drawn.append(np.abs(np.add.reduceat(residuals, starts, axis=1, dtype=np.float64)).sum(axis=1))
    return np.concatenate(drawn) / len(held)
