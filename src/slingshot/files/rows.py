"""Rows of a data set: the prepared splits, the subsampled training rows, and the rows for an LLM's examples."""

from __future__ import annotations

from pathlib import Path

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


def write_rows(path: Path, rows: pd.DataFrame, **metadata: object) -> None:
    """Write rows (id, text, label, group, order), sorted by `order`. Raises ValueError on repeated ids."""
    if rows["id"].duplicated().any():
        raise ValueError(f"{path}: ids repeat")
    # Sorting copies the rows, half a gigabyte for Yelp, so rows that are sorted already are left as they are.
    if not rows["order"].is_monotonic_increasing:
        rows = rows.sort_values("order")
    write_parquet(path, rows, ROWS, metadata)


def read_rows(path: Path) -> pd.DataFrame:
    """Read rows in nested order. Raises UserError when the file is missing or malformed."""
    rows = read_parquet(path, ROWS)
    if not rows["id"].is_unique or not rows["order"].is_monotonic_increasing:
        raise UserError(f"{path}: ids repeat or rows are out of order; run `dvc repro`")
    return rows
