"""Learning-curve points in the report and on the terminal."""

import io
import re
from dataclasses import replace

import pytest

from slingshot.files.audit import measured_on
from slingshot.files.points import Point, write_points
from slingshot.report import curve, matches, summary, terminal
from slingshot.report.page import index as page
from slingshot.report.section import sections
from tests.report.conftest import audit, variances

DATA, SPLIT = measured_on(audit()["data"], audit()["files"])
POINT = Point(
    "exp",
    "c0ffee",
    1.0,
    2520,
    0,
    0,
    "minilm",
    "d0",
    DATA,
    SPLIT,
    {"accuracy": 0.842, "auroc": 0.9, "log_loss": 0.5},
)


def scoring(point: Point, accuracy: float, **changes) -> Point:
    """The point with another accuracy."""
    return replace(point, figures={**point.figures, "accuracy": accuracy}, **changes)


SHOTS = scoring(POINT, 0.7, contestant="gemma", fraction=None, train_rows=12, training_seed=-1)
QUARTER = [
    scoring(POINT, accuracy, fraction=0.25, train_rows=630, training_seed=seed)
    for seed, accuracy in ((0, 0.74), (1, 0.78))
]


@pytest.fixture
def build(files, study, tmp_path):
    def made(*points):
        files.write(tmp_path)
        write_points(tmp_path / "metrics/curve/tweets.csv", points)
        parts = sections(study(), tmp_path)
        return parts, page.build(parts, study(), tmp_path).html, summary.markdown(parts)

    return made


def test_two_numbers_of_training_rows_are_a_learning_curve(build) -> None:
    parts, html, markdown = build(POINT, SHOTS, *QUARTER)
    [grid] = parts["tweets"].grids
    assert grid.columns == ("Contestant", "630", "2,520")
    assert grid.rows == (("minilm", "0.760 [0.740–0.780]", "0.842"),)
    for text in (html, markdown.replace("\\", "")):
        assert "Learning curve" in text and "0.760 [0.740–0.780]" in text
    out = io.StringIO()
    terminal.show(parts, "report/index.html", out)
    assert "The report also has: learning curve." in out.getvalue()


def test_one_number_of_training_rows_is_none_whatever_an_llms_shots(build) -> None:
    assert build(POINT, SHOTS)[0]["tweets"].grids == ()
    assert build()[0]["tweets"].grids == ()


def test_points_of_who_is_not_in_the_study_are_not_reported(build) -> None:
    other = replace(POINT, contestant="other", train_rows=630)
    rows = [grid.rows for grid in build(POINT, other)[0]["tweets"].grids]
    assert not [row for grid in rows for row in grid if row[0] == "other"]


def test_the_terminal_draws_every_level_on_one_scale() -> None:
    out = io.StringIO()
    curve.show({"tweets": [POINT, SHOTS, *QUARTER]}, "accuracy", out)
    lines = {tuple(line.split()[:2]): line for line in out.getvalue().splitlines() if "●" in line}
    assert lines["gemma", "12"].split()[2] == "shots"
    where = [
        lines[key].index("●") for key in (("gemma", "12"), ("minilm", "630"), ("minilm", "2,520"))
    ]
    assert where == sorted(where) and len(set(where)) == 3
    assert lines["minilm", "630"].rstrip().endswith("─")
    assert max(len(line) for line in out.getvalue().splitlines() if "●" in line) <= 100
    assert "minilm: no fit: a power law needs 4 numbers of training rows." in out.getvalue()


def test_a_curve_of_figures_from_scores_says_that_an_llm_s_may_be_of_another_source() -> None:
    for metric, points, said in [
        ("auroc", [POINT, SHOTS], 1),
        ("auroc", [POINT], 0),
        ("accuracy", [POINT, SHOTS], 0),
    ]:
        out = io.StringIO()
        curve.show({"tweets": points}, metric, out)
        assert out.getvalue().count("another source") == said


