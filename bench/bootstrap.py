"""A vectorised bootstrap over groups, for all contestants and all metrics except AUROC. The library's intervals, which
do not resample, are compared with it.

A resample draws as many groups as there are, with replacement; a row counts as often as its group was drawn (Davison
and Hinkley, 1997, section 3.8; Miller, arXiv:2411.00640, section 2.2: rows of a group are not independent). What each
row adds to the metrics is a sparse matrix, which is summed over groups once. That matrix times a block of group weights
gives the metrics of every resample in the block. All numbers are float64, so counts are exact. Nothing here loads
`evaluate`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from scipy import sparse

from slingshot.metrics.formulas import CLIP
from slingshot.metrics.scored import ENOUGH_SEEDS, Scored, SeedRun

SEED = 20241
"""Default seed. Contestants on the same rows get the same resamples, so differences are paired. Another seed makes
independent resamples."""
LEAST, BLOCK, BLOCK_BYTES = 8, 64, 1_300_000
"""The fewest and the most resamples at a time, and the bytes of their weights, which should fit into a core's cache."""


def resample(
    contestants: Sequence[Scored], resamples: int, *, seed: int = SEED
) -> list[dict[str, np.ndarray]]:
    """For each contestant, metric -> its figure in each resample, shape (seeds, resamples).

    `recall` has the recall of each class, shape (seeds, classes, resamples), NaN if the resample lacks the class.
    `missing_class` is 1 if the resample lacks a class; macro figures are then means over the other classes. All
    contestants must be scored on the same rows. Contestants without scores have no losses.
    """
    groups = contestants[0].group_count
    statistics = [[Statistics(c, run) for run in c.runs] for c in contestants]
    blocks = [
        [[one.metrics(weights) for one in runs] for runs in statistics]
        for weights in group_weights(
            groups, resamples, max(LEAST, min(BLOCK, BLOCK_BYTES // (8 * groups))), seed
        )
    ]
    return [
        {
            name: np.stack(
                [
                    np.concatenate([block[c][s][name] for block in blocks], axis=-1)
                    for s in range(len(runs))
                ]
            )
            for name in blocks[0][c][0]
        }
        for c, runs in enumerate(statistics)
    ]


def point(scored: Scored, run: SeedRun) -> dict[str, float]:
    """Metric -> its figure on the rows without resampling; the metrics of `resample` without `recall`."""
    once = np.ones((scored.group_count, 1))
    figures = Statistics(scored, run).metrics(once)
    return {name: float(values[0]) for name, values in figures.items() if name != "recall"}


def over_seeds(figures: np.ndarray, seed: int = SEED) -> np.ndarray:
    """Figures of shape (seeds, resamples), averaged over seeds to shape (resamples,).

    With at least three seeds, each resample also draws its seeds with replacement, so that the interval includes the
    variance of training. A few seeds are closer to their own mean than to the true mean. So deviations are multiplied
    by sqrt(seeds / (seeds - 1)), which makes their variance right (Rao and Wu, 1988, section 2; bench/coverage).
    """
    seeds, means = len(figures), np.asarray(figures.mean(axis=0))
    if seeds < ENOUGH_SEEDS:
        return means
    drawn = np.random.default_rng([seed, seeds]).integers(0, seeds, size=figures.shape)
    apart = np.take_along_axis(figures, drawn, axis=0).mean(axis=0) - means
    return np.asarray(means + np.sqrt(seeds / (seeds - 1)) * apart)


def group_weights(
    groups: int, resamples: int, block: int = BLOCK, seed: int = SEED
) -> Iterator[np.ndarray]:
    """Multinomial counts of the groups, in blocks of shape (groups, up to `block` resamples).

    The counts do not depend on `block`. Counting uniform draws is five times as fast as `Generator.multinomial`.
    """
    generator = np.random.default_rng(seed)
    for start in range(0, resamples, block):
        size = min(block, resamples - start)
        drawn = generator.integers(0, groups, size=(size, groups), dtype=np.int32)
        cells = drawn + groups * np.arange(size)[:, None]
        counts = np.bincount(cells.ravel(), minlength=size * groups).reshape(size, groups)
        yield np.ascontiguousarray(counts.T, dtype=np.float64)


class Statistics:
    """What each group of one run adds to every metric except AUROC."""

    def __init__(self, scored: Scored, run: SeedRun) -> None:
        rows, labels = np.arange(len(scored.labels)), scored.labels
        present, codes = np.unique(labels, return_inverse=True)
        self.classes = len(present)
        correct = run.predictions == labels
        totals = {"rows": np.ones(len(rows)), "accuracy": correct, "coverage": run.predictions >= 0}
        if run.scores is not None:
            totals["log_loss"] = -np.log(np.maximum(run.scores[rows, labels], CLIP))
            totals["brier"] = np.sum(
                (run.scores - np.eye(run.scores.shape[1])[labels]) ** 2, axis=1
            )
        self.totals = list(totals)
        nearest = np.searchsorted(present, run.predictions).clip(max=self.classes - 1)
        counted = np.flatnonzero(present[nearest] == run.predictions)
        per_group = _cells(rows, scored.groups, (len(rows), scored.group_count))
        shape = (self.classes, len(rows))
        self.sums = (
            sparse.vstack(
                [
                    sparse.csr_array(np.stack(list(totals.values())).astype(np.float64)),
                    _cells(codes, rows, shape),
                    _cells(codes[correct], rows[correct], shape),
                    _cells(nearest[counted], counted, shape),
                ]
            ).tocsr()
            @ per_group
        )

    def metrics(self, weights: np.ndarray) -> dict[str, np.ndarray]:
        """Metric -> figures of shape (resamples,), for `recall` (classes, resamples). `weights` are counts of groups,
        shape (groups, resamples)."""
        at = np.cumsum([len(self.totals), self.classes, self.classes])
        totals, support, hits, predicted = np.split(self.sums @ weights, at)
        rows = totals[0]
        figures = {
            name: total / rows for name, total in zip(self.totals[1:], totals[1:], strict=True)
        }
        present = support > 0
        figures["recall"] = np.where(present, hits / np.maximum(support, 1), np.nan)
        figures["balanced_accuracy"] = _mean(hits / np.maximum(support, 1), present)
        figures["macro_f1"] = _mean(2 * hits / np.maximum(support + predicted, 1), present)
        figures["missing_class"] = 1.0 - present.all(axis=0)
        return figures


def _cells(
    rows: np.ndarray, columns: np.ndarray, shape: tuple[int, int], value: float = 1.0
) -> sparse.csr_array:
    """A sparse matrix with `value` at each (row, column); repeated cells are added up."""
    return sparse.csr_array((np.full(len(rows), value), (rows, columns)), shape=shape)


def _mean(values: np.ndarray, present: np.ndarray) -> np.ndarray:
    """Mean over axis 0 of the values that are `present`; NaN if none is."""
    with np.errstate(invalid="ignore"):
        return np.asarray(np.where(present, values, 0).sum(axis=0) / present.sum(axis=0))
