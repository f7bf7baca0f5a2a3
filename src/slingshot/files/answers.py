"""data/answers/D/L.parquet: an LLM's answers, one line for each row and sample."""

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
    """Write answers, with the columns of ANSWERS.

    `request` is the digest of the whole request. `record` is the ledger's JSON of an answer from an API.
    """
    write_parquet(path, frame, ANSWERS, {})


def read_answers(path: Path) -> pd.DataFrame:
    """Read what `write_answers` wrote. Raises UserError when the file is missing or malformed."""
    return read_parquet(path, ANSWERS)
