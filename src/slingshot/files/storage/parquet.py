"""Parquet files under a schema: their columns and types are checked at every read."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from slingshot.files.storage.atomic import atomic
from slingshot.settings import UserError


def write_parquet(
    path: Path, frame: pd.DataFrame, schema: pa.Schema, metadata: Mapping[str, Any]
) -> None:
    table = pa.Table.from_pandas(frame[schema.names], schema=schema, preserve_index=False)
    pairs = {key: json.dumps(value) for key, value in sorted(metadata.items())}
    with atomic(path) as temporary:
        pq.write_table(table.replace_schema_metadata(pairs), temporary)


@contextmanager
def _opened(path: Path) -> Iterator[pq.ParquetFile]:
    """Raises UserError when the file is missing, or is no whole parquet file."""
    try:
        file = path.open("rb")  # whose errors, unlike Arrow's, name the file
    except FileNotFoundError:
        raise UserError(f"{path}: not found; run `dvc repro`") from None
    try:
        with file:
            yield pq.ParquetFile(file)
    except (
        pa.ArrowException,
        OSError,
        ValueError,
    ) as error:  # Arrow raises any of these for damaged pages
        raise UserError(f"{path}: not a whole parquet file: {error}; run `dvc repro`") from None


def read_parquet(path: Path, schema: pa.Schema) -> pd.DataFrame:
    with _opened(path) as file:
        table = file.read()
        _check_columns(path, table, schema)
        frame: pd.DataFrame = table.to_pandas()
    return frame


def _check_columns(path: Path, table: pa.Table, schema: pa.Schema) -> None:
    if table.schema.names != schema.names or table.schema.types != schema.types:
        found, expected = (
            ", ".join(f"{field.name} {field.type}" for field in s) for s in (table.schema, schema)
        )
        raise UserError(f"{path}: columns are {found}; expected {expected}; run `dvc repro`")
    for field in schema:
        if not field.nullable and table.column(field.name).null_count:
            raise UserError(f"{path}: column '{field.name}' holds nulls; run `dvc repro`")


def read_metadata(path: Path) -> dict[str, Any]:
    """The parquet file's key-value metadata, as written with it."""
    with _opened(path) as file:
        pairs = file.schema_arrow.metadata or {}
        return {
            k.decode(): json.loads(v)
            for k, v in pairs.items()
            if not k.startswith((b"pandas", b"ARROW"))
        }
