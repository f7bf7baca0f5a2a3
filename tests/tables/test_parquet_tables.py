"""Columns of Parquet: what is the machine's is not the file's."""

import gzip
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from slingshot.settings import UserError
from slingshot.tables import parquet_tables
from slingshot.tables.decoding import ReadOptions
from slingshot.tables.row_limit import RowLimit


def read(path: Path) -> int:
    return len(parquet_tables.read_parquet(path, ["text", "label"], ReadOptions(), RowLimit()))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    pq.write_table(pa.table({"text": ["a", "b"], "label": ["x", "y"]}), tmp_path / "r.parquet")
    (tmp_path / "r.parquet.gz").write_bytes(gzip.compress((tmp_path / "r.parquet").read_bytes()))
    return tmp_path / "r.parquet.gz"


def full(**_: Any) -> Any:
    return Path("/dev/full").open("r+b")


def nowhere(**_: Any) -> Any:
    raise FileNotFoundError(2, "No usable temporary directory found in ['/tmp']")


@pytest.mark.parametrize("make", [full, nowhere])
def test_a_full_disk_does_not_make_the_file_a_damaged_one(
    path: Path, monkeypatch: pytest.MonkeyPatch, make: Callable[..., Any]
) -> None:
    assert read(path) == 2
    monkeypatch.setattr(tempfile, "TemporaryFile", make)
    with pytest.raises(
        UserError, match=r"r.parquet.gz: can't be unpacked into .*: No .*; make room .* TMPDIR"
    ):
        read(path)


@pytest.mark.parametrize("error", [MemoryError, pa.ArrowMemoryError])
def test_nor_does_a_lack_of_memory(
    path: Path, monkeypatch: pytest.MonkeyPatch, error: type[MemoryError]
) -> None:
    def lacking(*_: object) -> None:
        raise error

    monkeypatch.setattr(parquet_tables, "_size", lacking)
    with pytest.raises(error):
        read(path)


def test_a_damaged_archive_is_still_named(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(UserError, match=r"r.parquet.gz: not a whole .gz file"):
        read(path)
