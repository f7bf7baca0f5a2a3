"""The cascade against a plain search, and what it may not look at."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from slingshot.cascade import build as cascade
from slingshot.cascade import threshold
from slingshot.cascade.rows import Escalation, Prices
from slingshot.files.cascade import CascadePoint, CascadeReport
from slingshot.files.notes.cascades import MaxCostTooLow, NoThreshold
from slingshot.files.predictions import check_ids, read_predictions, write_predictions
from slingshot.metrics import calibration
from slingshot.settings import CascadeSettings, UserError
from tests.metrics.conftest import make_frame, make_rows

LABELS = ("a", "b", "c")
SETTINGS = CascadeSettings(name="cascade", small="small", large="large")
PRICES = Prices(1.0, 10.0)


def rows() -> tuple[pd.DataFrame, pd.DataFrame]:
    return make_rows(200, 3, tag="v", seed=1), make_rows(300, 3)


def predicted(
    skill: float, *, seeds: tuple[int, ...] = (-1,), validation: int = 200, source: str = "softmax"
) -> pd.DataFrame:
    held, test = rows()
    parts = [(held.head(validation), "validation"), (test, "test")]
    frames = [
        make_frame(part, 3, split=s, skill=skill, seeds=seeds, source=source) for part, s in parts
    ]
    return pd.concat(frames, ignore_index=True).assign(input_tokens=7)


def other(skill: float, **options: object) -> pd.DataFrame:
    """An LLM whose mistakes are not the small model's."""
    frame = predicted(skill, **options)
    mixed = np.random.default_rng(5).permutation(len(frame))
    swapped = (frame["prediction"] - frame["label"]).to_numpy()[mixed]
    answers = (frame["label"] + swapped) % 3
    return frame.assign(
        prediction=answers, scores=[np.eye(3)[a] for a in answers], score_source="verbalised"
    )


def build(
    small: pd.DataFrame, large: pd.DataFrame, settings: CascadeSettings = SETTINGS, **prices: Prices
) -> cascade.Cascade:
    made = cascade.build(settings, small, large, "accuracy", 3, prices.get("prices", PRICES))
    assert CascadeReport.parse(json.dumps(made.report.as_json()), "file", "") == made.report
    return made


def accuracy(frame: pd.DataFrame, split: str) -> float:
    part = frame[frame["split"] == split]
    return float((part["prediction"] == part["label"]).mean())


def searched(small: pd.DataFrame, large: pd.DataFrame) -> float | None:
    """The same rule in plain loops."""
    held = small[small["split"] == "validation"].set_index("id")
    heat = calibration.temperature(np.stack(held["scores"].to_list()), held["label"].to_numpy())
    theirs = large[large["split"] == "validation"].set_index("id")
    held = held.loc[theirs.index]
    sure = {
        i: float(calibration.scaled(np.stack([held["scores"][i]]), heat).max()) for i in held.index
    }
    ordered = sorted(sure.values())
    quantiles = [ordered[round(q * (len(ordered) - 1))] for q in np.linspace(0, 1, 20)[1:]]
    right = {
        t: np.array(
            [
                (theirs if sure[i] < t else held)["prediction"][i] == theirs["label"][i]
                for i in theirs.index
            ]
        )
        for t in (0.0, *quantiles, 2.0)
    }
    better = 0.0 if right[0.0].mean() >= right[2.0].mean() else 2.0
    block = {group: number % 20 for number, group in enumerate(sorted(set(theirs["group"])))}
    kept = [theirs["group"].map(block).to_numpy() != one for one in range(20)]
    best, most = better, 1e-12
    for t, answers in right.items():
        apart = answers.astype(float) - right[better]
        means = np.array([apart[rows].mean() for rows in kept])
        shown = apart.mean() - np.sqrt(19 / 20 * ((means - means.mean()) ** 2).sum())
        if shown > most + 1e-12:
            best, most = t, shown
    return None if best == 2.0 else best


@pytest.mark.parametrize(("small_skill", "large_skill"), [(2, 3), (3, 3.5), (4, 4), (1, 6), (4, 2)])
def test_the_threshold_is_that_of_a_plain_search(small_skill: float, large_skill: float) -> None:
    small, large = predicted(small_skill), other(large_skill, validation=120)
    made = build(small, large)
    expected = searched(small, large)
    [seed] = made.report.seeds
    assert seed.threshold == (None if expected is None else pytest.approx(expected))
    assert seed.rows == made.report.rows == 120
    assert accuracy(made.predictions, "validation") == pytest.approx(seed.validation)


def test_a_threshold_that_only_reaches_the_llms_validation_figure_is_not_enough() -> None:
    """Reaching it takes luck alone: on test rows such a cascade is under the LLM as often as not."""
    for small_skill, large_skill in ((3, 3.5), (3, 4), (4, 4)):
        small, large = predicted(small_skill), other(large_skill)
        made = build(small, large)
        [seed] = made.report.seeds
        assert seed.validation > max(seed.small_validation, seed.large_validation)
        assert accuracy(made.predictions, "test") > max(
            accuracy(side, "test") for side in (small, large)
        )