def test_labels_to_match_an_llm_stand_below_the_curve_with_their_interval(build, files) -> None:
    files.pair("minilm", "gemma").update(low=0.09, high=0.11)
    eighth = scoring(POINT, 0.62, fraction=0.125, train_rows=315)
    levels = [eighth, scoring(QUARTER[0], 0.76), POINT]
    seeds = [
        scoring(p, p.figures["accuracy"] + 0.002 * (s - 1), training_seed=s)
        for p in levels
        for s in range(3)
    ]
    parts, html, markdown = build(scoring(SHOTS, 0.70), *seeds)
    [grid] = parts["tweets"].grids
    [said] = [note for note in grid.notes if "matches" in note]
    # Half of the way from 0.62 to 0.76 in log rows, with 315 and 630: sqrt(315 * 630) is 445, a little more is 70/140.
    known = re.fullmatch(
        r"minilm matches Gemma 3 270m with about (\d+) training labels \(95% interval (\d+) to (\d+)\), plus 840 "
        r"validation labels\.",
        said,
    )
    rows, low, high = map(int, known.groups())
    assert low < rows < high
    assert 430 < rows < 500
    assert said in html and "labels" in markdown


def test_rows_that_can_t_decide_a_macro_figure_tell_no_labels_to_match(build, files) -> None:
    files.pairs["undecidable"] = {
        "code": "rare_classes",
        "metric": "macro_f1",
        "margin": 0.02,
        "classes": 3,
        "rare": {"neg": 4},
    }
    parts, *_ = build(scoring(SHOTS, 0.5), POINT, *QUARTER)
    notes = [
        note
        for grid in parts["tweets"].grids
        for note in grid.notes
        if note.startswith(
            "How many labels match an LLM is not estimated: 1 of 3 classes has under"
        )
    ]
    assert len(notes) == 1 and notes[0].endswith("so nothing is claimed.")
    [match] = [
        one
        for one in parts["tweets"].as_json()["labels_to_match"]
        if one["reason"] == "rare_classes"
    ]
    assert (match["rows"], match["low"], match["high"]) == (None, None, None)


def test_an_llm_beyond_the_curve_is_said_to_be(build) -> None:
    seeds = [replace(p, training_seed=s) for p in (POINT, QUARTER[0]) for s in range(3)]
    for points, said in (
        (seeds, "minilm is still behind Gemma 3 270m with 2,520 labels, the most tried."),
        (
            [POINT, *QUARTER],
            "minilm scores below Gemma 3 270m with 2,520 labels, the most tried, but there is no interval",
        ),
    ):
        [grid] = build(scoring(SHOTS, 0.99), *points)[0]["tweets"].grids
        assert any(note.startswith(said) for note in grid.notes)


def test_points_of_other_rows_than_todays_are_left_out_of_the_report_and_named(
    build, files
) -> None:
    files.audit |= {"data": "d" * 64, "files": {}}
    data, split = measured_on(files.audit["data"], files.audit["files"])
    ours = [replace(point, data=data, split=split) for point in (POINT, SHOTS, *QUARTER)]
    _, html, markdown = build(*ours)
    assert "left out" not in html + markdown
    parts, html, markdown = build(*(replace(point, split="cut before") for point in ours))
    assert parts["tweets"].grids == () and parts["tweets"].results.curve == ()
    out = io.StringIO()
    terminal.show(parts, "report/index.html", out)
    for text in (html, markdown):
        assert (
            "4 learning-curve points are left out, of exp: they were measured on other rows" in text
        )


def test_training_variance_that_the_pair_holds_is_not_counted_twice(build, files) -> None:
    pair = files.pair("minilm", "gemma")
    points = [replace(p, training_seed=s) for p in (POINT, *QUARTER[:1]) for s in range(3)]
    made = [*points, scoring(SHOTS, 0.8)]

    def low(of_rows: float, *training: float, noise: float = 0.0) -> int:
        """With an interval as wide as three seeds make it."""
        told = variances(of_rows) | {
            "training": [{"value": value, "df": 2} for value in training],
            "noise": noise,
        }
        pair.update(low=0.04, high=0.16, variances=told)
        [match] = [
            m
            for m in matches.matches(build(*made)[0]["tweets"].results, "accuracy")
            if m.large == "gemma"
        ]
        return match.low

    assert low(0.02) == low(0.02, 0.006**2)
    assert low(0.02) > low(0.04), "rows count"
    assert low(0.02) == low(0.04, 0.03**2, noise=(0.04**2 - 0.02**2) / 1.959964**2), (
        "but not those of a seed alone"
    )
