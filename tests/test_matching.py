"""The labels at which a curve of a known law meets an LLM."""

from dataclasses import replace

import numpy as np
import pytest

from slingshot import matching
from tests.test_learning import ROWS, law, point, points


def test_labels_to_match_lie_where_the_curve_meets_the_llm() -> None:
    found = matching.match(points(llm=law(600)), "accuracy", "small", "llm", spread=0.0)
    assert (found.rows, found.low, found.high) == (600, 600, 600)
    same = matching.match(points(llm=law(600)), "log_loss", "small", "llm", spread=0.0)
    assert same.rows == 600


def test_the_interval_widens_with_seeds_and_with_test_noise() -> None:
    calm = matching.match(points(seeds=3, noise=0.004, llm=law(800)), "accuracy", "small", "llm", 0.0)
    noisy = matching.match(points(seeds=3, noise=0.004, llm=law(800)), "accuracy", "small", "llm", 0.01)
    assert noisy.low < calm.low < calm.rows < calm.high < noisy.high
    assert noisy.rows == calm.rows


def test_what_an_interval_leaves_out_stands_beside_it() -> None:
    few, many = (matching.match(points(seeds=n, llm=law(800)), "accuracy", "small", "llm", 0.01) for n in (2, 3))
    assert (few.notes, many.notes) == (("training variance not included",), ())
    seedless = [replace(p, training_seed=-1) for p in points(llm=law(800))]
    assert matching.match(seedless, "accuracy", "small", "llm", 0.01).notes == ()
    unknown = matching.match(points(seeds=3, llm=law(800)), "accuracy", "small", "llm", None)
    assert unknown.rows == many.rows and unknown.low is unknown.high is None
    assert unknown.no_interval == "that of their difference on test is not known"
    splits = matching.match(points(splits=3, llm=law(800)), "accuracy", "small", "llm", None)
    assert splits.low == splits.high == splits.rows and not splits.no_interval


def test_an_interval_from_three_seeds_holds_the_truth_about_as_often_as_it_says() -> None:
    inside = 0
    for trial in range(60):
        generator = np.random.default_rng(trial)
        made = [
            point("small", f, law(r) + 0.01 * generator.normal(), seed=s) for f, r in ROWS.items() for s in range(3)
        ]
        found = matching.match([*made, point("llm", None, law(800), seed=-1)], "accuracy", "small", "llm", 0.0)
        # The curve is drawn straight between its levels, so it meets the LLM a little off the law.
        straight = np.interp(law(800), [law(600), law(1200)], np.log([600, 1200]))
        inside += (found.low or 0) <= round(float(np.exp(straight))) <= (found.high or np.inf)
    assert inside >= 50


def test_an_end_of_the_interval_beyond_the_data_is_not_a_number() -> None:
    found = matching.match(points(llm=law(2200)), "accuracy", "small", "llm", 0.02)
    assert found.rows is not None and found.low is not None
    assert found.high is None


@pytest.mark.parametrize(
    ("llm", "reason"),
    [
        (0.99, "not within the data: small is behind still with 2,400 training rows"),
        (0.10, "not within the data: small is ahead already with 150 training rows"),
    ],
)
def test_what_lies_outside_the_curve_is_said_not_guessed(llm: float, reason: str) -> None:
    found = matching.match(points(llm=llm), "accuracy", "small", "llm", 0.01)
    assert (found.rows, found.low, found.high, found.reason) == (None, None, None, reason)


def test_one_level_or_no_llm_of_the_same_split_is_no_curve() -> None:
    one = [point("small", 1.0, 0.8), point("llm", None, 0.7, seed=-1)]
    other = [*(p for p in points() if p.contestant == "small"), point("llm", None, 0.7, seed=-1, split=9)]
    for made, why in ((one, "fewer than two numbers"), (other, "no curve on test rows that llm was asked about")):
        assert why in matching.match(made, "accuracy", "small", "llm", 0.0).reason


def test_a_split_with_few_fractions_is_left_out_of_a_match() -> None:
    odd = [point("small", 0.25, 0.1, split=1, rows=601), point("llm", None, 0.1, seed=-1, split=1)]
    found = matching.match([*points(llm=law(600)), *odd], "accuracy", "small", "llm", 0.0)
    assert found.rows == 600


def test_from_three_splits_on_the_splits_say_how_test_rows_differ() -> None:
    generator = np.random.default_rng(1)
    hard = {split: 0.03 * generator.normal() for split in range(4)}
    made = [point("small", f, law(r) + hard[s], split=s) for f, r in ROWS.items() for s in hard]
    alike = [*made, *(point("llm", None, law(600) + hard[s], seed=-1, split=s) for s in hard)]
    found = matching.match(alike, "accuracy", "small", "llm", spread=0.5)
    assert found.rows == found.low == found.high == 600, "paired in each split, the hardness of its rows cancels"
