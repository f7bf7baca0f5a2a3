"""The file contracts: what is written reads back, and a broken file is named with its remedy."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from slingshot.files.labels import Labels
from slingshot.files.predictions import (
    PREDICTIONS,
    check_ids,
    predictions_frame,
    read_predictions,
    write_predictions,
)
from slingshot.files.rows import read_rows, write_rows
from slingshot.files.storage.digests import sha256_file
from slingshot.files.storage.json_files import read_json, write_json
from slingshot.files.storage.parquet import read_metadata
from slingshot.files.usage import Usage
from slingshot.settings import UserError

LABELS = ("no", "yes")
SCORES = np.array([[0.7, 0.3], [0.2, 0.8], [0.5, 0.5]])


def make_rows(tag: str = "t") -> pd.DataFrame:
    return pd.DataFrame(
        {
            "id": [f"{tag}{i}" for i in range(3)],
            "text": "x",
            "label": [0, 1, 1],
            "group": tag,
            "order": [2, 0, 1],
        }
    )


def make_predictions() -> pd.DataFrame:
    return predictions_frame(make_rows(), "test", SCORES, score_source="softmax")


def rewrite(
    path: Path, frame: pd.DataFrame, schema: pa.Schema, metadata: dict[str, str] | None = None
) -> None:
    """Write what no writer of the project would."""
    pairs = (
        {"fraction": "1.0", "train_rows": "9", "labels": '["no", "yes"]'}
        if metadata is None
        else metadata
    )
    table = pa.Table.from_pandas(frame, schema=schema, preserve_index=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table.replace_schema_metadata(pairs), path)


# --- writing -------------------------------------------------------------------------------------


def test_json_is_sorted_and_ends_in_a_newline(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"b": None, "a": "ü"})
    assert (tmp_path / "a.json").read_text(encoding="utf-8") == '{\n  "a": "ü",\n  "b": null\n}\n'
    assert read_json(tmp_path / "a.json") == {"a": "ü", "b": None}


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_json_refuses_what_is_not_finite_and_keeps_the_old_file(
    tmp_path: Path, value: float
) -> None:
    path = tmp_path / "a.json"
    write_json(path, {"a": 1})
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(path, {"a": value})
    assert read_json(path) == {"a": 1}


@pytest.mark.parametrize("content", [b"{", b"\xff"])
def test_malformed_json_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(UserError, match=r"a\.json: not valid JSON"):
        read_json(tmp_path / "a.json")


READERS: list[Callable[[Path], Any]] = [
    read_json,
    read_rows,
    lambda path: read_predictions(path, LABELS),
    Labels.read,
    Usage.read,
]


@pytest.mark.parametrize("read", READERS)
def test_a_missing_file_is_named_with_the_remedy(
    tmp_path: Path, read: Callable[[Path], Any]
) -> None:
    with pytest.raises(UserError, match=r"none\.x: not found; run `dvc repro`"):
        read(tmp_path / "none.x")


# --- rows ----------------------------------------------------------------------------------------


def test_rows_come_back_in_nested_order_with_their_metadata(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    write_rows(path, make_rows(), fraction=0.25, train_rows=3)
    assert read_rows(path)["id"].tolist() == ["t1", "t2", "t0"]
    assert read_metadata(path) == {"fraction": 0.25, "train_rows": 3}


def test_the_same_rows_make_the_same_bytes(tmp_path: Path) -> None:
    for name, rows in (("a", make_rows()), ("b", make_rows().sample(frac=1, random_state=1))):
        write_rows(tmp_path / name, rows)
    assert sha256_file(tmp_path / "a") == sha256_file(tmp_path / "b")


def test_repeated_ids_are_not_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="ids repeat"):
        write_rows(tmp_path / "rows.parquet", make_rows().assign(id="same"))
    assert not (tmp_path / "rows.parquet").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"id": "same", "order": [0, 1, 2]}, "ids repeat or rows are out of order"),
        ({"order": [2, 0, 1]}, "ids repeat or rows are out of order"),
        ({"text": [None, "x", "x"]}, "column 'text' has nulls"),
        ({"label": [0.0, 1.0, 1.0]}, "columns are .*label double.* expected .*label int64"),
        ({"extra": 1}, "columns are .*extra.* expected"),
    ],
)
def test_broken_rows_are_named(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    path, texts = tmp_path / "rows.parquet", ("id", "text", "group")
    frame = make_rows().assign(order=[0, 1, 2]).assign(**change)
    inferred = pa.Schema.from_pandas(frame, preserve_index=False)
    rewrite(
        path,
        frame,
        pa.schema([(f.name, pa.string() if f.name in texts else f.type) for f in inferred]),
    )
    with pytest.raises(UserError, match=rf"rows\.parquet: {message}.*run `dvc repro`"):
        read_rows(path)


def test_a_file_that_is_no_parquet_is_named(tmp_path: Path) -> None:
    (tmp_path / "rows.parquet").write_text("id,text\n")
    with pytest.raises(UserError, match=r"rows\.parquet: not a whole parquet file"):
        read_rows(tmp_path / "rows.parquet")


# --- labels --------------------------------------------------------------------------------------


def test_labels_come_back(tmp_path: Path) -> None:
    labels = Labels(("no", "yes"), (3, 4))
    labels.write(tmp_path / "labels.json")
    assert Labels.read(tmp_path / "labels.json") == labels


@pytest.mark.parametrize(
    "value",
    [
        [],
        {"names": ["a"]},
        {"names": ["a"], "train_counts": ["x"]},
        {"names": ["a", "b"], "train_counts": [1]},
    ],
)
def test_broken_labels_are_named(tmp_path: Path, value: Any) -> None:
    write_json(tmp_path / "labels.json", value)
    with pytest.raises(UserError, match=r"labels\.json: expected names and train_counts"):
        Labels.read(tmp_path / "labels.json")


# --- predictions ---------------------------------------------------------------------------------


def test_predictions_come_back_with_their_metadata(tmp_path: Path) -> None:
    path, frame = tmp_path / "p.parquet", make_predictions()
    write_predictions(path, frame, LABELS, fraction=None, train_rows=9)
    back = read_predictions(path, LABELS)
    np.testing.assert_array_equal(np.stack(back["scores"].to_list()), SCORES)
    pd.testing.assert_frame_equal(
        back.drop(columns="scores"), frame.drop(columns="scores"), check_dtype=False
    )
    assert read_metadata(path) == {"fraction": None, "train_rows": 9, "labels": ["no", "yes"]}


def test_the_prediction_is_the_class_of_the_highest_score_unless_given() -> None:
    assert make_predictions()["prediction"].tolist() == [0, 1, 0]
    given = predictions_frame(make_rows(), "test", None, score_source="none", prediction=[1, 1, 0])
    assert given["prediction"].tolist() == [1, 1, 0]
    assert given["scores"].isna().all()
    with pytest.raises(ValueError, match="needs predictions"):
        predictions_frame(make_rows(), "test", None, score_source="none")


BROKEN: list[tuple[dict[str, Any], str]] = [
    ({"split": "train"}, "split has"),
    ({"score_source": "guess"}, "score_source has"),
    ({"status": "lost"}, "status has"),
    ({"id": "same"}, "an id appears twice"),
    ({"prediction": 2}, r"a label or prediction is outside 0\.\.1"),
    ({"prediction": -2}, r"a label or prediction is outside 0\.\.1"),
    ({"label": -1}, r"a label or prediction is outside 0\.\.1"),
    ({"prediction": -1}, "a status other than ok must go together"),
    ({"status": "refused"}, "a status other than ok must go together"),
    ({"scores": [[1.0]] * 3}, "scores must have 2 values"),
    ({"scores": [[0.5, 0.6]] * 3}, "scores must be probabilities"),
    ({"scores": [[1.5, -0.5]] * 3}, "scores must be probabilities"),
    ({"scores": [[float("nan"), 0.5]] * 3}, "scores must be probabilities"),
]


@pytest.mark.parametrize(("change", "message"), BROKEN)
def test_broken_predictions_are_neither_written_nor_read(
    tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    path, frame = tmp_path / "p.parquet", make_predictions().assign(**change)
    with pytest.raises(ValueError, match=rf"p\.parquet: .*{message}"):
        write_predictions(path, frame, LABELS, fraction=1.0, train_rows=9)
    assert not path.exists()
    rewrite(path, frame, PREDICTIONS)
    with pytest.raises(UserError, match=rf"p\.parquet: .*{message}.*run `dvc repro`"):
        read_predictions(path, LABELS)


def test_predictions_without_their_metadata_are_named(tmp_path: Path) -> None:
    rewrite(tmp_path / "p.parquet", make_predictions(), PREDICTIONS, metadata={"fraction": "1.0"})
    with pytest.raises(
        UserError, match=r"p\.parquet: its metadata lacks fraction, train_rows or labels"
    ):
        read_predictions(tmp_path / "p.parquet", LABELS)


def test_predictions_over_other_labels_or_in_another_order_are_named(tmp_path: Path) -> None:
    write_predictions(
        tmp_path / "p.parquet", make_predictions(), LABELS, fraction=1.0, train_rows=9
    )
    for other in (("yes", "no"), ("no", "yes", "maybe")):
        with pytest.raises(
            UserError,
            match=rf"p\.parquet: its labels, in order, are no, yes; expected {', '.join(other)}",
        ):
            read_predictions(tmp_path / "p.parquet", other)


def both_splits() -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    validation, test = (make_rows(tag).sort_values("order") for tag in "vt")
    frames = [
        predictions_frame(rows, split, SCORES, seed=seed, score_source="softmax")
        for seed in (0, 1)
        for split, rows in (("validation", validation), ("test", test))
    ]
    return pd.concat(frames, ignore_index=True), validation, test


def test_all_of_test_and_the_first_rows_of_validation_are_expected() -> None:
    frame, validation, test = both_splits()
    check_ids(Path("p"), frame, validation, test)
    check_ids(Path("p"), frame[frame["id"] != "v0"], validation, test)  # the last in nested order
    check_ids(Path("p"), frame[frame["split"] == "test"], validation, test)


@pytest.mark.parametrize(
    ("keep", "message"),
    [
        ("id != 'v1'", "seed 0 does not have the expected validation ids"),  # not the last: a gap
        ("id != 't0'", "seed 0 does not have the expected test ids"),
        ("not (id == 't0' and seed == 1)", "seed 1 does not have the expected test ids"),
        ("split != 'test'", "seed 0 does not have the expected test ids"),
    ],
)
def test_missing_ids_are_named(keep: str, message: str) -> None:
    frame, validation, test = both_splits()
    with pytest.raises(UserError, match=rf"p\.parquet: {message}; run"):
        check_ids(Path("p.parquet"), frame.query(keep), validation, test)


@pytest.mark.parametrize("change", [{"label": 0}, {"group": "other"}])
def test_predictions_of_rows_that_have_changed_since_are_refused(change: dict[str, Any]) -> None:
    frame, validation, test = both_splits()
    with pytest.raises(
        UserError, match="validation has other labels or groups than the prepared rows"
    ):
        check_ids(Path("p"), frame.assign(**change), validation, test)


# --- learning-curve points -----------------------------------------------------------------------
