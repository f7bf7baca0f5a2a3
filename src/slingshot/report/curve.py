"""Learning curves, from the points in metrics/curve/D.csv: a metric against the number of training rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import TextIO

from slingshot.points import SCORES, Point, read_points
from slingshot.report.grid import Grid
from slingshot.report.inputs import METRICS, Results
from slingshot.report.numbers import MISSING, count, score
from slingshot.report.words import METRIC_NAMES
from slingshot.settings import Settings, UserError, nearest

FROM_SCORES = ("auroc", "log_loss", "brier", "ece")
SOURCES = "An LLM's scores may be of another source than a model's softmax: the report names each contestant's."
WIDTH = 24
"""Characters across which the terminal draws a figure."""


@dataclass(frozen=True)
class Level:
    """One contestant with one number of training rows, over its seeds."""

    contestant: str
    train_rows: int
    prompted: bool
    """Whether its rows are the shots of a prompt, which no fraction changes."""
    values: tuple[float, ...]

    @property
    def text(self) -> str:
        if not self.values:
            return MISSING
        if len(self.values) == 1:
            return score(self.values[0])
        return f"{score(fmean(self.values))} [{score(min(self.values))}–{score(max(self.values))}]"


def known(metric: str) -> str:
    """The metric, if points hold it. Raises UserError with the nearest known one."""
    if metric not in SCORES:
        raise UserError(f"--metric: no metric '{metric}'{nearest(metric, SCORES)}")
    return metric


def read(settings: Settings, dataset: str | None = None, metrics: Path = METRICS) -> dict[str, list[Point]]:
    """The points of every data set that has some, or of the one named. Raises UserError where there are none."""
    if dataset is not None:
        settings.dataset(dataset)
    names = settings.datasets if dataset is None else [dataset]
    curves = {name: read_points(metrics / "curve" / f"{name}.csv") for name in names}
    if not any(curves.values()):
        raise UserError(
            f"{metrics}/curve: no points{f' of {dataset}' if dataset else ''} yet; train on another number of rows, "
            "e.g. `dvc exp run --temp -S fraction=0.25`, then run `slingshot curve --write`"
        )
    return {name: points for name, points in curves.items() if points}


def levels(points: Sequence[Point], metric: str) -> list[Level]:
    """By contestant in the order of the points, then by training rows."""
    found: dict[tuple[str, int], list[Point]] = {}
    order = list(dict.fromkeys(point.contestant for point in points))
    for point in sorted(points, key=lambda point: (order.index(point.contestant), point.train_rows)):
        found.setdefault((point.contestant, point.train_rows), []).append(point)
    return [
        Level(
            name,
            rows,
            all(point.fraction is None for point in held),
            tuple(value for point in held if (value := getattr(point, metric)) is not None),
        )
        for (name, rows), held in found.items()
    ]


def build(results: Results, primary: str) -> Grid | None:
    """A row a contestant and a column a number of training rows; None under two of these."""
    found = levels(results.curve, primary)
    rows = sorted({level.train_rows for level in found if not level.prompted})
    if len(rows) < 2:
        return None
    held = {(level.contestant, level.train_rows): level.text for level in found}
    trained = [c for c in results.contestants if any((c.name, number) in held for number in rows)]
    return Grid(
        heading="Learning curve",
        caption=f"By the number of training rows: {METRIC_NAMES[primary]} on test, mean over seeds [lowest–highest].",
        columns=("Contestant", *map(count, rows)),
        rows=tuple((c.title, *(held.get((c.name, number), MISSING) for number in rows)) for c in trained),
        notes=("From DVC's experiments, by `slingshot curve --write`; a dash is a number of rows not trained on.",),
    )


def show(curves: Mapping[str, Sequence[Point]], metric: str, file: TextIO | None = None) -> None:
    """Print each data set's points: a line a contestant and number of rows, drawn on one scale."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from slingshot.report.terminal import console

    out = console(file)
    for dataset, points in curves.items():
        found = levels(points, metric)
        values = [value for level in found for value in level.values]
        low, high = min(values, default=0.0), max(values, default=1.0)
        grid = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
        grid.add_column("Contestant", overflow="fold")
        for heading in ("Training rows", metric, "Seeds"):
            grid.add_column(heading, justify="right", no_wrap=True)
        grid.add_column(f"{score(low)}{score(high):>{WIDTH - 5}}", no_wrap=True)
        for level in found:
            rows = f"{count(level.train_rows)} shots" if level.prompted else count(level.train_rows)
            cells = level.contestant, rows, level.text, str(len(level.values)), drawn(level, low, high)
            grid.add_row(*map(Text, cells))
        out.print(Text(dataset, style="bold"), grid)
        if metric in FROM_SCORES and any(level.prompted for level in found):
            out.print(Text(SOURCES), soft_wrap=True)


def drawn(level: Level, low: float, high: float) -> str:
    """The mean as ● on a line from the lowest seed's figure to the highest's, `low` to `high` across."""
    if not level.values:
        return ""

    def at(value: float) -> int:
        return round((value - low) / (high - low) * (WIDTH - 1)) if high > low else 0

    first, mean, last = at(min(level.values)), at(fmean(level.values)), at(max(level.values))
    return "".join("●" if i == mean else "─" if first <= i <= last else " " for i in range(last + 1))