def test_a_better_small_model_answers_everything_and_a_cascade_can_beat_both() -> None:
    alone = build(predicted(9), other(2))
    assert alone.report.seeds[0].escalated_validation == 0
    assert (alone.report.seeds[0].threshold, alone.report.alone) == (
        threshold.NEVER,
        "small",
    )
    assert (
        cascade.headline(alone.report)
        == "large answers 0.0% of the test rows; the cascade is the same as small alone"
    )
    assert alone.escalations[-1] == Escalation(0.0, 0.0, True)
    small, large = predicted(4), other(4, validation=120)
    mixed = build(small, large)
    assert 0 < mixed.report.seeds[0].escalated_test < 1
    assert mixed.report.alone is None
    assert accuracy(mixed.predictions, "test") > max(
        accuracy(small, "test"), accuracy(large, "test")
    )


def test_test_rows_choose_nothing() -> None:
    small, large = predicted(3), other(3.5)
    scrambled = [frame.copy() for frame in (small, large)]
    for frame in scrambled:
        test = frame["split"] == "test"
        frame.loc[test, "label"] = 0
        for column in ("prediction", "scores", "input_tokens"):
            frame.loc[test, column] = frame.loc[test, column].to_numpy()[::-1]
    for settings in (SETTINGS, SETTINGS.model_copy(update={"max_cost": 4.0})):
        before, after = (
            build(*sides, settings).report.seeds[0] for sides in ((small, large), scrambled)
        )
        for key in ("temperature", "threshold", "validation"):
            assert getattr(after, key) == getattr(before, key)


def test_where_no_threshold_leads_the_llm_it_always_answers_and_the_report_says_so() -> None:
    large = other(3).assign(prediction=lambda frame: frame["label"])
    made = build(predicted(1), large)
    assert (made.report.seeds[0].threshold, made.report.alone) == (None, "large")
    assert accuracy(made.predictions, "test") == 1
    assert made.escalations == {-1: Escalation(1.0, 1.0, False)}
    assert (
        cascade.headline(made.report)
        == "large answers 100.0% of the test rows; the cascade is the same as large alone"
    )


@pytest.mark.parametrize("max_cost", [None, 4.0])
def test_an_auroc_of_one_class_chooses_no_threshold_and_the_report_says_so(
    max_cost: float | None,
) -> None:
    small, large = (
        frame[(frame["split"] == "test") | (frame["label"] == 1)]
        for frame in (predicted(3), other(4))
    )
    settings = SETTINGS.model_copy(update={"max_cost": max_cost})
    made = cascade.build(settings, small, large, "auroc", 3, PRICES).report
    assert (made.alone, made.seeds[0].threshold, made.seeds[0].validation) == (
        "small",
        0.0,
        None,
    )
    note = NoThreshold(metric="auroc", rows=made.rows, small="small")
    assert made.notes == (note,)
    assert note.words == (
        f"its {made.rows} validation rows are all of one class, on which AUROC is undefined, "
        "so no threshold could be chosen and small always answers"
    )


def test_rows_of_one_group_show_no_lead() -> None:
    small, large = (frame.assign(group="g") for frame in (predicted(2), other(3)))
    assert build(predicted(2), other(3)).report.alone is None
    assert build(small, large).report.alone == "large"


@pytest.mark.parametrize("primary", ["balanced_accuracy", "macro_f1"])
def test_other_metrics_choose_by_their_own_lead(primary: str) -> None:
    made = cascade.build(SETTINGS, predicted(2), other(3), primary, 3, PRICES).report
    [seed] = made.seeds
    assert 0 < seed.escalated_validation < 1
    assert seed.validation > max(seed.small_validation, seed.large_validation)


def test_the_curve_runs_from_the_small_model_alone_to_the_llm_alone_with_their_costs() -> None:
    small, large = predicted(3), other(4)
    curve = build(small, large).report.curve
    assert len(curve) <= threshold.THRESHOLDS + 1
    assert [point.escalated for point in curve] == sorted(point.escalated for point in curve)
    accuracy_of_large = curve[-1].value
    assert curve[-1] == CascadePoint(
        seed=-1,
        threshold=None,
        escalated=1.0,
        cost_per_1000_texts=10.0,
        chosen=False,
        value=accuracy_of_large,
    )
    assert accuracy_of_large == pytest.approx(accuracy(large, "test"))
    assert (curve[0].threshold, curve[0].cost_per_1000_texts) == (threshold.NEVER, 1)
    assert curve[0].value == pytest.approx(accuracy(small, "test"))
    assert curve[1].cost_per_1000_texts == pytest.approx(1 + 10 * curve[1].escalated)
    assert sum(point.chosen for point in curve) == 1


