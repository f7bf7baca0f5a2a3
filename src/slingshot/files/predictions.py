"""data/predictions/D/C.parquet: a contestant's predictions for validation and test rows."""

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
    """Predictions for `rows`, with the columns of PREDICTIONS.

    `scores` has shape (rows, classes), or is a list with None for a row without scores. `prediction` defaults to the
    argmax of an array. `split` is one split for all rows, or a list with the split of each row.
    """
    if prediction is None:
        if not isinstance(scores, np.ndarray):
            raise ValueError("needs predictions, or an array of scores")
        prediction = scores.argmax(axis=1)
    frame: pd.DataFrame = rows[["id", "group", "label"]].copy()
    frame["split"], frame["seed"] = split, seed
    frame["prediction"] = np.asarray(prediction, dtype=np.int64)
    vectors: Iterable[np.ndarray | None] = [None] * len(rows) if scores is None else scores
    arrays = [None if vector is None else np.asarray(vector, np.float64) for vector in vectors]
    frame["scores"] = pd.Series(arrays, index=frame.index, dtype=object)
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
    """Write predictions over `labels`, the class names in label order.

    The names, `fraction` and `train_rows` become the file's metadata. Raises ValueError where the predictions break the
    contract.
    """
    problem = _predictions_problem(frame, len(labels))
    if problem:
        raise ValueError(f"{path}: {problem}")
    metadata = {"fraction": fraction, "train_rows": train_rows, "labels": list(labels)}
    write_parquet(path, frame, PREDICTIONS, metadata)


def read_predictions(path: Path, labels: Sequence[str]) -> pd.DataFrame:
    """Read predictions over `labels`.

    Raises UserError when the file is missing or malformed, or has other labels or another order of labels.
    """
    frame = read_parquet(path, PREDICTIONS)
    metadata = read_metadata(path)
    if not {"fraction", "train_rows", "labels"} <= metadata.keys():
        problem: str | None = "its metadata lacks fraction, train_rows or labels"
    elif metadata["labels"] != list(labels):
        stored, expected = ", ".join(metadata["labels"]), ", ".join(labels)
        problem = f"its labels, in order, are {stored}; expected {expected}"
    else:
        problem = _predictions_problem(frame, len(labels))
    if problem:
        raise UserError(f"{path}: {problem}; run `dvc repro`")
    return frame


def check_ids(
    path: Path, frame: pd.DataFrame, validation: pd.DataFrame, test: pd.DataFrame
) -> None:
    """Check that every seed predicts all test rows, and all validation rows or the first of them.

    `validation` and `test` are the prepared rows in nested order; the predictions must have their labels and groups.
    Raises UserError that names the file.
    """
    truth = ["id", "label", "group"]
    for seed, runs in frame.groupby("seed"):
        for split, rows in (("validation", validation), ("test", test)):
            part = runs[runs["split"] == split]
            expected = rows if split == "test" else rows.iloc[: len(part)]
            if len(part) != len(expected) or set(part["id"]) != set(expected["id"]):
                raise UserError(
                    f"{path}: seed {seed} does not have the expected {split} ids; run `dvc repro`"
                )
            predicted, prepared = (
                side[truth].sort_values("id").to_numpy(dtype=object) for side in (part, expected)
            )
            if not np.array_equal(predicted, prepared):
                raise UserError(
                    f"{path}: {split} has other labels or groups than the prepared rows; run `dvc repro`"
                )


def _predictions_problem(frame: pd.DataFrame, classes: int) -> str | None:
    """How the predictions break the contract; None where they keep it."""
    for column, allowed in (
        ("split", PREDICTED),
        ("score_source", SCORE_SOURCES),
        ("status", STATUSES),
    ):
        wrong = set(frame[column].unique()) - set(allowed)
        if wrong:
            return f"{column} has {sorted(wrong)}, expected {list(allowed)}"
    if frame.duplicated(["id", "split", "seed"]).any():
        return "an id appears twice in one split and seed"
    if (
        not frame["prediction"].between(FAILED, classes - 1).all()
        or not frame["label"].between(0, classes - 1).all()
    ):
        return f"a label or prediction is outside 0..{classes - 1}"
    if ((frame["prediction"] == FAILED) != (frame["status"] != "ok")).any():
        return f"prediction {FAILED} and a status other than ok must go together"
    vectors = frame["scores"].dropna()
    if len(vectors):
        if {len(vector) for vector in vectors} != {classes}:
            return f"scores must have {classes} values for each row"
        scores = np.stack(vectors.to_list())
        if (
            not np.isfinite(scores).all()
            or (scores < 0).any()
            or not np.allclose(scores.sum(axis=1), 1, atol=1e-4)
        ):
            return "scores must be probabilities that sum to 1"
    return None
