"""report/index.html without a browser: what it holds, that it asks for nothing, and that texts stay texts."""

import html
import json
import re
from itertools import pairwise

import pytest

from slingshot.report.page import index as page
from slingshot.report.section import sections
from tests.report.conftest import Balanced, errors, intervals, plots, scores, shown

HOSTILE = """</script><script>alert("x")</script>{{ 7 * 7 }}'<img src=x onerror=alert(1)>&"""


@pytest.fixture
def build(files, study, tmp_path):
    def made(**chosen) -> page.Page:
        files.write(tmp_path)
        settings = study(**chosen)
        return page.build(sections(settings, tmp_path), settings, tmp_path)

    return made


def with_cascade(files) -> dict:
    files.add_cascade("both", 0.85, 0.004)
    return {"cascades": [{"name": "both", "small": "minilm", "large": "gemma"}]}


def test_the_page_is_well_formed_and_asks_for_nothing(files, build) -> None:
    html = build(**with_cascade(files)).html
    parser = Balanced()
    parser.feed(html)
    assert parser.open == []
    assert {value for value in parser.fetched if not value.startswith("#")} == {"data:,"}
    assert not re.search(r"url\(|@import|https?://", shown(html))


def test_its_policy_runs_only_the_two_programs_that_it_names(build) -> None:
    html = build().html
    [policy] = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]+)"', html)
    assert "default-src 'none'" in policy.replace("&#39;", "'")
    assert policy.count("sha256-") == html.count("<script>") == 2
    assert "unsafe-eval" not in policy and "script-src 'unsafe-inline'" not in policy.replace(
        "&#39;", "'"
    )


def test_every_link_of_the_contents_leads_somewhere(build) -> None:
    html = build().html
    ids = set(re.findall(r'\bid="([^"]+)"', html))
    assert len(ids) == len(re.findall(r'\bid="[^"]+"', html)), "an id stands once"
    assert set(re.findall(r'href="#([^"]+)"', html)) <= ids


def test_headings_leave_no_level_out(files, build) -> None:
    levels = [
        int(level) for level in re.findall(r"<h([1-6])", shown(build(**with_cascade(files)).html))
    ]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(second - first <= 1 for first, second in pairwise(levels))


def test_all_that_was_asked_for_is_there(files, build) -> None:
    html = shown(build(**with_cascade(files)).html)
    for text in (
        "Rows needed",
        "ECE if calibrated",
        "The text of row 0.",
        "On 73 test rows all contestants agree",
        "Most confident mistakes of minilm",
        "Where contestants differ",
        "Break-even",
        "How both chose",
        "chosen on 300 validation rows. It has the highest lead in accuracy over the better of minilm and Gemma 3 270m",
        "metrics.confidence",
        "models.minilm.learning_rate",
        "vl-convert-python",
        "may have been seen",
        "over 200 times cheaper",
        'data-value="252.',
    ):
        assert text in html, text
    assert "models.xlnet" not in html, "what the study does not name produced nothing"


def test_what_the_verdict_leaves_out_and_the_audit_warns_of_stand_below_it(files, build) -> None:
    files.audit["warnings"] = [{"code": "ungrouped", "rows": 12}]
    html = shown(build(**with_cascade(files)).html)
    for heading in ("Behind the verdict", "Comparison", "Costs"):
        assert f">{heading}</h" in html, heading
    assert (
        "<li>12 rows have no value in the group column, so only their text groups them.</li>"
        in html
    )


def test_a_cascade_that_is_its_small_model_has_no_row_and_no_chart_of_its_own(files, build) -> None:
    study = with_cascade(files)
    files.cascades["both"]["alone"] = "small"
    page = build(**study)
    assert not any("both" in json.dumps(chart.spec) for chart in page.figures)
    rows = re.findall(r'<th scope="row">(.*?)</th>', shown(page.html), flags=re.DOTALL)
    assert [row.strip() for row in rows if "both" in row] == ["= both"]


def test_every_chart_has_a_name_and_its_figures_in_a_table(files, build) -> None:
    made = build(**with_cascade(files))
    figures = re.findall(r"<figure>.*?</figure>", made.html, flags=re.DOTALL)
    assert len(figures) > 10
    for figure in figures:
        [name] = re.findall(r'role="img" aria-labelledby="([^"]+)"', figure)
        assert re.search(rf'id="{name}">[^<]+', figure)
        assert (
            "<table" in figure
            or "able has the figures" in figure
            or "able above has the figures" in figure
        )
    drawn = {chart.name for chart in made.figures}
    assert {"tweets-cost", "tweets-risk", "tweets-reliability-both", "surface"} <= drawn


def test_hostile_texts_stay_texts(files, build) -> None:
    files.audit["classes"] = {
        name: {"train": 1, "validation": 1, "test": 1} for name in (HOSTILE, "b", "c")
    }
    files.errors = errors(list(files.scores), (HOSTILE, "b", "c"))
    files.errors["texts"]["r0"]["text"] = HOSTILE
    for name, held in files.intervals.items():
        held["classes"][0]["label"] = HOSTILE
        files.plots[name] = plots(0.8, (HOSTILE, "b", "c"))
    html = build().html
    assert "<img" not in shown(html) and 'alert("x")' not in html
    assert "{{ 7 * 7 }}" in html
    assert html.count("<script") == html.count("</script>")
    parser = Balanced()
    parser.feed(html)
    assert parser.open == []
    blocks = re.findall(
        r'<script type="application/json"[^>]*>(.*?)</script>', html, flags=re.DOTALL
    )
    held = [json.loads(block) for block in blocks]
    assert HOSTILE in json.dumps(held, ensure_ascii=False).replace('\\"', '"'), (
        "a class name in a chart is itself"
    )


