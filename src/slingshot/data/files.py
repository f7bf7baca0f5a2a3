"""The user's own files in data/raw/D: tables (CSV, TSV, JSONL, Parquet) and parallel lines.

Every value is read as a string, not guessed at: an id such as 007 keeps its zeros, and a text "NA" is
a text. A text stays as it stands in the file, but for a lone surrogate in JSONL, which becomes "?".
Labels and groups lose the white space around them, and an empty one is a missing one. Only the text,
label and group columns are read.
"""

from __future__ import annotations

import contextlib
import csv
import hashlib
import io
import json
import warnings
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from slingshot.data.decode import DECOMPRESS, contents, decode
from slingshot.formats import file_format
from slingshot.settings import FileSource, LinesSource, UserError, nearest

BLOCK = 20_000


def read(source: FileSource | LinesSource, folder: Path) -> pd.DataFrame:
    """Rows: id, text, label and group (null where missing), test (whether from the test file).

    Raises UserError that names the file, the key of params.yaml and the remedy.
    """
    key = "file" if isinstance(source, FileSource) else "text_file"
    if isinstance(source, FileSource):
        files = [source.file, source.test_file] if source.test_file else [source.file]
        parts = [read_table(folder / file, source) for file in files]
    else:
        files = [source.text_file]
        parts = [read_lines(folder / source.text_file, folder / source.label_file, source.encoding)]
        if source.test_text_file and source.test_label_file:
            files.append(source.test_text_file)
            parts.append(read_lines(folder / source.test_text_file, folder / source.test_label_file, source.encoding))
    return joined(parts, [str(folder / file) for file in files], key)


def joined(parts: list[pd.DataFrame], origins: list[str], key: str) -> pd.DataFrame:
    """Rows of the training part and, where there is one, the test part: columns text, label and group.

    origins: where each part is from; key: of `source`, for the error where one holds no rows.
    """
    for test, part in enumerate(parts):
        if part.empty:
            named = f"source.{'test_' if test else ''}{key}"
            raise UserError(f"{origins[test]}: holds no rows; fill it, or name another file as {named}")
        part["text"] = part["text"].fillna("")
        for column in ("label", "group"):
            part[column] = part[column].str.strip().replace("", None)
        part["id"] = row_ids(part, "test-" if test else "")
        part["test"] = bool(test)
    return pd.concat(parts, ignore_index=True)


def row_ids(rows: pd.DataFrame, prefix: str = "") -> list[str]:
    """A hash of each row's text, label and group; the n-th exact repeat of a row ends in `.n`."""
    names = [prefix + hashlib.sha256(key).hexdigest()[:20] for key in _keys(rows[["text", "label", "group"]])]
    ids = pd.Series(names, dtype=object)
    repeats = ids.groupby(ids).cumcount()
    return [name if n == 0 else f"{name}.{n}" for name, n in zip(ids, repeats, strict=True)]


def _keys(rows: pd.DataFrame) -> Iterator[bytes]:
    """Each row as JSON, a block at a time: as Python objects, all rows at once would fill the memory."""
    for start in range(0, len(rows), BLOCK):
        block = rows.iloc[start : start + BLOCK]
        cells = block.astype(object).where(block.notna(), None)
        yield from (json.dumps(row).encode() for row in cells.itertuples(index=False, name=None))


def read_lines(texts: Path, labels: Path, encoding: str) -> pd.DataFrame:
    """Columns text, label and group (null) of parallel files; only "\\n" ends a line.

    Raises UserError when the files do not hold the same number of lines.
    """
    columns = []
    for path in (texts, labels):
        text = decode(path, contents(path), encoding)
        lines = text.removesuffix("\n").split("\n") if text else []
        columns.append([line.removesuffix("\r") for line in lines])
    if len(columns[0]) != len(columns[1]):
        counts = f"{len(columns[0])} lines and {labels.name} holds {len(columns[1])}"
        raise UserError(f"{texts}: holds {counts}; each text needs its label on the same line")
    return pd.DataFrame({"text": columns[0], "label": columns[1], "group": None}, dtype="str")


def read_table(path: Path, source: FileSource) -> pd.DataFrame:
    """Columns text, label and group of one table, as strings. The suffix says the format."""
    suffix = file_format(path, FORMATS, DECOMPRESS)
    wanted = {"text": source.text, "label": source.label, "group": source.group}
    names = list(dict.fromkeys(name for name in wanted.values() if name))
    frame = FORMATS[suffix](path, contents(path), names, source.encoding)
    return in_roles(frame, wanted)


def in_roles(columns: Mapping[str, pd.Series] | pd.DataFrame, wanted: Mapping[str, str | None]) -> pd.DataFrame:
    """Columns of strings under the names of their roles, null for a role without one."""
    held = {role: columns[name].astype("str") for role, name in wanted.items() if name}
    return pd.DataFrame(held, columns=list(wanted), copy=False).astype("str")


