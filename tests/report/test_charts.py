"""Charts as Vega-Lite specifications: valid, drawn without a browser, and true to the figures."""

from itertools import pairwise

import altair as alt
import pytest

from slingshot.files.points import Point
from slingshot.metrics import learning
from slingshot.report import economy, inputs, total
from slingshot.report.page import (
    calibration,
    charts,
    confusion,
    cost_chart,
    details,
    economy_charts,
    figures,
    learning_chart,
    parts,
    score_charts,
    sliders,
    theme,
)
from slingshot.report.page.theme import DEEPEST, resolved, series
from slingshot.report.section import sections
from tests.report.conftest import plots

POINT = Point(
    "exp",
    "c0ffee",
    1.0,
    2520,
    0,
    0,
    "minilm",
    "d0",
    "rows",
    "cut",
    {"accuracy": 0.842, "auroc": 0.9, "log_loss": 0.5},
)
POINTS = [
    Point(
        "e",
        "c",
        f,
        int(2520 * f),
        0,
        seed,
        "minilm",
        "d0",
        "rows",
        "cut",
        {"accuracy": 0.84 - 0.03 / f**0.5 + 0.01 * seed},
    )
    for f in (0.125, 0.25, 0.5, 1.0)
    for seed in (0, 1)
]


@pytest.fixture
def section(files, study, tmp_path):
    """The one data set with a cascade, its details and settings."""

    def made():
        files.add_cascade("both", 0.85, 0.004)
        files.write(tmp_path)
        settings = study(cascades=[{"name": "both", "small": "minilm", "large": "gemma"}])
        held = sections(settings, tmp_path)["tweets"]
        return held, details.read(held.results, tmp_path), settings

    return made


def rows_of(chart, layer: dict | None = None) -> list[dict]:
    """The rows of a chart whose layers share them, or of one layer."""
    return chart.spec["datasets"][(layer or chart.spec)["data"]["name"]]


def test_every_chart_is_valid_vega_lite_and_is_drawn(section, tmp_path) -> None:
    held, detail, settings = section()
    part = parts.build(held, settings, detail)
    works = economy.works(held.results, settings)
    surface = sliders.surface(works["minilm"], works["gemma"], total.terms(settings))
    drawn = [part.cost, part.scores, part.differences, part.risk, *part.reliability]
    drawn += [classes.chart for classes in part.classes]
    drawn += [chart for chart, _ in part.cascades]
    drawn += [
        economy_charts.surface("surface", surface),
        learning_chart.chart(held.results, learning.curves(POINTS, "accuracy"), "accuracy"),
    ]
    for chart in drawn:
        alt.LayerChart.from_dict({**chart.spec, "width": 500}, validate=True)
    figures.write(drawn, tmp_path / "figures")
    for chart in drawn:
        svg = (tmp_path / "figures" / f"{chart.name}.svg").read_text()
        assert "var(" not in svg and "NaN" not in svg
        assert (tmp_path / "figures" / f"{chart.name}.png").read_bytes().startswith(b"\x89PNG")


def test_labels_of_points_at_one_cost_stand_apart() -> None:
    points = [
        cost_chart.Point(f"contestant_{i}", 0.8, 0.78, 0.82, 1.0 if i else 100.0, "")
        for i in range(6)
    ]
    rows = cost_chart.placed(points, (0.5, 1.0))
    heights = sorted(row.label for row in rows[1:] if row.side == rows[1].side)
    assert len(heights) > 2
    least = 14 / charts.HEIGHT * 0.5
    assert all(second - first >= least - 1e-9 for first, second in pairwise(heights))


def test_a_long_label_is_cut_and_placed_as_what_is_left_of_it() -> None:
    point = cost_chart.Point("a title " * 40, 0.8, 0.78, 0.82, 1.0, "1.00")
    [row] = cost_chart.placed([point], (0.5, 1.0))
    assert (row.side, row.label) == ("right", pytest.approx(0.8)), "it fits beside its point"


def test_a_score_without_an_interval_is_its_own_and_a_missing_cost_is_said(files, section) -> None:
    files.intervals["tfidf"]["metrics"]["accuracy"] |= {"low": None, "high": None}
    files.costs["frozen"]["cost_per_1000_texts"] = None
    held, *_ = section()
    chart = cost_chart.chart(held.results, "accuracy", "EUR")
    rows = {row["contestant"]: row for row in rows_of(chart)}
    assert rows["tfidf"]["low"] == rows["tfidf"]["high"] == 0.732
    assert rows["minilm"]["cost"] == pytest.approx(1.51), (
        "a million texts cost a thousand times a thousand"
    )
    assert "frozen" not in rows and chart.grid.notes == (
        "Not drawn, because a score or a cost is not known: frozen.",
    )


