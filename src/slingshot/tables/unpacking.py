"""The bytes of a user's file, unpacked if its suffix names a compression.

A compressed file is unpacked as it is read, never whole. It is refused once it grows far more than text does, because a
small file may unpack to gigabytes.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import re
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Protocol, TypeVar

from slingshot.settings import UserError, nearest

T = TypeVar("T")
FREE = 100 * 2**20
"""Bytes that any compressed file may unpack to."""
RATIO = 200
"""How many times its own size a larger file may unpack to: text shrinks to a thirtieth, logs to a hundredth."""
OF_A_MAC = re.compile(r"/$|^__MACOSX/|(^|/)(\._|\.DS_Store$)")
"""Folders, and the files that a Mac adds by itself: __MACOSX/._NAME, ._NAME and .DS_Store."""
DAMAGE = (
    EOFError,
    ValueError,
    RuntimeError,
    struct.error,
    zlib.error,
    lzma.LZMAError,
    zipfile.BadZipFile,
)
"""The errors, besides OSError, that readers of archives raise for a damaged archive."""


class ByteReader(Protocol):
    """A stream of unpacked bytes. Each call gives the next ones, and none at the end."""

    def read(self, size: int, /) -> bytes: ...


class UnpackedFile(io.BufferedIOBase):
    """The unpacked bytes of a file. Raises UserError if it is damaged or unpacks to far more than text does."""

    def __init__(self, path: Path, raw: IO[bytes]) -> None:
        self._path, self._raw = path, raw
        self._size = path.stat().st_size
        unpack = UNPACK.get(path.suffix.lower())
        self._packed = unpack is not None
        self._first = b""
        self._stream: ByteReader = self._guarded(lambda: unpack(raw)) if unpack else raw
        self._read = self._newlines = 0

    @property
    def name(self) -> str:
        """The file's path, as io.TextIOWrapper shows it."""
        return str(self._path)

    def readable(self) -> bool:
        return True

    def read1(self, size: int = -1, /) -> bytes:
        """The next bytes, at most `size` of them."""
        if self._first:
            piece, self._first = self._first, b""
        else:
            piece = self._guarded(lambda: self._stream.read(size))
        self._read += len(piece)
        self._newlines += piece.count(b"\n")
        if self._packed and self._read > max(FREE, RATIO * self._size):
            raise UserError(
                f"{self._path}: unpacks to more than {max(FREE, RATIO * self._size):,} bytes, over {RATIO} times its "
                "size, which no text does; if it is the right file, unpack it and name the unpacked file"
            )
        return piece

    def read(self, size: int | None = -1, /) -> bytes:
        return self.read1(-1 if size is None else size)

    def head(self) -> bytes:
        """The first bytes, enough for a byte order mark. They are read again later."""
        self._first = self._first or self._guarded(
            lambda: self._stream.read(io.DEFAULT_BUFFER_SIZE)
        )
        return self._first

    def place(self) -> int:
        """How many bytes of the packed file have been read."""
        return self._raw.tell()

    def position(self, error: UnicodeError) -> tuple[int, int]:
        """The byte (from 0) and the line (from 1) of an error in decoding the last piece."""
        if not isinstance(error, UnicodeDecodeError):
            return 0, 1
        rest = error.object[error.start :]
        return self._read - len(rest), self._newlines - rest.count(b"\n") + 1

    def _guarded(self, call: Callable[[], T]) -> T:
        """The call's result. Raises UserError with the file's path if the disk or the archive fails."""
        try:
            return call()
        except OSError as error:
            if error.errno:  # the disk raised it, not the archive's reader
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


def _unzip(raw: IO[bytes]) -> ByteReader:
    archive = zipfile.ZipFile(raw)
    members = [member for member in archive.infolist() if not OF_A_MAC.search(member.filename)]
    if len(members) != 1:
        names = ", ".join(member.filename for member in members[:5]) or "nothing"
        raise UserError(
            f"holds {len(members)} files ({names}), expected one: put only the table into the archive"
        )
    if members[0].flag_bits & 1:
        raise UserError("is locked by a password; pack it again without one")
    # zipfile unpacks other methods in one go, which could fill the memory.
    if members[0].compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise UserError(
            "is not packed by zip's usual method, Deflate; pack it again with that, or as .xz"
        )
    return archive.open(members[0])


def _zstd(raw: IO[bytes]) -> ByteReader:
    import pyarrow as pa

    stream: ByteReader = pa.CompressedInputStream(raw, "zstd")
    return stream


UNPACK: dict[str, Callable[[IO[bytes]], ByteReader]] = {
    ".gz": gzip.open,
    ".bz2": bz2.open,
    ".xz": lzma.open,
    ".zip": _unzip,
    ".zst": _zstd,
}
"""Suffix of a compression -> the function that unpacks it."""


@contextmanager
def opened(path: Path) -> Iterator[UnpackedFile]:
    """The file's bytes, unpacked as its suffix says. Raises UserError if it is missing or can't be read."""
    try:
        raw = path.open("rb")
    except FileNotFoundError:
        folder = path.parent
        siblings = (
            [file.name for file in folder.iterdir() if file.is_file()] if folder.is_dir() else []
        )
        raise UserError(f"{path}: not found{nearest(path.name, siblings)}") from None
    except OSError as error:
        raise UserError(f"{path}: can't be read: {error.strerror}") from None
    with raw:
        yield UnpackedFile(path, raw)
