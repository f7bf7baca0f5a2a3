"""The user's own files in data/raw/D: tables (CSV, TSV, JSONL, Parquet) and parallel lines.

Every value is read as a string, without guessing its type: an id such as 007 keeps its zeros, and a text "NA" is
a text. A text is the same as in the file, except that a lone surrogate in JSONL becomes "?". Labels and groups
lose the white space around them, and an empty one counts as missing. Only the text, label and group columns are
read.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import pandas as pd

from slingshot.settings import FileSource, LinesSource, UserError
from slingshot.tables.decoding import ReadOptions, lines
from slingshot.tables.parquet_tables import read_parquet
from slingshot.tables.records import file_format
from slingshot.tables.row_limit import RowLimit
from slingshot.tables.text_tables import BLOCK, frame_of, read_csv, read_jsonl, read_tsv
from slingshot.tables.unpacking import UNPACK, opened


def read(source: FileSource | LinesSource, folder: Path) -> pd.DataFrame:
    """Rows: id, text, label and group (null where missing), and test (whether the row is from the test file).

    Raises UserError that names the file, the key of params.yaml and the remedy.
    """
    limit = RowLimit()
    key = "file" if isinstance(source, FileSource) else "text_file"
    if isinstance(source, FileSource):
        files = [source.file, source.test_file] if source.test_file else [source.file]
        parts = [read_table(folder / file, source, limit) for file in files]
    else:
        files, options = [source.text_file], ReadOptions(source.encoding)
        parts = [read_lines(folder / source.text_file, folder / source.label_file, options, limit)]
        if source.test_text_file and source.test_label_file:
            files.append(source.test_text_file)
            parts.append(
                read_lines(
                    folder / source.test_text_file, folder / source.test_label_file, options, limit
                )
            )
    return joined(parts, [str(folder / file) for file in files], key)


def joined(parts: list[pd.DataFrame], origins: list[str], key: str) -> pd.DataFrame:
    """The rows of the training part and of the test part, if there is one, with an id and whether they are of the test.

    parts: columns text, label and group. origins: the file of each part. key: the key of `source` that names the file,
    for the UserError if a part has no rows.
    """
    for test, part in enumerate(parts):
        if part.empty:
            full_key = f"source.{'test_' if test else ''}{key}"
            raise UserError(
                f"{origins[test]}: holds no rows; fill it, or name another file as {full_key}"
            )
        part["text"] = part["text"].fillna("")
        for column in ("label", "group"):
            part[column] = part[column].str.strip().replace("", None)
        part["id"] = row_ids(part, "test-" if test else "")
        part["test"] = bool(test)
    return pd.concat(parts, ignore_index=True)


def row_ids(rows: pd.DataFrame, prefix: str = "") -> list[str]:
    """A hash of each row's text, label and group; the n-th exact repeat of a row ends in `.n`."""
    names = [
        prefix + hashlib.sha256(key).hexdigest()[:20]
        for key in _keys(rows[["text", "label", "group"]])
    ]
    ids = pd.Series(names, dtype=object)
    repeats = ids.groupby(ids).cumcount()
    return [name if n == 0 else f"{name}.{n}" for name, n in zip(ids, repeats, strict=True)]


def _keys(rows: pd.DataFrame) -> Iterator[bytes]:
    """Each row as JSON. Rows become Python objects block by block, because all at once would fill the memory."""
    for start in range(0, len(rows), BLOCK):
        block = rows.iloc[start : start + BLOCK]
        cells = block.astype(object).where(block.notna(), None)
        yield from (json.dumps(row).encode() for row in cells.itertuples(index=False, name=None))


def read_lines(texts: Path, labels: Path, options: ReadOptions, limit: RowLimit) -> pd.DataFrame:
    """Columns text, label and group (null) of parallel files; only "\n" ends a line.

    Raises UserError if one file has more lines than the other.
    """
    columns = [_lines(path, options, limit) for path in (texts, labels)]
    if len(columns[0]) != len(columns[1]):
        counts = f"{len(columns[0])} lines and {labels.name} holds {len(columns[1])}"
        raise UserError(f"{texts}: holds {counts}; each text needs its label on the same line")
    return pd.DataFrame({"text": columns[0], "label": columns[1], "group": None}, dtype="str")


def _lines(path: Path, options: ReadOptions, limit: RowLimit) -> pd.Series:
    with opened(path) as unpacked:
        rows = (
            [line.removesuffix("\n").removesuffix("\r")]
            for line in lines(path, unpacked, options, "\n")
        )
        return frame_of(path, ["line"], rows, limit)["line"]


def read_table(path: Path, source: FileSource, limit: RowLimit) -> pd.DataFrame:
    """Columns text, label and group of one table, as strings. The suffix names the format."""
    wanted = {"text": source.text, "label": source.label, "group": source.group}
    names = list(dict.fromkeys(name for name in wanted.values() if name))
    return in_roles(
        read_columns(path, names, ReadOptions(source.encoding, source.separator), limit), wanted
    )


def in_roles(
    columns: Mapping[str, pd.Series] | pd.DataFrame, wanted: Mapping[str, str | None]
) -> pd.DataFrame:
    """The columns under the names of their roles (text, label, group); a role without a column is null."""
    roles = {role: columns[name].astype("str") for role, name in wanted.items() if name}
    return pd.DataFrame(roles, columns=list(wanted), copy=False).astype("str")


def read_columns(
    path: Path, names: Sequence[str], options: ReadOptions, limit: RowLimit
) -> pd.DataFrame:
    """Some columns of a table: first the text, then the label, then others. The suffix names the format."""
    read = FORMATS[file_format(path, FORMATS, UNPACK)]
    return read(path, names, options, limit)


FORMATS: dict[str, Callable[[Path, Sequence[str], ReadOptions, RowLimit], pd.DataFrame]] = {
    ".csv": read_csv,
    ".tsv": read_tsv,
    ".jsonl": read_jsonl,
    ".parquet": read_parquet,
}
