"""Hashes that tell versions of a data set apart, in metrics/audit/D.json: of its rows and of its prepared files."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pandas as pd

from slingshot.files.codes import SPLITS
from slingshot.files.storage.digests import md5_file

FILES = (*(f"{split}.parquet" for split in SPLITS), "labels.json")


def of_rows(rows: pd.DataFrame, names: list[str]) -> str:
    """A hash of the usable rows (id, text, label, test), sorted by id, and of the names of their labels.

    It does not depend on how the rows are grouped, split and capped.
    """
    hashes = pd.util.hash_pandas_object(
        rows[["id", "text", "label", "test"]], index=False, categorize=False
    )
    return hashlib.sha256(repr(names).encode() + hashes.to_numpy().tobytes()).hexdigest()


def of_files(folder: Path) -> dict[str, str]:
    """The md5 of each file of `folder` in FILES, as dvc.lock records it for a stage that reads the file."""
    return {name: md5_file(folder / name) for name in FILES}
