"""What the `datasets:` block refuses, each in one line with its remedy."""

from pathlib import Path
from typing import Any

import pytest

from slingshot.settings import UserError, read_yaml, validated

PARAMS = Path(__file__).resolve().parents[2] / "params.yaml"
FILE = {"kind": "file", "file": "rows.csv", "text": "text", "label": "label"}
HUB = {"kind": "hub", "id": "owner/name", "file": "*train*", "text": "text", "label": "label"}
LINES = {"kind": "lines", "text_file": "t.txt", "label_file": "l.txt"}


def load(**changes: Any) -> Any:
    params = read_yaml(PARAMS)
    params["datasets"]["toy"] = {"source": FILE, "label_source": "human", "licence": "MIT"} | changes
    return validated(params, Path("params.yaml")).datasets["toy"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"labels": [0, 1]}, 'labels: put labels in quotes, e.g. "0"'),
        ({"labels": {0: "low", 1: "high"}}, 'labels: put labels in quotes, e.g. "0"'),
        ({"labels": {"0": False, "1": True}}, 'labels: put labels in quotes, e.g. "0"'),
        ({"labels": "low"}, "labels: expected a list of names, or {value in the file: name}"),
        ({"labels": []}, "labels: a comparison needs two names or more"),
        ({"labels": {}}, "labels: a comparison needs two names or more"),
        ({"labels": {"0": "low", "1": "low"}}, "labels: a comparison needs two names or more"),
        ({"prompt": {"text": ""}}, "prompt.text: expected one line without white space around it, found ''"),
        ({"prompt": {"label": "\n"}}, "prompt.label: expected one line without white space"),
        ({"source": FILE | {"file": "/tmp/rows.csv"}}, "file: '/tmp/rows.csv' leads out of the data set's folder: put"),
        ({"source": FILE | {"test_file": "../other/rows.csv"}}, "test_file: '../other/rows.csv' leads out"),
        ({"source": FILE | {"label": "text"}}, "text and label both name the column 'text'"),
        ({"source": HUB | {"id": "name"}}, "source.id: String should match pattern"),
        ({"source": HUB | {"test_file": ""}}, "source.test_file: String should have at least 1 character"),
        ({"split": {"by": "rows"}}, "split.by: Input should be 'group' or 'row'"),
        ({"source": LINES | {"label_file": "a/../../l.txt"}}, "label_file: 'a/../../l.txt' leads out"),
    ],
)
def test_one_wrong_thing_is_one_line(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError) as raised:
        load(**changes)
    heading, *wrong = raised.value.message.splitlines()
    assert heading == "params.yaml:"
    assert len(wrong) == 1
    assert wrong[0].startswith("  datasets.toy.")
    assert said in wrong[0]


def test_quoted_labels_and_files_in_folders_are_taken() -> None:
    assert load(labels={"0": "low", "1": "high"}, source=FILE | {"file": "part..1/rows.csv"}).labels["1"] == "high"
