"""The choice of a threshold by figures made by hand, and its standard errors against the plain ones."""

import numpy as np
import pytest

from slingshot.cascade import threshold

ROWS = 300


def figures(*right: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Accuracies of whom these rows are right for: with all rows, and without each block; shape (tried, rows)."""
    held = np.stack(right).astype(float)
    block = threshold.deal([str(number) for number in range(held.shape[1])])
    without = [held[:, block != one].mean(axis=1) for one in range(block.max() + 1)]
    return held.mean(axis=1), np.stack(without, axis=1)


def chosen(*right: np.ndarray, within: list[bool] | None = None) -> int | None:
    values, without = figures(*right)
    return threshold.choose(values, without, np.array(within or [True] * len(right)))


def right(first: int, *, wrong: tuple[int, int] = (0, 0)) -> np.ndarray:
    """Right for the `first` rows but for those from `wrong`."""
    held = np.arange(ROWS) < first
    held[slice(*wrong)] = False
    return held


def test_a_threshold_that_just_reaches_the_llm_is_passed_over_for_a_better_one() -> None:
    small, reaches, better, large = right(240), right(264), right(285, wrong=(0, 5)), right(264)
    assert chosen(small, reaches, better, large) == 2


def test_what_does_not_show_a_lead_over_the_better_side_leaves_that_side_alone() -> None:
    small, large = right(250), right(240)
    lucky = right(260, wrong=(0, 8))  # 2 rows ahead, of 18 that differ
    assert chosen(small, lucky, large) == 0
    assert chosen(large, lucky, small) == 2
    assert chosen(small, right(260), large) == 1, "10 rows ahead, of 10 that differ"
    assert chosen(small, right(251), large) == 0, "one row ahead is one standard error, and no lead"
    assert chosen(large, right(250), small) == 2


def test_ties_go_to_the_fewest_escalations() -> None:
    assert chosen(right(240), right(240), right(240)) == 0
    assert chosen(right(240), right(270), right(270), right(200)) == 1


def test_only_what_is_within_counts_and_the_sides_within_are_what_it_is_held_to() -> None:
    tried = (right(200), right(240), right(260), right(280))
    assert chosen(*tried) == 3
    assert chosen(*tried, within=[True, True, False, False]) == 1
    assert chosen(*tried, within=[False, False, False, True]) == 3
    assert chosen(*tried, within=[False] * 4) is None


def test_what_is_undefined_is_not_chosen() -> None:
    values, without = figures(right(200), right(260), right(210))
    everywhere = np.full_like(without, np.nan)
    assert threshold.choose(np.full(3, np.nan), everywhere, np.ones(3, bool)) is None
    assert threshold.choose(values, everywhere, np.ones(3, bool)) == 2, (
        "no standard error, so no lead is shown"
    )
    without[:, 0] = np.nan
    assert threshold.choose(values, without, np.ones(3, bool)) == 1, (
        "one block without a figure is left out"
    )
    assert threshold.choose(values, np.empty((3, 0)), np.ones(3, bool)) == 2


def test_the_standard_error_of_a_mean_is_the_plain_one_where_every_row_is_a_block() -> None:
    held = np.random.default_rng(0).random((2, threshold.BLOCKS)) < 0.6
    _, without = figures(*held)
    plain = held.std(axis=1, ddof=1) / np.sqrt(threshold.BLOCKS)
    assert threshold.standard_errors(without) == pytest.approx(plain)


def test_the_standard_error_of_blocks_is_near_the_plain_one_and_counts_a_group_once() -> None:
    generator = np.random.default_rng(1)
    found = np.mean(
        [threshold.standard_errors(figures(generator.random(ROWS) < 0.8)[1]) for _ in range(200)]
    )
    assert found == pytest.approx(np.sqrt(0.8 * 0.2 / ROWS), rel=0.05)
    group = np.repeat(np.arange(30), 10)
    block = threshold.deal([f"g{number}" for number in group])
    assert all(len(set(block[group == number])) == 1 for number in range(30))
    assert set(threshold.deal(["a", "b", "a"])) == {0, 1}


def test_candidates_are_never_and_rising_quantiles() -> None:
    confidence = np.array([0.9, 0.5, 0.5, 0.7, 0.99])
    assert threshold.candidates(confidence) == [threshold.NEVER, 0.7, 0.9, 0.99]
    assert threshold.candidates(np.full(5, 0.5)) == [threshold.NEVER]
    assert len(threshold.candidates(np.random.default_rng(0).random(1000))) == threshold.THRESHOLDS
