"""metrics/scores, metrics/intervals, metrics/pairs and metrics/cascade: what is written is read again, what is misspelt
is named, and every note has its words."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest

from slingshot.files.cascade import CascadePoint, CascadeReport, CascadeSeed
from slingshot.files.intervals import (
    Calibration,
    CalibrationFigures,
    ClassFigures,
    Interval,
    Intervals,
    SeedFigures,
    SeedTemperature,
)
from slingshot.files.notes import cascades, figures, pairs
from slingshot.files.notes.base import Note, sentence
from slingshot.files.pairs import (
    Claims,
    Difference,
    McNemar,
    Pairs,
    RowsVariance,
    VarianceFigures,
    Variances,
)
from slingshot.files.scores import Scores
from slingshot.files.storage.json_files import read_json, write_json
from slingshot.files.storage.record import Record
from slingshot.settings import UserError
from slingshot.settings.catalogue import METRICS

FIGURES = dict.fromkeys(METRICS, 0.5)
CALIBRATED = CalibrationFigures(
    log_loss=0.3,
    brier=0.2,
    ece=0.1,
    rms_calibration_error=0.1,
    ece_if_calibrated=0.05,
    p_calibrated=0.4,
)
SCORES = Scores(
    metrics=FIGURES | {"auroc": None},
    auroc_classes=None,
    fraction=0.5,
    train_rows=9,
    test_rows=20,
    primary="macro_f1",
    validation=0.75,
)
INTERVALS = Intervals(
    metrics={
        "accuracy": Interval(value=0.5, low=0.4, high=0.6, reason=None),
        "auroc": Interval(
            value=None, low=None, high=None, reason=figures.NeedsScores(metric="auroc")
        ),
    },
    confidence=0.95,
    groups=20,
    effective_groups=18.5,
    ece_bins=15,
    score_source="softmax",
    seeds=(
        SeedFigures(
            seed=0, metrics=FIGURES, auroc_classes=2, ece_if_calibrated=0.1, p_calibrated=0.4
        ),
    ),
    classes=(
        ClassFigures(
            label="ham",
            rows=20,
            precision=None,
            recall=0.5,
            recall_low=0.4,
            recall_high=0.6,
            f1=0.5,
        ),
    ),
    calibration=Calibration(
        before=CALIBRATED,
        after=CALIBRATED,
        temperatures=(SeedTemperature(seed=0, temperature=1.5),),
        validation_rows=12,
    ),
    calibration_reason=None,
    validation_reason=None,
    notes=(figures.FewSeeds(seeds=1),),
    predictions="0f",
)
CLAIMS: dict[str, Any] = {
    "low": -0.1,
    "high": 0.3,
    "variances": Variances(
        rows=RowsVariance(value=0.01, df=None, scatter=0.005),
        training=(VarianceFigures(value=0.002, df=2),),
        noise=0.001,
    ),
    "p": 0.2,
    "p_as_good": 0.3,
    "p_reverse_as_good": 0.4,
    "same": False,
}
PAIR = Difference(
    **CLAIMS,
    a="small",
    b="large",
    a_value=0.8,
    b_value=0.7,
    difference=0.1,
    recipe=Claims(**CLAIMS),
    mcnemar=(McNemar(seed_a=0, seed_b=-1, only_a=3, only_b=1, p=0.5, exact=True),),
    notes=(pairs.NoRowDiffers(),),
)
PAIRS = Pairs(
    primary="macro_f1",
    margin=0.02,
    confidence=0.95,
    seed_sd=0.012,
    groups=20,
    test_rows=20,
    undecidable=pairs.RareClasses(
        metric="macro_f1", margin=0.02, classes=3, rare={"spam": 9, "scam": 3}
    ),
    notes=(figures.TestGroups(groups=20, effective=18.5),),
    pairs=(PAIR,),
    validation={"small": {"12": 0.75}},
)
CASCADE = CascadeReport(
    name="both",
    small="small",
    large="large",
    max_cost=None,
    primary="accuracy",
    alone="small",
    rows=12,
    seeds=(
        CascadeSeed(
            seed=0,
            temperature=1.5,
            threshold=0.0,
            rows=12,
            escalated_validation=0.0,
            escalated_test=0.0,
            validation=None,
            small_validation=None,
            large_validation=None,
        ),
    ),
    curve=(
        CascadePoint(
            seed=0,
            threshold=None,
            escalated=1.0,
            value=0.5,
            cost_per_1000_texts=None,
            chosen=False,
        ),
    ),
    notes=(cascades.NoThreshold(metric="auroc", rows=12, small="small"),),
)
RECORDS = (SCORES, INTERVALS, PAIRS, CASCADE)


def keys(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """The path of every key in JSON, but of those that are names which a study gives."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if path[:1] != ("validation",) and path[-1:] not in (("rare",), ("sources",)):
                yield (*path, key)
                yield from keys(inner, (*path, key))
    if isinstance(value, list):
        for place, inner in enumerate(value):
            yield from keys(inner, (*path, place))


