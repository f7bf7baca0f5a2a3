"""The rows of one cell (a data set and a model), from the files that `prepare` and `subsample` wrote."""

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
    """Rows are in nested order; labels are 0..len(names)-1."""

    train: pd.DataFrame
    validation: pd.DataFrame
    test: pd.DataFrame
    names: tuple[str, ...]
    fraction: float
    """Share of the training rows."""
    files: tuple[Path, ...]
    """Where all of this was read."""

    @classmethod
    def read(cls, dataset: str) -> CellRows:
        """Raises UserError naming the first file that is missing or breaks its contract."""
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
