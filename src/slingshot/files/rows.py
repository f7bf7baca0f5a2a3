"""Rows of a data set: prepared, subsampled, and those that examples come from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from slingshot.files.storage.parquet import read_parquet, write_parquet
from slingshot.settings import UserError

ROWS = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("text", pa.string(), nullable=False),
        pa.field("label", pa.int64(), nullable=False),
        pa.field("group", pa.string(), nullable=False),
        pa.field("order", pa.int64(), nullable=False),
    ]
)


def write_rows(path: Path, rows: pd.DataFrame, **metadata: Any) -> None:
    """Write rows (id, text, label, group, order), sorted by `order`. Raises ValueError on repeated ids."""
    if rows["id"].duplicated().any():
        raise ValueError(f"{path}: ids repeat")
    if not rows[
        "order"
    ].is_monotonic_increasing:  # else the copy is spared, half a gigabyte at Yelp's size
        rows = rows.sort_values("order")
    write_parquet(path, rows, ROWS, metadata)


def read_rows(path: Path) -> pd.DataFrame:
    """Read rows in nested order. Raises UserError when the file breaks the contract."""
    rows = read_parquet(path, ROWS)
    if not rows["id"].is_unique or not rows["order"].is_monotonic_increasing:
        raise UserError(f"{path}: ids repeat or rows are out of order; run `dvc repro`")
    return rows
