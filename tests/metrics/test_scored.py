"""From a predictions frame to arrays."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from slingshot.metrics.scored import scored
from slingshot.settings import UserError

PATH = Path("data/predictions/d/c.parquet")
Frames = Callable[..., pd.DataFrame]


def test_the_order_of_the_file_does_not_matter(predicted: Frames) -> None:
    frame = predicted(30, seeds=(0, 1))
    straight = scored(PATH, frame, 3)["test"]
    shuffled = scored(PATH, frame.sample(frac=1, random_state=0), 3)["test"]
    assert list(straight.ids) == sorted(straight.ids)
    for one, other in zip(straight.runs, shuffled.runs, strict=True):
        assert one.seed == other.seed
        np.testing.assert_array_equal(one.scores, other.scores)


def test_rows_that_share_a_group_share_its_number(predicted: Frames) -> None:
    test = scored(PATH, predicted(8, per_group=4), 3)["test"]
    assert test.groups.tolist() == [0, 0, 0, 0, 1, 1, 1, 1]
    assert test.group_count == 2


def test_a_row_without_scores_counts_as_uniform(predicted: Frames) -> None:
    test = scored(PATH, predicted(10, 4, failed=2), 4)["test"]
    scores = test.runs[0].scores
    assert scores is not None
    assert (scores[:2] == 0.25).all()
    assert not (scores[2:] == 0.25).all(axis=1).any()


def test_score_source_none_gives_no_scores_and_two_sources_are_both_named(
    predicted: Frames,
) -> None:
    none = scored(PATH, predicted(source="none"), 3)["test"]
    assert none.score_source == "none"
    assert none.runs[0].scores is None
    frame = predicted()
    frame.loc[frame.index[::2], "score_source"] = "logprob"
    assert scored(PATH, frame, 3)["test"].score_source == "logprob+softmax"


def test_a_file_without_test_rows_or_with_seeds_that_disagree_is_refused(predicted: Frames) -> None:
    with pytest.raises(UserError, match=r"c\.parquet: no test rows"):
        scored(PATH, predicted(split="validation"), 3)
    frame = predicted(seeds=(0, 1))
    frame.loc[frame["seed"] == 1, "label"] = 0
    with pytest.raises(UserError, match=r"c\.parquet: seeds disagree"):
        scored(PATH, frame, 3)


def test_trained_seeds_counts_training_runs_only(predicted: Frames) -> None:
    assert scored(PATH, predicted(seeds=(-1,)), 3)["test"].trained_seeds == 0
    assert scored(PATH, predicted(seeds=(0, 4)), 3)["test"].trained_seeds == 2


def test_where_valid_answers_of_one_side_have_no_scores_none_are_scored(predicted: Frames) -> None:
    frame = predicted(20)
    mixed = frame.assign(
        score_source=["none" if i < 3 else "softmax" for i in range(20)],
        scores=[None if i < 3 else held for i, held in enumerate(frame["scores"])],
    )
    test = scored(PATH, mixed, 3)["test"]
    assert test.score_source == "none"
    assert test.runs[0].scores is None