def test_confusion_is_by_row_and_counts_stand_in_its_table(files, section) -> None:
    files.plots["minilm"].confusion = (
        [("neg", "neg")] * 3 + [("neg", "pos")] + [("pos", "(no valid answer)")]
    )
    held, detail, _ = section()
    minilm = next(c for c in held.results.contestants if c.name == "minilm")
    chart = confusion.chart("tweets", minilm, detail.plots["minilm"])
    shares = {(r["actual"], r["predicted"]): r["share"] for r in rows_of(chart)}
    assert shares == {("neg", "neg"): 0.75, ("neg", "pos"): 0.25, ("pos", "(no valid answer)"): 1.0}
    assert chart.grid.columns == ("Actual", "neg", "neu", "pos", "(no valid answer)")
    assert chart.grid.rows == (("neg", "3", "0", "1", "0"), ("pos", "0", "0", "0", "1"))


def test_many_classes_are_a_list_of_the_pairs_most_confused(files, section) -> None:
    files.plots["minilm"] = plots(0.6, [f"c{i}" for i in range(30)], 3000)
    held, detail, _ = section()
    minilm = next(c for c in held.results.contestants if c.name == "minilm")
    assert confusion.chart("tweets", minilm, detail.plots["minilm"]) is None
    grid = confusion.most_confused(minilm, detail.plots["minilm"])
    counts = [int(row[2]) for row in grid.rows]
    assert len(counts) == confusion.MOST and counts == sorted(counts, reverse=True)


def test_a_fit_is_dashed_and_called_an_estimate_and_an_llm_is_a_rule(section) -> None:
    held, *_ = section()
    chart = learning_chart.chart(held.results, learning.curves(POINTS, "accuracy"), "accuracy")
    assert all(
        word in chart.caption for word in ("an estimate", "Horizontal line: a prompted LLM", "Band")
    )
    dashed = next(layer for layer in chart.spec["layer"] if layer["mark"].get("strokeDash"))
    assert max(row["rows"] for row in rows_of(chart, dashed)) == pytest.approx(2 * 2520)
    assert (
        learning_chart.chart(held.results, learning.curves([POINT], "accuracy"), "accuracy") is None
    )


def test_the_risk_curve_ends_where_all_rows_are_covered(section) -> None:
    held, detail, _ = section()
    chart = calibration.risk(held.results, detail)
    assert chart.grid.columns[-1] == "100% covered"
    assert {row[0]: row[-1] for row in chart.grid.rows}["minilm"] == "15.8%"


def test_contestants_keep_their_look_and_no_two_share_it() -> None:
    looks = series([f"c{i}" for i in range(64)])
    assert len(set(looks.values())) == 64
    assert resolved({"color": "var(--series-0)"})["color"].startswith("#")


def luminance(colour: str) -> float:
    """WCAG 2.2, relative luminance."""
    shares = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [
        share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(a: str, b: str) -> float:
    high, low = sorted((luminance(a), luminance(b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("dark", [False, True])
def test_text_and_marks_keep_their_contrast(dark) -> None:
    colours = {name: pair[dark] for name, pair in theme.COLOURS.items()}
    for ground in ("page", "card"):
        for text in ("ink", "soft", "accent", "warn"):
            assert contrast(colours[text], colours[ground]) >= 4.5, (text, ground)
        for mark in [colours["other"], *(pair[dark] for pair in theme.SERIES)]:
            assert contrast(mark, colours[ground]) >= 3, (mark, ground)
    assert contrast(colours["warn"], colours["warn-page"]) >= 4.5
    for deep in ("accent", "other"):
        mixed = [[int(colours[name][i : i + 2], 16) for i in (1, 3, 5)] for name in (deep, "page")]
        cell = [
            round(over * DEEPEST + under * (1 - DEEPEST))
            for over, under in zip(*mixed, strict=True)
        ]
        assert contrast(colours["ink"], "#" + "".join(f"{share:02x}" for share in cell)) >= 4.5, (
            deep
        )


def test_a_study_of_nobody_has_no_chart(study, files, tmp_path) -> None:
    files.write(tmp_path)
    [results] = inputs.read(study(models=[], llms=[]), tmp_path)
    assert cost_chart.chart(results, "accuracy", "EUR") is None
    assert score_charts.differences([], results, "accuracy", 0.02) is None
