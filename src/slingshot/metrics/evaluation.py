"""What evaluate writes of one contestant: its scores, their intervals, and the points of its plots."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import get_args

from slingshot.files import paths
from slingshot.files.storage.digests import md5_file
from slingshot.files.storage.folders import keep_only
from slingshot.files.storage.json_files import write_json
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

    Its temperatures are fitted once. Gives back its primary metric with the interval, in words.
    """
    dataset, test, validation = prepared.dataset, splits["test"], splits.get("validation")
    scaled = intervals.temperature_scaled(test, validation)
    points, detail = intervals.evaluate(test, validation, prepared.labels, settings, scaled)
    metadata = read_metadata(paths.predictions(dataset, name))
    points |= {key: metadata[key] for key in ("fraction", "train_rows")}
    detail["predictions"] = md5_file(paths.predictions(dataset, name))
    write_json(paths.scores(dataset, name), points)
    write_json(paths.intervals(dataset, name), detail)
    plots.write(dataset, name, test, scaled.scored, prepared.labels, settings.ece_bins)
    return intervals.headline(settings.primary, detail["metrics"][settings.primary])


def sweep(dataset: str, names: Collection[str]) -> None:
    """Delete what an earlier study's contestants left in the folders that `write` writes to."""
    for kind in ("scores", "intervals"):
        keep_only(paths.METRICS / kind / dataset, names)
    for kind in get_args(paths.PlotKind):
        keep_only(paths.plots(dataset, kind), names)
