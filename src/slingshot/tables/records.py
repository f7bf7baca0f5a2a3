"""Records of a user's CSV, TSV or JSONL file: the one reader of `prepare` and `predict`.

A record that does not fit its header is an error. Padding or cutting it would make another row of it: most often a line
break or a separator stands in a text without quotes around it.
"""

from __future__ import annotations

import contextlib
import csv
import itertools
import json
import math
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from slingshot.settings import UserError
from slingshot.tables import headers
from slingshot.tables.raw_files import LONGEST, Reading, too_long

T = TypeVar("T")
SWALLOWED = 3
"""Whole rows inside one quoted text from which on its quote is taken for a stray one."""
QUOTES = 'a text with a separator, a line break or a " in it needs quotes around it, and each " inside them doubled'
CHUNK = 2**22
"""Characters of the rows that are Python objects at once, but for the last of them."""
PEEKED = 4
"""Records that are looked at beside one that is too wide."""
LINES = "write one object a line, e.g. with jq -c '.[]' of a list"


@dataclass(frozen=True, eq=False)
class Record:
    """One record of a table."""

    line: int
    """The line of the file that it begins on, from 1."""
    last: int
    """The line that it ends on."""
    cells: list[str]
    inside: list[list[str]]
    """Cells of the lines that lie whole inside its quotes and have as many fields as a record."""


def file_format(path: Path, formats: Collection[str], compressions: Collection[str]) -> str:
    """The suffix that says the format, without that of a compression. Raises UserError for an unknown one."""
    lower = Path(path.name.lower())
    suffix = lower.with_suffix("").suffix if lower.suffix in compressions else lower.suffix
    if suffix not in formats:
        if not suffix and lower.suffix in compressions:
            raise UserError(
                f"{path}: its name does not say what it holds; name it e.g. {path.stem}.csv{path.suffix}"
            )
        known = f"{', '.join(formats)}, each also with {', '.join(compressions)}"
        raise UserError(f"{path}: unknown format '{suffix}'; expected {known}")
    return suffix


def check_columns(path: Path, names: Iterable[str], found: Sequence[str], how: Reading) -> None:
    """Raises UserError where a used column is missing, with the nearest one that is there, or stands twice."""
    for name in names:
        if name not in found:
            raise headers.missing(path, name, found, [], how)
        if found.count(name) > 1:
            raise UserError(f"{path}: column '{name}' stands twice; rename one")


def blocks(rows: Iterator[T], most: int, size: Callable[[T], int]) -> Iterator[list[T]]:
    """Up to `most` rows at a time, and no more than it takes to hold CHUNK characters, of which a row has `size`."""
    block: list[T] = []
    held = 0
    for row in rows:
        block.append(row)
        held += size(row)
        if len(block) == most or held >= CHUNK:
            yield block
            block, held = [], 0
    if block:
        yield block


