"""Rows of a user's file, read and written one by one, so that memory stays flat however long the file is.

CSV, TSV and JSONL in UTF-8, and .gz, .bz2 or .xz of them, as the suffix says. Values are not guessed at: a table's
stay the strings that they are, and what JSONL holds is written as it was read.
"""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import itertools
import json
import lzma
import sys
import zlib
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Any

from slingshot.formats import file_format
from slingshot.settings import UserError, nearest
from slingshot.tables import atomic

COMPRESSED: dict[str, Callable[..., Any]] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
SEPARATORS = {".csv": ",", ".tsv": "\t"}
FORMATS = (*SEPARATORS, ".jsonl")
LONGEST = 2**24
"""Characters of one field of a table: a quote that nothing closes must not read the whole file into memory."""
QUOTES = 'a text with a separator, a line break or a " in it needs quotes around it, and each " inside them doubled'


@dataclass(frozen=True)
class Row:
    """One row of the file: what it holds, its text, and the line that it ends on."""

    cells: dict[str, Any]
    text: str
    line: int


Write = Callable[[Row, dict[str, float] | None], None]


@contextmanager
def opened(file: Path) -> Iterator[IO[bytes]]:
    """The file's bytes as they lie on the disk. Raises UserError where it can't be read."""
    try:
        raw = file.open("rb")
    except FileNotFoundError:
        there = [path.name for path in file.parent.iterdir()] if file.parent.is_dir() else []
        raise UserError(f"{file}: not found{nearest(file.name, there)}") from None
    except OSError as error:
        raise UserError(f"{file}: can't be read: {error.strerror}") from None
    with raw:
        yield raw


def format_of(path: Path) -> str:
    """The suffix that says which of FORMATS a file has. Raises UserError for an unknown one."""
    return file_format(path, FORMATS, COMPRESSED)


def read_rows(file: Path, raw: IO[bytes], column: str) -> tuple[list[str], Iterator[Row]]:
    """The columns, of JSONL those of its first line, and the rows, whose texts stand in `column`.

    Raises UserError that names the line where the file is malformed, which rows further on do as they are read.
    """
    lines = _lines(file, raw)
    suffix = format_of(file)
    if suffix in SEPARATORS:
        return _table_rows(file, lines, column, SEPARATORS[suffix])
    rows = _jsonl_rows(file, lines, column)
    first = list(itertools.islice(rows, 1))
    return [key for row in first for key in row.cells], itertools.chain(first, rows)


def _lines(file: Path, raw: IO[bytes]) -> Iterator[str]:
    unpack = COMPRESSED.get(file.suffix.lower())
    try:
        for number, line in enumerate(unpack(raw) if unpack else raw, 1):
            text = line.decode()
            yield text.removeprefix("\ufeff") if number == 1 else text
    except UnicodeDecodeError as error:
        raise UserError(
            f"{file}: line {number}: its byte {error.start + 1} is not valid UTF-8; save the file as UTF-8, "
            "e.g. `iconv -f cp1252 -t utf-8` where it was saved in cp1252"
        ) from None
    except (OSError, EOFError, zlib.error, lzma.LZMAError) as error:
        raise UserError(f"{file}: not a whole {file.suffix} file ({error}); copy or download it again") from None


def _table_rows(file: Path, lines: Iterator[str], column: str, separator: str) -> tuple[list[str], Iterator[Row]]:
    csv.field_size_limit(max(csv.field_size_limit(), LONGEST))
    reader = csv.reader(lines, delimiter=separator, strict=True)

    def records() -> Iterator[list[str]]:
        try:
            yield from (record for record in reader if record)  # a blank line is no row
        except csv.Error as error:
            raise UserError(f"{file}: line {reader.line_num}: {error}; {QUOTES}") from None

    def rows() -> Iterator[Row]:
        for record in found:
            if len(record) != len(header):
                raise UserError(
                    f"{file}: line {reader.line_num}: {len(record)} fields, but the header has {len(header)}; {QUOTES}"
                )
            cells = dict(zip(header, record, strict=True))
            yield Row(cells, cells[column], reader.line_num)

    found = records()
    header = next(found, [])
    if column not in header:
        raise UserError(f"{file}: no column '{column}'{nearest(column, header)}; name the texts' column with --text")
    if len(set(header)) < len(header):
        raise UserError(f"{file}: a column name stands twice in the header; rename one")
    return header, rows()


