"""The first record of a table: how far it is read to find what stands between its columns."""

import itertools
from pathlib import Path

import pytest

from slingshot.settings import UserError
from slingshot.tables import csv_records, headers
from slingshot.tables.csv_records import CsvTable
from slingshot.tables.decoding import ReadOptions


@pytest.mark.parametrize("suffix", [".csv", ".tsv"])
@pytest.mark.parametrize("mark", headers.CANDIDATES)
def test_a_header_that_never_ends_is_refused_before_it_is_held(
    mark: str, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (headers, csv_records):
        monkeypatch.setattr(module, "LONGEST", 1000)
    lines = itertools.repeat(f'"{mark}"b\n', 9000)
    with pytest.raises(
        UserError, match=r"r.csv: (the record of line 1 is longer than|lines 1 to 2: )"
    ):
        CsvTable(Path("r.csv"), itertools.chain(['"a\n'], lines), ["text"], suffix, ReadOptions())
    assert len(list(lines)) > 8700
