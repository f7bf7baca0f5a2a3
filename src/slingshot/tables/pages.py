"""How many bytes the pages of a Parquet file unpack to, by their own headers: the memory that a reader will take.

The file's footer gives these sizes too, but no reader compares it with the pages. pyarrow gives no page header, so this
module reads its first fields:
Thrift's compact protocol, https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md, and
PageHeader in https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Self

import pyarrow.parquet as pq

UNPACKED, PACKED = 2, 3
"""Fields of PageHeader: bytes of the page, unpacked and as they stand in the file."""


@dataclass(frozen=True)
class ColumnSizes:
    """Bytes of one column of a row group."""

    unpacked: int
    """By the headers of its pages or the footer, whichever is more."""
    longest: int
    """The most that one value may take in a row though the pages hold it once: the size of what it is repeated from."""

    @classmethod
    def of(cls, raw: IO[bytes], chunk: pq.ColumnChunkMetaData) -> Self:
        """The sizes of a column in the file `raw`."""
        offsets = [
            offset for offset in (chunk.dictionary_page_offset, chunk.data_page_offset) if offset
        ]
        pages = list(_pages(raw, min(offsets, default=0), chunk.total_compressed_size))
        unpacked = max(sum(pages), chunk.total_uncompressed_size)
        encodings = " ".join(chunk.encodings)
        if "DELTA" in encodings or not pages:  # each value may repeat the one before it
            return cls(unpacked, unpacked)
        return cls(unpacked, pages[0] if "DICT" in encodings else 0)


def _pages(raw: IO[bytes], start: int, length: int) -> Iterator[int]:
    """Unpacked bytes of each page. Ends at a header that can't be read, where pyarrow will fail too."""
    place = start
    while place < start + length:
        raw.seek(place)
        try:
            sizes = {
                number: value for number, value in _fields(raw, 0) if number in (UNPACKED, PACKED)
            }
            unpacked, packed = sizes[UNPACKED], sizes[PACKED]
        except (EOFError, KeyError, OSError, ValueError, OverflowError):
            return
        if unpacked < 0 or packed < 0:
            return
        place = raw.tell() + packed
        yield unpacked


def _fields(raw: IO[bytes], depth: int) -> Iterator[tuple[int, int]]:
    """Number and value of each field of a struct; a value other than a whole number counts as 0."""
    number = 0
    while head := _byte(raw):
        number = number + (head >> 4) if head >> 4 else _whole(raw)
        yield number, _value(raw, head & 15, depth)


def _value(raw: IO[bytes], kind: int, depth: int) -> int:
    if kind in (4, 5, 6):
        return _whole(raw)
    if kind == 3 or kind == 7:
        raw.seek(1 if kind == 3 else 8, 1)
    elif kind == 8:
        raw.seek(_varint(raw), 1)
    elif kind == 12 and depth < 8:
        for _ in _fields(raw, depth + 1):
            pass
    elif kind not in (1, 2):  # true and false; a page header has no lists and maps
        raise EOFError
    return 0


def _whole(raw: IO[bytes]) -> int:
    zigzag = _varint(raw)
    return (zigzag >> 1) ^ -(zigzag & 1)


def _varint(raw: IO[bytes]) -> int:
    value = shift = 0
    while shift < 64:
        byte = _byte(raw)
        value |= (byte & 127) << shift
        if byte < 128:
            return value
        shift += 7
    raise EOFError


def _byte(raw: IO[bytes]) -> int:
    read = raw.read(1)
    if not read:
        raise EOFError
    return read[0]
