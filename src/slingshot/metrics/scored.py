"""The scored rows of a contestant as arrays: the input of every metric and comparison.

prepared = PreparedRows.read("tweets")
test = prepared.splits("minilm")["test"]
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from slingshot.files import paths
from slingshot.files.codes import NO_SEED, PREDICTED
from slingshot.files.labels import Labels
from slingshot.files.predictions import check_ids, read_predictions
from slingshot.files.rows import read_rows
from slingshot.settings import UserError

ENOUGH_SEEDS = 3
"""Training seeds from which the variance of training is estimated."""


@dataclass(frozen=True)
class SeedRun:
    """The answers of one trained model, or of a contestant without a seed (-1), to the scored rows."""

    seed: int
    predictions: np.ndarray
    """Class of each row, -1 without a valid answer; shape (rows,)."""
    scores: np.ndarray | None
    """Class probabilities, shape (rows, classes); None if the score source is `none`."""
    temperature_error: float = 0.0
    """Standard error of the temperature that scaled `scores`, as a share of the temperature; 0 without scaling."""


@dataclass(frozen=True)
class Scored:
    """All rows of one split under every seed, sorted by id, so that all contestants have one order. Arrays have shape
    (rows,)."""

    ids: np.ndarray
    labels: np.ndarray
    groups: np.ndarray
    """0-based number of each row's group, in the order of the group names."""
    score_source: str
    runs: tuple[SeedRun, ...]
    failed: Mapping[str, int]
    """Status of failed answers -> their number over all runs."""

    def only(self, rows: np.ndarray) -> Scored:
        """Some of the rows, by a mask or by their positions; groups are numbered again."""
        runs = tuple(
            replace(
                run,
                predictions=run.predictions[rows],
                scores=None if run.scores is None else run.scores[rows],
            )
            for run in self.runs
        )
        groups = np.unique(self.groups[rows], return_inverse=True)[1]
        return replace(self, ids=self.ids[rows], labels=self.labels[rows], groups=groups, runs=runs)

    @property
    def group_count(self) -> int:
        return int(self.groups.max()) + 1

    @property
    def trained_seeds(self) -> int:
        """Number of training runs; 0 for an LLM or a deterministic baseline."""
        return sum(run.seed != NO_SEED for run in self.runs)


@dataclass(frozen=True)
class PreparedRows:
    """The prepared rows of a data set, against which predictions are checked."""

    dataset: str
    labels: tuple[str, ...]
    """Class names in label order."""
    validation: pd.DataFrame
    test: pd.DataFrame

    @classmethod
    def read(cls, dataset: str) -> PreparedRows:
        """Read a data set. Raises UserError that names the first missing or malformed file."""
        validation, test = (read_rows(paths.split(dataset, split)) for split in PREDICTED)
        return cls(dataset, Labels.read(paths.labels(dataset)).names, validation, test)

    def path(self, contestant: str) -> Path:
        return paths.predictions(self.dataset, contestant)

    def frame(self, contestant: str) -> pd.DataFrame:
        """A predictions file, read and checked against the rows."""
        path = self.path(contestant)
        frame = read_predictions(path, self.labels)
        check_ids(path, frame, self.validation, self.test)
        return frame

    def splits(self, contestant: str) -> dict[str, Scored]:
        """Split -> the scored rows of a predictions file: see `scored`."""
        return scored(self.path(contestant), self.frame(contestant), len(self.labels))


def scored(path: Path, frame: pd.DataFrame, classes: int) -> dict[str, Scored]:
    """Split -> its scored rows: test, and validation if it was predicted.

    If the contestant has a score source, a row without scores gets 1/classes for each class. A cascade has the sources
    of both its sides, joined by a plus, or none if a side has none. Raises UserError that names `path` if test is
    missing or two seeds have different rows.
    """
    if "test" not in set(frame["split"]):
        raise UserError(f"{path}: no test rows; run `dvc repro`")
    answered = set(frame.loc[frame["status"] == "ok", "score_source"])
    sources = [] if "none" in answered else sorted(set(frame["score_source"]) - {"none"})
    return {
        str(split): _split(path, part, sources, classes) for split, part in frame.groupby("split")
    }


def _split(path: Path, part: pd.DataFrame, sources: list[str], classes: int) -> Scored:
    seeds = [rows for _, rows in part.sort_values("id").groupby("seed")]
    first, *others = (rows[["id", "label", "group"]].to_numpy(dtype=object) for rows in seeds)
    if not all(np.array_equal(first, other) for other in others):
        raise UserError(f"{path}: seeds disagree on the rows; run `dvc repro`")
    runs = [
        SeedRun(
            seed=int(rows["seed"].iloc[0]),
            predictions=rows["prediction"].to_numpy(),
            scores=_scores(rows["scores"], classes) if sources else None,
        )
        for rows in seeds
    ]
    ids, labels, groups = first.T
    failures = part.loc[part["status"] != "ok", "status"]
    return Scored(
        ids=ids,
        labels=labels.astype(np.int64),
        groups=np.unique(groups, return_inverse=True)[1],
        score_source="+".join(sources) or "none",
        runs=tuple(runs),
        failed={str(s): int(n) for s, n in failures.value_counts().sort_index().items()},
    )


def _scores(column: pd.Series, classes: int) -> np.ndarray:
    """Scores as an array, shape (rows, classes); a row without scores gets uniform scores."""
    filled = np.full((len(column), classes), 1 / classes)
    present = column.notna().to_numpy()
    if present.any():
        filled[present] = np.stack(column[present].to_list())
    return filled
