"""Writes the rows that `predict` has labelled one by one, to CSV, TSV or JSONL, as the suffix says.

Values of JSONL are written as they were read, except NaN and Infinity, which become null.
"""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import re
import sys
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import IO

from slingshot.commands.streams import FORMATS, InputRow
from slingshot.files.storage.atomic import atomic
from slingshot.machine.console import printing
from slingshot.settings import UserError
from slingshot.settings.errors import visible
from slingshot.tables.headers import SEPARATORS
from slingshot.tables.records import file_format
from slingshot.tables.unpacking import UNPACK

COMPRESS: dict[str, Callable[..., IO[str]]] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""A spreadsheet may run a cell that begins with one of these as a formula."""
NUMBER = re.compile(r"[+-]?(\d+([.,]\d*)*|[.,]\d+)([eE][+-]?\d+)?%?")
SPECIAL = re.compile(r'["\r\n,;\t|]')
"""A cell with one of these gets quotes: some spreadsheets also split at `;` or tabs, with any separator."""

Put = Callable[[str], object]
Write = Callable[[InputRow, dict[str, float] | None], None]


def format_of(file: Path, output: Path | None) -> str:
    """The suffix in FORMATS of the written format. Raises UserError for an unknown suffix."""
    return file_format(output, FORMATS, COMPRESS) if output else file_format(file, FORMATS, UNPACK)


@contextmanager
def sink(output: Path | None) -> Iterator[Put]:
    """A function that writes text as UTF-8. A file gets its name when it is complete. On a terminal, control characters
    are made visible."""
    if output is None:
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(encoding="utf-8", errors="replace", newline="")
        shown = visible if sys.stdout.isatty() else str

        def put(text: str) -> None:
            with printing():
                sys.stdout.write(shown(text))

        yield put
        with printing():
            sys.stdout.flush()
        return
    opener: Callable[..., IO[str]] = COMPRESS.get(output.suffix.lower(), open)
    with (
        atomic(output) as temporary,
        opener(temporary, "wt", encoding="utf-8", errors="replace", newline="") as stream,
    ):
        yield stream.write


def writer(
    put: Put, file: Path, suffix: str, columns: Sequence[str], labels: Sequence[str], safe: bool
) -> Write:
    """A function that writes a row with its prediction and probabilities.

    A table has a column `probability_CLASS` for each class, JSONL a mapping `scores`. They are empty, or null, without
    scores. `suffix` names the written format. With `safe`, cells of a table that a spreadsheet would run as formulas
    get an apostrophe before them.
    """
    if suffix not in SEPARATORS:
        return partial(_write_json, put, file)
    added = ["prediction", *(f"probability_{name}" for name in labels)]
    shown = _inert if safe else str

    def line(cells: Iterable[str]) -> None:
        put(SEPARATORS[suffix].join(map(_quoted, cells)) + "\n")

    if columns:
        _refuse_taken(file, 1, columns, added)
        line(map(shown, [*columns, *added]))

    def write(row: InputRow, scores: dict[str, float] | None) -> None:
        values = [f"{scores[name]:.6f}" if scores else "" for name in labels]
        cells = [*map(_cell, _in_columns(file, row, columns)), _best(scores) or ""]
        line([*map(shown, cells), *values])

    return write


def _quoted(cell: str) -> str:
    return '"{}"'.format(cell.replace('"', '""')) if SPECIAL.search(cell) else cell


def _inert(cell: str) -> str:
    """The cell, after an apostrophe if a spreadsheet would run it as a formula. Numbers such as -5 are not formulas."""
    return f"'{cell}" if cell.startswith(FORMULA) and not NUMBER.fullmatch(cell) else cell


def _in_columns(file: Path, row: InputRow, columns: Sequence[str]) -> Sequence[object]:
    """The row's values in the order of the columns; None for a column that it lacks."""
    if list(row.names) == list(columns):
        return row.values
    values = dict(zip(row.names, row.values, strict=True))
    new = values.keys() - set(columns)
    if new:
        raise UserError(
            f"{file}: line {row.line}: key '{min(new)}' is not in the first line; write .jsonl instead"
        )
    return [values.get(name) for name in columns]


def _write_json(put: Put, file: Path, row: InputRow, scores: dict[str, float] | None) -> None:
    _refuse_taken(file, row.line, row.names, ["prediction", "scores"])
    record = dict(zip(row.names, row.values, strict=True))
    if len(record) < len(row.names):
        twice = Counter(row.names).most_common(1)[0][0]
        raise UserError(
            f"{file}: column '{twice}' appears twice, which .jsonl does not allow; write .csv, or rename one"
        )
    rounded = {name: round(value, 6) for name, value in scores.items()} if scores else None
    record |= {"prediction": _best(scores), "scores": rounded}
    put(json.dumps(record, ensure_ascii=False, allow_nan=False) + "\n")


def _refuse_taken(file: Path, line: int, names: Collection[str], added: Collection[str]) -> None:
    taken = [name for name in added if name in names]
    if taken:
        raise UserError(
            f"{file}: line {line}: '{taken[0]}' is there already, but `predict` adds it; rename it"
        )


def _best(scores: dict[str, float] | None) -> str | None:
    """The most probable class; the first at a tie."""
    return max(scores, key=scores.__getitem__) if scores else None


def _cell(value: object) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    return json.dumps(value, ensure_ascii=False)
