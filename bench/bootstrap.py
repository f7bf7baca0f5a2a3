"""One vectorised bootstrap over groups, for all metrics but AUROC of all contestants: what the library's intervals,
which do not resample, are measured against, and what whole studies of many metrics take.

A resample draws as many groups as there are, with replacement; a row counts as often as its group
was drawn (Davison and Hinkley, 1997, section 3.8; Miller, arXiv:2411.00640, section 2.2: rows of a
group are not independent). What a row adds to a metric is a column of a sparse matrix, summed over
groups once; that matrix times a block of group weights gives the metric of every resample in it.
Everything is float64, so counts are exact. Nothing here loads `evaluate`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from scipy import sparse

from slingshot.metrics.formulas import CLIP
from slingshot.metrics.scored import ENOUGH_SEEDS, Scored, SeedRun

SEED = 20241
"""Of every bootstrap: contestants on the same rows meet the same resamples, so differences are paired. Another seed
makes resamples independent of these."""
LEAST, BLOCK, BLOCK_BYTES = 8, 64, 1_300_000
"""Resamples at a time, and bytes of their weights: as much as a core's cache likes."""


def resample(
    contestants: Sequence[Scored], resamples: int, *, seed: int = SEED
) -> list[dict[str, np.ndarray]]:
    """For each contestant, metric -> its figure in each resample, shape (seeds, resamples); `recall` is that of
    each class among the rows, shape (seeds, classes, resamples), NaN where the resample has none of it.

    All contestants must be scored on the same rows. Losses are left out for a contestant without scores.
    `missing_class` is 1 where a class of the rows has none in the resample, so that macro figures average over the
    rest.
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
    """Metric -> its figure on the rows as they are; as in `resample`, without those of each class."""
    once = np.ones((scored.group_count, 1))
    figures = Statistics(scored, run).metrics(once)
    return {name: float(held[0]) for name, held in figures.items() if name != "recall"}


def over_seeds(figures: np.ndarray, seed: int = SEED) -> np.ndarray:
    """Figures of shape (seeds, resamples), averaged over seeds to shape (resamples,).

    With at least three seeds each resample draws its seeds with replacement too, so that the interval holds the
    variance of training. A few seeds lie closer to their own mean than to that of all: what is drawn is widened by
    sqrt(seeds / (seeds - 1)), which makes its variance right (Rao and Wu, 1988, section 2; bench/coverage.py).
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

    The same counts whatever the block: counting uniform draws is five times as fast as
    `Generator.multinomial`.
    """
    generator = np.random.default_rng(seed)
    for start in range(0, resamples, block):
        size = min(block, resamples - start)
        drawn = generator.integers(0, groups, size=(size, groups), dtype=np.int32)
        cells = drawn + groups * np.arange(size)[:, None]
        counts = np.bincount(cells.ravel(), minlength=size * groups).reshape(size, groups)
        yield np.ascontiguousarray(counts.T, dtype=np.float64)


class Statistics:
    """What each group of one run adds to every metric but AUROC."""

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
        """Metric -> figures of shape (resamples,), for `recall` (classes, resamples), under whole weights of shape
        (groups, resamples)."""
        at = np.cumsum([len(self.totals), self.classes, self.classes])
        totals, support, hits, predicted = np.split(self.sums @ weights, at)
        rows = totals[0]
        figures = {
            name: total / rows for name, total in zip(self.totals[1:], totals[1:], strict=True)
        }
        held = support > 0
        figures["recall"] = np.where(held, hits / np.maximum(support, 1), np.nan)
        figures["balanced_accuracy"] = _mean(hits / np.maximum(support, 1), held)
        figures["macro_f1"] = _mean(2 * hits / np.maximum(support + predicted, 1), held)
        figures["missing_class"] = 1.0 - held.all(axis=0)
        return figures


def _cells(
    rows: np.ndarray, columns: np.ndarray, shape: tuple[int, int], value: float = 1.0
) -> sparse.csr_array:
    """A sparse matrix with `value` at each (row, column), added up where a cell stands twice."""
    return sparse.csr_array((np.full(len(rows), value), (rows, columns)), shape=shape)


def _mean(values: np.ndarray, held: np.ndarray) -> np.ndarray:
    """Mean over axis 0 of the values that are held; NaN where none is."""
    with np.errstate(invalid="ignore"):
        return np.asarray(np.where(held, values, 0).sum(axis=0) / held.sum(axis=0))
