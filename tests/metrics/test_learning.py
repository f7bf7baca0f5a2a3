"""Curves whose law is known, and the labels at which they meet an LLM."""

import numpy as np
import pytest

from slingshot.files.points import Point
from slingshot.metrics import learning

ROWS = {1 / 16: 150, 0.125: 300, 0.25: 600, 0.5: 1200, 1.0: 2400}


def point(
    contestant: str,
    fraction: float | None,
    value: float,
    *,
    seed: int = 0,
    split: int = 0,
    rows: int = 0,
) -> Point:
    figures = {"accuracy": value, "log_loss": 1 - value}
    train_rows = rows or (12 if fraction is None else ROWS[fraction])
    return Point(
        "e",
        "c",
        fraction,
        train_rows,
        split,
        seed,
        contestant,
        "d0",
        "rows",
        f"cut{split}",
        figures,
    )


def law(rows: float) -> float:
    return 0.9 - 2 * rows**-0.5


def points(*, seeds: int = 1, splits: int = 1, noise: float = 0.0, llm: float = 0.8) -> list[Point]:
    generator = np.random.default_rng(0)
    made = [
        point("small", fraction, law(rows) + noise * generator.normal(), seed=seed, split=split)
        for fraction, rows in ROWS.items()
        for seed in range(seeds)
        for split in range(splits)
    ]
    return made + [point("llm", None, llm, seed=-1, split=split) for split in range(splits)]


def test_a_figure_that_is_undefined_everywhere_makes_no_curve_and_is_said_to_be() -> None:
    small, llm = learning.curves(points(seeds=3), "auroc")
    assert (small.levels, small.fit, small.band_of) == ((), None, "no_level")
    assert small.fit_reason == "undefined"
    assert llm.fit_reason == "prompted"


def test_a_power_law_is_found_again_and_falls_for_a_loss() -> None:
    small, llm = learning.curves(points(), "accuracy")
    assert (small.fit.a, small.fit.b, small.fit.c) == pytest.approx((0.9, 2, 0.5), rel=1e-3)
    assert small.fit.value(10_000) == pytest.approx(law(10_000), abs=1e-4)
    assert llm.prompted and llm.fit is None and llm.fit_reason == "prompted"
    loss, _ = learning.curves(points(), "log_loss")
    assert loss.fit.falls
    assert loss.fit.value(10_000) == pytest.approx(1 - law(10_000), abs=1e-4)


def test_a_band_spans_the_seeds_and_says_which() -> None:
    [small, _] = learning.curves(points(seeds=3, noise=0.01), "accuracy")
    level = small.levels[0]
    assert (level.low, level.high) == (min(level.values), max(level.values))
    assert level.low < level.mean < level.high
    assert (level.training_seeds, level.split_seeds) == (3, 1)
    assert small.band_of == "training_seeds"
    [both, _] = learning.curves(points(seeds=2, splits=3, noise=0.01), "accuracy")
    assert both.band_of == "training_seeds_and_splits"
    [one, _] = learning.curves(points(seeds=1, splits=3, noise=0.01), "accuracy")
    assert one.band_of == "splits"
    two = points(seeds=3, splits=2, noise=0.01)
    [fewer, _] = learning.curves(two, "accuracy")
    assert fewer.band_of == "training_seeds"
    assert all(level.split_seeds == 1 for level in fewer.levels), "and it is of these alone"
    late = [point("small", 1.0, 0.1, split=split) for split in (3, 4)]
    assert learning.curves([*two, *late], "accuracy")[0] == fewer, (
        "splits with one fraction are no curve"
    )
    assert [level.train_rows for level in both.levels] == list(ROWS.values())


def test_splits_whose_rows_differ_a_little_are_one_level() -> None:
    made = [point("small", 0.25, 0.7, split=s, rows=600 + s) for s in range(3)]
    [small] = learning.curves(made, "accuracy")
    assert [level.train_rows for level in small.levels] == [601]
    assert small.fit is None and small.fit_reason == "few_levels"


def test_what_more_rows_do_not_help_has_no_law() -> None:
    flat = [point("small", fraction, 0.5) for fraction in ROWS]
    [small] = learning.curves(flat, "accuracy")
    assert (small.fit, small.fit_reason) == (None, "no_gain")


def test_a_law_that_hardly_rises_asks_for_no_number_of_rows_beyond_counting() -> None:
    assert learning.PowerLaw(1.0, 0.31, 0.01, False).rows_for(0.9999) is None
    assert (
        learning.PowerLaw(1.0, 0.31, 0.01, False).ends_anywhere
        and learning.PowerLaw(0, 1, 1, True).ends_anywhere
    )
    assert not learning.PowerLaw(0.9, 2, 0.5, False).ends_anywhere


def test_another_number_of_shots_is_another_level() -> None:
    made = [
        point("llm", None, value, seed=-1, rows=shots) for shots, value in ((12, 0.7), (40, 0.8))
    ]
    [llm] = learning.curves(made, "accuracy")
    assert [(level.train_rows, level.mean) for level in llm.levels] == [(12, 0.7), (40, 0.8)]
