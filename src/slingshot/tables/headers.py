"""The first record of a table: what separates its columns, and whether it is a header at all.

The suffix names the separator. The header overrules it only if exactly one other separator makes the named columns
whole cells.
"""

from __future__ import annotations

import csv
import itertools
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from slingshot.machine.progress import say
from slingshot.settings import UserError, closest
from slingshot.tables.decoding import LONGEST, ReadOptions

SEPARATORS = {".csv": ",", ".tsv": "\t"}
CANDIDATES = (",", ";", "\t", "|")
IN_WORDS = {"\t": "tabs", ",": "commas"}
EXCEL = re.compile(r'"?sep=([^\r\n])"?[\r\n]*', re.IGNORECASE)
"""The first line that Excel may write, which names the separator."""
MOST_NAMES = 12
"""Most columns that a message lists."""
TEXT_WORDS = 4
"""A cell with this many words is hardly the name of a column."""
LOOKED_AT = 50
"""Rows that are compared with a first line that may itself be a row."""


def start(
    file: Path, lines: Iterator[str], names: Sequence[str], suffix: str, options: ReadOptions
) -> tuple[str, int, Iterator[str]]:
    """The separator of the columns, how many lines come before the header, and the lines from the header on.

    names: the columns that are used. Prints a line if the header shows another separator than the suffix.
    """
    first = list(itertools.islice(lines, 1))
    excel = EXCEL.fullmatch(first[0]) if first else None
    if excel:
        return options.separator or excel[1], 1, lines
    default = options.separator or SEPARATORS[suffix]
    taken, length = list(first), 0

    def replayed() -> Iterator[str]:
        nonlocal length
        yield from list(taken)
        # A quoted header may go on over several lines. Past LONGEST its quote is never closed.
        while length <= LONGEST and (line := next(lines, "")):
            taken.append(line)
            length += len(line)
            yield line

    if options.separator is None and not _holds(replayed(), default, names):
        others = [
            mark for mark in CANDIDATES if mark != default and _holds(replayed(), mark, names)
        ]
        if len(others) == 1:
            say(f"{file}: read with {shown(others[0])} between the columns, as its header has them")
            default = others[0]
    return default, 0, itertools.chain(taken, lines)


def _holds(lines: Iterator[str], separator: str, names: Sequence[str]) -> bool:
    """Whether the first record, cut by this separator, has all the names as cells."""
    try:
        return set(names) <= set(next(csv.reader(lines, delimiter=separator, strict=True), []))
    except csv.Error:
        return False


def shown(separator: str) -> str:
    """The separator in words."""
    return IN_WORDS.get(separator, f"'{separator}'")


def missing(
    file: Path,
    name: str,
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    options: ReadOptions,
) -> UserError:
    """The error of a column that the header lacks, with the likeliest cause. rows: some rows below the header."""
    other = (
        next((mark for mark in CANDIDATES if mark in header[0]), None) if len(header) == 1 else None
    )
    if other:
        value = "tab" if other == "\t" else f'"{other}"'
        cause = f": its header has {shown(other)} between the names; set {options.separator_key} to {value}"
    elif _is_row(header, rows):
        cause = (
            f": its first line looks like a row, not a header; put a line with the names of its {len(header)} columns "
            "before it"
        )
    else:
        close = closest(name, header)
        hint = f", did you mean '{close}'?" if close else ""
        known = ", ".join(header[:MOST_NAMES]) + (
            f" and {len(header) - MOST_NAMES} more" if header[MOST_NAMES:] else ""
        )
        cause = f"{hint} (known: {known or 'none'}); {options.columns_remedy}"
    return UserError(f"{file}: no column '{name}'{cause}")


def _is_row(header: Sequence[str], rows: Sequence[Sequence[str]]) -> bool:
    """Whether a cell of the header occurs again below it, as a label does, or is a text above other texts."""
    columns = zip(header, itertools.zip_longest(*rows, fillvalue=""), strict=False)
    return any(_alike(cell.strip(), [value.strip() for value in below]) for cell, below in columns)


def _alike(cell: str, below: Sequence[str]) -> bool:
    """Whether the cell could be one of those below it."""
    if not cell:
        return False
    texts = sum(_words(value) >= TEXT_WORDS for value in below)
    return cell in below or (_words(cell) >= TEXT_WORDS and texts * 2 > len(below))


def _words(cell: str) -> int:
    return len(cell.split())


def too_wide(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str | None:
    """Why each of the first rows has one field more than the header; None if not all have."""
    if not rows or any(len(row) != len(header) + 1 for row in rows):
        return None
    if not any(row[-1].strip() for row in rows):
        return (
            "each row ends in a separator that the header lacks: write one at the header's end too"
        )
    if all(row[0].strip().isdigit() for row in rows):
        return (
            "the header has no name for the column of row names, which R's write.table writes: put a name first in the "
            "header, e.g. `row`, or write with row.names = FALSE"
        )
    return "every row has one field more: put a name for that column into the header"
