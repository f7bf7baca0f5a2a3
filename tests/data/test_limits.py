"""Small files that would fill the memory: each is one error that names the limit, long before it does."""

import bz2
import gzip
import json
import lzma
import struct
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from slingshot.settings import FileSource, LinesSource, UserError
from slingshot.tables import row_limit as limits
from slingshot.tables.decoding import LONGEST, ReadOptions
from slingshot.tables.files import read
from slingshot.tables.pages import ColumnSizes
from slingshot.tables.row_limit import RowLimit
from slingshot.tables.text_tables import read_csv
from tests.conftest import ROOT

MEGABYTE = b"a" * 2**20
HEAD = b"text,label\n"
BOMB = 700
"""Megabytes that each bomb would unpack to."""
ROOM = 650
"""Megabytes that reading all of them may take, with what is imported."""


def packed(path: Path, head: bytes, piece: bytes, times: int = BOMB) -> None:
    """The head and the pieces after one another, compressed as the suffix says; each piece is compressed once."""
    if path.suffix == ".zip":
        with (
            zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
            archive.open("r", "w") as file,
        ):
            file.write(head)
            for _ in range(times):
                file.write(piece)
        return
    compress: Any = {
        ".gz": gzip.compress,
        ".bz2": bz2.compress,
        ".xz": lzma.compress,
        ".zst": pa.Codec("zstd").compress,
    }
    unit = compress[path.suffix](piece)
    path.write_bytes(bytes(compress[path.suffix](head)) + bytes(unit) * times)


def lying_zip(path: Path) -> None:
    """Its headers say that the file in it holds twenty bytes."""
    packed(path, HEAD, MEGABYTE)
    data = bytearray(path.read_bytes())
    directory = data.rindex(b"PK\x01\x02")
    data[directory + 24 : directory + 28] = struct.pack("<I", 20)
    path.write_bytes(data)


def lying_parquet(path: Path) -> None:
    """Pages of zstd that unpack to far more than the footer says."""
    table = pa.table({"text": ["a" * 2**23] * 20, "label": ["x"] * 20})
    pq.write_table(table, path, compression="zstd", use_dictionary=False)
    data = path.read_bytes()
    chunk = pq.ParquetFile(path).metadata.row_group(0).column(0)
    says = varint(chunk.total_uncompressed_size * 2)  # zigzag
    place = data.rindex(says)
    path.write_bytes(
        data[:place] + bytes([0x90, *[0x80] * (len(says) - 2), 0]) + data[place + len(says) :]
    )
    assert pq.ParquetFile(path).metadata.row_group(0).column(0).total_uncompressed_size == 8


def varint(value: int) -> bytes:
    made = bytearray()
    while value > 127:
        made.append(value & 127 | 128)
        value >>= 7
    return bytes([*made, value])


def dictionary(path: Path) -> None:
    """One long text, said once and repeated."""
    text = pa.DictionaryArray.from_arrays(pa.array([0] * BOMB, pa.int32()), pa.array(["a" * 2**20]))
    pq.write_table(
        pa.table({"text": text, "label": ["x"] * BOMB}),
        path,
        compression="none",
        store_schema=False,
    )


def prefixes(path: Path) -> None:
    """Each text the one before it and a letter more."""
    rows = {"text": ["a" * 2**20 + "b" * n for n in range(BOMB)], "label": ["x"] * BOMB}
    pq.write_table(
        pa.table(rows),
        path,
        use_dictionary=False,
        column_encoding=dict.fromkeys(rows, "DELTA_BYTE_ARRAY"),
    )


def wide(path: Path) -> None:
    """One long value of a fixed length, said once and repeated."""
    kind = pa.binary(2**20)
    text = pa.DictionaryArray.from_arrays(
        pa.array([0] * BOMB, pa.int32()), pa.array([MEGABYTE], kind)
    )
    table = pa.table({"text": text.dictionary_decode(), "label": ["x"] * BOMB})
    pq.write_table(table, path, compression="none", store_schema=False)


def long_cell(path: Path) -> None:
    """One text that is longer than any."""
    pq.write_table(
        pa.table({"text": ["a" * (LONGEST + 1), "b"], "label": ["x", "y"]}),
        path,
        compression="none",
    )


