"""Rows that `predict` labels, read and written one by one, so that memory stays flat however long the file is.

CSV, TSV and JSONL in UTF-8, and .gz, .bz2 or .xz of them, as the suffix says. Values are not guessed at: a table's
stay the strings that they are, and what JSONL holds is written as it was read, NaN and Infinity as null.
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
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Any

from slingshot.atomic import atomic
from slingshot.progress import say
from slingshot.records import SEPARATORS, SWALLOWED, Table, check_columns, file_format, objects, shown_type
from slingshot.settings import UserError, nearest

COMPRESSED: dict[str, Callable[..., Any]] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
FORMATS = (*SEPARATORS, ".jsonl")
REMEDY = "name the texts' {} with --text"


@dataclass(frozen=True)
class Row:
    """One row of the file: its columns, what they hold, its text, and the line that it begins on."""

    names: Sequence[str]
    """A table's may stand twice, or be empty."""
    values: Sequence[Any]
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
    suffix, lines = format_of(file), _lines(file, raw)
    if suffix in SEPARATORS:
        table = Table(file, lines, SEPARATORS[suffix])
        check_columns(file, [column], table.header, REMEDY.format("column"))
        return table.header, _table_rows(file, table, column)
    rows = _jsonl_rows(file, lines, column)
    first = list(itertools.islice(rows, 1))
    return [key for row in first for key in row.names], itertools.chain(first, rows)


def _lines(file: Path, raw: IO[bytes]) -> Iterator[str]:
    unpack = COMPRESSED.get(file.suffix.lower())
    newline = "" if format_of(file) in SEPARATORS else "\n"  # "\r" ends a line of a table too
    try:
        for number, line in enumerate(unpack(raw) if unpack else raw, 1):
            text = line.decode()
            yield from io.StringIO(text.removeprefix("\ufeff") if number == 1 else text, newline)
    except UnicodeDecodeError as error:
        saved = "utf-16" if number == 1 and line.startswith((BOM_UTF16_LE, BOM_UTF16_BE)) else "cp1252"
        raise UserError(
            f"{file}: line {number}: its byte {error.start + 1} is not valid UTF-8; save the file as UTF-8, "
            f"e.g. `iconv -f {saved} -t utf-8` where it was saved in {saved}"
        ) from None
    except (OSError, EOFError, zlib.error, lzma.LZMAError) as error:
        raise UserError(f"{file}: not a whole {file.suffix} file ({error}); copy or download it again") from None


def _table_rows(file: Path, table: Table, column: str) -> Iterator[Row]:
    place, said, blanks = table.header.index(column), False, False
    for record in table.records(least=len(table.header)):
        rows = sum(_is_row(cells, place, blanks) for cells in record.inside)
        if rows >= SWALLOWED:
            raise table.swallowed(record)
        if rows and not said:
            say(f"{file}: lines inside the record of line {record.line} could be rows of their own; check its quotes")
            said = True
        blanks = _after_blanks(record.cells)
        yield Row(table.header, record.cells, record.cells[place], record.line)


def _is_row(cells: list[str], place: int, blanks: bool) -> bool:
    """Whether a line inside a text, split at the separators, is a row: with words for a text, and, as in no sentence,
    without a blank behind a separator, unless the record before has such `blanks` too."""
    words = any(map(str.isalpha, cells[place]))
    return len(cells) > 1 and words and all(map(str.strip, cells)) and (blanks or not _after_blanks(cells))


def _after_blanks(cells: list[str]) -> bool:
    return any(cell.startswith(" ") for cell in cells[1:])


def _jsonl_rows(file: Path, lines: Iterator[str], column: str) -> Iterator[Row]:
    for number, record in objects(file, lines, [column], as_written=False):
        if column not in record:
            raise UserError(
                f"{file}: line {number}: no key '{column}'{nearest(column, record)}; {REMEDY.format('key')}"
            )
        text = _text(file, number, column, record[column])
        yield Row(list(record), list(record.values()), text, number)


def _text(file: Path, number: int, column: str, value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, dict | list):
        raise UserError(f"{file}: line {number}: '{column}' holds {shown_type(value)}, expected text or a number")
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
        values = [f"{scores[name]:.6f}" if scores else "" for name in labels]
        table.writerow([*map(_cell, _in_columns(file, row, columns)), _best(scores) or "", *values])

    return write


def _in_columns(file: Path, row: Row, columns: Sequence[str]) -> Sequence[Any]:
    """The row's values in the order of the columns; null for one that it lacks."""
    if list(row.names) == list(columns):
        return row.values
    held = dict(zip(row.names, row.values, strict=True))
    new = held.keys() - set(columns)
    if new:
        raise UserError(f"{file}: line {row.line}: key '{min(new)}' is not in the first line; write .jsonl instead")
    return [held.get(name) for name in columns]


def _write_json(stream: IO[str], file: Path, row: Row, scores: dict[str, float] | None) -> None:
    _refuse_taken(file, row, ["prediction", "scores"])
    held = dict(zip(row.names, row.values, strict=True))
    if len(held) < len(row.names):
        twice = next(name for name in held if row.names.count(name) > 1)
        raise UserError(f"{file}: column '{twice}' stands twice, which a .jsonl can't hold; write .csv, or rename one")
    rounded = {name: round(value, 6) for name, value in scores.items()} if scores else None
    found = held | {"prediction": _best(scores), "scores": rounded}
    stream.write(json.dumps(found, ensure_ascii=False, allow_nan=False) + "\n")


def _refuse_taken(file: Path, row: Row, added: Collection[str]) -> None:
    taken = [name for name in added if name in row.names]
    if taken:
        raise UserError(f"{file}: line {row.line}: '{taken[0]}' is there already, and would be written; rename it")


def _best(scores: dict[str, float] | None) -> str | None:
    """The most probable class; the first of several."""
    return max(scores, key=scores.__getitem__) if scores else None


def _cell(value: Any) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    return json.dumps(value, ensure_ascii=False)
