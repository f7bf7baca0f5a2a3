"""What evaluate writes of one contestant."""

import json
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from slingshot.files.intervals import CalibrationFigures, Interval, Intervals
from slingshot.files.notes import figures
from slingshot.files.notes.base import Note
from slingshot.files.notes.figures import (
    BinnedError,
    FailedAnswers,
    FewSeeds,
    NeedsScores,
    NoScores,
    NoValidationRows,
    NoValidationScores,
    OneClass,
)
from slingshot.files.scores import Scores
from slingshot.metrics import intervals
from slingshot.metrics.scored import Scored
from slingshot.metrics.seeds import seed_figures
from slingshot.settings import MetricsSettings
from slingshot.settings.catalogue import METRICS

Maker = Callable[..., Scored]
LABELS = ("a", "b", "c", "d", "e")
OPTIONS = MetricsSettings(
    primary="accuracy", margin=0.02, confidence=0.95, seed_sd=0.012, ece_bins=15
)


ORIGIN = intervals.Origin(fraction=0.5, train_rows=77, md5="0f")


def evaluate(
    test: Scored, validation: Scored | None = None, settings: MetricsSettings = OPTIONS
) -> tuple[Scores, Intervals]:
    """The two files, as they are read again."""
    found = intervals.evaluate(test, validation, LABELS, settings, ORIGIN)
    for record in (found.scores, found.intervals):
        text = json.dumps(record.as_json(), allow_nan=False)
        assert type(record).parse(text, "file", "") == record
    return found.scores, found.intervals


def test_every_interval_brackets_its_figure_and_only_binned_errors_have_none(
    contestant: Maker,
) -> None:
    scores, detail = evaluate(contestant(count=150), contestant())
    assert list(detail.metrics) == list(METRICS)
    for name, interval in detail.metrics.items():
        assert interval.value == scores.metrics[name]
        if not METRICS[name].compared:
            assert interval.low is None
            assert interval.reason == BinnedError()
        else:
            assert interval.low <= interval.value <= interval.high
            assert interval.reason is None
    assert detail.metrics["accuracy"].low < detail.metrics["accuracy"].high


def test_scores_are_flat_numbers(contestant: Maker) -> None:
    scores, detail = evaluate(contestant(failed=2), contestant())
    flat = scores.as_json()
    assert all(isinstance(value, int | float) for value in flat.values())
    assert flat["validation_accuracy"] == scores.validation is not None
    assert (scores.test_rows, scores.auroc_classes) == (60, 3)
    assert (scores.fraction, scores.train_rows, detail.predictions) == (0.5, 77, "0f")


def test_point_figures_are_means_over_seeds_that_stand_beside_them(contestant: Maker) -> None:
    scores, detail = evaluate(contestant(seeds=(0, 1, 2)))
    seeds = detail.seeds
    assert [row.seed for row in seeds] == [0, 1, 2]
    assert len({row.metrics["accuracy"] for row in seeds}) > 1
    mean = np.mean([row.metrics["log_loss"] for row in seeds])
    assert scores.metrics["log_loss"] == pytest.approx(mean)


def test_the_interval_of_three_seeds_holds_training_variance(contestant: Maker) -> None:
    widths = []
    for seeds in ((0, 1), (0, 1, 2)):
        test = contestant(count=300, seeds=seeds)
        lucky = replace(test.runs[0], predictions=test.labels)
        _, detail = evaluate(replace(test, runs=(lucky, *test.runs[1:])))
        interval = detail.metrics["accuracy"]
        widths.append(interval.high - interval.low)
        assert (FewSeeds(seeds=2) in detail.notes) == (len(seeds) < 3)
    assert widths[1] > 2 * widths[0]


def test_without_scores_what_needs_them_is_null_with_its_reason(contestant: Maker) -> None:
    scores, detail = evaluate(contestant(source="none"))
    for name in ("auroc", "log_loss", "brier", "ece", "rms_calibration_error"):
        assert scores.metrics[name] is None
        assert detail.metrics[name].reason == NeedsScores(metric=name)
    assert scores.auroc_classes is None
    assert detail.metrics["accuracy"].low is not None


def test_auroc_of_one_class_is_null_with_its_reason(contestant: Maker) -> None:
    test = contestant()
    scores, detail = evaluate(replace(test, labels=np.ones_like(test.labels)))
    assert scores.metrics["auroc"] is None
    assert scores.auroc_classes == 0
    assert detail.metrics["auroc"].reason == OneClass(metric="auroc")
    assert scores.metrics["macro_f1"] is not None


def test_what_the_interval_leaves_out_is_noted(contestant: Maker) -> None:
    def notes(**options: object) -> list[Note]:
        return list(evaluate(contestant(**options), contestant())[1].notes)

    assert notes(count=120, seeds=(-1,)) == []
    [note] = notes(count=120, seeds=(-1,), per_group=2)
    assert note == figures.TestGroups(groups=60, effective=60.0)
    assert note.words == "60 test groups; intervals rest on groups, not on rows"
    [note] = notes(count=120)
    assert note == FewSeeds(seeds=1)
    assert note.words == "trained once, so the interval ignores variation between training runs"


