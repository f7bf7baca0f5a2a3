"""data/predictions/D/C.parquet: what a contestant answered to validation and test rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from slingshot.files.codes import FAILED, NO_SEED, PREDICTED, SCORE_SOURCES, STATUSES
from slingshot.files.storage.parquet import read_metadata, read_parquet, write_parquet
from slingshot.settings import UserError

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
    path: Path,
    frame: pd.DataFrame,
    labels: Sequence[str],
    *,
    fraction: float | None,
    train_rows: int,
) -> None:
    """Write predictions over `labels`, the class names in label order, checked against the contract; the names,
    `fraction` and `train_rows` are its metadata."""
    problem = _predictions_problem(frame, len(labels))
    if problem:
        raise ValueError(f"{path}: {problem}")
    metadata = {"fraction": fraction, "train_rows": train_rows, "labels": list(labels)}
    write_parquet(path, frame, PREDICTIONS, metadata)


def read_predictions(path: Path, labels: Sequence[str]) -> pd.DataFrame:
    """Read predictions over `labels`. Raises UserError when the file breaks the contract, or is over other labels or
    another order of them."""
    frame = read_parquet(path, PREDICTIONS)
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


def check_ids(
    path: Path, frame: pd.DataFrame, validation: pd.DataFrame, test: pd.DataFrame
) -> None:
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
                raise UserError(
                    f"{path}: {split} ids of seed {seed} are not the expected ones; run `dvc repro`"
                )
            held, wanted = (
                side[truth].sort_values("id").to_numpy(dtype=object) for side in (part, expected)
            )
            if not np.array_equal(held, wanted):
                raise UserError(
                    f"{path}: labels or groups of {split} are not the prepared ones; run `dvc repro`"
                )


def _predictions_problem(frame: pd.DataFrame, classes: int) -> str | None:
    for column, known in (
        ("split", PREDICTED),
        ("score_source", SCORE_SOURCES),
        ("status", STATUSES),
    ):
        wrong = set(frame[column].unique()) - set(known)
        if wrong:
            return f"{column} holds {sorted(wrong)}, expected {list(known)}"
    if frame.duplicated(["id", "split", "seed"]).any():
        return "an id stands twice in one split and seed"
    if (
        not frame["prediction"].between(FAILED, classes - 1).all()
        or not frame["label"].between(0, classes - 1).all()
    ):
        return f"a label or prediction is outside 0..{classes - 1}"
    if ((frame["prediction"] == FAILED) != (frame["status"] != "ok")).any():
        return f"prediction {FAILED} and a status other than ok must go together"
    held = frame["scores"].dropna()
    if len(held):
        if {len(s) for s in held} != {classes}:
            return f"scores must hold {classes} values a row"
        scores = np.stack(held.to_list())
        if (
            not np.isfinite(scores).all()
            or (scores < 0).any()
            or not np.allclose(scores.sum(axis=1), 1, atol=1e-4)
        ):
            return "scores must be probabilities that sum to 1"
    return None
