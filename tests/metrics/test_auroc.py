"""Areas against scikit-learn, their variance against the jackknife, and what two classes have in common."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from slingshot.metrics.auroc import correlation, effective_trials, placements
from slingshot.metrics.scored import Scored, SeedRun


def contestant(rows: int, classes: int, skill: float, seed: int = 0) -> Scored:
    labels = np.arange(rows) % classes
    raised = np.exp(
        skill * np.eye(classes)[labels] + np.random.default_rng(seed).normal(size=(rows, classes))
    )
    run = SeedRun(-1, raised.argmax(axis=1), raised / raised.sum(axis=1, keepdims=True))
    return Scored(np.arange(rows), labels, np.arange(rows), "softmax", (run,), {})


def test_areas_are_those_of_each_class_against_the_rest() -> None:
    one = contestant(90, 3, 1.0)
    areas, adds, codes = placements(one)
    assert one.runs[0].scores is not None
    wanted = [
        roc_auc_score(one.labels == place, one.runs[0].scores[:, place]) for place in range(3)
    ]
    assert areas == pytest.approx(wanted)
    assert codes.tolist() == one.labels.tolist()
    assert adds.sum() == pytest.approx(0, abs=1e-12)


def test_what_rows_add_is_what_the_figure_loses_without_them() -> None:
    one = contestant(120, 3, 1.0)
    areas, adds, codes = placements(one)
    without = [placements(one.only(np.arange(120) != row))[0].mean() for row in range(120)]
    influence = (
        (areas.mean() - np.array(without))
        * (np.bincount(codes)[codes] - 1)
        / np.bincount(codes)[codes]
    )
    assert influence == pytest.approx(adds, abs=2e-4)


def test_of_two_classes_one_area_is_that_of_both() -> None:
    areas, adds, codes = placements(contestant(100, 2, 9.0))
    outcomes, wider = effective_trials(areas, adds, codes)
    assert areas.tolist() == [1.0] and wider == 1
    trials = 50 * 50 / (1 + 49 * 0.5)  # of Hanley and McNeil's variance at an area of 1
    z = 1.959964
    assert outcomes.interval(z)[0] == pytest.approx(1 - z**2 / (trials - 1 + z**2), abs=1e-5)


def test_two_that_read_a_row_alike_are_correlated() -> None:
    one, other = contestant(2_000, 3, 1.0), contestant(2_000, 3, 1.0, seed=1)
    (_, first, codes), (_, second, _) = placements(one), placements(other)
    assert correlation(first, first, codes) == pytest.approx(1.0, abs=1e-3)
    assert abs(correlation(first, second, codes)) < 0.1
    assert correlation(first, 0 * first, codes) == 0
