"""Records of a user's CSV or TSV file, for `prepare` and `predict` alike.

A record that does not fit its header is an error. Most often its text has a line break or a separator but no quotes
around it, so padding or cutting the record would make another row of it.
"""

from __future__ import annotations

import contextlib
import csv
import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from slingshot.settings import UserError
from slingshot.tables import headers
from slingshot.tables.decoding import LONGEST, ReadOptions, too_long
from slingshot.tables.records import check_columns

SWALLOWED = 3
"""A quoted text that holds this many whole rows was opened by a stray quote."""
QUOTES = 'a text with a separator, a line break or a " in it needs quotes around it, and each " inside them doubled'
PEEKED = 4
"""Records that are compared with one that is too wide."""


@dataclass(frozen=True, eq=False)
class CsvRecord:
    """One record of a table."""

    line: int
    """The line of the file that it begins on, from 1."""
    last: int
    """The line that it ends on."""
    cells: list[str]
    inside: list[list[str]]
    """Cells of the lines that are wholly inside its quotes and have as many fields as a record."""


class CsvTable:
    """A CSV or TSV file: its header, and its records one by one."""

    def __init__(
        self,
        file: Path,
        lines: Iterator[str],
        names: Sequence[str],
        suffix: str,
        options: ReadOptions,
    ) -> None:
        """`lines` keep their ends; a bare "\r" ends one too. `names` are the columns that are used.

        Raises UserError if the header is malformed. An empty file has an empty header.
        """
        csv.field_size_limit(max(csv.field_size_limit(), LONGEST))
        self._file, self._options = file, options
        self.separator, self._before, lines = headers.start(file, lines, names, suffix, options)
        self._raw: list[str] = []
        self._started = False
        self._reader = csv.reader(self._remembered(lines), delimiter=self.separator, strict=True)
        self.header: list[str] = next(self._parsed(), (1, []))[1]

    def check(self, names: Sequence[str]) -> None:
        """Raises UserError if the header lacks a used column or has it twice. Call it before `records`."""
        if lacking := [name for name in names if name not in self.header]:
            rows = self._peeked(headers.LOOKED_AT)
            raise headers.missing(self._file, lacking[0], self.header, rows, self._options)
        check_columns(self._file, names, self.header, self._options)

    def records(self, least: int) -> Iterator[CsvRecord]:
        """The records. A record may be shorter than the header if it has at least `least` fields.

        Raises UserError with the line and the likely cause if a record does not fit.
        """
        for line, cells in self._parsed():
            if len(cells) == 1 < len(self.header) and not cells[0].strip():
                continue  # a blank line is not a row
            record = CsvRecord(
                line, self._line(), cells, self._inside(least) if len(self._raw) > 1 else []
            )
            if len(cells) > len(self.header) or len(cells) < least:
                raise self.misfit(record, cut=self._raw[-1].endswith("\r"))
            yield record
            self._started = True

    def swallowed(self, line: int, last: int) -> UserError:
        """The error of the record from `line` to `last`, which has other records inside a quoted text."""
        return UserError(
            f"{self._file}: line {line}: a text opens with a quote that swallows rows, up to line "
            f"{last}; {QUOTES}. If it is one text after all, save the file as .jsonl"
        )

    def _remembered(self, lines: Iterable[str]) -> Iterator[str]:
        """The lines. Those of the current record stay in `_raw`. Raises UserError if they are longer than any text."""
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
        """Cells of the next records, for an error message. Nothing is read after it."""
        cells: list[list[str]] = []
        with contextlib.suppress(UserError):
            cells.extend(record for _, record in itertools.islice(self._parsed(), count))
        return cells

    def _parsed(self) -> Iterator[tuple[int, list[str]]]:
        """The first line of each record that is not blank, and its cells."""
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
        """Cells of the whole lines inside the last record's quotes that could be records themselves."""
        split = (raw.rstrip("\r\n").split(self.separator) for raw in self._raw[1:-1])
        return [cells for cells in split if least <= len(cells) <= len(self.header)]

    def misfit(self, record: CsvRecord, *, cut: bool = False) -> UserError:
        """The error of a record that does not fit the header. cut: whether it ends in a carriage return alone."""
        count, expected = len(record.cells), len(self.header)
        if not self._started and (
            wide := headers.too_wide(self.header, [record.cells, *self._peeked(PEEKED)])
        ):
            cause = wide
        elif count == expected - 1 and not self.header[-1]:
            cause = "the header ends in a separator that this row lacks: take it out of the header"
        elif count > expected and not any(record.cells[expected:]):
            cause = (
                "it ends in one separator too many: take it out, or name its column in the header"
            )
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
