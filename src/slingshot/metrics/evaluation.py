"""The files that the stage evaluate writes for one contestant: scores, intervals, and the points of plots."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import get_args

from slingshot.files import paths
from slingshot.files.storage.digests import md5_file
from slingshot.files.storage.folders import keep_only
from slingshot.files.storage.parquet import read_metadata
from slingshot.metrics import intervals, plots
from slingshot.metrics.scored import PreparedRows, Scored
from slingshot.settings import MetricsSettings


def write(
    prepared: PreparedRows,
    name: str,
    splits: Mapping[str, Scored],
    settings: MetricsSettings,
) -> str:
    """Write metrics/scores, metrics/intervals and data/plots of the contestant `name`.

    Returns its primary metric with the interval, in words.
    """
    dataset, test = prepared.dataset, splits["test"]
    file = prepared.path(name)
    metadata = read_metadata(file)
    origin = intervals.Origin(metadata["fraction"], metadata["train_rows"], md5_file(file))
    evaluation = intervals.evaluate(
        test, splits.get("validation"), prepared.labels, settings, origin
    )
    evaluation.scores.write(paths.scores(dataset, name))
    evaluation.intervals.write(paths.intervals(dataset, name))
    plots.write(dataset, name, test, evaluation.scaled, prepared.labels, settings.ece_bins)
    return intervals.headline(settings.primary, evaluation.intervals.metrics[settings.primary])


def sweep(dataset: str, names: Collection[str]) -> None:
    """Delete files of other contestants than `names` from the folders that `write` writes to."""
    folders = [paths.scores_folder(dataset), paths.intervals_folder(dataset)]
    folders += [paths.plots(dataset, kind) for kind in get_args(paths.PlotKind)]
    for folder in folders:
        keep_only(folder, names)
