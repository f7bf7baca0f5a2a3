"""Input that only the page reads: the points of plots in data/plots, the texts in data/errors.

DVC caches both, so a fresh clone may lack them. `slingshot show` and summary.md do not need them.
"""

from __future__ import annotations

import csv
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from slingshot.files import paths
from slingshot.files.errors import Errors
from slingshot.report.inputs import Results
from slingshot.settings import UserError

BINS = "confidence,accuracy,rows"


@dataclass(frozen=True)
class Bin:
    """Test rows of about the same confidence, over all seeds."""

    confidence: float
    accuracy: float
    rows: float


@dataclass(frozen=True)
class Plots:
    """One contestant's points; the lists are empty without scores."""

    confusion: Mapping[tuple[str, str], int]
    """(actual, predicted) class -> test rows, over all seeds."""
    predicted: Sequence[Bin]
    """Reliability as predicted."""
    scaled: Sequence[Bin]
    """Reliability after temperature scaling."""
    risk: Sequence[tuple[float, float]]
    """(coverage, share of wrong answers among the rows covered)."""


@dataclass(frozen=True)
class Details:
    plots: Mapping[str, Plots]
    """Contestant -> its plots, for those that are shown."""
    errors: Errors
    """Contents of data/errors/D.json. Its texts are data and may be hostile."""


def read(results: Results, root: Path = Path()) -> Details:
    """The details of one data set. Raises UserError that names the first missing or malformed file."""
    return Details(
        plots={c.name: _plots(results.dataset, c.name, root) for c in results.shown},
        errors=Errors.read(root / paths.errors(results.dataset)),
    )


def _plots(dataset: str, contestant: str, root: Path) -> Plots:
    def file(kind: paths.PlotKind) -> Path:
        return root / paths.plot(dataset, kind, contestant)

    cells = Counter(
        (actual, predicted) for actual, predicted in _lines(file("confusion"), "actual,predicted")
    )
    return Plots(
        confusion=cells,
        predicted=[Bin(*numbers) for numbers in _numbers(file("reliability"), BINS)],
        scaled=[Bin(*numbers) for numbers in _numbers(file("scaled"), BINS)],
        risk=[(coverage, wrong) for coverage, wrong in _numbers(file("risk"), "coverage,risk")],
    )


def _numbers(path: Path, columns: str) -> list[list[float]]:
    try:
        numbers = [[float(cell) for cell in line] for line in _lines(path, columns)]
    except ValueError:
        numbers = [[math.nan]]
    if not all(math.isfinite(number) for line in numbers for number in line):
        raise UserError(f"{path}: a cell is not a number; run `dvc repro`")
    return numbers


def _lines(path: Path, columns: str) -> list[list[str]]:
    """The lines below the header `columns`, each with as many cells. Raises UserError for any other file."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            lines = list(csv.reader(file))
    except FileNotFoundError:
        raise UserError(
            f"{path}: not found; run `dvc repro`, or `dvc checkout` if it was made before"
        ) from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{path}: not a CSV file: {error}; run `dvc repro`") from None
    names = columns.split(",")
    if lines[:1] != [names] or any(len(line) != len(names) for line in lines):
        raise UserError(
            f"{path}: expected the columns {columns} and as many cells in every line; run `dvc repro`"
        )
    return lines[1:]
