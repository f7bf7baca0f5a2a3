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
    params["datasets"]["toy"] = {
        "source": FILE,
        "label_source": "human",
        "licence": "MIT",
    } | changes
    return validated(params, Path("params.yaml")).datasets["toy"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"labels": [0, 1]}, 'labels: put labels in quotes, e.g. "0"'),
        ({"labels": {0: "low", 1: "high"}}, 'labels: put labels in quotes, e.g. "0"'),
        ({"labels": {"0": False, "1": True}}, 'labels: put labels in quotes, e.g. "0"'),
        (
            {"labels": "low"},
            "labels: found 'low'; write a list such as [low, high], or {value in the file: name}",
        ),
        (
            {"published": "2024"},
            """published: found '2024'; write a day in quotes, such as "2024-01-01\"""",
        ),
        (
            {"published": 2024},
            """published: found 2024; write a day in quotes, such as "2024-01-01\"""",
        ),
        ({"published": "2024-06"}, 'write a day in quotes, such as "2024-06-01"'),
        ({"max_rows": 1000}, "max_rows: found 1000; write a mapping such as {train: 1000}"),
        ({"max_rows": None}, "max_rows: found None; write a mapping such as {train: 1000}"),
        ({"split": 0.2}, "split: found 0.2; write a mapping such as {validation: 0.2, test: 0.2}"),
        ({"split": "row"}, "or {by: row}"),
        (
            {"source": "rows.csv"},
            "source: found 'rows.csv'; write a mapping such as {kind: file, file: rows.csv, ",
        ),
        ({"source": [FILE]}, "; write a mapping such as {kind: file, file: rows.csv, "),
        (
            {"source": FILE | {"text": 0}},
            "source.text: found 0; write the name of one column, in quotes where it is",
        ),
        (
            {"source": FILE | {"label": ["a", "b"]}},
            "source.label: found ['a', 'b']; write the name of one column",
        ),
        ({"source": FILE | {"group": 1}}, "source.group: found 1; write the name of one column"),
        ({"source": HUB | {"text": 0}}, "source.text: found 0; write the name of one column"),
        (
            {"source": FILE | {"file": ["a.csv", "b.csv"]}},
            "write the name of one file; put the rows of several into one",
        ),
        (
            {"source": FILE | {"separator": ";;"}},
            """source.separator: expected one character such as ";", or tab""",
        ),
        (
            {"source": HUB | {"separator": "a"}},
            """source.separator: expected one character such as ";", or tab""",
        ),
        ({"licence": None}, "licence: found None; write a few words, e.g. internal"),
        (
            {"label_source": None},
            "label_source: found None; write who labelled the rows, e.g. human",
        ),
        ({"description": None}, "description: found None; write what a text is"),
        (
            {"prompt": "Ticket"},
            "prompt: found 'Ticket'; write a mapping such as {text: Ticket, label: Team}",
        ),
        ({"labels": []}, "labels: a comparison needs two names or more"),
        ({"labels": {}}, "labels: a comparison needs two names or more"),
        ({"labels": {"0": "low", "1": "low"}}, "labels: a comparison needs two names or more"),
        (
            {"prompt": {"text": ""}},
            "prompt.text: expected one line without white space around it, found ''",
        ),
        ({"prompt": {"label": "\n"}}, "prompt.label: expected one line without white space"),
        (
            {"source": FILE | {"file": "/tmp/rows.csv"}},
            "file: '/tmp/rows.csv' is outside the data set's folder: put",
        ),
        (
            {"source": FILE | {"test_file": "../other/rows.csv"}},
            "test_file: '../other/rows.csv' is outside",
        ),
        ({"source": FILE | {"label": "text"}}, "text and label both name the column 'text'"),
        ({"source": HUB | {"id": "name"}}, "source.id: String should match pattern"),
        (
            {"source": HUB | {"test_file": ""}},
            "source.test_file: String should have at least 1 character",
        ),
        ({"split": {"by": "rows"}}, "split.by: Input should be 'group' or 'row'"),
        (
            {"source": LINES | {"label_file": "a/../../l.txt"}},
            "label_file: 'a/../../l.txt' is outside",
        ),
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
    assert (
        load(labels={"0": "low", "1": "high"}, source=FILE | {"file": "part..1/rows.csv"}).labels[
            "1"
        ]
        == "high"
    )
