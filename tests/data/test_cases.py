"""Small files that once went wrong, where SLINGSHOT_CASES names their folder."""

import json
import os
from pathlib import Path

import pytest

from slingshot.data.prepare import PreparedDataset, prepare
from slingshot.settings import DatasetSettings, UserError


def prepared(name: str) -> PreparedDataset:
    """The case as its params.json defines it."""
    if "SLINGSHOT_CASES" not in os.environ:
        pytest.skip("SLINGSHOT_CASES does not name the folder of the cases")
    folder = Path(os.environ["SLINGSHOT_CASES"])
    defined = json.loads((folder / "params.json").read_text(encoding="utf-8"))
    return prepare(name, DatasetSettings.model_validate(defined[name]), 0, folder / name)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("dupcols", "column 'label' appears twice"),
        ("inch", "line 12: a text opens with a quote that swallows rows, up to line 52"),
        (
            "nlunquoted",
            "line 3: 1 field, but the header has 3; put quotes around a text with a line break",
        ),
        (
            "pdcr",
            r"line 2: 1 field, but the header has 2; a carriage return \(\\r\) in a text cuts it",
        ),
        ("pqbadutf", "column 'text', row 1: byte 72 is not valid UTF-8"),
        ("pqdup", "column 'label' appears twice"),
        ("short", "line 2: 2 fields, but the header has 3; .* last fields too: 'text'"),
        (
            "tworows",
            "validation has none, because no class has three .* Add rows until each of the 20 classes has three",
        ),
        (
            "trailsep",
            "line 2: 3 fields, but the header has 2; each row ends in a separator that the header lacks",
        ),
    ],
)
def test_a_file_that_can_not_be_read_is_one_error(name: str, said: str) -> None:
    with pytest.raises(UserError, match=f"data set '{name}': .*{said}"):
        prepared(name)


@pytest.mark.parametrize(
    ("name", "excluded"),
    [
        ("jnan", {"missing_label": 14}),
        ("maczip", {}),
        ("mixeol", {}),
        ("rrn", {}),
        ("semi", {}),
        ("shortopt", {}),
        ("utf16", {}),
    ],
)
def test_a_file_that_is_unusual_is_read_whole(name: str, excluded: dict[str, int]) -> None:
    audit = prepared(name).audit
    assert audit.rows.source == 120
    assert audit.excluded == excluded
    assert list(audit.classes) == ["neg", "pos"]