def misspelt(value: Any, path: tuple[str | int, ...]) -> Any:
    """The same JSON with the key at the end of the path misspelt."""
    copy = json.loads(json.dumps(value))
    place = copy
    for step in path[:-1]:
        place = place[step]
    place[f"{path[-1]}x"] = place.pop(path[-1])
    return copy


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: type(record).__name__)
def test_what_is_written_is_read_again(tmp_path: Path, record: Record) -> None:
    record.write(tmp_path / "file.json")
    assert type(record).read(tmp_path / "file.json") == record
    written = read_json(tmp_path / "file.json")
    type(record).read(tmp_path / "file.json").write(tmp_path / "again.json")
    assert read_json(tmp_path / "again.json") == written


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: type(record).__name__)
def test_every_misspelt_key_is_named_with_the_file_and_the_remedy(
    tmp_path: Path, record: Record
) -> None:
    path = tmp_path / "file.json"
    metric_names = {("metrics", metric) for metric in METRICS}
    for place in keys(record.as_json()):
        if place in metric_names and record is INTERVALS:
            continue  # they are data there, and looked up by those who read them
        write_json(path, misspelt(record.as_json(), place))
        with pytest.raises(UserError) as raised:
            type(record).read(path)
        message = raised.value.message
        assert message.startswith(f"{path}: ") and message.endswith("; run `dvc repro`"), place
        assert str(place[-1]) in message or place[-1] == "code", (place, message)


def test_a_misspelt_metric_is_told_what_it_may_be(tmp_path: Path) -> None:
    path = tmp_path / "scores.json"
    flat = SCORES.as_json()
    write_json(path, {**flat, "acuracy": flat["accuracy"]})
    with pytest.raises(UserError, match="unknown key 'acuracy', did you mean 'accuracy'"):
        Scores.read(path)


def test_scores_are_flat_with_the_primary_metric_in_a_key() -> None:
    flat = SCORES.as_json()
    assert flat["validation_macro_f1"] == 0.75
    assert not {"metrics", "primary", "validation"} & flat.keys()
    assert set(METRICS) < flat.keys()


def test_pairs_hold_nothing_of_what_is_judged(tmp_path: Path) -> None:
    verdict = {"p_corrected": 0.2, "verdict": "as good", "reverse_verdict": "not resolved"}
    recipe = PAIR.recipe.model_copy(update=verdict)
    judged = PAIR.model_copy(update=verdict | {"recipe": recipe, "rows_to_resolve": 90})
    assert PAIRS.model_copy(update={"pairs": (judged,)}).as_json() == PAIRS.as_json()
    assert "p_corrected" not in PAIRS.as_json()["pairs"][0]


def test_a_difference_turned_round_twice_is_itself() -> None:
    turned = PAIRS.find("large", "small")
    assert (turned.a, turned.b, turned.difference) == ("large", "small", -0.1)
    assert (turned.low, turned.high, turned.p_as_good) == (-0.3, 0.1, 0.4)
    assert (turned.recipe.low, turned.mcnemar[0].only_a) == (-0.3, 1)
    assert turned.turned() == PAIR
    assert PAIRS.find("small", "other") is None


NOTES = {
    figures.NeedsScores(metric="auroc"): "AUROC needs scores, and this contestant gives none",
    figures.OneClass(metric="auroc"): "AUROC needs at least two classes among the scored rows",
    figures.BinnedError(): "it has no interval, because",
    figures.NoValidationRows(): "it predicts no validation row",
    figures.NoScores(): "calibration needs scores, and this contestant gives none",
    figures.NoValidationScores(): "no validation row has scores",
    figures.TestGroups(groups=19, effective=19.0): "19 test groups: too few to resolve",
    figures.TestGroups(groups=99, effective=76.2): "99 test groups of unequal size count as 76 ",
    figures.FewSeeds(seeds=2): "trained twice, so",
    pairs.UndefinedFigure(contestant="b", reason=figures.OneClass(metric="auroc")): "b: AUROC",
    pairs.UndefinedFigure(contestant=None, reason=figures.OneClass(metric="auroc")): "AUROC",
    pairs.NoRowDiffers(): "both predict the same for every test row",
    cascades.NoThreshold(metric="auroc", rows=1, small="a"): "its 1 validation row",
    cascades.MaxCostTooLow(small="a"): "its max_cost is less than a alone costs",
}
NOTES_OF_MAPS = (
    figures.FailedAnswers(kinds={"off_list": 2, "refused": 1}, answers=1_000),
    pairs.RareClasses(metric="macro_f1", margin=0.02, classes=3, rare={"scam": 9, "spam": 3}),
    pairs.ScoreSources(sources={"large": "vote", "small": "softmax"}),
)


def test_every_note_has_words_that_make_a_sentence() -> None:
    for note, start in NOTES.items():
        assert note.words.startswith(start), note
    failed, rare, sources = (note.words for note in NOTES_OF_MAPS)
    assert failed == (
        "3 of 1,000 test answers are not valid and count as wrong: 2 off list, 1 refused"
    )
    assert "(spam: 3, scam: 9)" in rare, "the rarest first, however the file orders them"
    assert sources == "the AUROCs come from different kinds of scores (large: vote, small: softmax)"
    for note in (*NOTES, *NOTES_OF_MAPS):
        assert note.words[0] == note.words.strip()[0] and not note.words.endswith(".")
        assert sentence(note.words).endswith(".")


def test_every_note_class_is_among_them_and_is_told_by_its_code() -> None:
    classes = {
        kind
        for module in (figures, pairs, cascades)
        for kind in vars(module).values()
        if isinstance(kind, type) and issubclass(kind, Note) and kind is not Note
    }
    assert {type(note) for note in (*NOTES, *NOTES_OF_MAPS)} == classes
    codes = [get_args(kind.model_fields["code"].annotation)[0] for kind in classes]
    assert len(set(codes)) == len(codes)