class Table:
    """A CSV or TSV file: its header, and its records one by one."""

    def __init__(
        self, file: Path, lines: Iterator[str], names: Sequence[str], suffix: str, how: Reading
    ) -> None:
        """`lines` keep their ends; a bare "\r" ends one too. `names` are the columns that are used.

        Raises UserError where the header is malformed; an empty file has none.
        """
        csv.field_size_limit(max(csv.field_size_limit(), LONGEST))
        self._file, self._how = file, how
        self.separator, self._before, lines = headers.start(file, lines, names, suffix, how)
        self._raw: list[str] = []
        self._started = False
        self._reader = csv.reader(self._remembered(lines), delimiter=self.separator, strict=True)
        self.header: list[str] = next(self._parsed(), (1, []))[1]

    def check(self, names: Sequence[str]) -> None:
        """Raises UserError where the header lacks a used column or has it twice; before any record is read."""
        if lacking := [name for name in names if name not in self.header]:
            rows = self._peeked(headers.LOOKED_AT)
            raise headers.missing(self._file, lacking[0], self.header, rows, self._how)
        check_columns(self._file, names, self.header, self._how)

    def records(self, least: int) -> Iterator[Record]:
        """The records; those with at least `least` fields may be shorter than the header.

        Raises UserError that names the line and the likely cause where one does not fit.
        """
        for line, cells in self._parsed():
            if len(cells) == 1 < len(self.header) and not cells[0].strip():
                continue  # a line of blanks is no row
            record = Record(
                line, self._line(), cells, self._inside(least) if len(self._raw) > 1 else []
            )
            if len(cells) > len(self.header) or len(cells) < least:
                raise self.misfit(record, cut=self._raw[-1].endswith("\r"))
            yield record
            self._started = True

    def swallowed(self, line: int, last: int) -> UserError:
        """The error of the record of lines `line` to `last`, which holds others inside a quoted text."""
        return UserError(
            f"{self._file}: line {line}: a text opens with a quote that swallows rows, up to line "
            f"{last}; {QUOTES}. If it is one text after all, save the file as .jsonl"
        )

    def _remembered(self, lines: Iterable[str]) -> Iterator[str]:
        length = 0
        for line in lines:
            length = length + len(line) if self._raw else len(line)
            self._raw.append(line)
            if length > LONGEST:
                raise too_long(
                    self._file, f"the record of line {self._line() - len(self._raw) + 2}"
                )
            yield line

    def _line(self) -> int:
        """The last line that was read."""
        return self._before + self._reader.line_num

    def _peeked(self, count: int) -> list[list[str]]:
        """Cells of the next records, for an error: they are read no more."""
        cells: list[list[str]] = []
        with contextlib.suppress(UserError):
            cells.extend(found for _, found in itertools.islice(self._parsed(), count))
        return cells

    def _parsed(self) -> Iterator[tuple[int, list[str]]]:
        """Each record that is not a blank line, and the line that it begins on."""
        while True:
            self._raw.clear()
            line = self._line() + 1
            try:
                cells = next(self._reader, None)
            except csv.Error as error:
                where = (
                    f"line {line}" if line == self._line() else f"lines {line} to {self._line()}"
                )
                raise UserError(f"{self._file}: {where}: {error}; {QUOTES}") from None
            if cells is None:
                return
            if cells:
                yield line, cells

    def _inside(self, least: int) -> list[list[str]]:
        """Cells of the whole lines inside the last record's quotes that could be records of their own."""
        split = (raw.rstrip("\r\n").split(self.separator) for raw in self._raw[1:-1])
        return [cells for cells in split if least <= len(cells) <= len(self.header)]

    def misfit(self, record: Record, *, cut: bool = False) -> UserError:
        """The error of a record that does not fit the header; cut: whether a carriage return alone ends it."""
        count, expected = len(record.cells), len(self.header)
        if not self._started and (
            wide := headers.too_wide(self.header, [record.cells, *self._peeked(PEEKED)])
        ):
            cause = wide
        elif count == expected - 1 and not self.header[-1]:
            cause = "the header ends in a separator that this row lacks: take it out of the header"
        elif count > expected and not any(record.cells[expected:]):
            cause = "it ends in a separator too many: take it out, or name its column in the header"
        elif count > expected:
            cause = QUOTES
        elif record.last > record.line:
            cause = f"a quote in it goes on to line {record.last}: {QUOTES}"
        elif cut:
            cause = "a carriage return (\\r) in a text cuts it: put quotes around that text, or take it out"
        else:
            lacking = ", ".join(f"'{name}'" for name in self.header[count:])
            cause = f"put quotes around a text with a line break in it, or write the last fields too: {lacking}"
        fields = "1 field" if count == 1 else f"{count} fields"
        return UserError(
            f"{self._file}: line {record.line}: {fields}, but the header has {expected}; {cause}"
        )


class Object(dict[str, Any]):
    """An object of a JSONL file."""

    twice: frozenset[str] = frozenset()
    """Keys that stand in it more than once; the last value of each is held."""
    size: int
    """Characters of its line."""


def objects(
    file: Path, lines: Iterable[str], used: Collection[str], *, as_written: bool
) -> Iterator[tuple[int, Object]]:
    """The objects of a JSONL file, each with its line. NaN and Infinity are missing values, as null is.

    as_written: whether numbers stay the strings that they are written as, so that 1 is not read as 1.0 beside a missing
    value. Raises UserError that names the line where it is no JSON object, or a used key stands twice.
    """
    decoder = json.JSONDecoder(
        object_pairs_hook=_object,
        parse_constant=_missing,
        parse_int=str if as_written else int,
        parse_float=str if as_written else _finite,
    )
    for line, text in enumerate(lines, 1):
        if not text.strip():
            continue
        try:
            record = decoder.decode(text.strip())
        except json.JSONDecodeError as error:
            raise UserError(
                f"{file}: line {line} is not valid JSON: {error.msg}, column {error.colno}; {LINES}"
            ) from None
        except (ValueError, RecursionError) as error:
            raise UserError(f"{file}: line {line} is not valid JSON: {error}") from None
        if not isinstance(record, Object):
            raise UserError(
                f"{file}: line {line} is not a JSON object, which has the columns as keys; {LINES}"
            )
        record.size = len(text)
        for key in sorted(record.twice.intersection(used)):
            raise UserError(f"{file}: line {line}: key '{key}' stands twice; take one out")
        yield line, record


def shown_type(value: Any) -> str:
    """What a JSON value is, in words."""
    return (
        "an object"
        if isinstance(value, dict)
        else "a list"
        if isinstance(value, list)
        else type(value).__name__
    )


def _object(pairs: list[tuple[str, Any]]) -> Object:
    held = Object(pairs)
    if len(held) < len(pairs):
        counts = Counter(name for name, _ in pairs)
        held.twice = frozenset(name for name in held if counts[name] > 1)
    return held


def _finite(number: str) -> float | None:
    """The number; None where it is too large for one, as Infinity is."""
    value = float(number)
    return value if math.isfinite(value) else None


def _missing(constant: str) -> None:
    """NaN, Infinity or -Infinity."""
