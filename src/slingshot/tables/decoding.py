"""The lines of a user's text file. `prepare` and `predict` read every table but Parquet through this module.

A byte order mark sets the encoding; without one the options do. It is never guessed. A line that is longer than any
text is refused before it has been read whole.
"""

from __future__ import annotations

import codecs
import io
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from slingshot.settings import UserError, nearest
from slingshot.tables.unpacking import UnpackedFile

LONGEST = 2**24
"""Most characters of a line, a record or a cell. A long book has three million."""
MARKS = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF32_LE: "utf-32",  # before UTF-16's, because it begins with that mark
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
"""Byte order mark -> its encoding, which overrides that of the options."""
BINARY_KINDS = {
    b"PK\x03\x04": "is an Excel workbook or a zip archive",
    b"\xd0\xcf\x11\xe0": "is an old Excel workbook",
    b"\x1f\x8b": "is compressed by gzip",
    b"PAR1": "is a Parquet file",
}
"""First bytes of a file that is not text -> what it is."""
ENCODINGS = [
    "utf-8",
    "utf-16",
    "latin-1",
    "cp1252",
    "shift_jis",
    "gb18030",
    "big5",
    "euc_kr",
    "koi8_r",
]
"""Encodings to suggest for an unknown one."""


@dataclass(frozen=True)
class ReadOptions:
    """How a file is read. The last three say, for error messages, where the user sets the options."""

    encoding: str = "utf-8"
    """The encoding of a file without a byte order mark."""
    separator: str | None = None
    """The separator of a table's columns; None takes the suffix's separator, or the one that the header shows."""
    encoding_key: str = "source.encoding in params.yaml"
    separator_key: str = "source.separator in params.yaml"
    columns_remedy: str = "see source in params.yaml"


def lines(path: Path, unpacked: UnpackedFile, options: ReadOptions, newline: str) -> Iterator[str]:
    """The lines, with their ends but without a byte order mark. Raises UserError with the byte, the line and the key.

    newline: "\n", or "" where "\r" ends a line too, as for `open`.
    """
    stream = _text_stream(path, unpacked, options, newline)
    for number in itertools.count(1):
        try:
            line = stream.readline(LONGEST + 1)
        except UnicodeError as error:
            raise _undecodable(path, unpacked, options, stream.encoding, error) from None
        if not line:
            return
        if len(line) > LONGEST:
            raise too_long(path, f"line {number}")
        # UTF-16 that is read as UTF-8 has a zero at the end of a line or at the start of the next.
        if number <= 2 and "\0" in line:
            raise unmarked(path, options)
        yield line.removeprefix("\ufeff") if number == 1 else line


def _text_stream(
    path: Path, unpacked: UnpackedFile, options: ReadOptions, newline: str
) -> io.TextIOWrapper:
    """The file as text. Raises UserError if it is not text, or if its encoding is unknown."""
    head = unpacked.head()
    binary = next(
        (kind for start, kind in BINARY_KINDS.items() if head.startswith(start) and b"\0" in head),
        None,
    )
    if binary:
        raise UserError(
            f"{path}: {binary}, whatever its name says; save the table as .csv, or give the file its right suffix"
        )
    marked = (name for mark, name in MARKS.items() if head.startswith(mark))
    encoding = next(marked, options.encoding)
    try:
        return io.TextIOWrapper(unpacked, encoding, newline=newline)
    except LookupError:  # no encoding at all, or one such as base64, which is not for text
        raise UserError(
            f"{options.encoding_key}: unknown '{encoding}'{nearest(encoding, ENCODINGS)}"
        ) from None


def _undecodable(
    path: Path, unpacked: UnpackedFile, options: ReadOptions, encoding: str, error: UnicodeError
) -> UserError:
    """The error of bytes that the encoding does not allow, with their place and the likely encodings."""
    if isinstance(error, UnicodeDecodeError) and b"\0" in error.object:
        return unmarked(path, options)
    byte, line = unpacked.position(error)
    likely = (
        "cp1252 or latin-1"
        if encoding != "utf-16"
        else "utf-16-le or utf-16-be where it has no mark"
    )
    return UserError(
        f"{path}: byte {byte} (line {line}) is not valid {encoding}: set {options.encoding_key} to the encoding of the "
        f"file, often {likely}, or save the file as UTF-8"
    )


def too_long(path: Path, where: str) -> UserError:
    """The error of a line, a record or a cell that is longer than any text."""
    return UserError(
        f"{path}: {where} is longer than {LONGEST:,} characters, too long for a text to classify; remove or cut it. "
        "Look for a missing line break, or for a quote that is never closed"
    )


def unmarked(path: Path, options: ReadOptions) -> UserError:
    """The error of a file that has zero bytes between its letters."""
    return UserError(
        f"{path}: it looks like UTF-16 without a byte order mark; save it as UTF-8, or set {options.encoding_key} to "
        "utf-16-le or utf-16-be"
    )
