"""A user's file as a stream of bytes and lines: what `prepare` and `predict` read it through.

Nothing is held whole. A compressed file is unpacked as it is read, and stopped where it grows far beyond what text
does; a line that is longer than any text is refused before it has been read whole.
"""

from __future__ import annotations

import bz2
import codecs
import gzip
import io
import itertools
import lzma
import re
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

from slingshot.settings import UserError, nearest

LONGEST = 2**24
"""Characters of one line, record or cell: a book has three million."""
FREE = 100 * 2**20
"""Bytes that any compressed file may unpack to."""
RATIO = 200
"""Times its own size that a larger one may unpack to: text shrinks to a thirtieth, logs to a hundredth."""
MARKS = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF32_LE: "utf-32",  # which opens as UTF-16's mark does
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
"""Byte order mark -> the encoding that it says, whatever else is said."""
NO_TEXT = {
    b"PK\x03\x04": "is an Excel workbook or a zip archive",
    b"\xd0\xcf\x11\xe0": "is an old Excel workbook",
    b"\x1f\x8b": "is compressed by gzip",
    b"PAR1": "is a Parquet file",
}
"""What a file that is no text begins with, and what it is."""
OF_A_MAC = re.compile(r"/$|^__MACOSX/|(^|/)(\._|\.DS_Store$)")
"""Folders, and the files that a Mac adds of its own: __MACOSX/._NAME, ._NAME and .DS_Store."""
DAMAGE = (
    EOFError,
    ValueError,
    RuntimeError,
    struct.error,
    zlib.error,
    lzma.LZMAError,
    zipfile.BadZipFile,
)
"""What the readers of archives raise on a damaged one, beside OSError."""
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


@dataclass(frozen=True)
class Reading:
    """How a file is to be read, and what its user sets to change that."""

    encoding: str = "utf-8"
    """That of a file without a byte order mark."""
    separator: str | None = None
    """Between the columns of a table; null: that of the suffix, or the one that the header shows."""
    encoding_key: str = "source.encoding in params.yaml"
    separator_key: str = "source.separator in params.yaml"
    columns_remedy: str = "see source in params.yaml"


class Unpacked(io.BufferedIOBase):
    """The bytes of a file, unpacked. Raises UserError where it is damaged, or unpacks to far more than text does."""

    def __init__(self, path: Path, raw: IO[bytes]) -> None:
        self._path, self._raw = path, raw
        self._size = path.stat().st_size
        self._packed = path.suffix.lower() in UNPACK
        self._first = b""
        self._stream: Any = raw
        self._stream = (
            self._guarded(lambda: UNPACK[path.suffix.lower()](raw)) if self._packed else raw
        )
        self._read = self._newlines = 0

    def readable(self) -> bool:
        return True

    def read1(self, size: int = -1, /) -> bytes:
        """The next piece, which may be shorter than `size`."""
        if self._first:
            piece, self._first = self._first, b""
        else:
            piece = self._guarded(lambda: self._stream.read(size))
        self._read += len(piece)
        self._newlines += piece.count(b"\n")
        if self._packed and self._read > max(FREE, RATIO * self._size):
            raise UserError(
                f"{self._path}: unpacks to more than {max(FREE, RATIO * self._size):,} bytes, over {RATIO} times its "
                "size, as no text does; if it is what you mean to read, unpack it and name the unpacked file"
            )
        return piece

    def read(self, size: int | None = -1, /) -> bytes:
        return self.read1(-1 if size is None else size)

    def head(self) -> bytes:
        """The first bytes, which stay to be read: enough for a byte order mark."""
        self._first = self._first or self._guarded(
            lambda: self._stream.read(io.DEFAULT_BUFFER_SIZE)
        )
        return self._first

    def place(self) -> int:
        """Bytes of the file itself that have been read."""
        return self._raw.tell()

    def position(self, error: UnicodeError) -> tuple[int, int]:
        """The byte, from 0, and the line, from 1, of an error that was raised when the last piece was decoded."""
        if not isinstance(error, UnicodeDecodeError):
            return 0, 1
        rest = error.object[error.start :]
        return self._read - len(rest), self._newlines - rest.count(b"\n") + 1

    def _guarded(self, call: Callable[[], Any]) -> Any:
        try:
            return call()
        except OSError as error:
            if error.errno:  # the disk's, not the archive's
                raise UserError(f"{self._path}: can't be read: {error.strerror}") from None
            raise self._damaged(error) from None
        except DAMAGE as error:
            raise self._damaged(error) from None
        except UserError as error:
            raise UserError(f"{self._path}: {error.message}") from None

    def _damaged(self, error: Exception) -> UserError:
        return UserError(
            f"{self._path}: not a whole {self._path.suffix} file ({error}); copy or download it again"
        )


