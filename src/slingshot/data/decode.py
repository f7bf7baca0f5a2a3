"""The bytes and the text of a user's file, decompressed in memory, or an error that names the remedy."""

from __future__ import annotations

import bz2
import codecs
import gzip
import io
import lzma
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa

from slingshot.settings import UserError, nearest


def _unzip(data: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        # A Mac adds files of its own: __MACOSX/._NAME and .DS_Store.
        names = [name for name in archive.namelist() if not re.search(r"/$|^__MACOSX/|(^|/)\.DS_Store$", name)]
        if len(names) != 1:
            held = ", ".join(names[:5]) or "nothing"
            raise UserError(f"holds {len(names)} files ({held}), expected one: put that one alone into the archive")
        return archive.read(names[0])


def _zstd(data: bytes) -> bytes:
    return bytes(pa.input_stream(pa.py_buffer(data), compression="zstd").read())


UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
DECOMPRESS: dict[str, Callable[[bytes], bytes]] = {
    ".gz": gzip.decompress,
    ".bz2": bz2.decompress,
    ".xz": lzma.decompress,
    ".zip": _unzip,
    ".zst": _zstd,
}


def contents(path: Path) -> bytes:
    """The file's bytes, decompressed as its suffix says. Raises UserError: missing or corrupt."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        there = [p.name for p in path.parent.iterdir() if p.is_file()] if path.parent.is_dir() else []
        raise UserError(
            f"{path}: not found{nearest(path.name, there)}; put the file there, or run `dvc pull` if it is tracked"
        ) from None
    except OSError as error:
        raise UserError(f"{path}: can't be read: {error.strerror}") from None
    try:
        return DECOMPRESS.get(path.suffix.lower(), bytes)(data)
    except UserError as error:
        raise UserError(f"{path}: {error.message}") from None
    except (OSError, EOFError, ValueError, RuntimeError, zlib.error, lzma.LZMAError, zipfile.BadZipFile) as error:
        raise UserError(f"{path}: not a whole {path.suffix} file ({error}); copy or download it again") from None


def lines(path: Path, data: bytes, encoding: str, newline: str) -> Iterator[str]:
    """The lines, with their ends and without a byte order mark. Raises UserError with the byte, the line and the key.

    newline: "\n", or "" where "\r" ends a line too, as for `open`.
    """
    try:
        codecs.lookup(encoding)
        with io.TextIOWrapper(io.BytesIO(data), encoding, newline=newline) as stream:
            yield stream.readline().removeprefix("\ufeff")
            yield from stream
    except (LookupError, UnicodeError):
        decode(path, data, encoding)
        raise


def decode(path: Path, data: bytes, encoding: str) -> str:
    """The text, without a byte order mark. Raises UserError with the byte, the line and the key."""
    try:
        codecs.lookup(encoding)  # which decode leaves out where there is nothing to decode
        return data.decode(encoding).removeprefix("\ufeff")
    except LookupError:  # no encoding, or one such as base64 that is not of text
        known = ["utf-8", "utf-16", "latin-1", "cp1252", "shift_jis", "gb18030", "big5", "euc_kr", "koi8_r"]
        raise UserError(f"params.yaml: source.encoding: unknown '{encoding}'{nearest(encoding, known)}") from None
    except UnicodeError as error:
        start = error.start if isinstance(error, UnicodeDecodeError) else 0
        line = data.count(b"\n", 0, start) + 1
        often = "utf-16, as its first bytes say" if data.startswith(UTF16) else "often cp1252 or latin-1"
        raise UserError(
            f"{path}: byte {start} (line {line}) is not valid {encoding}: set source.encoding in params.yaml "
            f"to what the file was saved in, {often}, or save it as UTF-8"
        ) from None
