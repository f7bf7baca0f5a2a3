"""The documents that evaluate writes."""

import json
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from slingshot.metrics import intervals
from slingshot.metrics.scored import Scored
from slingshot.settings import MetricsSettings
from slingshot.settings.catalogue import METRICS

Maker = Callable[..., Scored]
LABELS = ("a", "b", "c", "d", "e")
OPTIONS = MetricsSettings(
    primary="accuracy", margin=0.02, confidence=0.95, seed_sd=0.012, ece_bins=15
)


def test_every_interval_brackets_its_figure_and_only_binned_errors_have_none(
    contestant: Maker,
) -> None:
    points, detail = intervals.evaluate(contestant(count=150), contestant(), LABELS, OPTIONS)
    for name, interval in detail["metrics"].items():
        assert interval["value"] == points[name]
        if not METRICS[name].compared:
            assert interval["low"] is None
            assert "no interval" in interval["reason"]
        else:
            assert interval["low"] <= interval["value"] <= interval["high"]
            assert interval["reason"] is None
    assert detail["metrics"]["accuracy"]["low"] < detail["metrics"]["accuracy"]["high"]


def test_scores_are_flat_numbers_and_both_files_are_json(contestant: Maker) -> None:
    points, detail = intervals.evaluate(contestant(failed=2), contestant(), LABELS, OPTIONS)
    json.dumps([points, detail], allow_nan=False)
    assert all(isinstance(value, int | float) for value in points.values())
    assert points["test_rows"] == 60
    assert points["auroc_classes"] == 3


def test_point_figures_are_means_over_seeds_that_stand_beside_them(contestant: Maker) -> None:
    points, detail = intervals.evaluate(contestant(seeds=(0, 1, 2)), None, LABELS, OPTIONS)
    seeds = detail["seeds"]
    assert [row["seed"] for row in seeds] == [0, 1, 2]
    assert len({row["accuracy"] for row in seeds}) > 1
    assert points["log_loss"] == pytest.approx(np.mean([row["log_loss"] for row in seeds]))


def test_the_interval_of_three_seeds_holds_training_variance(contestant: Maker) -> None:
    widths = []
    for seeds in ((0, 1), (0, 1, 2)):
        test = contestant(count=300, seeds=seeds)
        lucky = replace(test.runs[0], predictions=test.labels)
        _, detail = intervals.evaluate(
            replace(test, runs=(lucky, *test.runs[1:])), None, LABELS, OPTIONS
        )
        interval = detail["metrics"]["accuracy"]
        widths.append(interval["high"] - interval["low"])
        assert ("training variance not included" in detail["notes"]) == (len(seeds) < 3)
    assert widths[1] > 2 * widths[0]


def test_without_scores_what_needs_them_is_null_with_its_reason(contestant: Maker) -> None:
    points, detail = intervals.evaluate(contestant(source="none"), None, LABELS, OPTIONS)
    for name in ("auroc", "log_loss", "brier", "ece", "rms_calibration_error"):
        assert points[name] is None
        assert (
            detail["metrics"][name]["reason"]
            == f"{name} is undefined, as it needs scores, and the score source is none"
        )
    assert points["auroc_classes"] is None
    assert detail["metrics"]["accuracy"]["low"] is not None


def test_auroc_of_one_class_is_null_with_its_reason(contestant: Maker) -> None:
    test = contestant()
    test = replace(test, labels=np.ones_like(test.labels))
    points, detail = intervals.evaluate(test, None, LABELS, OPTIONS)
    assert points["auroc"] is None
    assert points["auroc_classes"] == 0
    assert "two classes" in detail["metrics"]["auroc"]["reason"]
    assert points["macro_f1"] is not None


def test_what_the_interval_leaves_out_is_noted(contestant: Maker) -> None:
    def notes(**options: object) -> list[str]:
        return list(
            intervals.evaluate(contestant(**options), contestant(), LABELS, OPTIONS)[1]["notes"]
        )

    assert notes(count=120, seeds=(-1,)) == []
    assert notes(count=120, seeds=(-1,), per_group=2) == [
        "60 test groups: intervals rest on these, not on rows"
    ]
    assert notes(count=120) == ["training variance not included"]


