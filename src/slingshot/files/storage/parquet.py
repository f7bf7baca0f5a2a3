"""Parquet files with a schema: every read checks their columns and types."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from slingshot.files.storage.atomic import atomic
from slingshot.settings import UserError

if TYPE_CHECKING:
    from slingshot.files.storage.json_files import JsonObject


def write_parquet(
    path: Path, frame: pd.DataFrame, schema: pa.Schema, metadata: Mapping[str, object]
) -> None:
    """Write the schema's columns of the frame atomically. The metadata's values become JSON."""
    table = pa.Table.from_pandas(frame[schema.names], schema=schema, preserve_index=False)
    pairs = {key: json.dumps(value) for key, value in sorted(metadata.items())}
    with atomic(path) as temporary:
        pq.write_table(table.replace_schema_metadata(pairs), temporary)


@contextmanager
def _opened(path: Path) -> Iterator[pq.ParquetFile]:
    """Open the file. Raises UserError when it is missing, or not a whole parquet file."""
    try:
        file = path.open("rb")  # unlike Arrow's own errors, those of `open` name the file
    except FileNotFoundError:
        raise UserError(f"{path}: not found; run `dvc repro`") from None
    try:
        with file:
            yield pq.ParquetFile(file)
    # Arrow raises any of these for damaged pages.
    except (pa.ArrowException, OSError, ValueError) as error:
        raise UserError(f"{path}: not a whole parquet file: {error}; run `dvc repro`") from None


def read_parquet(path: Path, schema: pa.Schema) -> pd.DataFrame:
    """Read the file. Raises UserError when it is missing or damaged, or has other columns than the schema."""
    with _opened(path) as file:
        table = file.read()
        _check_columns(path, table, schema)
        frame: pd.DataFrame = table.to_pandas()
    return frame


def _check_columns(path: Path, table: pa.Table, schema: pa.Schema) -> None:
    if table.schema.names != schema.names or table.schema.types != schema.types:
        columns, expected = _columns(table.schema), _columns(schema)
        raise UserError(f"{path}: columns are {columns}; expected {expected}; run `dvc repro`")
    for field in schema:
        if not field.nullable and table.column(field.name).null_count:
            raise UserError(f"{path}: column '{field.name}' has nulls; run `dvc repro`")


def _columns(schema: pa.Schema) -> str:
    return ", ".join(f"{field.name} {field.type}" for field in schema)


def read_metadata(path: Path) -> JsonObject:
    """The metadata that `write_parquet` wrote. Raises UserError when the file is missing or damaged."""
    with _opened(path) as file:
        pairs = file.schema_arrow.metadata or {}
        return {
            k.decode(): json.loads(v)
            for k, v in pairs.items()
            if not k.startswith((b"pandas", b"ARROW"))
        }