def nulls(path: Path) -> None:
    """Run lengths of what is not there."""
    none = pa.nulls(limits.ROWS + 1, pa.string())
    pq.write_table(pa.table({"text": none, "label": none}), path)


LINE = "is longer than 16,777,216 characters, too long for a text to classify; remove or cut it"
RATIO = "over 200 times"
BOMBS: dict[str, tuple[Callable[[Path], None], str]] = {
    **{
        f"line.csv{suffix}": (lambda path: packed(path, HEAD, MEGABYTE), f"line 2 {LINE}")
        for suffix in (".gz", ".bz2", ".xz", ".zip", ".zst")
    },
    "line.jsonl.gz": (lambda path: packed(path, b'{"text": "', MEGABYTE), f"line 1 {LINE}"),
    "quote.csv.gz": (
        lambda path: packed(path, HEAD + b'"', b"a" * 9999 + b"\n", 10**4),
        f"the record of line 2 {LINE}",
    ),
    "rows.csv.gz": (lambda path: packed(path, HEAD, (b"a" * 9999 + b",x\n") * 100), RATIO),
    "lying.csv.zip": (lying_zip, "not a whole .zip file"),
    "lying.parquet": (lying_parquet, RATIO),
    "dictionary.parquet": (dictionary, RATIO),
    "prefixes.parquet": (prefixes, RATIO),
    "wide.parquet": (wide, RATIO),
    "long.parquet": (long_cell, f"a value of column 'text' {LINE}"),
    "nulls.parquet": (nulls, "more than 10,000,000 rows; put a sample of its rows there instead"),
}
READ = r"""
import json, re, sys
from pathlib import Path
from slingshot.commands import streams
from slingshot.tables.files import read
from slingshot.tables.unpacking import opened
from slingshot.tables.records import blocks
from slingshot.settings import FileSource, UserError
said = {}
for path in map(Path, sys.argv[1:]):
    try:
        said[path.name] = len(read(FileSource(kind="file", file=path.name, text="text", label="label"), path.parent))
        continue
    except UserError as error:
        said[path.name] = error.message
    if path.suffix != ".parquet":
        try:
            with opened(path) as unpacked:
                rows = streams.read_rows(path, unpacked, "text", streams.reading("utf-8", None))[1]
                for _ in blocks(rows, 1000, lambda row: row.size):
                    pass
            said[f"{path.name} in predict"] = "nothing"
        except UserError as error:
            said[f"{path.name} in predict"] = error.message
[peak] = re.findall(r"VmHWM:\s*(\d+) kB", Path("/proc/self/status").read_text())  # getrusage counts the parent's too
print(json.dumps([said, int(peak)]))
"""


@pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="needs the peak of a process as Linux tells it"
)
def test_a_small_file_never_fills_the_memory(tmp_path: Path) -> None:
    for name, (make, _) in BOMBS.items():
        make(tmp_path / name)
        assert (tmp_path / name).stat().st_size < 2**22 or name == "long.parquet"
    call = [sys.executable, "-c", READ, *(str(tmp_path / name) for name in BOMBS)]
    environment = {"PYTHONPATH": str(ROOT / "src"), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(call, capture_output=True, text=True, check=True, env=environment)
    said, peak = json.loads(done.stdout)
    for name, found in said.items():
        _, expected = BOMBS[name.removesuffix(" in predict")]
        assert name.removesuffix(" in predict") in found and expected in found, (name, found)
    assert len(said) == 2 * len(BOMBS) - sum(name.endswith(".parquet") for name in BOMBS)
    assert peak < ROOM * 2**10  # kilobytes


@pytest.mark.parametrize("version", ["1.0", "2.0"])
@pytest.mark.parametrize("codec", ["none", "snappy", "gzip", "zstd", "lz4", "brotli"])
def test_every_page_of_an_honest_file_is_counted(tmp_path: Path, codec: str, version: str) -> None:
    rows = {
        "text": [f"text {n} of many" * 9 for n in range(3000)],
        "label": [n % 3 for n in range(3000)],
    }
    path = tmp_path / "r.parquet"
    pq.write_table(
        pa.table(rows),
        path,
        compression=codec,
        data_page_version=version,
        data_page_size=2000,
        row_group_size=1100,
    )
    metadata = pq.ParquetFile(path).metadata
    with path.open("rb") as raw:
        for part in range(metadata.num_row_groups):
            for place in range(2):
                chunk = metadata.row_group(part).column(place)
                silent = SimpleNamespace(**chunk.to_dict() | {"total_uncompressed_size": 0})
                counted, said = ColumnSizes.of(raw, silent).unpacked, chunk.total_uncompressed_size
                assert said * 0.7 < counted <= said  # which counts the headers of pages too
                assert ColumnSizes.of(raw, chunk).unpacked == said


@pytest.mark.parametrize("codec", ["snappy", "lz4", "gzip", "zstd"])
def test_a_damaged_parquet_file_is_one_error_with_the_remedy(tmp_path: Path, codec: str) -> None:
    rng = np.random.default_rng(0)
    path = tmp_path / "r.parquet"
    rows = {"text": [f"{n} {rng.integers(10**9)}" for n in range(400)], "label": ["a", "b"] * 200}
    pq.write_table(pa.table(rows), path, compression=codec)
    whole = np.frombuffer(path.read_bytes(), np.uint8)
    said = []
    for _ in range(150):
        damaged = whole.copy()
        damaged[rng.integers(4, len(whole) - 8, rng.choice([1, 4, 20]))] = rng.integers(256)
        path.write_bytes(
            damaged.tobytes()[
                : rng.choice([len(whole), int(rng.integers(len(whole)))], p=[0.9, 0.1])
            ]
        )
        try:
            read(FileSource(kind="file", file="r.parquet", text="text", label="label"), tmp_path)
        except UserError as error:
            said.append(error.message)
    assert sum("copy or download it again" in message for message in said) > 50
    assert all(message.startswith(str(path)) and "\n" not in message for message in said)


def test_honest_logs_that_repeat_themselves_are_read(tmp_path: Path) -> None:
    path = tmp_path / "r.csv.gz"
    rows = "".join(
        f"2026-11-27T{n // 60:02}:{n % 60:02} connection {n} closed by peer,{'ab'[n % 2]}\n"
        for n in range(1400)
    )
    packed(path, HEAD, rows.encode(), 30)
    assert len(read_csv(path, ["text", "label"], ReadOptions(), RowLimit())) == 42_000


@pytest.mark.parametrize(
    ("limit", "said"),
    [
        ({"ROWS": 5}, "l.txt: with this file the data set has more than 5 rows; put a sample"),
        (
            {"SIZE": 50},
            "l.txt: with this file the data set has more than 50 bytes in the columns that are used",
        ),
    ],
)
def test_what_is_held_is_counted_over_all_files(
    tmp_path: Path, limit: dict[str, int], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("t.txt", "l.txt"):
        (tmp_path / name).write_text("a\nb\nc\n")
    for name, value in limit.items():
        monkeypatch.setattr(limits, name, value)
    with pytest.raises(UserError, match=said):
        read(LinesSource(kind="lines", text_file="t.txt", label_file="l.txt"), tmp_path)


@pytest.mark.parametrize("source", ["locked", "bzip2"])
def test_a_zip_that_can_not_be_read_bit_by_bit_says_so(tmp_path: Path, source: str) -> None:
    path = tmp_path / "r.csv.zip"
    with zipfile.ZipFile(
        path, "w", zipfile.ZIP_BZIP2 if source == "bzip2" else zipfile.ZIP_STORED
    ) as archive:
        archive.writestr("r.csv", "text,label\na,x\n")
    if source == "locked":
        data = bytearray(path.read_bytes())
        data[data.rindex(b"PK\x01\x02") + 8] |= 1
        path.write_bytes(data)
    said = {
        "locked": "r.csv.zip: is locked by a password; pack it again",
        "bzip2": "is not packed by zip's usual method, Deflate",
    }
    with pytest.raises(UserError, match=said[source]):
        read_csv(path, ["text", "label"], ReadOptions(), RowLimit())