def test_validation_has_the_primary_figure_and_its_absence_a_note(contestant: Maker) -> None:
    auroc = OPTIONS.model_copy(update={"primary": "auroc"})
    validation = contestant(count=30, skill=9)
    points, _ = intervals.evaluate(contestant(), validation, LABELS, auroc)
    assert points["validation_auroc"] == intervals.figures(validation, 15)[0]["auroc"]
    points, detail = intervals.evaluate(contestant(), None, LABELS, auroc)
    assert points["validation_auroc"] is None
    assert "validation_auroc: no validation row is predicted" in detail["notes"]


def test_headline_reads_well() -> None:
    interval = {"value": 0.842, "low": 0.817, "high": 0.866, "reason": None}
    assert intervals.headline("accuracy", interval) == "accuracy 0.842 [0.817, 0.866]"
    assert (
        intervals.headline("auroc", {"value": None, "low": None, "high": None, "reason": "why"})
        == "why"
    )


def test_answers_that_are_not_valid_are_counted_by_what_they_are(contestant: Maker) -> None:
    points, detail = intervals.evaluate(contestant(failed=3, source="vote"), None, LABELS, OPTIONS)
    assert "3 of 60 test answers are not valid and count as wrong: 3 refused" in detail["notes"]
    assert points["coverage"] == pytest.approx(57 / 60)
    assert not [
        note
        for note in intervals.evaluate(contestant(), None, LABELS, OPTIONS)[1]["notes"]
        if "not valid" in note
    ]


def test_no_interval_passes_what_its_figure_can_be(contestant: Maker) -> None:
    test = contestant(count=840, seeds=(0, 1, 2))
    runs = []
    for run, errors in zip(test.runs, (2, 3, 20), strict=True):
        wrong = np.arange(840) < errors
        predictions = np.where(wrong, (test.labels + 1) % 3, test.labels)
        runs.append(replace(run, predictions=predictions, scores=np.eye(3)[predictions]))
    _, detail = intervals.evaluate(replace(test, runs=tuple(runs)), None, LABELS, OPTIONS)
    assert detail["metrics"]["accuracy"]["high"] == 1
    for name, interval in detail["metrics"].items():
        if interval["low"] is not None:
            assert interval["low"] >= 0 and interval["high"] <= METRICS[name].highest, name
    assert all(row["recall_high"] <= 1 for row in detail["classes"])


def test_calibration_stands_before_and_after_a_temperature_of_validation_rows(
    contestant: Maker,
) -> None:
    _, detail = intervals.evaluate(contestant(count=200), contestant(count=100), LABELS, OPTIONS)
    found = detail["calibration"]
    assert detail["calibration_reason"] is None
    assert found["validation_rows"] == 100
    assert [row["seed"] for row in found["temperatures"]] == [0]
    assert set(found["before"]) == set(found["after"]) == {*intervals.CALIBRATION, "p_calibrated"}
    assert found["before"]["log_loss"] == detail["metrics"]["log_loss"]["value"]
    assert found["after"] != found["before"]


@pytest.mark.parametrize(
    ("test", "validation", "reason"),
    [
        ({"source": "none"}, {}, "calibration needs scores, and the score source is none"),
        ({}, None, "no validation row is predicted"),
        ({}, {"failed": 60}, "no validation row has scores"),
    ],
)
def test_where_there_is_no_temperature_the_reason_stands(
    contestant: Maker, test: dict[str, str], validation: dict[str, int] | None, reason: str
) -> None:
    held = None if validation is None else contestant(**validation)
    _, detail = intervals.evaluate(contestant(**test), held, LABELS, OPTIONS)
    assert detail["calibration"] is None
    assert detail["calibration_reason"] == reason


def test_each_class_has_its_precision_recall_and_f1(contestant: Maker) -> None:
    from sklearn.metrics import precision_recall_fscore_support

    test = contestant(count=200, failed=5)
    _, detail = intervals.evaluate(test, None, LABELS, OPTIONS)
    precision, recall, f1, rows = precision_recall_fscore_support(
        test.labels, test.runs[0].predictions, labels=[0, 1, 2]
    )
    for place, found in enumerate(detail["classes"]):
        assert found["label"] == LABELS[place]
        assert found["rows"] == rows[place]
        got = (found["precision"], found["recall"], found["f1"])
        assert got == pytest.approx((precision[place], recall[place], f1[place]))
        assert found["recall_low"] < found["recall"] < found["recall_high"]
