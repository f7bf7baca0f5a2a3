"""Point figures: hand-made cases, and the rules for what is failed, missing or undefined."""

import math
import subprocess
import sys

import numpy as np
import pytest

from slingshot.metrics import scores
from slingshot.metrics.scored import SeedRun


def test_label_metrics_of_a_hand_made_case_with_a_failed_row_and_a_class_without_rows() -> None:
    # Class 0: 2 of 3 found, predicted twice; class 1: 1 of 1 found, predicted twice; class 2 has no rows.
    labels, predictions = [0, 0, 0, 1], [0, 0, 1, 1]
    found = {
        **scores.Accuracy().compute(predictions=predictions, references=labels),
        **scores.BalancedAccuracy().compute(predictions=predictions, references=labels),
        **scores.MacroF1().compute(predictions=predictions, references=labels),
    }
    assert found == pytest.approx(
        {"accuracy": 3 / 4, "balanced_accuracy": (2 / 3 + 1) / 2, "macro_f1": (4 / 5 + 2 / 3) / 2}
    )


@pytest.mark.parametrize("instead", [-1, 2])
def test_a_failed_row_and_a_class_without_rows_cost_recall_only(instead: int) -> None:
    labels, predictions = [0, 0, 1, 1], [0, instead, 1, 1]
    f1 = scores.MacroF1().compute(predictions=predictions, references=labels)
    recall = scores.BalancedAccuracy().compute(predictions=predictions, references=labels)
    assert f1["macro_f1"] == pytest.approx((2 / 3 + 1) / 2)
    assert recall["balanced_accuracy"] == pytest.approx(3 / 4)


def test_coverage_is_the_share_of_valid_answers() -> None:
    assert scores.Coverage().compute(predictions=[0, -1, 1, -1], references=[0, 0, 0, 0]) == {
        "coverage": 0.5
    }


def test_auroc_averages_over_the_classes_that_have_rows() -> None:
    held = [[0.8, 0.2, 0.0], [0.3, 0.6, 0.1], [0.6, 0.3, 0.1], [0.1, 0.9, 0.0]]
    # Class 0: scores .8, .3 against .6, .1: 3 of 4 pairs; class 1: .3, .9 against .2, .6: 3 of 4.
    found = scores.Auroc().compute(prediction_scores=held, references=[0, 0, 1, 1])
    assert found == pytest.approx({"auroc": 0.75, "auroc_classes": 2})


def test_auroc_of_one_class_is_undefined_not_zero() -> None:
    found = scores.Auroc().compute(prediction_scores=[[0.8, 0.2], [0.3, 0.7]], references=[0, 0])
    assert math.isnan(found["auroc"])
    assert found["auroc_classes"] == 0


def test_log_loss_clips_at_one_in_a_million_and_brier_sums_over_classes() -> None:
    held = [[0.5, 0.5, 0.0], [1.0, 0.0, 0.0]]
    log_loss = scores.LogLoss().compute(prediction_scores=held, references=[0, 1])["log_loss"]
    assert log_loss == pytest.approx((-math.log(0.5) - math.log(1e-6)) / 2)
    brier = scores.Brier().compute(prediction_scores=held, references=[0, 1])["brier"]
    assert brier == pytest.approx((0.5 + 2.0) / 2)


def test_ece_weights_the_gap_of_each_bin_by_its_rows() -> None:
    # Two bins: confidence .5 (on the edge: lower bin) once right; .9 and .7, once right, once failed.
    held = [[0.5, 0.5], [0.9, 0.1], [0.3, 0.7]]
    found = scores.Ece(bins=2).compute(
        predictions=[0, 0, -1], prediction_scores=held, references=[0, 0, 1]
    )
    assert found["ece"] == pytest.approx((abs(1 - 0.5) + abs(1 - 1.6)) / 3)


def test_ece_takes_the_score_of_the_prediction_not_of_the_highest_class() -> None:
    found = scores.Ece(bins=1).compute(
        predictions=[1], prediction_scores=[[0.8, 0.2]], references=[1]
    )
    assert found["ece"] == pytest.approx(0.8)


def test_a_run_without_scores_has_label_figures_only() -> None:
    found = scores.point(
        SeedRun(seed=-1, predictions=np.array([0, 1]), scores=None), np.array([0, 0]), ece_bins=15
    )
    assert found["accuracy"] == 0.5
    assert all(
        math.isnan(found[name]) for name in ("auroc", "auroc_classes", "log_loss", "brier", "ece")
    )


def test_loading_them_loads_no_evaluator_and_hides_nothing_afterwards() -> None:
    code = (
        "import sys, slingshot.metrics.scores; "
        "print([name for name in ('transformers', 'scipy.stats', 'sklearn') if name in sys.modules]); "
        "import scipy.stats; print(scipy.stats.norm.cdf(0))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["[]", "0.5"]
