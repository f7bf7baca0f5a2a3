"""The user's own files in data/raw/D: tables (CSV, TSV, JSONL, Parquet) and parallel lines.

Every value is read as a string, not guessed at: an id such as 007 keeps its zeros, and a text "NA" is
a text. A text stays as it stands in the file, but for a lone surrogate in JSONL, which becomes "?".
Labels and groups lose the white space around them, and an empty one is a missing one. Only the text,
label and group columns are read.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from slingshot.data.decode import DECOMPRESS, contents, decode
from slingshot.data.text_tables import BLOCK, REMEDY, read_csv, read_jsonl, read_tsv
from slingshot.records import check_columns, file_format
from slingshot.settings import FileSource, LinesSource, UserError


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
        held = text.removesuffix("\n").split("\n") if text else []
        columns.append([line.removesuffix("\r") for line in held])
    if len(columns[0]) != len(columns[1]):
        counts = f"{len(columns[0])} lines and {labels.name} holds {len(columns[1])}"
        raise UserError(f"{texts}: holds {counts}; each text needs its label on the same line")
    return pd.DataFrame({"text": columns[0], "label": columns[1], "group": None}, dtype="str")


def read_table(path: Path, source: FileSource) -> pd.DataFrame:
    """Columns text, label and group of one table, as strings. The suffix says the format."""
    wanted = {"text": source.text, "label": source.label, "group": source.group}
    names = list(dict.fromkeys(name for name in wanted.values() if name))
    return in_roles(read_columns(path, names, source.encoding), wanted)


def in_roles(columns: Mapping[str, pd.Series] | pd.DataFrame, wanted: Mapping[str, str | None]) -> pd.DataFrame:
    """Columns of strings under the names of their roles, null for a role without one."""
    held = {role: columns[name].astype("str") for role, name in wanted.items() if name}
    return pd.DataFrame(held, columns=list(wanted), copy=False).astype("str")


def read_columns(path: Path, names: Sequence[str], encoding: str = "utf-8") -> pd.DataFrame:
    """Some columns of a table: that of the text, that of the label, and others. The suffix says the format."""
    read = FORMATS[file_format(path, FORMATS, DECOMPRESS)]
    return read(path, contents(path), names, encoding)


def _parquet(path: Path, data: bytes, names: Sequence[str], encoding: str) -> pd.DataFrame:
    try:
        file = pq.ParquetFile(pa.BufferReader(data))
        check_columns(path, names, file.schema_arrow.names, REMEDY)
        try:
            table = file.read(columns=list(names))
        except pa.ArrowInvalid:
            # Categories that are not UTF-8 are read where nothing says that they are categories.
            file = pq.ParquetFile(pa.BufferReader(data.replace(b"ARROW:schema", b"-----:schema")))
            table = file.read(columns=list(names))
    except (pa.ArrowException, OSError) as error:
        raise UserError(f"{path}: not a parquet file: {error}") from None
    return pd.DataFrame({name: strings(path, name, table.column(name)) for name in names}, copy=False)


def strings(path: Path, name: str, column: pa.ChunkedArray) -> pd.Series:
    """The column's values as strings, whole numbers without a point.

    Raises UserError for lists and the like, and for text that is not UTF-8.
    """
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pa.types.is_floating(column.type):
        column = pc.if_else(pc.is_nan(column), None, column)
        with contextlib.suppress(pa.ArrowInvalid):
            column = column.cast(pa.int64())  # whole numbers that a missing value made floats
    try:
        text = column.cast(pa.large_string())
        text.validate(full=True)  # a file may hold any bytes as text
        values: pd.Series = text.to_pandas()
    except pa.ArrowException:
        _check_utf8(path, name, column)
        raise UserError(f"{path}: column '{name}' holds {column.type}, expected text or numbers") from None
    return values.astype("str")


def _check_utf8(path: Path, name: str, column: pa.ChunkedArray) -> None:
    """Raises UserError with the row where a column of text or bytes holds what is not UTF-8."""
    with contextlib.suppress(pa.ArrowException):
        for row, value in enumerate(column.cast(pa.large_binary()), 1):
            try:
                (value.as_py() or b"").decode()
            except UnicodeDecodeError as error:
                raise UserError(
                    f"{path}: column '{name}', row {row}: byte {error.start + 1} of it is not valid UTF-8; write the "
                    "file again, with its text decoded from what it was saved in, often cp1252 or latin-1"
                ) from None


FORMATS: dict[str, Callable[[Path, bytes, Sequence[str], str], pd.DataFrame]] = {
    ".csv": read_csv,
    ".tsv": read_tsv,
    ".jsonl": read_jsonl,
    ".parquet": _parquet,
}