def test_a_bound_on_cost_takes_the_best_within_it() -> None:
    small, large = predicted(2), other(6)
    free = build(small, large, SETTINGS.model_copy(update={"max_cost": 10.0}))
    assert free.report.seeds[0].threshold is None, "always the LLM is the best that 10 buys"
    bounded = build(small, large, SETTINGS.model_copy(update={"max_cost": 4.0}))
    [seed] = bounded.report.seeds
    assert 0 < seed.escalated_validation <= 0.3
    assert seed.small_validation < seed.validation < seed.large_validation
    none = build(small, large, SETTINGS.model_copy(update={"max_cost": 0.5}))
    assert none.report.seeds[0].escalated_test == 0
    assert none.report.notes == (MaxCostTooLow(small="small"),)
    just = build(small, large, SETTINGS.model_copy(update={"max_cost": 1.0}))
    assert (just.report.seeds[0].threshold, just.report.notes) == (threshold.NEVER, ())
    assert accuracy(none.predictions, "test") == pytest.approx(accuracy(small, "test"))


def test_every_seed_has_a_threshold_of_its_own_and_the_files_contract_holds(tmp_path: Path) -> None:
    small, large = predicted(3, seeds=(0, 1)), other(3.5, validation=90)
    made = build(small, large)
    assert [row.seed for row in made.report.seeds] == [0, 1]
    assert len({row.temperature for row in made.report.seeds}) == 2
    path = tmp_path / "p.parquet"
    write_predictions(path, made.predictions, LABELS, fraction=1.0, train_rows=9)
    validation, test = rows()
    frame = read_predictions(path, LABELS)
    check_ids(path, frame, validation, test)
    assert set(frame["score_source"]) == {"softmax", "verbalised"}
    assert set(frame["input_tokens"]) == {7, 14}, "an escalated row was read by both"


def test_a_failed_answer_of_the_llm_is_wrong_and_has_no_scores() -> None:
    large = other(3).assign(prediction=lambda frame: frame["label"])
    lost = large["id"].str.endswith("7") & (large["split"] == "test")
    large.loc[lost, ["prediction", "status"]] = [-1, "refused"]
    large["scores"] = large["scores"].where(~lost, None)
    made = build(predicted(1), large)
    failed = made.predictions[made.predictions["status"] == "refused"]
    assert len(failed) == lost.sum()
    assert failed["scores"].isna().all()
    assert accuracy(made.predictions, "test") == pytest.approx(1 - lost.sum() / 300)


@pytest.mark.parametrize(
    ("small", "large", "message"),
    [
        (
            predicted(3, source="none"),
            predicted(3),
            "small has rows without scores, so no confidence",
        ),
        (
            predicted(3, validation=10),
            predicted(3),
            "large predicts no validation row that small predicts too",
        ),
        (
            predicted(3),
            predicted(3).query("split == 'test'"),
            "large predicts no validation row that small predicts too",
        ),
    ],
)
def test_sides_that_make_no_cascade_are_named(
    small: pd.DataFrame, large: pd.DataFrame, message: str
) -> None:
    with pytest.raises(UserError, match=rf"study\.cascades: 'cascade': {message}"):
        build(small, large)


def test_a_bound_on_an_unknown_cost_is_named() -> None:
    bounded = SETTINGS.model_copy(update={"max_cost": 1.0})
    with pytest.raises(UserError, match="max_cost needs the cost of both sides"):
        build(predicted(3), other(3), bounded, prices=Prices(None, 1.0))
    unpriced = build(predicted(3), other(3), prices=Prices(None, 1.0)).report
    assert unpriced.curve[0].cost_per_1000_texts is None


def test_auroc_as_the_primary_metric_reads_the_scores() -> None:
    made = cascade.build(SETTINGS, predicted(3), other(3.5), "auroc", 3, PRICES)
    assert 0.5 < made.report.seeds[0].small_validation < 1
    large = other(6).assign(scores=None, score_source="none")
    with pytest.raises(UserError, match=r"metrics\.primary is auroc, and large has no scores"):
        cascade.build(SETTINGS, predicted(1), large, "auroc", 3, PRICES)


def test_a_cascade_is_one_side_alone_only_where_it_is_so_under_every_seed() -> None:
    weak = predicted(1, seeds=(0,)).assign(
        seed=1, prediction=lambda frame: (frame["label"] + 1) % 3
    )
    strong = predicted(12, seeds=(0,))
    certain = strong.assign(
        prediction=strong["label"],
        scores=[np.eye(3)[label] * 0.9 + 1 / 30 for label in strong["label"]],
    )
    made = build(pd.concat([certain, weak], ignore_index=True), other(3.6, validation=90))
    assert [row.threshold for row in made.report.seeds] == [threshold.NEVER, None]
    assert made.report.alone is None


def test_what_is_paid_follows_the_tokens_of_the_escalated_rows_and_requests_their_number() -> None:
    large = other(4, validation=120)
    large["input_tokens"] = 10
    made = build(predicted(4), large)
    even = made.escalations[-1]
    assert 0 < even.rows < 1
    assert even.tokens == pytest.approx(even.rows)
    test = made.predictions[made.predictions["split"] == "test"]
    sent = set(test.loc[test["score_source"] == "verbalised", "id"])
    large.loc[large["id"].isin(sent), "input_tokens"] = 40
    heavy = build(predicted(4), large).escalations[-1]
    assert heavy.rows == even.rows
    assert heavy.tokens == pytest.approx(4 * even.rows / (4 * even.rows + 1 - even.rows))
