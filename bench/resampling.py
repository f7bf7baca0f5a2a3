"""The bootstrap of one cell against scikit-learn's metrics on resampled rows, side by side.

    python -m bench.resampling                      # 10,000 resamples of 5,000 rows in 5 classes

Both compute accuracy, balanced accuracy, macro-F1, AUROC, log-loss and Brier of every resample. scikit-learn's time is
that of a few resamples, scaled.
"""

from __future__ import annotations

import time

import click
import numpy as np

from slingshot.metrics import bootstrap
from slingshot.metrics.scored import Run, Scored


def cell(rows: int, classes: int) -> Scored:
    """A contestant of random scores that lean to the label, each row a group of its own."""
    generator = np.random.default_rng(0)
    labels = generator.integers(0, classes, rows)
    scores = generator.dirichlet(np.ones(classes), rows)
    scores[np.arange(rows), labels] += 0.3
    scores /= scores.sum(axis=1, keepdims=True)
    return Scored(np.arange(rows), labels, np.arange(rows), "softmax", (Run(0, scores.argmax(axis=1), scores),), {})


def peer(scored: Scored, resamples: int) -> dict[str, np.ndarray]:
    """The same figures, resample by resample, on the very rows that ours weighs."""
    from sklearn.metrics import balanced_accuracy_score, brier_score_loss, f1_score, log_loss, roc_auc_score

    run = scored.runs[0]
    assert run.scores is not None
    weights = next(bootstrap.group_weights(scored.group_count, resamples, resamples)).astype(int)
    found: dict[str, list[float]] = {}
    for counts in weights.T:
        rows = np.repeat(np.arange(len(counts)), counts)
        labels, predictions, scores = scored.labels[rows], run.predictions[rows], run.scores[rows]
        figures = {
            "accuracy": float(np.mean(labels == predictions)),
            "balanced_accuracy": balanced_accuracy_score(labels, predictions),
            "macro_f1": f1_score(labels, predictions, average="macro"),
            "auroc": roc_auc_score(labels, scores, multi_class="ovr"),
            "log_loss": log_loss(labels, scores),
            "brier": brier_score_loss(labels, scores),
        }
        for name, value in figures.items():
            found.setdefault(name, []).append(value)
    return {name: np.array(values) for name, values in found.items()}


@click.command(help=__doc__)
@click.option("--rows", default=5000, show_default=True)
@click.option("--classes", default=5, show_default=True)
@click.option("--resamples", default=10_000, show_default=True)
@click.option("--slow", default=100, show_default=True, help="Resamples that scikit-learn is timed on.")
def main(rows: int, classes: int, resamples: int, slow: int) -> None:
    scored = cell(rows, classes)
    started = time.perf_counter()
    [ours] = bootstrap.resample([scored], resamples)
    seconds = time.perf_counter() - started
    peer(scored, 1)  # it imports what it needs
    started = time.perf_counter()
    theirs = peer(scored, slow)
    scaled = (time.perf_counter() - started) * resamples / slow
    apart = max(float(np.abs(ours[name][0, :slow] - values).max()) for name, values in theirs.items())
    click.echo(
        f"{resamples:,} resamples of {rows:,} rows in {classes} classes: {seconds:.2f} s; scikit-learn {scaled:.0f} s "
        f"(from {slow}); ratio {scaled / seconds:.0f}; largest difference {apart:.1e}"
    )


if __name__ == "__main__":
    main()