def _unzip(raw: IO[bytes]) -> Any:
    archive = zipfile.ZipFile(raw)
    held = [file for file in archive.infolist() if not OF_A_MAC.search(file.filename)]
    if len(held) != 1:
        names = ", ".join(file.filename for file in held[:5]) or "nothing"
        raise UserError(
            f"holds {len(held)} files ({names}), expected one: put that one alone into the archive"
        )
    if held[0].flag_bits & 1:
        raise UserError("is locked by a password; pack it again without one")
    if held[0].compress_type not in (
        zipfile.ZIP_STORED,
        zipfile.ZIP_DEFLATED,
    ):  # others are unpacked in one go
        raise UserError(
            "is packed by another method than zip's usual Deflate; pack it again with that, or as .xz"
        )
    return archive.open(held[0])


def _zstd(raw: IO[bytes]) -> Any:
    import pyarrow as pa

    return pa.CompressedInputStream(raw, "zstd")


UNPACK: dict[str, Callable[[IO[bytes]], Any]] = {
    ".gz": gzip.open,
    ".bz2": bz2.open,
    ".xz": lzma.open,
    ".zip": _unzip,
    ".zst": _zstd,
}


@contextmanager
def opened(path: Path) -> Iterator[Unpacked]:
    """The file's bytes, unpacked as its suffix says. Raises UserError where it is missing or can't be read."""
    try:
        raw = path.open("rb")
    except FileNotFoundError:
        there = (
            [p.name for p in path.parent.iterdir() if p.is_file()] if path.parent.is_dir() else []
        )
        raise UserError(f"{path}: not found{nearest(path.name, there)}") from None
    except OSError as error:
        raise UserError(f"{path}: can't be read: {error.strerror}") from None
    with raw:
        yield Unpacked(path, raw)


def lines(path: Path, unpacked: Unpacked, how: Reading, newline: str) -> Iterator[str]:
    """The lines, with their ends and without a byte order mark. Raises UserError with the byte, the line and the key.

    newline: "\n", or "" where "\r" ends a line too, as for `open`.
    """
    head = unpacked.head()
    other = next(
        (kind for start, kind in NO_TEXT.items() if head.startswith(start) and b"\0" in head), None
    )
    if other:
        raise UserError(
            f"{path}: {other}, whatever its name says; save the table as .csv, or name the file as it is"
        )
    encoding = next((name for mark, name in MARKS.items() if head.startswith(mark)), how.encoding)
    try:
        stream = io.TextIOWrapper(cast(Any, unpacked), encoding, newline=newline)
    except LookupError:  # no encoding, or one such as base64 that is not of text
        raise UserError(
            f"{how.encoding_key}: unknown '{encoding}'{nearest(encoding, ENCODINGS)}"
        ) from None
    for number in itertools.count(1):
        try:
            line = stream.readline(LONGEST + 1)
        except UnicodeError as error:
            if isinstance(error, UnicodeDecodeError) and b"\0" in error.object:
                raise unmarked(path, how) from None
            byte, at = unpacked.position(error)
            often = (
                "cp1252 or latin-1"
                if encoding != "utf-16"
                else "utf-16-le or utf-16-be where it has no mark"
            )
            raise UserError(
                f"{path}: byte {byte} (line {at}) is not valid {encoding}: set {how.encoding_key} to what the file was "
                f"saved in, often {often}, or save it as UTF-8"
            ) from None
        if not line:
            return
        if len(line) > LONGEST:
            raise too_long(path, f"line {number}")
        if (
            number <= 2 and "\0" in line
        ):  # UTF-16 ends a line in a zero, or begins the next with one
            raise unmarked(path, how)
        yield line.removeprefix("\ufeff") if number == 1 else line


def too_long(path: Path, where: str) -> UserError:
    """The error of a line, a record or a cell that is longer than any text."""
    return UserError(
        f"{path}: {where} is longer than {LONGEST:,} characters, as no text to classify is; take it out or cut it. "
        "Look for a line break that is missing, or a quote that nothing closes"
    )


def unmarked(file: Path, how: Reading) -> UserError:
    """The error of a file whose text has a zero between its letters."""
    return UserError(
        f"{file}: it looks like UTF-16 without a byte order mark; save it as UTF-8, or set {how.encoding_key} to "
        "utf-16-le or utf-16-be"
    )