def test_validation_has_the_primary_figure_and_its_absence_a_reason(contestant: Maker) -> None:
    auroc = OPTIONS.model_copy(update={"primary": "auroc"})
    validation = contestant(count=30, skill=9)
    scores, detail = evaluate(contestant(), validation, auroc)
    assert scores.validation == seed_figures(validation, 15)[0].metrics["auroc"]
    assert detail.validation_reason is None
    scores, detail = evaluate(contestant(), None, auroc)
    assert scores.validation is None
    assert detail.validation_reason == NoValidationRows()
    same = replace(validation, labels=np.ones_like(validation.labels))
    scores, detail = evaluate(contestant(), same, auroc)
    assert scores.validation is None
    assert detail.validation_reason == OneClass(metric="auroc")


def test_headline_reads_well() -> None:
    interval = Interval(value=0.842, low=0.817, high=0.866, reason=None)
    assert intervals.headline("macro_f1", interval) == "macro-F1 0.842 [0.817, 0.866]"
    reason = OneClass(metric="auroc")
    none = Interval(value=None, low=None, high=None, reason=reason)
    assert intervals.headline("auroc", none) == reason.words


def test_answers_that_are_not_valid_are_counted_by_what_they_are(contestant: Maker) -> None:
    scores, detail = evaluate(contestant(failed=3, source="vote"))
    [note] = [note for note in detail.notes if isinstance(note, FailedAnswers)]
    assert note.words == "3 of 60 test answers are not valid and count as wrong: 3 refused"
    assert scores.metrics["coverage"] == pytest.approx(57 / 60)
    assert not any(isinstance(note, FailedAnswers) for note in evaluate(contestant())[1].notes)


def test_no_interval_passes_what_its_figure_can_be(contestant: Maker) -> None:
    test = contestant(count=840, seeds=(0, 1, 2))
    runs = []
    for run, errors in zip(test.runs, (2, 3, 20), strict=True):
        wrong = np.arange(840) < errors
        predictions = np.where(wrong, (test.labels + 1) % 3, test.labels)
        runs.append(replace(run, predictions=predictions, scores=np.eye(3)[predictions]))
    _, detail = evaluate(replace(test, runs=tuple(runs)))
    assert detail.metrics["accuracy"].high == 1
    for name, interval in detail.metrics.items():
        if interval.low is not None:
            assert interval.low >= 0 and interval.high <= METRICS[name].highest, name
    assert all(row.recall_high <= 1 for row in detail.classes)


def test_calibration_stands_before_and_after_a_temperature_of_validation_rows(
    contestant: Maker,
) -> None:
    test, validation = contestant(count=200), contestant(count=100)
    _, detail = evaluate(test, validation)
    calibration = detail.calibration
    assert detail.calibration_reason is None
    assert calibration.validation_rows == 100
    assert [row.seed for row in calibration.temperatures] == [0]
    assert isinstance(calibration.before, CalibrationFigures)
    assert calibration.before.log_loss == detail.metrics["log_loss"].value
    assert calibration.after != calibration.before
    scaled = intervals.evaluate(test, validation, LABELS, OPTIONS, ORIGIN).scaled
    [again] = seed_figures(scaled, 15)
    assert calibration.after.log_loss == again.metrics["log_loss"], "as the plots have it"


@pytest.mark.parametrize(
    ("test", "validation", "reason"),
    [
        ({"source": "none"}, {}, NoScores()),
        ({}, None, NoValidationRows()),
        ({}, {"failed": 60}, NoValidationScores()),
    ],
)
def test_where_there_is_no_temperature_the_reason_stands(
    contestant: Maker, test: dict[str, str], validation: dict[str, int] | None, reason: Note
) -> None:
    answered = None if validation is None else contestant(**validation)
    _, detail = evaluate(contestant(**test), answered)
    assert detail.calibration is None
    assert detail.calibration_reason == reason
    found = intervals.evaluate(contestant(**test), answered, LABELS, OPTIONS, ORIGIN)
    assert found.scaled is None


def test_each_class_has_its_precision_recall_and_f1(contestant: Maker) -> None:
    from sklearn.metrics import precision_recall_fscore_support

    test = contestant(count=200, failed=5)
    _, detail = evaluate(test)
    precision, recall, f1, rows = precision_recall_fscore_support(
        test.labels, test.runs[0].predictions, labels=[0, 1, 2]
    )
    for place, of_class in enumerate(detail.classes):
        assert of_class.label == LABELS[place]
        assert of_class.rows == rows[place]
        got = (of_class.precision, of_class.recall, of_class.f1)
        assert got == pytest.approx((precision[place], recall[place], f1[place]))
        assert of_class.recall_low < of_class.recall < of_class.recall_high