def _jsonl_rows(file: Path, lines: Iterator[str], column: str) -> Iterator[Row]:
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise UserError(f"{file}: line {number} is not valid JSON: {error}") from None
        if not isinstance(record, dict):
            raise UserError(f"{file}: line {number} is not a JSON object, which has the columns as keys")
        if column not in record:
            known = nearest(column, record)
            raise UserError(f"{file}: line {number}: no key '{column}'{known}; name the texts' key with --text")
        yield Row(record, _text(file, number, column, record[column]), number)


def _text(file: Path, number: int, column: str, value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, dict | list):
        raise UserError(f"{file}: line {number}: '{column}' holds a {type(value).__name__}, expected text or a number")
    # A lone surrogate, as in "\ud83d", is no character: tokenizers refuse it.
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else json.dumps(value)


# --- writing -------------------------------------------------------------------------------------


@contextmanager
def sink(output: Path | None) -> Iterator[IO[str]]:
    """A UTF-8 stream; a file gets its name once it is whole."""
    if output is None:
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(encoding="utf-8", errors="replace", newline="")
        yield sys.stdout
        return
    opener: Any = COMPRESSED.get(output.suffix.lower(), open)
    try:
        with (
            atomic(output) as temporary,
            opener(temporary, "wt", encoding="utf-8", errors="replace", newline="") as stream,
        ):
            yield stream
    except OSError as error:
        raise UserError(f"{output}: can't be written: {error.strerror or error}") from None


def writer(stream: IO[str], file: Path, made: str, columns: Sequence[str], labels: Sequence[str]) -> Write:
    """What writes a row with its prediction and probabilities: in a table one column `probability_CLASS` a class, in
    JSONL a mapping `scores`; empty, or null, where there are no scores. `made` is the format that is written."""
    if made not in SEPARATORS:
        return partial(_write_json, stream, file)
    added = ["prediction", *(f"probability_{name}" for name in labels)]
    table = csv.writer(stream, delimiter=SEPARATORS[made], lineterminator="\n")
    if columns:
        table.writerow([*columns, *added])

    def write(row: Row, scores: dict[str, float] | None) -> None:
        _refuse_taken(file, row, added)
        new = row.cells.keys() - set(columns)
        if new:
            raise UserError(f"{file}: line {row.line}: key '{min(new)}' is not in the first line; write .jsonl instead")
        values = [f"{scores[name]:.6f}" if scores else "" for name in labels]
        table.writerow([*(_cell(row.cells.get(name)) for name in columns), _best(scores) or "", *values])

    return write


def _write_json(stream: IO[str], file: Path, row: Row, scores: dict[str, float] | None) -> None:
    _refuse_taken(file, row, ["prediction", "scores"])
    rounded = {name: round(value, 6) for name, value in scores.items()} if scores else None
    found = row.cells | {"prediction": _best(scores), "scores": rounded}
    stream.write(json.dumps(found, ensure_ascii=False) + "\n")


def _refuse_taken(file: Path, row: Row, added: Collection[str]) -> None:
    taken = [name for name in added if name in row.cells]
    if taken:
        raise UserError(f"{file}: line {row.line}: '{taken[0]}' is there already, and would be written; rename it")


def _best(scores: dict[str, float] | None) -> str | None:
    """The most probable class; the first of several."""
    return max(scores, key=scores.__getitem__) if scores else None


def _cell(value: Any) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    return json.dumps(value, ensure_ascii=False)
