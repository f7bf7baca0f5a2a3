"""Temperature and calibration errors on rows whose true calibration is known."""

from collections.abc import Callable

import numpy as np
import pytest
from sklearn.metrics import log_loss

from slingshot.metrics import calibration, scores
from slingshot.metrics.scored import Scored, SeedRun

Maker = Callable[..., Scored]


def softmax(logits: np.ndarray) -> np.ndarray:
    raised = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=1, keepdims=True))


def drawn(rows: int, seed: int, *, heat: float = 1.0, copies: int = 1) -> Scored:
    """Rows whose labels are drawn from softmax(logits / heat), scored with softmax(logits): calibrated at heat 1.
    Each stands `copies` times, as a group."""
    generator = np.random.default_rng(seed)
    logits = 2 * generator.normal(size=(rows, 4))
    chances = softmax(logits / heat)
    labels = (generator.random((rows, 1)) < chances.cumsum(axis=1)).argmax(axis=1)
    held, labels = np.repeat(softmax(logits), copies, axis=0), np.repeat(labels, copies)
    run = SeedRun(0, held.argmax(axis=1), held)
    return Scored(
        np.arange(len(labels)), labels, np.repeat(np.arange(rows), copies), "softmax", (run,), {}
    )


def measured(scored: Scored) -> calibration.Calibration:
    return calibration.measure(scored.runs[0], scored, bins=15)


@pytest.mark.parametrize("heat", [0.5, 1.0, 2.5])
def test_the_temperature_undoes_what_heated_the_scores(heat: float) -> None:
    rows = drawn(20_000, 1, heat=heat)
    assert calibration.temperature(rows.runs[0].scores, rows.labels) == pytest.approx(
        heat, rel=0.05
    )


def test_the_temperature_has_the_least_log_loss_of_a_grid() -> None:
    rows = drawn(300, 2, heat=3)
    held = rows.runs[0].scores
    found = calibration.temperature(held, rows.labels)
    losses = {
        t: log_loss(rows.labels, calibration.scaled(held, t))
        for t in (*np.linspace(0.2, 10, 400), found)
    }
    assert losses[found] <= min(losses.values()) + 1e-9


def test_scaling_keeps_the_order_of_classes_and_at_one_the_scores() -> None:
    held = drawn(200, 3).runs[0].scores
    np.testing.assert_allclose(calibration.scaled(held, 1.0), held, atol=1e-12)
    np.testing.assert_array_equal(
        calibration.scaled(held, 7.0).argsort(axis=1), held.argsort(axis=1)
    )


def test_scores_of_zero_and_one_have_a_temperature() -> None:
    held, labels = np.eye(3)[[0, 1, 2, 0]], np.array([0, 1, 2, 1])
    found = calibration.temperature(held, labels)
    assert 1 < found <= calibration.HOTTEST
    assert np.isfinite(calibration.scaled(held, found)).all()


def test_the_ece_is_that_of_the_metric_class(contestant: Maker) -> None:
    one = contestant(count=200, failed=7)
    run = one.runs[0]
    figures = scores.Ece(15).figures(run.predictions, run.scores, one.labels)
    assert calibration.measure(run, one, 15).ece == pytest.approx(figures["ece"])


def test_what_perfect_calibration_would_show_is_what_it_shows_and_the_square_is_unbiased() -> None:
    found = [measured(drawn(400, seed)) for seed in range(60)]
    shown = np.mean([one.ece for one in found])
    assert shown > 0.03
    assert np.mean([one.ece_if_calibrated for one in found]) == pytest.approx(shown, rel=0.1)
    # Half the squares come out below 0, so that the root is 0; the plug-in never is.
    zero = np.mean([one.rms_calibration_error == 0 for one in found])
    assert 0.3 < zero < 0.8


def test_the_debiased_error_is_that_of_many_rows_where_the_plug_in_is_not() -> None:
    true = measured(drawn(100_000, 1, heat=3)).rms_calibration_error
    few = [measured(drawn(250, seed, heat=3)) for seed in range(100)]
    assert np.sqrt(np.mean([one.rms_calibration_error**2 for one in few])) == pytest.approx(
        true, rel=0.03
    )


@pytest.mark.parametrize("copies", [1, 5])
def test_the_test_rejects_calibrated_scores_about_as_often_as_it_says(copies: int) -> None:
    rejected = np.mean(
        [measured(drawn(300, seed, copies=copies)).p_calibrated < 0.05 for seed in range(300)]
    )
    assert 0.02 < rejected < 0.09


def test_the_test_rejects_overconfident_scores() -> None:
    assert measured(drawn(300, 5, heat=3)).p_calibrated < 0.01


def test_a_bin_of_one_group_says_nothing() -> None:
    rows = drawn(1, 1, copies=30)
    found = measured(rows)
    assert found.ece > 0
    assert found.rms_calibration_error == 0
