"""Reads the rows for `predict` one by one, so that memory does not grow with the file.

The suffix says whether it is CSV, TSV or JSONL, plain or compressed. It is read by the rules of `prepare`. The values
of a table stay strings.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from slingshot.machine.progress import say
from slingshot.settings import UserError, nearest
from slingshot.tables.csv_records import SWALLOWED, CsvTable
from slingshot.tables.decoding import ReadOptions, lines
from slingshot.tables.headers import SEPARATORS
from slingshot.tables.json_records import json_objects, shown_type
from slingshot.tables.records import file_format
from slingshot.tables.unpacking import UNPACK, UnpackedFile

FORMATS = (*SEPARATORS, ".jsonl")
REMEDY = "name the texts' {} with --text"


def reading(encoding: str, separator: str | None) -> ReadOptions:
    """The options with which `predict` reads a file."""
    return ReadOptions(encoding, separator, "--encoding", "--separator", REMEDY.format("column"))


@dataclass(frozen=True)
class InputRow:
    """One row of the file: its columns, their values, its text, and the line that it begins on."""

    names: Sequence[str]
    """In a table, a name may occur twice or be empty."""
    values: Sequence[object]
    text: str
    line: int
    size: int
    """Characters of the row; each cell of a table counts for 8 more."""


def read_rows(
    file: Path, unpacked: UnpackedFile, column: str, options: ReadOptions
) -> tuple[list[str], Iterator[InputRow]]:
    """The columns (for JSONL, those of its first line) and the rows, with their texts from `column`.

    Raises UserError that names the line if the file is malformed: at once for the beginning, for later rows when they
    are read.
    """
    suffix = file_format(file, FORMATS, UNPACK)
    if suffix in SEPARATORS:  # "\r" ends a line of tables too
        table = CsvTable(file, lines(file, unpacked, options, ""), [column], suffix, options)
        table.check([column])
        return table.header, _table_rows(file, table, column)
    rows = _jsonl_rows(file, lines(file, unpacked, options, "\n"), column)
    first = list(itertools.islice(rows, 1))
    return [key for row in first for key in row.names], itertools.chain(first, rows)


def _table_rows(file: Path, table: CsvTable, column: str) -> Iterator[InputRow]:
    place, warned, blanks = table.header.index(column), False, False
    for record in table.records(least=len(table.header)):
        rows = sum(_is_row(cells, place, blanks) for cells in record.inside)
        if rows >= SWALLOWED:
            raise table.swallowed(record.line, record.last)
        if rows and not warned:
            say(
                f"{file}: lines inside the record of line {record.line} could be rows of their own; check its quotes"
            )
            warned = True
        blanks = _after_blanks(record.cells)
        # 8 more for each cell, for the pointer to it in a Python list.
        size = sum(map(len, record.cells)) + 8 * len(record.cells)
        yield InputRow(table.header, record.cells, record.cells[place], record.line, size)


def _is_row(cells: list[str], place: int, blanks: bool) -> bool:
    """Whether a line inside a text, split at the separators, could be a row.

    A row has words in the column of the text, and no empty cell. Unlike a sentence, it has no blank after a separator,
    unless the record before has such `blanks` too.
    """
    has_words = any(map(str.isalpha, cells[place]))
    full = len(cells) > 1 and all(map(str.strip, cells))
    return full and has_words and (blanks or not _after_blanks(cells))


def _after_blanks(cells: list[str]) -> bool:
    """Whether a cell other than the first begins with a blank."""
    return any(cell.startswith(" ") for cell in cells[1:])


def _jsonl_rows(file: Path, text: Iterator[str], column: str) -> Iterator[InputRow]:
    for number, record in json_objects(file, text, [column], as_written=False):
        if column not in record:
            raise UserError(
                f"{file}: line {number}: no key '{column}'{nearest(column, record)}; {REMEDY.format('key')}"
            )
        value = _text(file, number, column, record[column])
        yield InputRow(list(record), list(record.values()), value, number, record.size)


def _text(file: Path, number: int, column: str, value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, dict | list):
        raise UserError(
            f"{file}: line {number}: '{column}' holds {shown_type(value)}, expected text or a number"
        )
    # A lone surrogate, such as "\ud83d", is not a character, and tokenizers refuse it.
    return (
        value.encode("utf-8", "replace").decode() if isinstance(value, str) else json.dumps(value)
    )
