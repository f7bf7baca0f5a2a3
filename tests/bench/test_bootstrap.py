"""The fast bootstrap against the slow one: sklearn on resampled rows, under the same weights."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import f1_score, recall_score

from bench import bootstrap
from slingshot.metrics.scored import Scored

Maker = Callable[..., Scored]


def slow(scored: Scored, counts: np.ndarray, seed: int) -> dict[str, Any]:
    """Every figure of the resample in which group g stands `counts[g]` times."""
    rows = np.repeat(np.arange(len(scored.labels)), counts[scored.groups])
    run, labels = scored.runs[seed], scored.labels[rows]
    predictions, present = run.predictions[rows], np.unique(labels)
    of_all = np.unique(scored.labels)
    figures: dict[str, Any] = {
        "recall": np.where(
            np.isin(of_all, present),
            recall_score(labels, predictions, labels=of_all, average=None, zero_division=0),
            np.nan,
        ),
        "accuracy": np.mean(predictions == labels),
        "coverage": np.mean(predictions != -1),
        "balanced_accuracy": recall_score(labels, predictions, labels=present, average="macro"),
        "macro_f1": f1_score(labels, predictions, labels=present, average="macro"),
        "missing_class": float(len(present) < len(np.unique(scored.labels))),
    }
    if run.scores is not None:
        held = run.scores[rows]
        figures["log_loss"] = -np.mean(np.log(np.maximum(held[np.arange(len(rows)), labels], 1e-6)))
        figures["brier"] = np.mean(np.sum((held - np.eye(held.shape[1])[labels]) ** 2, axis=1))
    return figures


@pytest.mark.parametrize(
    "options",
    [
        {"count": 50, "classes": 3},
        {"count": 60, "classes": 4, "per_group": 4, "failed": 5},
        {"count": 9, "classes": 5, "seeds": (0, 1)},
        {"count": 6, "classes": 2, "per_group": 2},
        {"count": 40, "classes": 3, "source": "none", "failed": 3},
    ],
    ids=["ties", "groups and failed rows", "missing classes", "one class left", "no scores"],
)
def test_every_metric_of_every_resample_equals_the_slow_one(
    contestant: Maker, options: dict[str, object]
) -> None:
    scored = contestant(**options)
    [fast] = bootstrap.resample([scored], 80)
    weights = np.concatenate(list(bootstrap.group_weights(scored.group_count, 80)), axis=1).astype(
        int
    )
    for seed in range(len(scored.runs)):
        reference = [slow(scored, counts, seed) for counts in weights.T]
        assert set(fast) == set(reference[0])
        for name, figures in fast.items():
            expected = np.stack([figure[name] for figure in reference], axis=-1)
            np.testing.assert_allclose(
                figures[seed], expected, rtol=1e-12, atol=1e-12, err_msg=name
            )


def test_the_cases_above_meet_missing_classes(contestant: Maker) -> None:
    [few] = bootstrap.resample([contestant(count=9, classes=5)], 80)
    assert 0 < few["missing_class"].mean() < 1


def test_unit_weights_give_the_point_figures_of_the_metric_classes(contestant: Maker) -> None:
    from slingshot.metrics import scores

    scored = contestant(count=80, classes=4, failed=6)
    once = bootstrap.point(scored, scored.runs[0])
    point = scores.point(scored.runs[0], scored.labels, ece_bins=15)
    for name in set(once) - {"missing_class"}:
        assert once[name] == pytest.approx(point[name], abs=1e-12), name


def test_a_resample_holds_as_many_groups_as_there_are_whatever_the_block() -> None:
    whole = np.concatenate(list(bootstrap.group_weights(37, 100, block=64)), axis=1)
    parts = np.concatenate(list(bootstrap.group_weights(37, 100, block=9)), axis=1)
    assert whole.shape == (37, 100)
    assert (whole.sum(axis=0) == 37).all()
    np.testing.assert_array_equal(whole, parts)


def test_weights_are_multinomial() -> None:
    weights = np.concatenate(list(bootstrap.group_weights(20, 20_000)), axis=1)
    covariance = np.cov(weights)
    np.testing.assert_allclose(np.diag(covariance), 1 - 1 / 20, atol=0.05)
    np.testing.assert_allclose(covariance[~np.eye(20, dtype=bool)], -1 / 20, atol=0.03)


def test_contestants_meet_the_same_resamples_whoever_else_is_there(contestant: Maker) -> None:
    a, b = contestant(skill=1), contestant(skill=9, seeds=(0, 1))
    together, alone = bootstrap.resample([a, b], 50), bootstrap.resample([b], 50)
    np.testing.assert_array_equal(together[1]["macro_f1"], alone[0]["macro_f1"])


def test_three_seeds_are_resampled_and_two_are_averaged() -> None:
    flat = np.ones((1, 4000))
    two, three = np.concatenate([0 * flat, flat]), np.concatenate([0 * flat, flat, 2 * flat])
    np.testing.assert_array_equal(bootstrap.over_seeds(two), 0.5 * flat[0])
    drawn = bootstrap.over_seeds(three)
    assert drawn.mean() == pytest.approx(1, abs=0.05)
    # Three seeds at 0, 1, 2 estimate a variance of 1, so that of their mean is 1 / 3.
    assert drawn.var() == pytest.approx(1 / 3, abs=0.02)
