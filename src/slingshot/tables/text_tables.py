"""The text, label and other columns of CSV, TSV and JSONL as strings, with the checks that need the whole file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from slingshot.machine.progress import say
from slingshot.settings import UserError
from slingshot.tables.held import Held
from slingshot.tables.raw_files import Reading, lines, opened
from slingshot.tables.records import (
    SWALLOWED,
    Record,
    Table,
    blocks,
    check_columns,
    objects,
    shown_type,
)

BLOCK = 20_000
"""Rows that are Python objects at once."""
FAMILIAR = 3
"""Rows of a label from which a record may lack its last fields."""


def read_csv(
    path: Path, names: Sequence[str], how: Reading, held: Held, suffix: str = ".csv"
) -> pd.DataFrame:
    """Some columns of a table: that of the text, that of the label, and others. Raises UserError as `records` does."""
    with opened(path) as unpacked:
        table = Table(path, lines(path, unpacked, how, ""), names, suffix, how)
        if not table.header:
            return pd.DataFrame(columns=list(names), dtype="str")
        table.check(names)
        return _columns(path, table, names, held)


def _columns(path: Path, table: Table, names: Sequence[str], held: Held) -> pd.DataFrame:
    places = [table.header.index(name) for name in names]
    short: dict[
        str, Record
    ] = {}  # by label the first record that lacks fields: all of them may be the whole file
    lacking = 0
    quotes = _Quotes(table, places)

    def rows() -> Iterator[list[str]]:
        nonlocal lacking
        for record in table.records(_least(places, len(table.header))):
            cells = [record.cells[place] for place in places]
            if len(record.cells) < len(table.header):
                short.setdefault(cells[1], record)
                lacking += 1
            quotes.look_into(record)
            if table.separator == "\t" and any("\t" in cell and "\n" in cell for cell in cells):
                raise table.swallowed(record.line, record.last)  # hardly a text has both
            yield cells

    frame = frame_of(path, names, rows(), held)
    labels = frame[names[1]].value_counts()
    for label, record in short.items():
        if label.strip() and labels[label] < FAMILIAR:
            raise table.misfit(
                record
            )  # it may be a piece of a record: hardly another has its label
    if short:
        unused = ", ".join(f"'{name}'" for name in table.header[max(places) + 1 :])
        records = "1 record" if lacking == 1 else f"{lacking:,} records"
        say(f"{path}: in {records} the fields of {unused} are missing; nothing uses them")
    quotes.check(path, set(labels.index))
    return frame


class _Quotes:
    """Lines inside quoted texts that could be rows of their own: they have words for a text, and a label."""

    def __init__(self, table: Table, places: Sequence[int]) -> None:
        self._table = table
        self._text, self._label = places[:2]
        self._found: list[tuple[int, int, Counter[str]]] = []
        """First and last line of each record that has such lines, and their labels."""

    def look_into(self, record: Record) -> None:
        """Raises UserError where many of the record's lines share a label: in a file that is sorted by label, a quote
        may swallow all rows of one."""
        worded = (cells for cells in record.inside if any(map(str.isalpha, cells[self._text])))
        held = Counter(cells[self._label] for cells in worded if cells[self._label].strip())
        if (
            max((count for name, count in held.items() if not name.startswith(" ")), default=0)
            >= SWALLOWED
        ):
            raise self._table.swallowed(record.line, record.last)
        if held:
            self._found.append((record.line, record.last, held))

    def check(self, path: Path, labels: set[str]) -> None:
        """Raises UserError where many lines of one record have a label of the file; says so of few."""
        lines, first = 0, 0
        for line, last, held in self._found:
            known = sum(count for name, count in held.items() if name in labels)
            if known >= SWALLOWED:
                raise self._table.swallowed(line, last)
            lines, first = lines + known, first or (line if known else 0)
        if lines:
            say(
                f"{path}: {lines:,} lines inside quoted texts could be rows of their own, the first in the "
                f"record of line {first}; check its quotes"
            )


def _least(places: list[int], columns: int) -> int:
    """The fewest fields of a record: to the last used column where none of what a line break cuts could pass for a row.

    places: of the text, the label and other used columns. A line break may stand in any column but a label or a group,
    and leaves a first piece that holds the used columns where it is in the last of these, or further on.
    """
    used = max(places) + 1
    first_piece = used if places[0] + 1 == used else used + 1
    second_piece = columns - first_piece + 1
    return used if second_piece < used else columns


def frame_of(
    path: Path, names: Sequence[str], rows: Iterator[Sequence[str | None]], held: Held
) -> pd.DataFrame:
    """Columns of strings, made a block at a time: as Python objects, all rows at once would fill the memory."""
    chunks: list[list[pa.Array]] = [[] for _ in names]
    for block in blocks(rows, BLOCK, lambda row: sum(len(cell) for cell in row if cell)):
        made = [pa.array(values, pa.large_string()) for values in zip(*block, strict=True)]
        held.add(path, len(block), sum(values.nbytes for values in made))
        for chunk, values in zip(chunks, made, strict=True):
            chunk.append(values)
    columns = [
        pa.chunked_array(chunk, pa.large_string()).to_pandas().astype("str") for chunk in chunks
    ]
    return pd.DataFrame(dict(zip(names, columns, strict=True)), columns=list(names), copy=False)


def read_tsv(path: Path, names: Sequence[str], how: Reading, held: Held) -> pd.DataFrame:
    """As `read_csv`, with tabs between the columns."""
    return read_csv(path, names, how, held, ".tsv")


def read_jsonl(path: Path, names: Sequence[str], how: Reading, held: Held) -> pd.DataFrame:
    """The same columns of a file with an object a line."""
    keys: dict[str, None] = {}

    def rows() -> Iterator[list[str | None]]:
        with opened(path) as unpacked:
            text = lines(path, unpacked, how, "\n")
            for line, record in objects(path, text, names, as_written=True):
                keys.update(dict.fromkeys(record))
                yield [_cell(path, line, name, record.get(name)) for name in names]

    frame = frame_of(path, names, rows(), held)
    if len(frame):
        check_columns(path, names, list(keys), how)
    return frame


def _cell(path: Path, number: int, name: str, value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, str):
        raise UserError(
            f"{path}: line {number}: '{name}' holds {shown_type(value)}, expected one text or number"
        )
    # A lone surrogate, as in "\ud83d", is no character and could not be written as UTF-8.
    return value.encode("utf-8", "replace").decode()
