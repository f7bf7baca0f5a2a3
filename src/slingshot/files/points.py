"""Learning-curve points: the contract of metrics/curve/D.csv, filled by `slingshot curve --write`, read by report."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Any

from slingshot.files.codes import NO_SEED
from slingshot.files.storage.json_files import write_text
from slingshot.settings import UserError

SCORES = ("accuracy", "balanced_accuracy", "macro_f1", "auroc", "log_loss", "brier", "ece")


@dataclass(frozen=True)
class Point:
    """One line of metrics/curve/D.csv: what a contestant scored on test with one training seed."""

    experiment: str
    """Its name in DVC, or `HEAD` or `workspace`."""
    commit: str
    """Empty for the workspace."""
    fraction: float | None
    """None for an LLM, whose training rows are its shots."""
    train_rows: int
    split_seed: int
    training_seed: int
    contestant: str
    definition: str
    """Of data set and contestant in params.yaml (`experiments.definition`): points of another are another curve's."""
    data: str
    """The usable rows (`measured_on`); empty where an older Slingshot wrote the file."""
    split: str
    """The prepared rows and labels: of one split seed, points of one split alone are compared."""
    accuracy: float | None
    balanced_accuracy: float | None
    macro_f1: float | None
    auroc: float | None
    log_loss: float | None
    brier: float | None
    ece: float | None

    @property
    def key(self) -> tuple[str, int, int, int]:
        """What a file holds once: under one split seed, as many rows are the same rows."""
        return self.contestant, self.train_rows, self.split_seed, self.training_seed

    @property
    def figures(self) -> tuple[float | None, ...]:
        return tuple(getattr(self, name) for name in SCORES)


COLUMNS = tuple(field.name for field in fields(Point))
MEASURED_ON = ("data", "split")
"""Columns that files of an older Slingshot lack."""


def of_today(
    points: Sequence[Point], measured: tuple[str, str] | None, seed: int
) -> tuple[list[Point], str]:
    """The points that were measured on the rows that `audit` is of, split by `seed`; of other split seeds, on the same
    rows; where it does not say, those that do. And which are left out, and why, in words; empty where none is."""
    known = [point for point in points if point.data]
    data, split = measured or (None, None)
    kept = [
        p
        for p in known
        if not data or (p.data == data and (p.split_seed != seed or p.split == split))
    ]
    names = sorted({point.experiment for point in points if point not in kept})
    if not names:
        return kept, ""
    why = "were measured on other rows than there are today, or do not say on which"
    return kept, (
        f"{len(points) - len(kept)} learning-curve points are left out, of {', '.join(names)}: they {why}. Run the "
        "experiments again, then `slingshot curve --write`."
    )


def write_points(path: Path, points: Sequence[Point]) -> None:
    """Write metrics/curve/D.csv, sorted. Raises ValueError where the points break the contract."""
    problem = _problem(points)
    if problem:
        raise ValueError(f"{path}: {problem}")
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows(
        [COLUMNS, *(astuple(point) for point in sorted(points, key=lambda point: point.key))]
    )
    write_text(path, text.getvalue())


def read_points(path: Path) -> list[Point]:
    """The points of a data set; none where the file is missing or holds its header only. Those of an older Slingshot
    do not say what they were measured on. Raises UserError when the file breaks the contract."""
    if not path.exists():
        return []
    try:
        header, *lines = csv.reader(path.read_text(encoding="utf-8").splitlines() or [""])
        older = not set(MEASURED_ON) & set(header)
        columns = [name for name in COLUMNS if not (older and name in MEASURED_ON)]
        points = [_point(columns, line) for line in lines]
        problem = _problem(points)
    except (ValueError, csv.Error) as error:
        problem = str(error)
    if problem:
        raise UserError(f"{path}: {problem}; restore it with `git restore {path}`")
    return points


def _point(columns: Sequence[str], line: Sequence[str]) -> Point:
    values: dict[str, Any] = dict.fromkeys(MEASURED_ON, "") | dict(zip(columns, line, strict=True))
    for name in ("train_rows", "split_seed", "training_seed"):
        values[name] = int(values[name])
    for name in ("fraction", *SCORES):
        values[name] = float(values[name]) if values[name] else None
    return Point(**values)


def _problem(points: Sequence[Point]) -> str | None:
    keys, splits = set(), dict[int, str]()
    for point in points:
        if (
            point.data != points[0].data
            or splits.setdefault(point.split_seed, point.split) != point.split
        ):
            return f"{points[0].experiment} and {point.experiment} were measured on other rows"
        if point.key in keys:
            return f"{point.contestant} stands twice with {point.train_rows} training rows and the same seeds"
        keys.add(point.key)
        if not point.contestant or not point.experiment:
            return "a line lacks its contestant or its experiment"
        if point.fraction is not None and not 0 < point.fraction <= 1:
            return f"fraction {point.fraction} of {point.contestant} is not in (0, 1]"
        if point.train_rows < 0 or point.training_seed < NO_SEED or point.split_seed < 0:
            return f"a number of {point.contestant} is negative"
        if not all(value is None or math.isfinite(value) for value in point.figures):
            return f"a figure of {point.contestant} is not finite"
    return None
