"""How many bytes the pages of a Parquet file unpack to, by their own headers: the memory that a reader will take.

The file's footer gives these sizes too, but no reader compares it with the pages. pyarrow does not give page headers,
so this module reads their first fields. The sources are Thrift's compact protocol,
https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md, and PageHeader in
https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Self

import pyarrow.parquet as pq

UNPACKED, PACKED = 2, 3
"""Fields of PageHeader: bytes of the page once unpacked, and in the file."""

WHOLE = (4, 5, 6)
"""Thrift's types of whole numbers."""
SIZES = {1: 0, 2: 0, 3: 1, 7: 8}
"""Thrift's types of a fixed size -> their bytes: true and false (in the type itself), byte, double."""
BINARY, STRUCT = 8, 12
"""Other types of Thrift."""
DEEPEST = 8
"""Most structs inside each other."""


@dataclass(frozen=True)
class ColumnSizes:
    """Bytes of one column of a row group."""

    unpacked: int
    """By the headers of its pages or by the footer, whichever is more."""
    longest: int
    """Most bytes that a row may take for a value that the pages hold only once and rows repeat."""

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
        # With a dictionary, which is the first page, each row may repeat its longest value.
        return cls(unpacked, pages[0] if "DICT" in encodings else 0)


def _pages(raw: IO[bytes], start: int, length: int) -> Iterator[int]:
    """Unpacked bytes of each page. Stops at a header that can't be read, where pyarrow fails too."""
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
    """Number and value of each field of a struct. A value that is not a whole number is skipped and counts as 0."""
    number = 0
    # A field's first byte holds its type in the lower four bits, and in the upper ones how far its number is from the
    # last field's, or 0 before a number of its own. A byte of 0 ends the struct.
    while head := _byte(raw):
        number = number + (head >> 4) if head >> 4 else _whole(raw)
        yield number, _value(raw, head & 15, depth)


def _value(raw: IO[bytes], kind: int, depth: int) -> int:
    if kind in WHOLE:
        return _whole(raw)
    if kind in SIZES:
        raw.seek(SIZES[kind], 1)
    elif kind == BINARY:
        raw.seek(_varint(raw), 1)
    elif kind == STRUCT and depth < DEEPEST:
        for _ in _fields(raw, depth + 1):
            pass
    else:  # a list or a map, which a page header does not have
        raise EOFError
    return 0


def _whole(raw: IO[bytes]) -> int:
    """A whole number: zigzag keeps the sign in the last bit."""
    zigzag = _varint(raw)
    return (zigzag >> 1) ^ -(zigzag & 1)


def _varint(raw: IO[bytes]) -> int:
    """A number in bytes of seven bits each, the lowest first; the eighth bit says that another byte follows."""
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
