"""The text, label and other columns of CSV, TSV and JSONL as strings, with the checks that need the whole file."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from slingshot.data.decode import lines
from slingshot.progress import say
from slingshot.records import SEPARATORS, SWALLOWED, Record, Table, check_columns, objects, shown_type
from slingshot.settings import UserError

REMEDY = "see source in params.yaml"
BLOCK = 20_000
"""Rows that are Python objects at once."""
FAMILIAR = 3
"""Rows of a label from which a record may lack its last fields."""


def read_csv(path: Path, data: bytes, names: Sequence[str], encoding: str, separator: str = ",") -> pd.DataFrame:
    """Some columns of a table: that of the text, that of the label, and others. Raises UserError as `records` does."""
    table = Table(path, lines(path, data, encoding, ""), separator, longest=len(data))
    if not table.header:
        return pd.DataFrame(columns=list(names), dtype="str")
    check_columns(path, names, table.header, REMEDY)
    places = [table.header.index(name) for name in names]
    short: dict[str, Record] = {}  # by label the first record that lacks fields: all of them may be the whole file
    lacking = 0
    holding: list[Record] = []

    def rows() -> Iterator[list[str]]:
        nonlocal lacking
        for record in table.records(_least(places, len(table.header))):
            cells = [record.cells[place] for place in places]
            if len(record.cells) < len(table.header):
                short.setdefault(cells[1], record)
                lacking += 1
            if record.inside:
                holding.append(record)
            if separator == "\t" and any("\t" in cell and "\n" in cell for cell in cells):
                raise table.swallowed(record)  # hardly a text has both
            yield cells

    frame = _frame(names, rows())
    labels = frame[names[1]].value_counts()
    for label, record in short.items():
        if label.strip() and labels[label] < FAMILIAR:
            raise table.misfit(record)  # it may be a piece of a record: hardly another has its label
    if short:
        unused = ", ".join(f"'{name}'" for name in table.header[max(places) + 1 :])
        records = "1 record" if lacking == 1 else f"{lacking:,} records"
        say(f"{path}: in {records} the fields of {unused} are missing; nothing uses them")
    _check_quotes(path, table, set(labels.index), holding, places)
    return frame


def _check_quotes(path: Path, table: Table, labels: set[str], holding: list[Record], places: list[int]) -> None:
    """Raises UserError where many lines inside one quoted text could be rows; says so of few.

    They could where they have words for a text and a label of the file, or where many of them share a label: in a file
    that is sorted by label, a quote may swallow all rows of one.
    """
    text, label = places[:2]
    found: dict[Record, int] = {}
    for record in holding:
        worded = (cells for cells in record.inside if any(map(str.isalpha, cells[text])))
        held = Counter(cells[label] for cells in worded if cells[label].strip())
        known = sum(count for name, count in held.items() if name in labels)
        shared = max((count for name, count in held.items() if not name.startswith(" ")), default=0)
        if max(known, shared) >= SWALLOWED:
            raise table.swallowed(record)
        found |= {record: known} if known else {}
    if found:
        say(
            f"{path}: {sum(found.values()):,} lines inside quoted texts could be rows of their own, the first in the "
            f"record of line {next(iter(found)).line}; check its quotes"
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


def _frame(names: Sequence[str], rows: Iterator[Sequence[str | None]]) -> pd.DataFrame:
    """Columns of strings, made a block at a time: as Python objects, all rows at once would fill the memory."""
    chunks: list[list[pa.Array]] = [[] for _ in names]
    while block := list(itertools.islice(rows, BLOCK)):
        for chunk, values in zip(chunks, zip(*block, strict=True), strict=True):
            chunk.append(pa.array(values, pa.large_string()))
    columns = [pa.chunked_array(chunk, pa.large_string()).to_pandas().astype("str") for chunk in chunks]
    return pd.DataFrame(dict(zip(names, columns, strict=True)), columns=list(names), copy=False)


def read_tsv(path: Path, data: bytes, names: Sequence[str], encoding: str) -> pd.DataFrame:
    """As `read_csv`, with tabs between the columns."""
    return read_csv(path, data, names, encoding, SEPARATORS[".tsv"])


def read_jsonl(path: Path, data: bytes, names: Sequence[str], encoding: str) -> pd.DataFrame:
    """The same columns of a file with an object a line."""
    keys: dict[str, None] = {}

    def rows() -> Iterator[list[str | None]]:
        for line, record in objects(path, lines(path, data, encoding, "\n"), names, as_written=True):
            keys.update(dict.fromkeys(record))
            yield [_cell(path, line, name, record.get(name)) for name in names]

    frame = _frame(names, rows())
    if len(frame):
        check_columns(path, names, list(keys), REMEDY)
    return frame


def _cell(path: Path, number: int, name: str, value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, str):
        raise UserError(f"{path}: line {number}: '{name}' holds {shown_type(value)}, expected one text or number")
    # A lone surrogate, as in "\ud83d", is no character and could not be written as UTF-8.
    return value.encode("utf-8", "replace").decode()
