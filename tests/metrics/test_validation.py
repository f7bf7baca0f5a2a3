"""The figures by which contestants of one kind are chosen: on as many first rows as each of the kind answered."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from slingshot.files.codes import FAILED
from slingshot.metrics import intervals
from slingshot.metrics.scored import Scored
from slingshot.metrics.validation import figures
from slingshot.settings import MetricsSettings

Maker = Callable[..., Scored]
OPTIONS = MetricsSettings(
    primary="accuracy", margin=0.02, confidence=0.95, seed_sd=0.012, ece_bins=15
)


def answered(whole: Scored, rows: int, *wrong: int, failed: bool = False) -> Scored:
    """The first rows, right but at some places."""
    one = whole.only(np.arange(rows))
    predictions = one.labels.copy()
    predictions[list(wrong)] = FAILED if failed else (predictions[list(wrong)] + 1) % 3
    return replace(one, runs=(replace(one.runs[0], predictions=predictions),))


def test_those_who_answered_more_have_a_figure_on_the_fewer_rows_too(contestant: Maker) -> None:
    whole = contestant(40)
    found = figures(
        [
            {
                "hasty": answered(whole, 10, 3),
                "steady": answered(whole, 40, *range(20, 30)),
                "silent": None,
            },
            {"mixed": answered(whole, 20, 0)},
        ],
        "accuracy",
    )
    assert found == {"hasty": {"10": 0.9}, "steady": {"10": 1.0, "40": 0.75}, "mixed": {"20": 0.95}}


def test_a_failed_answer_is_wrong(contestant: Maker) -> None:
    whole = contestant(40)
    kind = {
        "a": answered(whole, 10, 1, 2, failed=True),
        "b": answered(whole, 40, 0, 39, failed=True),
    }
    assert figures([kind], "accuracy") == {"a": {"10": 0.8}, "b": {"10": 0.9, "40": 0.95}}


@pytest.mark.parametrize("primary", ["accuracy", "balanced_accuracy", "macro_f1", "auroc"])
def test_on_all_rows_it_is_the_figure_of_evaluate_also_of_several_seeds(
    contestant: Maker, primary: str
) -> None:
    validation = contestant(80, seeds=(0, 1), failed=3)
    settings = OPTIONS.model_copy(update={"primary": primary})
    origin = intervals.Origin(None, 0, "")
    scores = intervals.evaluate(validation, validation, "abc", settings, origin).scores
    found = figures([{"m": validation, "other": contestant(80)}], primary)
    assert list(found["m"]) == list(found["other"]) == ["80"]
    assert found["m"]["80"] == pytest.approx(scores.validation, abs=1e-12)


def test_without_a_figure_on_its_rows_it_has_none(contestant: Maker) -> None:
    whole = contestant(40, skill=3)
    same = whole.only(
        np.flatnonzero(whole.labels == whole.labels[0])[:2]
    )  # two rows of one class have no AUROC
    found = figures(
        [{"few": same, "voteless": contestant(40, source="none"), "whole": whole}], "auroc"
    )
    assert found["few"] == found["voteless"] == {}
    assert list(found["whole"]) == ["40"]
