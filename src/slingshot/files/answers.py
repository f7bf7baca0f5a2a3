"""data/answers/D/L.parquet: what an LLM said to each row, sample by sample."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pyarrow as pa

from slingshot.files.storage.parquet import read_parquet, write_parquet

ANSWERS = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("split", pa.string(), nullable=False),
        pa.field("sample", pa.int64(), nullable=False),
        pa.field("request", pa.string(), nullable=False),
        pa.field("answer", pa.string(), nullable=False),
        pa.field("log_likelihoods", pa.list_(pa.float64())),
        pa.field("record", pa.string()),
    ]
)


def write_answers(path: Path, frame: pd.DataFrame) -> None:
    """Write data/answers/D/L.parquet: what an LLM said to each row, sample by sample.

    `request` is the digest of all that was asked; `record` the ledger's JSON of a paid answer.
    """
    write_parquet(path, frame, ANSWERS, {})


def read_answers(path: Path) -> pd.DataFrame:
    """Read what `write_answers` wrote. Raises UserError when the file breaks the contract."""
    return read_parquet(path, ANSWERS)