def test_a_contestant_without_scores_has_dashes_with_reasons_and_no_diagram(files, build) -> None:
    files.intervals["gemma"] |= {
        "calibration": None,
        "calibration_reason": {"code": "no_scores"},
    }
    files.plots["gemma"].predicted = files.plots["gemma"].scaled = files.plots["gemma"].risk = []
    files.errors["confident_errors"]["gemma"] = []
    made = build()
    assert (
        "No row for Gemma 3 270m: calibration needs scores, and this contestant gives none."
        in made.html
    )
    names = {chart.name for chart in made.figures}
    assert "tweets-reliability-gemma" not in names and "tweets-reliability-minilm" in names


def test_nobody_s_scores_and_unknown_costs_leave_a_page(files, build) -> None:
    for name in files.scores:
        files.intervals[name] |= {
            "calibration": None,
            "calibration_reason": {"code": "no_scores"},
        }
        files.plots[name].predicted = files.plots[name].scaled = files.plots[name].risk = []
        files.costs[name] |= dict.fromkeys(
            ("cost_per_1000_texts", "machine_seconds_per_1000_texts")
        )
    made = build()
    assert made.figures == ()
    assert (
        "No contestant gives scores that can be judged" in made.html
        and 'id="payload"' not in made.html
    )


@pytest.mark.parametrize(
    "cell", ["0.842", "−0.032", "1,234", "÷3", "4.5%", "–", "0.63 [0.62–0.64]", "−0.1 to +0.2"]
)
def test_a_column_of_figures_stands_right(cell) -> None:
    assert page.numeric([("a", cell), ("b", "0.5")]) == {1}


@pytest.mark.parametrize("cell", ["minilm", "1 star", "always", "2014-06-01 or later"])
def test_a_column_with_words_stands_left(cell) -> None:
    assert page.numeric([("a", cell), ("b", "0.5")]) == set()


def test_the_same_files_make_the_same_page(build) -> None:
    assert build().html == build().html


def test_a_full_study_stays_under_five_megabytes(files, study, tmp_path) -> None:
    classes = [f"the class of things numbered {i}" for i in range(77)]
    models = [f"model_{i}" for i in range(6)]
    for name in models:
        files.scores[name], files.intervals[name] = scores(0.8), intervals(0.8, "softmax", [0])
        files.costs[name] = files.costs["minilm"]
    for name in (*models, "gemma"):
        files.plots[name] = plots(0.8, classes, 3080)
        row = files.intervals[name]["classes"][0]
        files.intervals[name]["classes"] = [row | {"label": label} for label in classes]
    files.add_cascade("both", 0.85, 0.004)
    files.plots["both"] = files.plots["gemma"]
    files.cascades["both"]["small"] = "model_0"
    names = [*models, "gemma", "both"]
    base = files.pairs["pairs"][0]
    files.pairs["pairs"] = [
        base | {"a": a, "b": b} for i, a in enumerate(names) for b in names[i + 1 :]
    ]
    files.errors = errors(names, classes)
    long = {"text": "word " * 80, "label": classes[0]}
    files.errors["texts"] |= {f"x{i}": long for i in range(50)}
    sure = [{"id": f"x{i}", "prediction": classes[1], "confidence": 0.9} for i in range(20)]
    files.errors["confident_errors"] = dict.fromkeys(names, sure)
    files.errors["agree_against_label"] = [
        {"id": f"x{i}", "prediction": "p", "confidence": 0.9} for i in range(50)
    ]
    datasets = [f"set_{i}" for i in range(6)]
    for dataset in datasets:
        files.write(tmp_path, dataset)
    cascades = [{"name": "both", "small": "model_0", "large": "gemma"}]
    settings = study(datasets=datasets, models=models, cascades=cascades)
    made = page.build(sections(settings, tmp_path), settings, tmp_path)
    assert len(made.html.encode()) < 5_000_000
    assert "pairs of classes most often confused" in made.html


def priced(study, *, always_on: bool, **decision):
    held = study()
    cost = held.cost.model_copy(update={"always_on": always_on})
    return held.model_copy(
        update={"cost": cost, "decision": held.decision.model_copy(update=decision)}
    )


def test_the_sliders_start_from_the_total_that_decides(files, study, tmp_path) -> None:
    files.write(tmp_path)

    def built(**chosen: object) -> str:
        settings = priced(study, **chosen)
        return shown(page.build(sections(settings, tmp_path), settings, tmp_path).html)

    assumed = built(always_on=False)
    assert 'value="" checked' in assumed and "A label's price starts at 0" in html.unescape(assumed)
    assert "The sliders start from 12 months (assumed) of 100,000 texts (assumed) each." in assumed
    assert (
        "Without labels, Gemma 3 270m costs 23 times as much over 12 months (assumed) of 100,000 texts (assumed) each."
        in assumed
    )
    given = built(always_on=True, monthly_texts=5000, horizon_months=7, count_labels=True)
    assert 'value="1" checked' in given and 'value="" checked' not in given
    assert "price starts at 0" not in given and "assumed)" not in given
