"""Columns of a Parquet file as strings, read so that a small file can't fill the memory.

A file may hold a long value once and repeat it a million times, or a page of zeros may unpack to gigabytes. So the
sizes of the pages are read before any page is unpacked. Rows then come in batches that fit into the memory even if
every row is as long as the pages allow.
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from slingshot.settings import UserError
from slingshot.tables.decoding import LONGEST, ReadOptions, too_long
from slingshot.tables.pages import ColumnSizes
from slingshot.tables.records import check_columns
from slingshot.tables.row_limit import ROWS, RowLimit, over_limit
from slingshot.tables.unpacking import FREE, RATIO, UNPACK, opened

BATCH_ROWS = 20_000
BATCH_SIZE = 2**26
"""Most bytes of a batch, as far as they are known before it is read."""


def read_parquet(
    path: Path, names: Sequence[str], options: ReadOptions, limit: RowLimit
) -> pd.DataFrame:
    """Some columns of a table. Raises UserError if it is damaged or too large, or holds other than text or numbers."""
    chunks: dict[str, list[pa.Array]] = {name: [] for name in names}
    for batch in batches(path, names, options, limit):
        for name, chunk in chunks.items():
            values = batch.column(name)
            chunk.append(
                values.dictionary_decode() if pa.types.is_dictionary(values.type) else values
            )
    if not any(chunks.values()):
        return pd.DataFrame(columns=list(names), dtype="str")
    columns = {name: strings(path, name, pa.chunked_array(chunk)) for name, chunk in chunks.items()}
    return pd.DataFrame(columns, copy=False)


def batches(
    path: Path, names: Sequence[str], options: ReadOptions, limit: RowLimit
) -> Iterator[pa.RecordBatch]:
    """The columns in batches, which `limit` counts. Raises UserError as `read_parquet` does."""
    with _unpacked(path) as raw:
        try:
            file = pq.ParquetFile(raw)
            check_columns(path, names, file.schema_arrow.names, options)
            total, most = 0, BATCH_SIZE // _longest_row(path, file, raw, names)
            rows = max(1, min(BATCH_ROWS, most))
            # Categories that are not UTF-8 are only read if they stay categories; then they are refused by name.
            categories = [
                name for name in names if pa.types.is_dictionary(file.schema_arrow.field(name).type)
            ]
            for batch in pq.ParquetFile(raw, read_dictionary=categories).iter_batches(
                rows, columns=list(names)
            ):
                size = sum(_size(path, name, batch.column(name)) for name in names)
                total += size
                _check_ratio(path, names, total)
                limit.add(path, batch.num_rows, size)
                yield batch
        except MemoryError:  # the machine's fault: the pages are small enough
            raise
        except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
            reason = (str(error).strip().splitlines() or ["no reason given"])[0].rstrip(".")
            raise UserError(
                f"{path}: not a whole parquet file ({reason}); copy or download it again, or write it again"
            ) from None


@contextlib.contextmanager
def _unpacked(path: Path) -> Iterator[IO[bytes]]:
    """The file itself, or a temporary file with its unpacked bytes, because a reader of Parquet starts at the end."""
    with opened(path) as unpacked:
        if path.suffix.lower() not in UNPACK:
            with path.open("rb") as raw:
                yield raw
            return
        try:
            with tempfile.TemporaryFile() as raw:
                shutil.copyfileobj(unpacked, raw)
                raw.flush()
                yield raw
        except OSError as error:  # of the temporary file; UnpackedFile raises UserError
            place = tempfile.tempdir or "a temporary folder"
            raise UserError(
                f"{path}: can't be unpacked into {place}: {error.strerror}; make room there, or set TMPDIR to a folder "
                "on another disk"
            ) from None


def _longest_row(path: Path, file: pq.ParquetFile, raw: IO[bytes], names: Sequence[str]) -> int:
    """The most bytes that a row of the columns may take.

    Raises UserError if the columns unpack to far more than text does, or hold lists and the like.
    """
    places = {file.schema.column(place).path: place for place in range(len(file.schema))}
    for name in names:
        kind = file.schema_arrow.field(name).type
        if name not in places or pa.types.is_nested(kind):
            raise UserError(f"{path}: column '{name}' holds {kind}, expected text or numbers")
    if file.metadata.num_rows > ROWS:
        raise over_limit(path, f"{ROWS:,} rows")
    parts = [file.metadata.row_group(number) for number in range(file.metadata.num_row_groups)]
    row = total = 0
    for name in names:
        sizes = [ColumnSizes.of(raw, part.column(places[name])) for part in parts]
        total += sum(size.unpacked for size in sizes)
        row += max([size.longest for size in sizes], default=0) + max(
            int(file.schema.column(places[name]).length), 12
        )
    _check_ratio(path, names, total)
    return row + total // max(int(file.metadata.num_rows), 1)


def _check_ratio(path: Path, names: Sequence[str], size: int) -> None:
    """Raises UserError if `size` bytes are far more than what text in columns of this file unpacks to."""
    most = max(FREE, RATIO * path.stat().st_size)
    if size > most:
        raise UserError(
            f"{path}: columns {', '.join(names)} unpack to more than {most:,} bytes, over {RATIO} times the file's "
            "size, which no text does; take out what is repeated, or put the rows there as .csv or .jsonl"
        )


def _size(path: Path, name: str, values: pa.Array) -> int:
    """Bytes of the values, with repetitions. Raises UserError if a value is longer than any text."""
    if pa.types.is_dictionary(values.type):
        lengths = pc.binary_length(values.dictionary.cast(pa.large_binary())).take(values.indices)
    elif (
        pa.types.is_primitive(values.type)
        or pa.types.is_decimal(values.type)
        or pa.types.is_null(values.type)
    ):
        return int(values.nbytes)
    else:
        lengths = pc.binary_length(values.cast(pa.large_binary()))
    if (pc.max(lengths).as_py() or 0) > LONGEST:
        raise too_long(path, f"a value of column '{name}'")
    return (pc.sum(lengths.cast(pa.int64())).as_py() or 0) + 8 * len(values)


def strings(path: Path, name: str, column: pa.ChunkedArray) -> pd.Series:
    """The column's values as strings, whole numbers without a point.

    Raises UserError for lists and the like, and for text that is not UTF-8.
    """
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pa.types.is_floating(column.type):
        column = pc.if_else(pc.is_nan(column), None, column)
        with contextlib.suppress(pa.ArrowInvalid):
            column = column.cast(pa.int64())  # whole numbers became floats beside a missing value
    try:
        text = column.cast(pa.large_string())
        text.validate(full=True)  # a file may hold any bytes as text
        values: pd.Series = text.to_pandas()
    except pa.ArrowException:
        _check_utf8(path, name, column)
        raise UserError(
            f"{path}: column '{name}' holds {column.type}, expected text or numbers"
        ) from None
    return values.astype("str")


def _check_utf8(path: Path, name: str, column: pa.ChunkedArray) -> None:
    """Raises UserError with the row if a value of a column of text or bytes is not UTF-8."""
    with contextlib.suppress(pa.ArrowException):
        for row, value in enumerate(column.cast(pa.large_binary()), 1):
            try:
                (value.as_py() or b"").decode()
            except UnicodeDecodeError as error:
                raise UserError(
                    f"{path}: column '{name}', row {row}: byte {error.start + 1} is not valid UTF-8; write the file "
                    "again, with its text decoded from the right encoding, often cp1252 or latin-1"
                ) from None
