"""The files between the rooms: their columns and types, validation, and atomic writing.

Every parquet and JSON file of data/, metrics/ and report/ is written and read through here, so a
malformed one stops the stage that meets it with the file's name and the remedy.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from slingshot.atomic import atomic
from slingshot.settings import UserError

ROWS = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("text", pa.string(), nullable=False),
        pa.field("label", pa.int64(), nullable=False),
        pa.field("group", pa.string(), nullable=False),
        pa.field("order", pa.int64(), nullable=False),
    ]
)
PREDICTIONS = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("group", pa.string(), nullable=False),
        pa.field("split", pa.string(), nullable=False),
        pa.field("seed", pa.int64(), nullable=False),
        pa.field("label", pa.int64(), nullable=False),
        pa.field("prediction", pa.int64(), nullable=False),
        pa.field("scores", pa.list_(pa.float64())),
        pa.field("score_source", pa.string(), nullable=False),
        pa.field("input_tokens", pa.int64(), nullable=False),
        pa.field("output_tokens", pa.int64(), nullable=False),
        pa.field("status", pa.string(), nullable=False),
    ]
)
ANSWERS = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("split", pa.string(), nullable=False),
        pa.field("sample", pa.int64(), nullable=False),
        pa.field("request", pa.string(), nullable=False),
        pa.field("answer", pa.string(), nullable=False),
        pa.field("log_likelihoods", pa.list_(pa.float64())),
        pa.field("record", pa.string()),
    ]
)
SPLITS = ("train", "validation", "test")
PREDICTED = ("validation", "test")
"""The splits that every contestant predicts."""
SCORE_SOURCES = ("softmax", "logprob", "vote", "verbalised", "none")
STATUSES = ("ok", "refused", "truncated", "empty", "off_list", "invalid", "error")
"""Of an answer: valid; the LLM refused; it was cut by its limit of tokens; it held no text; a label that is none of the
list; no label at all; and no answer at all, whatever was tried."""
NO_SEED = -1
"""The seed of a contestant that has none: an LLM or a deterministic baseline, run once."""
FAILED = -1
"""The prediction of a row without a valid answer; never a class."""
FAILED_NAME = "(no valid answer)"
"""What tables and pictures of classes call it."""


# --- writing -------------------------------------------------------------------------------------


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text atomically."""
    with atomic(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def write_json(path: Path, value: Any) -> None:
    """Write sorted, indented JSON that ends in a newline. Raises ValueError on NaN or infinity."""
    write_text(path, json.dumps(value, sort_keys=True, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def read_json(path: Path) -> Any:
    """Read one JSON file. Raises UserError when it is missing or malformed."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path}: not found; run `dvc repro`") from None
    except ValueError as error:
        raise UserError(f"{path}: not valid JSON: {error}; run `dvc repro`") from None


def _write_parquet(path: Path, frame: pd.DataFrame, schema: pa.Schema, metadata: Mapping[str, Any]) -> None:
    table = pa.Table.from_pandas(frame[schema.names], schema=schema, preserve_index=False)
    pairs = {key: json.dumps(value) for key, value in sorted(metadata.items())}
    with atomic(path) as temporary:
        pq.write_table(table.replace_schema_metadata(pairs), temporary)


@contextmanager
def _parquet(path: Path) -> Iterator[pq.ParquetFile]:
    """Raises UserError when the file is missing, or is no whole parquet file."""
    try:
        file = path.open("rb")  # whose errors, unlike Arrow's, name the file
    except FileNotFoundError:
        raise UserError(f"{path}: not found; run `dvc repro`") from None
    try:
        with file:
            yield pq.ParquetFile(file)
    except (pa.ArrowException, OSError, ValueError) as error:  # Arrow raises any of these for damaged pages
        raise UserError(f"{path}: not a whole parquet file: {error}; run `dvc repro`") from None


def _read_parquet(path: Path, schema: pa.Schema) -> pd.DataFrame:
    with _parquet(path) as file:
        table = file.read()
        _check_columns(path, table, schema)
        frame: pd.DataFrame = table.to_pandas()
    return frame


def _check_columns(path: Path, table: pa.Table, schema: pa.Schema) -> None:
    if table.schema.names != schema.names or table.schema.types != schema.types:
        found, expected = (", ".join(f"{field.name} {field.type}" for field in s) for s in (table.schema, schema))
        raise UserError(f"{path}: columns are {found}; expected {expected}; run `dvc repro`")
    for field in schema:
        if not field.nullable and table.column(field.name).null_count:
            raise UserError(f"{path}: column '{field.name}' holds nulls; run `dvc repro`")


def read_metadata(path: Path) -> dict[str, Any]:
    """The parquet file's key-value metadata, as written with it."""
    with _parquet(path) as file:
        pairs = file.schema_arrow.metadata or {}
        return {k.decode(): json.loads(v) for k, v in pairs.items() if not k.startswith((b"pandas", b"ARROW"))}


# --- rows ----------------------------------------------------------------------------------------


def write_rows(path: Path, rows: pd.DataFrame, **metadata: Any) -> None:
    """Write rows (id, text, label, group, order), sorted by `order`. Raises ValueError on repeated ids."""
    if rows["id"].duplicated().any():
        raise ValueError(f"{path}: ids repeat")
    if not rows["order"].is_monotonic_increasing:  # else the copy is spared, half a gigabyte at Yelp's size
        rows = rows.sort_values("order")
    _write_parquet(path, rows, ROWS, metadata)


def read_rows(path: Path) -> pd.DataFrame:
    """Read rows in nested order. Raises UserError when the file breaks the contract."""
    rows = _read_parquet(path, ROWS)
    if not rows["id"].is_unique or not rows["order"].is_monotonic_increasing:
        raise UserError(f"{path}: ids repeat or rows are out of order; run `dvc repro`")
    return rows


@dataclass(frozen=True)
class Labels:
    """labels.json: class names in label order, and how many rows of train each class has."""

    names: tuple[str, ...]
    train_counts: tuple[int, ...]

    def write(self, path: Path) -> None:
        write_json(path, asdict(self))

    @classmethod
    def read(cls, path: Path) -> Labels:
        """Raises UserError when the file is missing or holds anything else."""
        value = read_json(path)
        try:
            labels = cls(tuple(map(str, value["names"])), tuple(map(int, value["train_counts"])))
            if len(labels.names) != len(labels.train_counts):
                raise ValueError
            return labels
        except (KeyError, TypeError, ValueError):
            raise UserError(f"{path}: expected names and train_counts; run `dvc repro`") from None


# --- predictions ---------------------------------------------------------------------------------


def predictions_frame(
    rows: pd.DataFrame,
    split: str | Sequence[str],
    scores: np.ndarray | Sequence[np.ndarray | None] | None,
    *,
    seed: int = NO_SEED,
    score_source: str,
    prediction: Sequence[int] | np.ndarray | None = None,
    input_tokens: Sequence[int] | np.ndarray | int = 0,
    output_tokens: Sequence[int] | np.ndarray | int = 0,
    status: Sequence[str] | str = "ok",
) -> pd.DataFrame:
    """Predictions of `rows`: scores has shape (rows, classes), or is a list with None for a row that has none;
    prediction defaults to the argmax of an array. `split` is that of all rows, or of each."""
    if prediction is None:
        if not isinstance(scores, np.ndarray):
            raise ValueError("neither an array of scores nor predictions")
        prediction = scores.argmax(axis=1)
    frame: pd.DataFrame = rows[["id", "group", "label"]].copy()
    frame["split"], frame["seed"] = split, seed
    frame["prediction"] = np.asarray(prediction, dtype=np.int64)
    each: Iterable[np.ndarray | None] = [None] * len(rows) if scores is None else scores
    held = [None if row is None else np.asarray(row, dtype=np.float64) for row in each]
    frame["scores"] = pd.Series(held, index=frame.index, dtype=object)
    frame["score_source"], frame["status"] = score_source, status
    frame["input_tokens"], frame["output_tokens"] = input_tokens, output_tokens
    columns: list[str] = PREDICTIONS.names
    return frame[columns]


def write_predictions(
    path: Path, frame: pd.DataFrame, labels: Sequence[str], *, fraction: float | None, train_rows: int
) -> None:
    """Write predictions over `labels`, the class names in label order, checked against the contract; the names,
    `fraction` and `train_rows` are its metadata."""
    problem = _predictions_problem(frame, len(labels))
    if problem:
        raise ValueError(f"{path}: {problem}")
    metadata = {"fraction": fraction, "train_rows": train_rows, "labels": list(labels)}
    _write_parquet(path, frame, PREDICTIONS, metadata)


def read_predictions(path: Path, labels: Sequence[str]) -> pd.DataFrame:
    """Read predictions over `labels`. Raises UserError when the file breaks the contract, or is over other labels or
    another order of them."""
    frame = _read_parquet(path, PREDICTIONS)
    metadata = read_metadata(path)
    if not {"fraction", "train_rows", "labels"} <= metadata.keys():
        problem: str | None = "its metadata lack fraction, train_rows or labels"
    elif metadata["labels"] != list(labels):
        problem = f"its labels are {', '.join(metadata['labels'])}, in this order; expected {', '.join(labels)}"
    else:
        problem = _predictions_problem(frame, len(labels))
    if problem:
        raise UserError(f"{path}: {problem}; run `dvc repro`")
    return frame


def write_answers(path: Path, frame: pd.DataFrame) -> None:
    """Write data/answers/D/L.parquet: what an LLM said to each row, sample by sample.

    `request` is the digest of all that was asked; `record` the ledger's JSON of a paid answer.
    """
    _write_parquet(path, frame, ANSWERS, {})


def read_answers(path: Path) -> pd.DataFrame:
    """Read what `write_answers` wrote. Raises UserError when the file breaks the contract."""
    return _read_parquet(path, ANSWERS)


def check_ids(path: Path, frame: pd.DataFrame, validation: pd.DataFrame, test: pd.DataFrame) -> None:
    """Check that every seed predicts all of test, and all or the first rows of validation.

    `validation` and `test` are rows in nested order, with the labels and groups that predictions
    must carry. Raises UserError naming the file.
    """
    truth = ["id", "label", "group"]
    for seed, runs in frame.groupby("seed"):
        for split, rows in (("validation", validation), ("test", test)):
            part = runs[runs["split"] == split]
            expected = rows if split == "test" else rows.iloc[: len(part)]
            if len(part) != len(expected) or set(part["id"]) != set(expected["id"]):
                raise UserError(f"{path}: {split} ids of seed {seed} are not the expected ones; run `dvc repro`")
            held, wanted = (side[truth].sort_values("id").to_numpy(dtype=object) for side in (part, expected))
            if not np.array_equal(held, wanted):
                raise UserError(f"{path}: labels or groups of {split} are not the prepared ones; run `dvc repro`")


def _predictions_problem(frame: pd.DataFrame, classes: int) -> str | None:
    for column, known in (("split", PREDICTED), ("score_source", SCORE_SOURCES), ("status", STATUSES)):
        wrong = set(frame[column].unique()) - set(known)
        if wrong:
            return f"{column} holds {sorted(wrong)}, expected {list(known)}"
    if frame.duplicated(["id", "split", "seed"]).any():
        return "an id stands twice in one split and seed"
    if not frame["prediction"].between(FAILED, classes - 1).all() or not frame["label"].between(0, classes - 1).all():
        return f"a label or prediction is outside 0..{classes - 1}"
    if ((frame["prediction"] == FAILED) != (frame["status"] != "ok")).any():
        return f"prediction {FAILED} and a status other than ok must go together"
    held = frame["scores"].dropna()
    if len(held):
        if {len(s) for s in held} != {classes}:
            return f"scores must hold {classes} values a row"
        scores = np.stack(held.to_list())
        if not np.isfinite(scores).all() or (scores < 0).any() or not np.allclose(scores.sum(axis=1), 1, atol=1e-4):
            return "scores must be probabilities that sum to 1"
    return None


# --- hashing -------------------------------------------------------------------------------------


def sha256_file(path: Path) -> str:
    """Hex digest of a file, read in blocks."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
