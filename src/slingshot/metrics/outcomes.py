"""The outcomes of test rows, as input for metrics.tilted: observed outcomes, and extreme outcomes that may be missing
because there are few rows."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np

from slingshot.metrics.formulas import CLIP
from slingshot.metrics.scored import Scored, SeedRun
from slingshot.metrics.tilted import Gradient, Outcomes, linear

OfRows = tuple[Outcomes, np.ndarray, np.ndarray]
"""The outcomes, the number of each row's outcome, and the number of each row's stratum; both of shape (rows,)."""
LEVELS = 2_000
"""Steps from the lowest loss to the highest. All losses in one step are one outcome, at their mean."""
TAIL = 0.05
"""The chance that rows hide a larger share of extreme losses than `losses` assumes."""


def by_value(values: np.ndarray, *, paired: bool) -> OfRows:
    """Outcomes of the mean of `values`, shape (rows,). They lie from 0 to 1, or from -1 to 1 if they are `paired`
    differences."""
    return by_class(values, np.zeros(len(values), dtype=np.int64), paired=paired)


def by_class(values: np.ndarray, labels: np.ndarray, *, paired: bool) -> OfRows:
    """Outcomes of a macro mean: the mean value of each class's rows, averaged over classes. Both arrays have shape
    (rows,). The lowest and the highest possible value are outcomes of each class, even if no row has them."""
    codes = np.unique(labels, return_inverse=True)[1]
    classes = int(codes.max()) + 1
    ends = np.tile([-1.0 if paired else 0.0, 1.0], classes)
    levels, of_level = np.unique(np.concatenate([np.round(values, 12), ends]), return_inverse=True)
    # One number encodes class and level: np.unique over two columns takes twenty times as long.
    cells, of_row = np.unique(
        np.concatenate([codes, np.repeat(np.arange(classes), 2)]) * len(levels) + of_level,
        return_inverse=True,
    )
    of_row = of_row[: len(values)]
    counts = np.bincount(of_row, minlength=len(cells)).astype(np.float64)
    strata, level = np.divmod(cells, len(levels))
    return Outcomes(strata, counts, linear(levels[level] / classes)), of_row, codes


def losses(metric: str, sides: Sequence[Scored]) -> OfRows:
    """Outcomes of the mean log-loss or Brier score of one contestant, or of the first minus the second.

    Two more outcomes represent losses that few rows may hide. The possible extremes are the lowest and the highest loss
    of any row under any label. If none of n groups with a wrong row shows an extreme loss, at most a share of
    1 - TAIL^(1 / n) has it (Clopper and Pearson, 1934, at 0). The two outcomes lie that share of the way from the
    observed extremes to the possible extremes.
    """
    labels = sides[0].labels
    under = [
        np.asarray(np.mean([_losses(metric, run) for run in side.runs], axis=0)) for side in sides
    ]
    values, *second = (side[np.arange(len(labels)), labels] for side in under)
    seen, most = (np.array([side.min(), side.max()]) for side in (values, under[0]))
    if second:
        values = values - second[0]
        farthest = max(under[0].max() - under[1].min(), under[1].max() - under[0].min())
        seen, most = (np.array([-far, far]) for far in (np.abs(values).max(), farthest))
    wrong = np.any([run.predictions != labels for side in sides for run in side.runs], axis=0)
    beyond = 1 - TAIL ** (1 / max(1e-9, len(np.unique(sides[0].groups[wrong]))))
    ends = seen + beyond * (most - seen)
    steps = np.round((values - ends[0]) / (np.ptp(ends) or 1.0) * LEVELS)
    _, of_row, counts = np.unique(steps, return_inverse=True, return_counts=True)
    means = np.bincount(of_row, values) / counts
    outcomes = Outcomes(
        np.zeros(len(counts) + 2, dtype=np.int64),
        np.append(counts, [0.0, 0.0]),
        linear(np.append(means, ends)),
    )
    return outcomes, of_row, np.zeros(len(labels), dtype=np.int64)


def _losses(metric: str, run: SeedRun) -> np.ndarray:
    """The loss of each row if each class were its label; shape (rows, classes)."""
    assert run.scores is not None
    if metric == "log_loss":
        return np.asarray(-np.log(np.maximum(run.scores, CLIP)))
    return np.asarray((run.scores**2).sum(axis=1, keepdims=True) - 2 * run.scores + 1)


def macro_f1(sides: Sequence[Scored]) -> OfRows:
    """Outcomes of the macro-F1 of one contestant, or of the first minus the second.

    An outcome is a row's class with the predictions of all runs. Each class may also hide rows that a side predicts
    right in every run, or wrong in the most costly way.
    """
    present, codes = np.unique(sides[0].labels, return_inverse=True)
    runs = [run for side in sides for run in side.runs]
    of_side = np.repeat(np.arange(len(sides)), [len(side.runs) for side in sides])
    signs = np.array([1.0, -1.0])[of_side] / np.array([len(side.runs) for side in sides])[of_side]
    # A class without rows has no F1 to lower, so its predictions become -1.
    code_of = np.full(int(max(present.max(), *(run.predictions.max() for run in runs))) + 2, -1)
    code_of[present] = np.arange(len(present))
    seen = np.stack([codes, *(code_of[run.predictions] for run in runs)], axis=1)
    rows = np.bincount(codes)
    hidden = _hidden(seen, rows, of_side)
    cells, of_row = np.unique(np.concatenate([seen, hidden]), axis=0, return_inverse=True)
    of_row = of_row.ravel()[: len(seen)]
    counts = np.bincount(of_row, minlength=len(cells)).astype(np.float64)
    return Outcomes(cells[:, 0], counts, _f1_gradient(cells, rows, signs)), of_row, codes


def _hidden(seen: np.ndarray, rows: np.ndarray, of_side: np.ndarray) -> np.ndarray:
    """Possible rows of each class, on which each side is right or wrong in the most costly way. Each has its class and
    the predictions of all runs; shape (classes * 2^sides, 1 + runs)."""
    classes = np.arange(len(rows))
    # The most costly wrong prediction is the class whose F1 it lowers most.
    harms = []
    for predicted in seen[:, 1:].T:
        hits = np.bincount(seen[:, 0], predicted == seen[:, 0])
        total = rows + np.bincount(predicted[predicted >= 0], minlength=len(rows))
        harms.append(2 * hits / total**2)
    hidden = []
    for place in classes:
        worst = [
            int(np.argmax(np.where(classes == place, -1.0, harm))) if len(rows) > 1 else -1
            for harm in harms
        ]
        for right in product((True, False), repeat=int(of_side.max()) + 1):
            runs = [place if right[side] else worst[run] for run, side in enumerate(of_side)]
            hidden.append([place, *runs])
    return np.array(hidden)


def _f1_gradient(cells: np.ndarray, rows: np.ndarray, signs: np.ndarray) -> Gradient:
    """The macro-F1, summed over runs with `signs` as weights, and its derivatives.

    F1 = 2 hits / (rows + predictions). A larger share of an outcome adds hits to its class if the outcome is right, and
    adds predictions to the predicted class, which lowers that class's F1.
    """
    strata, classes = cells[:, 0], len(rows)
    columns = [
        (cells[:, 1 + run], cells[:, 1 + run] == strata, cells[:, 1 + run] >= 0)
        for run in range(len(signs))
    ]

    def gradient(shares: np.ndarray) -> tuple[float, np.ndarray]:
        weights = shares * rows[strata]
        value, slopes = 0.0, np.zeros(len(shares))
        for sign, (predicted, right, known) in zip(signs, columns, strict=True):
            hits = np.bincount(strata, weights * right, classes)
            total = rows + np.bincount(predicted[known], weights[known], classes)
            f1 = 2 * hits / total
            lost = np.where(known, (f1 / total)[predicted], 0.0)
            slopes += sign * rows[strata] / classes * (2 * right / total[strata] - lost)
            value += sign * float(f1.mean())
        return value, slopes

    return gradient
