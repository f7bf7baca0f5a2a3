"""The text, label and other columns of CSV, TSV and JSONL as strings, with the checks that need the whole file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd
import pyarrow as pa

from slingshot.files.notes.base import plural
from slingshot.machine.progress import say
from slingshot.settings import UserError
from slingshot.tables.csv_records import SWALLOWED, CsvRecord, CsvTable
from slingshot.tables.decoding import ReadOptions, lines
from slingshot.tables.json_records import json_objects, shown_type
from slingshot.tables.records import blocks, check_columns
from slingshot.tables.row_limit import RowLimit
from slingshot.tables.unpacking import opened

BLOCK = 20_000
"""Rows that are Python objects at once."""
FAMILIAR = 3
"""A record may lack its last fields if its label has at least this many rows."""


def read_csv(
    path: Path, names: Sequence[str], options: ReadOptions, limit: RowLimit, suffix: str = ".csv"
) -> pd.DataFrame:
    """Some columns of a table: first the text, then the label, then others.

    Raises UserError with the line and the likely cause if a record does not fit.
    """
    with opened(path) as unpacked:
        table = CsvTable(path, lines(path, unpacked, options, ""), names, suffix, options)
        if not table.header:
            return pd.DataFrame(columns=list(names), dtype="str")
        table.check(names)
        return _columns(path, table, names, limit)


def _columns(path: Path, table: CsvTable, names: Sequence[str], limit: RowLimit) -> pd.DataFrame:
    """The named columns of all records, after the checks that need every label of the file."""
    places = [table.header.index(name) for name in names]
    # Only the first short record of each label, because the whole file may be short records.
    short: dict[str, CsvRecord] = {}
    short_records = 0
    quotes = _Quotes(table, places)

    def rows() -> Iterator[list[str]]:
        nonlocal short_records
        for record in table.records(_least(places, len(table.header))):
            cells = [record.cells[place] for place in places]
            if len(record.cells) < len(table.header):
                short.setdefault(cells[1], record)
                short_records += 1
            quotes.look_into(record)
            if table.separator == "\t" and any("\t" in cell and "\n" in cell for cell in cells):
                # Hardly any text has both a tab and a line break.
                raise table.swallowed(record.line, record.last)
            yield cells

    frame = frame_of(path, names, rows(), limit)
    labels = frame[names[1]].value_counts()
    for label, record in short.items():
        if label.strip() and labels[label] < FAMILIAR:
            # Hardly any other row has this label, so it is a piece of a record, not a label.
            raise table.misfit(record)
    if short:
        unused = ", ".join(f"'{name}'" for name in table.header[max(places) + 1 :])
        records = plural(short_records, "record")
        say(f"{path}: in {records} the fields of {unused} are missing; nothing uses them")
    quotes.check(path, set(labels.index))
    return frame


class _Quotes:
    """Looks for rows that a stray quote has swallowed: lines inside quoted texts that have a text and a label."""

    def __init__(self, table: CsvTable, places: Sequence[int]) -> None:
        self._table = table
        self._text, self._label = places[:2]
        self._suspects: list[tuple[int, int, Counter[str]]] = []
        """First and last line of each record that has such lines, and their labels."""

    def look_into(self, record: CsvRecord) -> None:
        """Raises UserError if many of the record's lines share a label.

        In a file that is sorted by label, a quote may swallow all rows of one label.
        """
        worded = (cells for cells in record.inside if any(map(str.isalpha, cells[self._text])))
        labels = Counter(cells[self._label] for cells in worded if cells[self._label].strip())
        # A label that begins with a blank is the rest of a sentence after a comma, not of a row.
        counts = (count for name, count in labels.items() if not name.startswith(" "))
        if max(counts, default=0) >= SWALLOWED:
            raise self._table.swallowed(record.line, record.last)
        if labels:
            self._suspects.append((record.line, record.last, labels))

    def check(self, path: Path, labels: set[str]) -> None:
        """Raises UserError if many lines of one record have a label of the file; prints a line if few have."""
        lines, first = 0, 0
        for line, last, inside in self._suspects:
            known = sum(count for name, count in inside.items() if name in labels)
            if known >= SWALLOWED:
                raise self._table.swallowed(line, last)
            lines, first = lines + known, first or (line if known else 0)
        if lines:
            say(
                f"{path}: {plural(lines, 'line')} inside quoted texts could be rows of their own, the first in the "
                f"record of line {first}; check its quotes"
            )


def _least(places: list[int], columns: int) -> int:
    """The fewest fields that a record may have.

    A record may end at the last used column only if no piece of a broken record could pass for a row. A line break may
    cut any column except a label or a group. If it is in the last used column or after it, the first piece has all used
    columns; the second piece is the rest. places: columns of the text, of the label and of what else is used.
    """
    used = max(places) + 1
    first_piece = used if places[0] + 1 == used else used + 1
    second_piece = columns - first_piece + 1
    return used if second_piece < used else columns


def frame_of(
    path: Path, names: Sequence[str], rows: Iterator[Sequence[str | None]], limit: RowLimit
) -> pd.DataFrame:
    """Columns of strings, built block by block: as Python objects, all rows at once would fill the memory."""
    chunks: list[list[pa.Array]] = [[] for _ in names]
    for block in blocks(rows, BLOCK, lambda row: sum(len(cell) for cell in row if cell)):
        arrays = [pa.array(values, pa.large_string()) for values in zip(*block, strict=True)]
        limit.add(path, len(block), sum(values.nbytes for values in arrays))
        for chunk, values in zip(chunks, arrays, strict=True):
            chunk.append(values)
    columns = [
        pa.chunked_array(chunk, pa.large_string()).to_pandas().astype("str") for chunk in chunks
    ]
    return pd.DataFrame(dict(zip(names, columns, strict=True)), columns=list(names), copy=False)


def read_tsv(
    path: Path, names: Sequence[str], options: ReadOptions, limit: RowLimit
) -> pd.DataFrame:
    """As `read_csv`, with tabs between the columns."""
    return read_csv(path, names, options, limit, ".tsv")


def read_jsonl(
    path: Path, names: Sequence[str], options: ReadOptions, limit: RowLimit
) -> pd.DataFrame:
    """The same columns of a file with one object per line."""
    keys: dict[str, None] = {}

    def rows() -> Iterator[list[str | None]]:
        with opened(path) as unpacked:
            text = lines(path, unpacked, options, "\n")
            for line, record in json_objects(path, text, names, as_written=True):
                keys.update(dict.fromkeys(record))
                yield [_cell(path, line, name, record.get(name)) for name in names]

    frame = frame_of(path, names, rows(), limit)
    if len(frame):
        check_columns(path, names, list(keys), options)
    return frame


def _cell(path: Path, number: int, name: str, value: object) -> str | None:
    """The value as a string; None where it is missing. Raises UserError for a list or an object."""
    if value is None:
        return None
    if isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, str):
        raise UserError(
            f"{path}: line {number}: '{name}' holds {shown_type(value)}, expected one text or number"
        )
    # A lone surrogate, as in "\ud83d", is not a character, and UTF-8 can't hold it.
    return value.encode("utf-8", "replace").decode()
