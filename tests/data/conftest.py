"""Real files where SLINGSHOT_REAL_DATA names their folder, and data sets made of a few rows."""

import os
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from data_toys import Make, settings

from slingshot.data.prepare import PreparedDataset, prepare


@pytest.fixture
def real() -> Path:
    """The folder of the real files that acceptance figures are checked on."""
    if "SLINGSHOT_REAL_DATA" not in os.environ:
        pytest.skip("SLINGSHOT_REAL_DATA does not name the folder of the real files")
    return Path(os.environ["SLINGSHOT_REAL_DATA"])


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Prepare (text, label[, group]) rows, and test rows if there are any, as the user's CSV files."""

    def build(
        rows: list[tuple[str, ...]], test: list[tuple[str, ...]] | None = None, **changes: Any
    ) -> PreparedDataset:
        columns = ["text", "label", "group"][: len(rows[0])]
        source = {"kind": "file", "file": "rows.csv", "text": "text", "label": "label"}
        if len(columns) == 3:
            source["group"] = "group"
        pd.DataFrame(rows, columns=columns).to_csv(tmp_path / "rows.csv", index=False)
        if test is not None:
            pd.DataFrame(test, columns=columns).to_csv(tmp_path / "test.csv", index=False)
            source["test_file"] = "test.csv"
        return prepare("toy", settings(source, **changes), 0, tmp_path)

    return build
