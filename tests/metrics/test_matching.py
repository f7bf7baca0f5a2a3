"""The labels at which a curve of a known law meets an LLM."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import ttest_1samp

from slingshot.metrics import matching
from tests.metrics.test_learning import ROWS, law, point, points


def test_labels_to_match_lie_where_the_curve_meets_the_llm() -> None:
    made = [replace(p, training_seed=-1) for p in points(llm=law(600))]
    found = matching.match(made, "accuracy", "small", "llm", spread=0.0)
    assert (found.rows, found.low, found.high) == (600, 600, 600)
    assert matching.match(made, "log_loss", "small", "llm", spread=0.0) == found


def test_the_interval_widens_with_seeds_and_with_test_noise() -> None:
    calm = matching.match(
        points(seeds=3, noise=0.004, llm=law(800)), "accuracy", "small", "llm", 0.0
    )
    noisy = matching.match(
        points(seeds=3, noise=0.004, llm=law(800)), "accuracy", "small", "llm", 0.01
    )
    assert noisy.low < calm.low < calm.rows < calm.high < noisy.high
    assert noisy.rows == calm.rows


def test_too_few_training_seeds_tell_by_how_rough_the_curve_is_or_not_at_all() -> None:
    bumps = dict(zip(ROWS, (0.002, -0.002, 0.002, -0.002, 0.002), strict=True))
    llm = point("llm", None, law(800), seed=-1)
    smooth = [point("small", fraction, law(rows)) for fraction, rows in ROWS.items()]
    rough = [
        replace(p, figures={"accuracy": p.figures["accuracy"] + bumps[p.fraction]}) for p in smooth
    ]
    of = [
        matching.match([*made, llm], "accuracy", "small", "llm", 0.004) for made in (smooth, rough)
    ]
    assert of[1].low < of[0].low < of[0].high < of[1].high
    seedless = [replace(p, training_seed=-1) for p in rough]
    alone = matching.match([*seedless, llm], "accuracy", "small", "llm", 0.0)
    assert alone.low == alone.high == alone.rows, "training without a seed adds nothing"
    three = matching.match([*rough[2:], llm], "accuracy", "small", "llm", 0.01)
    assert three.rows and three.low is three.high is None
    assert three.no_interval == "few_seeds"


def test_without_the_spread_of_the_test_rows_it_takes_three_splits_for_an_interval() -> None:
    unknown = matching.match(points(seeds=3, llm=law(800)), "accuracy", "small", "llm", None)
    assert unknown.rows and unknown.low is unknown.high is None
    assert unknown.no_interval == "no_spread"
    splits = matching.match(points(splits=3, llm=law(800)), "accuracy", "small", "llm", None)
    assert splits.low == splits.high == splits.rows and splits.no_interval is None
    two = matching.match(points(splits=2, seeds=3, llm=law(800)), "accuracy", "small", "llm", None)
    assert two.no_interval == unknown.no_interval


def test_the_interval_over_splits_is_where_a_t_test_of_them_does_not_tell_the_two_apart() -> None:
    generator = np.random.default_rng(3)
    made = [
        point("small", f, law(r) + 0.01 * generator.normal(), split=s)
        for f, r in ROWS.items()
        for s in range(4)
    ]
    llms = [
        point("llm", None, law(700) + 0.01 * generator.normal(), seed=-1, split=s) for s in range(4)
    ]
    found = matching.match([*made, *llms], "accuracy", "small", "llm", None)
    fractions, logs = sorted(ROWS), np.log(sorted(ROWS.values()))
    ahead = [
        [
            next(p.figures["accuracy"] for p in made if (p.fraction, p.split_seed) == (f, s))
            - llms[s].figures["accuracy"]
            for f in fractions
        ]
        for s in range(4)
    ]
    for rows, side in ((found.low, -1), (found.high, 1)):
        near = [
            ttest_1samp([np.interp(np.log(rows * (1 + side * by)), logs, of) for of in ahead], 0)
            for by in (-0.03, 0.03)
        ]
        assert near[0].pvalue > 0.05 > near[1].pvalue


def test_an_end_of_the_interval_beyond_the_data_is_not_a_number() -> None:
    found = matching.match(points(llm=law(2200)), "accuracy", "small", "llm", 0.02)
    assert found.rows is not None and found.low is not None
    assert found.high is None


@pytest.mark.parametrize(
    ("llm", "spread", "reason", "edge", "no_interval"),
    [
        (0.99, 0.01, "behind", 2400, None),
        (0.10, 0.01, "ahead", 150, None),
        (law(2500), 0.01, "perhaps_behind", 2400, None),
        (law(149), 0.01, "perhaps_ahead", 150, None),
        (0.10, None, "perhaps_ahead", 150, "no_spread"),
    ],
)
def test_what_lies_outside_the_curve_is_said_only_where_it_is_no_noise(
    llm: float, spread: float | None, reason: str, edge: int, no_interval: str | None
) -> None:
    found = matching.match(points(llm=llm), "accuracy", "small", "llm", spread)
    assert (found.rows, found.low, found.high) == (None, None, None)
    assert (found.reason, found.edge, found.no_interval) == (reason, edge, no_interval)


def test_one_level_or_no_llm_of_the_same_split_is_no_curve() -> None:
    one = [point("small", 1.0, 0.8), point("llm", None, 0.7, seed=-1)]
    other = [
        *(p for p in points() if p.contestant == "small"),
        point("llm", None, 0.7, seed=-1, split=9),
    ]
    for made, why in (
        (one, "few_levels"),
        (other, "other_rows"),
    ):
        assert matching.match(made, "accuracy", "small", "llm", 0.0).reason == why


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
    assert found.rows == found.low == found.high == 600, (
        "paired in each split, the hardness of its rows cancels"
    )
