"""Points of learning curves: metrics/curve/D.csv, which `slingshot curve --write` fills and the report reads.

A point has a figure of every metric that the catalogue marks with `curve`. The file has a column for each of them.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

from slingshot.files.codes import NO_SEED
from slingshot.files.storage.json_files import write_text
from slingshot.settings import UserError
from slingshot.settings.catalogue import METRICS

SCORES = tuple(metric.key for metric in METRICS.values() if metric.curve)
"""The metrics of a point, in the order of the file's columns."""


@dataclass(frozen=True)
class Point:
    """One line of metrics/curve/D.csv: a contestant's figures on test with one training seed."""

    experiment: str
    """The experiment's name in DVC, or `HEAD` or `workspace`."""
    commit: str
    """Empty for the workspace."""
    fraction: float | None
    """None for an LLM: its training rows are its shots."""
    train_rows: int
    split_seed: int
    training_seed: int
    contestant: str
    definition: str
    """A hash of data set and contestant in params.yaml (`commands.definitions`). A curve holds points of one
    definition."""
    data: str
    """A hash of the usable rows (`audit.measured_on`); empty where an older Slingshot wrote the file."""
    split: str
    """A hash of the prepared rows and labels. With the same split seed, all points of a curve have the same split."""
    figures: Mapping[str, float | None]
    """Metric -> its figure. A figure that is None or missing is undefined."""

    @property
    def key(self) -> tuple[str, int, int, int]:
        """The values that no other point of a file has. With one split seed, equally many training rows are the same
        rows."""
        return self.contestant, self.train_rows, self.split_seed, self.training_seed

    def figure(self, metric: str) -> float | None:
        """The figure of one of SCORES; None where it is undefined."""
        return self.figures.get(metric)


FACTS = tuple(field.name for field in fields(Point) if field.name != "figures")
COLUMNS = (*FACTS, *SCORES)
MEASURED_ON = ("data", "split")
"""Columns that files of an older Slingshot lack."""


def of_today(
    points: Sequence[Point], measured: tuple[str, str] | None, seed: int
) -> tuple[list[Point], str]:
    """The points of today's rows, and a sentence on the points that are left out; empty where all are of today's rows.

    `measured` is `Audit.measured_on` of today's rows; None where it is not known. `seed` is the seed of today's split.
    A point of another split seed belongs to the curve if its usable rows are the same.
    """
    known = [point for point in points if point.data]
    data, split = measured or (None, None)
    todays = [
        point
        for point in known
        if not data or (point.data == data and (point.split_seed != seed or point.split == split))
    ]
    names = sorted({point.experiment for point in points if point not in todays})
    if not names:
        return todays, ""
    why = "were measured on other rows than today's, or on unknown rows"
    return todays, (
        f"{len(points) - len(todays)} learning-curve points are left out, of {', '.join(names)}: they {why}. Run the "
        "experiments again, then `slingshot curve --write`."
    )


def write_points(path: Path, points: Sequence[Point]) -> None:
    """Write metrics/curve/D.csv, sorted. Raises ValueError where the points break the contract."""
    problem = _problem(points)
    if problem:
        raise ValueError(f"{path}: {problem}")
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for point in sorted(points, key=lambda point: point.key):
        facts = [getattr(point, name) for name in FACTS]
        writer.writerow([*facts, *(point.figure(metric) for metric in SCORES)])
    write_text(path, text.getvalue())


def read_points(path: Path) -> list[Point]:
    """The points of a data set; none where the file is missing or holds its header only.

    A file of an older Slingshot may lack MEASURED_ON, which are then empty, and the columns of newer metrics, whose
    figures are then None. Raises UserError when the file breaks the contract.
    """
    if not path.exists():
        return []
    try:
        header, *lines = csv.reader(path.read_text(encoding="utf-8").splitlines() or [""])
        points = [_point(header, line) for line in lines]
        problem = _problem(points)
    except (ValueError, csv.Error) as error:
        problem = str(error)
    if problem:
        raise UserError(f"{path}: {problem}; restore it with `git restore {path}`")
    return points


def _point(header: Sequence[str], line: Sequence[str]) -> Point:
    """The point of a line. Raises ValueError where a cell is missing or is not a number."""
    cells = dict(zip(header, line, strict=True))
    missing = [name for name in FACTS if name not in cells and name not in MEASURED_ON]
    if missing:
        raise ValueError(f"column {missing[0]} is missing")
    return Point(
        experiment=cells["experiment"],
        commit=cells["commit"],
        fraction=_number(cells["fraction"]),
        train_rows=int(cells["train_rows"]),
        split_seed=int(cells["split_seed"]),
        training_seed=int(cells["training_seed"]),
        contestant=cells["contestant"],
        definition=cells["definition"],
        data=cells.get("data", ""),
        split=cells.get("split", ""),
        figures={metric: _number(cells.get(metric, "")) for metric in SCORES},
    )


def _number(cell: str) -> float | None:
    return float(cell) if cell else None


def _problem(points: Sequence[Point]) -> str | None:
    """How the points break the contract; None where they keep it."""
    keys, splits = set(), dict[int, str]()
    for point in points:
        of_split = splits.setdefault(point.split_seed, point.split)
        if point.data != points[0].data or of_split != point.split:
            return f"{points[0].experiment} and {point.experiment} were measured on other rows"
        if point.key in keys:
            return f"{point.contestant} appears twice with {point.train_rows} training rows and the same seeds"
        keys.add(point.key)
        if problem := _problem_of(point):
            return problem
    return None


def _problem_of(point: Point) -> str | None:
    if not point.contestant or not point.experiment:
        return "a line lacks its contestant or its experiment"
    if point.fraction is not None and not 0 < point.fraction <= 1:
        return f"fraction {point.fraction} of {point.contestant} is not in (0, 1]"
    if point.train_rows < 0 or point.training_seed < NO_SEED or point.split_seed < 0:
        return f"a number of {point.contestant} is negative"
    if not all(value is None or math.isfinite(value) for value in point.figures.values()):
        return f"a figure of {point.contestant} is not finite"
    return None
