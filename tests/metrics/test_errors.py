"""The rows to read, from contestants whose mistakes are known."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from slingshot.files.codes import FAILED_NAME
from slingshot.files.predictions import predictions_frame
from slingshot.metrics import errors
from slingshot.metrics.scored import PreparedRows, Scored, scored

LABELS = ("bad", "good")
TRUE = [0, 0, 1, 1, 0]


@pytest.fixture
def rows() -> pd.DataFrame:
    ids = [f"r{number}" for number in range(5)]
    return pd.DataFrame(
        {"id": ids, "text": "x" * 500, "label": TRUE, "group": ids, "order": range(5)}
    )


def made(rows: pd.DataFrame, good: list[float], **options: object) -> Scored:
    """A contestant that gives `good` these probabilities."""
    held = np.array([[1 - p, p] for p in good])
    frame = predictions_frame(rows, "test", held, score_source="softmax", **options)
    return scored(Path("p.parquet"), frame, 2)["test"]


def test_rows_are_found_by_what_is_wrong_with_them(rows: pd.DataFrame) -> None:
    a = made(rows, [0.9, 0.2, 0.8, 0.3, 0.6])  # wrong on 0, 3, 4
    b = made(rows, [0.7, 0.6, 0.9, 0.9, 0.8])  # wrong on 0, 1, 4
    found = errors.find({"a": a, "b": b}, PreparedRows("d", LABELS, rows, rows)).as_json()
    assert [row["id"] for row in found["agree_against_label"]] == ["r0", "r4"], "the surest first"
    assert found["agree_against_label"][0] == {
        "id": "r0",
        "prediction": "good",
        "confidence": pytest.approx(0.8),
    }
    assert found["agree_against_label_rows"] == 2
    assert [row["id"] for row in found["confident_errors"]["a"]] == ["r0", "r3", "r4"]
    assert found["confident_errors"]["a"][1] == {
        "id": "r3",
        "prediction": "bad",
        "confidence": pytest.approx(0.7),
    }
    [pair] = found["disagreements"]
    assert pair == {
        **dict(
            zip(
                ("a", "b", "rows", "both_right", "only_a", "only_b"),
                ("a", "b", 5, 1, 1, 1),
                strict=True,
            )
        ),
        "both_wrong_alike": 2,
        "both_wrong_apart": 0,
    }
    assert {row["id"] for row in found["disagreement_examples"]} == {"r1", "r3"}
    assert found["texts"]["r0"] == {"text": f"{'x' * 400} …", "label": "bad"}
    assert set(found["texts"]) == {"r0", "r1", "r3", "r4"}, "no text that is not shown"


def test_a_row_without_an_answer_is_no_candidate_for_a_wrong_label(rows: pd.DataFrame) -> None:
    lost = {"prediction": [-1] * 5, "status": "refused"}
    a, b = (made(rows, [0.9] * 5, **lost) for _ in range(2))
    found = errors.find(
        {"a": a, "b": b, "c": made(rows, [0.9] * 5)}, PreparedRows("d", LABELS, rows, rows)
    ).as_json()
    assert found["agree_against_label"] == []
    assert found["confident_errors"]["a"] == []
    assert found["disagreement_examples"][0]["predictions"] == {
        "a": FAILED_NAME,
        "b": FAILED_NAME,
        "c": "good",
    }


def test_several_seeds_vote_and_one_contestant_agrees_with_nobody(rows: pd.DataFrame) -> None:
    one = made(rows, [0.9, 0.1, 0.9, 0.9, 0.1])
    flipped = made(rows, [0.2, 0.1, 0.9, 0.9, 0.1])
    voted = replace(
        one, runs=(one.runs[0], replace(flipped.runs[0], seed=1), replace(flipped.runs[0], seed=2))
    )
    found = errors.find({"a": voted}, PreparedRows("d", LABELS, rows, rows)).as_json()
    assert found["confident_errors"]["a"] == [], "two of three seeds are right on r0"
    assert (
        found["agree_against_label"]
        == found["disagreements"]
        == found["disagreement_examples"]
        == []
    )


def test_without_scores_nobody_is_sure_of_a_mistake(rows: pd.DataFrame) -> None:
    frame = predictions_frame(rows, "test", None, score_source="none", prediction=[1] * 5)
    mute = scored(Path("p.parquet"), frame, 2)["test"]
    found = errors.find({"a": mute, "b": mute}, PreparedRows("d", LABELS, rows, rows)).as_json()
    assert found["confident_errors"] == {"a": [], "b": []}
    assert [row["confidence"] for row in found["agree_against_label"]] == [None] * 3
