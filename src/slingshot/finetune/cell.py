"""The rows of one cell, i.e. of a model on a data set, from the files that `prepare` and `subsample` wrote."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from slingshot.files import paths
from slingshot.files.labels import Labels
from slingshot.files.rows import read_rows
from slingshot.files.storage.parquet import read_metadata


@dataclass(frozen=True)
class CellRows:
    """The rows of each split, in nested order. Labels are 0..len(names)-1."""

    train: pd.DataFrame
    validation: pd.DataFrame
    test: pd.DataFrame
    names: tuple[str, ...]
    fraction: float
    """The share of all training rows that `train` is."""
    files: tuple[Path, ...]
    """The files that all of this was read from."""

    @classmethod
    def read(cls, dataset: str) -> CellRows:
        """Read the files. Raises UserError that names the first file that is missing or malformed."""
        subsampled = paths.subsampled(dataset)
        splits = [subsampled, paths.split(dataset, "validation"), paths.split(dataset, "test")]
        labels = paths.labels(dataset)
        train, validation, test = (read_rows(path) for path in splits)
        return cls(
            train,
            validation,
            test,
            names=Labels.read(labels).names,
            fraction=read_metadata(subsampled)["fraction"],
            files=(*splits, labels),
        )

    @property
    def counts(self) -> list[int]:
        """Training rows of each class."""
        counts: list[int] = np.bincount(self.train["label"], minlength=len(self.names)).tolist()
        return counts
