"""Losses as outcomes: their mean, and the ends that rows may hide."""

import numpy as np
import pytest

from slingshot.metrics.outcomes import LEVELS, losses
from slingshot.metrics.scored import Scored, SeedRun

WORST = {"brier": 2.0, "log_loss": -np.log(1e-6)}


def votes(labels: list[int], answers: list[int], groups: list[int] | None = None) -> Scored:
    """Of a contestant that is sure of each answer."""
    scores = np.eye(2)[answers]
    of_group = np.arange(len(labels)) if groups is None else np.array(groups)
    run = SeedRun(-1, np.array(answers), scores)
    return Scored(np.arange(len(labels)), np.array(labels), of_group, "vote", (run,), {})


def unsure(seed: int, rows: int) -> Scored:
    generator = np.random.default_rng(seed)
    scores = generator.dirichlet([3, 1], size=rows)
    run = SeedRun(-1, scores.argmax(axis=1), scores)
    return Scored(
        np.arange(rows), generator.integers(0, 2, rows), np.arange(rows), "softmax", (run,), {}
    )


@pytest.mark.parametrize("metric", WORST)
def test_rows_that_are_all_right_may_hide_one_that_loses_most(metric: str) -> None:
    right = votes([0, 1] * 10, [0, 1] * 10)
    outcomes, of_row, strata = losses(metric, (right,))
    values = outcomes.gradient(outcomes.counts)[1]
    assert values.tolist() == pytest.approx([0, 0, WORST[metric]], abs=1e-9)
    assert outcomes.counts.tolist() == [20, 0, 0]
    assert not of_row.any() and not strata.any()


@pytest.mark.parametrize("metric", WORST)
def test_two_that_are_alike_may_hide_that_either_loses_most(metric: str) -> None:
    one = votes([0, 1] * 10, [0, 1] * 10)
    outcomes = losses(metric, (one, one))[0]
    values = outcomes.gradient(outcomes.counts)[1]
    assert values.tolist() == pytest.approx([0, -WORST[metric], WORST[metric]], abs=1e-9)


def test_wrong_rows_tell_how_far_losses_go() -> None:
    labels, scores = np.zeros(60, dtype=np.int64), np.tile([0.99, 0.01], (60, 1))
    scores[:6] = [0.4, 0.6]

    def end(groups: np.ndarray) -> float:
        run = SeedRun(-1, scores.argmax(axis=1), scores)
        outcomes = losses(
            "log_loss", (Scored(np.arange(60), labels, groups, "softmax", (run,), {}),)
        )[0]
        return float(outcomes.gradient(outcomes.counts)[1][-1])

    seen, most = -np.log(0.4), -np.log(0.01)
    assert end(np.arange(60)) == pytest.approx(seen + (1 - 0.05 ** (1 / 6)) * (most - seen))
    assert end(np.arange(60) // 2) == pytest.approx(seen + (1 - 0.05 ** (1 / 3)) * (most - seen)), (
        "groups are counted"
    )


@pytest.mark.parametrize("metric", WORST)
def test_many_different_losses_become_few_outcomes_of_the_same_mean(metric: str) -> None:
    a, b = unsure(1, 5_000), unsure(2, 5_000)
    b = Scored(b.ids, a.labels, b.groups, "softmax", b.runs, {})
    assert a.runs[0].scores is not None and b.runs[0].scores is not None
    for sides in ((a,), (a, b), (b, a)):
        outcomes, of_row, _ = losses(metric, sides)
        assert len(outcomes.counts) < LEVELS + 4
        values = outcomes.gradient(outcomes.counts)[1]
        assert outcomes.counts.sum() == 5_000 and outcomes.value() == pytest.approx(
            values[of_row].mean()
        )
        assert values[-2] <= values[:-2].min() and values[:-2].max() <= values[-1]


def test_losses_are_means_over_seeds() -> None:
    one, other = votes([0, 0, 1], [0, 1, 1]), votes([0, 0, 1], [0, 0, 0])
    both = Scored(one.ids, one.labels, one.groups, "vote", (*one.runs, *other.runs), {})
    outcomes, of_row, _ = losses("brier", (both,))
    assert outcomes.gradient(outcomes.counts)[1][of_row].tolist() == pytest.approx([0, 1, 1])