def check_columns(path: Path, names: list[str], found: Collection[str]) -> None:
    """Raises UserError where a column is missing, with the nearest one that is there."""
    for name in names:
        if name not in found:
            raise UserError(f"{path}: no column '{name}'{nearest(name, found)}; see source in params.yaml")


def _csv(path: Path, data: bytes, names: list[str], encoding: str, separator: str = ",") -> pd.DataFrame:
    text = decode(path, data, encoding)
    strings: dict[str, Any] = {"dtype": "str", "keep_default_na": False, "index_col": False}
    try:
        header = _check_quotes(path, text, separator)
        with warnings.catch_warnings(action="error", category=pd.errors.ParserWarning):
            # Not usecols: with it pandas cuts a row with too many fields, and says nothing.
            frame: pd.DataFrame = pd.read_csv(io.StringIO(text, newline=""), sep=separator, **strings)
    except pd.errors.EmptyDataError:
        return pd.DataFrame(columns=names, dtype="str")
    except (pd.errors.ParserError, pd.errors.ParserWarning) as error:
        check_columns(path, names, header)
        remedy = "a text with a separator or line break in it needs quotes around it"
        raise UserError(f"{path}: rows and header do not fit ({str(error).strip()}); {remedy}") from None
    check_columns(path, names, frame.columns)
    if separator == "\t" and any(frame[n].str.contains("\t.*\n|\n.*\t", na=False).any() for n in names):
        raise UserError(f"{path}: a text opens with a quote that swallows lines; {QUOTES}")
    return frame[names]


def _check_quotes(path: Path, text: str, separator: str) -> list[str]:
    """The header. Raises UserError where a text opens with a quote that is no quoting: pandas would read on to the
    next quote, over rows and all, and say nothing."""
    csv.field_size_limit(max(csv.field_size_limit(), len(text)))
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    try:
        header = next(reader, [])
        if '"' in text:
            for _ in reader:
                pass
    except csv.Error as error:
        raise UserError(f"{path}: line {reader.line_num}: {error}; {QUOTES}") from None
    return header


def _tsv(path: Path, data: bytes, names: list[str], encoding: str) -> pd.DataFrame:
    return _csv(path, data, names, encoding, "\t")


def _jsonl(path: Path, data: bytes, names: list[str], encoding: str) -> pd.DataFrame:
    records: list[list[str | None]] = []
    keys: set[str] = set()
    for number, line in enumerate(decode(path, data, encoding).split("\n"), 1):
        if not line.strip():
            continue
        try:
            # Numbers stay as they are written, so that 1 is not read as 1.0 beside a missing value.
            record = json.loads(line, parse_int=str, parse_float=str)
        except (ValueError, RecursionError) as error:
            raise UserError(f"{path}: line {number} is not valid JSON: {error}") from None
        if not isinstance(record, dict):
            raise UserError(f"{path}: line {number} is not a JSON object, which has the columns as keys")
        keys |= record.keys()
        records.append([_cell(path, number, name, record.get(name)) for name in names])
    if records:
        check_columns(path, names, keys)
    return pd.DataFrame(records, columns=names, dtype="str")


def _cell(path: Path, number: int, name: str, value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, str):
        raise UserError(f"{path}: line {number}: '{name}' holds a {type(value).__name__}, expected text or a number")
    # A lone surrogate, as in "\ud83d", is no character and could not be written as UTF-8.
    return value.encode("utf-8", "replace").decode()


def _parquet(path: Path, data: bytes, names: list[str], encoding: str) -> pd.DataFrame:
    try:
        file = pq.ParquetFile(pa.BufferReader(data))
        check_columns(path, names, file.schema_arrow.names)
        table = file.read(columns=names)
    except (pa.ArrowException, OSError) as error:
        raise UserError(f"{path}: not a parquet file: {error}") from None
    return pd.DataFrame({name: strings(path, name, table.column(name)) for name in names}, copy=False)


def strings(path: Path, name: str, column: pa.ChunkedArray) -> pd.Series:
    """The column's values as strings, whole numbers without a point. Raises UserError for lists and the like."""
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pa.types.is_floating(column.type):
        column = pc.if_else(pc.is_nan(column), None, column)
        with contextlib.suppress(pa.ArrowInvalid):
            column = column.cast(pa.int64())  # whole numbers that a missing value made floats
    try:
        values: pd.Series = column.cast(pa.large_string()).to_pandas()
    except pa.ArrowException:
        raise UserError(f"{path}: column '{name}' holds {column.type}, expected text or numbers") from None
    return values.astype("str")


QUOTES = 'a text with a " in it needs quotes around it, and each " inside them doubled'
FORMATS: dict[str, Callable[[Path, bytes, list[str], str], pd.DataFrame]] = {
    ".csv": _csv,
    ".tsv": _tsv,
    ".jsonl": _jsonl,
    ".parquet": _parquet,
}
