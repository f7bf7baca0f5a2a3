"""Rows that `predict` reads: as many at once as the memory holds, however wide they are."""

from pathlib import Path

import pytest

from slingshot.commands.streams import read_rows, reading
from slingshot.tables import records
from slingshot.tables.records import blocks
from slingshot.tables.unpacking import opened

COLUMNS = 100
CSV = "text" + "," * (COLUMNS - 1) + "\n" + ("a" + "," * (COLUMNS - 1) + "\n") * 50
JSONL = ('{"text": "a"' + "".join(f', "{n}": 0' for n in range(COLUMNS - 1)) + "}\n") * 50


@pytest.mark.parametrize(("name", "content"), [("r.csv", CSV), ("r.jsonl", JSONL)])
def test_many_cells_fill_a_chunk_though_they_hold_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, content: str
) -> None:
    monkeypatch.setattr(records, "CHUNK", 1000)
    (tmp_path / name).write_text(content)
    with opened(tmp_path / name) as unpacked:
        _, rows = read_rows(tmp_path / name, unpacked, "text", reading("utf-8", None))
        counts = [len(block) for block in blocks(rows, 1000, lambda row: row.size)]
    assert sum(counts) == 50 and max(counts) * COLUMNS <= 1000
