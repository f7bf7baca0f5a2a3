"""JSON files as frozen classes: what is wrong in one is an error that names the file, the key and the remedy."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from slingshot.files.cost import Cost
from slingshot.files.storage.json_files import read_json, write_json
from slingshot.settings import UserError

COST = Cost(
    **dict.fromkeys(Cost.model_fields.keys() - {"labels", "labelling_cost", "train_rows"}),
    labels=3,
    labelling_cost=0.3,
    train_rows=2,
)


def changed(path: Path, **values: object) -> str:
    """The error of a file that holds these values beside, or instead of, its own."""
    write_json(path, COST.as_json() | values)
    with pytest.raises(UserError) as raised:
        Cost.read(path)
    return raised.value.message


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    COST.write(tmp_path / "cost.json")
    assert Cost.read(tmp_path / "cost.json") == COST
    assert list(read_json(tmp_path / "cost.json")) == sorted(Cost.model_fields)


def test_a_wrong_key_or_value_is_named_with_the_file_and_the_remedy(tmp_path: Path) -> None:
    path = tmp_path / "cost.json"
    assert changed(path, train_second=1.0) == (
        f"{path}: unknown key 'train_second', did you mean 'train_seconds'?; run `dvc repro`"
    )
    assert "labels: input should be a valid integer" in changed(path, labels="3")
    write_json(path, {key: value for key, value in COST.as_json().items() if key != "labels"})
    with pytest.raises(UserError, match="key 'labels' is missing; run `dvc repro`"):
        Cost.read(path)


def test_a_file_that_is_missing_or_no_json_is_named(tmp_path: Path) -> None:
    path = tmp_path / "cost.json"
    with pytest.raises(UserError, match=r"cost\.json: not found; run `dvc repro`"):
        Cost.read(path)
    for text in (b"{", b"\xff\xfe", b"[]"):
        path.write_bytes(text)
        with pytest.raises(UserError, match=r"cost\.json: .*; run `dvc repro`"):
            Cost.read(path)


def test_a_record_never_changes() -> None:
    with pytest.raises(ValidationError):
        COST.labels = 4
