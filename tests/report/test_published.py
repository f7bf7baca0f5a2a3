"""Published figures beside ours: what stands in the data file, and what the report makes of it."""

import pytest

from slingshot import settings
from slingshot.report import published, summary
from slingshot.report.page import index as page
from slingshot.report.section import sections
from slingshot.settings.catalogue import METRICS
from tests.report.conftest import Balanced

VALUES = settings.read_yaml(published.FIGURES)


@pytest.fixture
def build(files, study, tmp_path):
    """The sections, page and summary of one data set, on which xlnet ran and the others of the study did not."""

    def made(dataset: str):
        for held in (files.scores, files.intervals, files.costs, files.plots):
            held["xlnet"] = held.pop("minilm")
        for pair in files.pairs["pairs"]:
            pair.update({side: "xlnet" for side in ("a", "b") if pair[side] == "minilm"})
        files.write(tmp_path, dataset)
        chosen = study(datasets=[dataset], models=["tfidf", "frozen", "xlnet"])
        parts = sections(chosen, tmp_path)
        return parts, page.build(parts, chosen, tmp_path).html, summary.markdown(parts)

    return made


def figure(dataset: str, who: str, metric: str) -> dict:
    return next(
        f
        for f in VALUES["datasets"][dataset]["figures"]
        if (f["who"], f["metric"]) == (who, metric)
    )


@pytest.mark.parametrize("dataset", ["yelp5", "nusentiment", "medical40", "medical40_random"])
def test_every_figure_has_what_the_report_prints(dataset) -> None:
    held = VALUES["datasets"][dataset]
    assert held["reasons"]
    for row in held["figures"]:
        assert row.keys() - {"words"} == {"who", "ours", "metric", "value", "conditions"}
        assert row["metric"] in {**METRICS, **published.COSTS}
        assert "{}" in row.get("words", "{}")
    assert figure(dataset, "a small fine-tuned model", "cost_per_million_tokens")["value"] == 0.03
    assert figure(dataset, "Claude 3 Opus", "cost_per_million_tokens")["value"] == 7


def test_the_figures_are_the_studys() -> None:
    for dataset in ("medical40", "medical40_random"):
        assert figure(dataset, "XLNet", "accuracy")["value"] == 0.724
        assert figure(dataset, "XLNet", "auroc")["value"] == 0.97
        assert figure(dataset, "Claude 3 Opus", "accuracy")["value"] == 0.59
        assert figure(dataset, "fine-tuning", "train_seconds")["value"] == 4 * 3600
    assert figure("nusentiment", "XLNet, DistilBERT and T5-small, each", "auroc")["value"] == 0.9
    assert (
        figure("nusentiment", "fine-tuning the most expensive model", "train_cost")["value"] == 15
    )
    assert figure("yelp5", "state of the art", "accuracy")["value"] == 0.73


def test_published_stands_beside_ours_with_a_dash_for_who_did_not_run(build) -> None:
    parts, html, markdown = build("medical40")
    [grid] = parts["medical40"].grids
    rows = {row[:2]: row[2:4] for row in grid.rows}
    assert rows["XLNet", "accuracy"] == ("0.724", "0.842 [0.822–0.862]")
    assert rows["Claude 3 Opus", "accuracy"] == ("0.59", "–")
    assert rows["fine-tuning", "training seconds"] == (
        "under 14,400",
        "xlnet 312; distilbert –; t5 –",
    )
    small = rows["a small fine-tuned model", "cost per million tokens"]
    assert small == ("EUR 0.03", "xlnet EUR 0.08; distilbert –; t5 –")
    parser = Balanced()
    parser.feed(html)
    assert parser.open == []
    for text in (html, markdown):
        assert "Published beside ours" in text and "David vs. Goliath in AI" in text
        assert "0.2% with the same label" in text and "not leak-free" in text


def test_a_figure_on_fewer_rows_says_so(files, build) -> None:
    files.scores["minilm"]["fraction"] = 0.25
    [grid] = build("nusentiment")[0]["nusentiment"].grids
    assert grid.rows[0][2:4] == (
        "about 0.9 or more",
        "xlnet 0.942 [0.922–0.962] at fraction 0.25; distilbert –; t5 –",
    )
    assert any("written by GPT-3.5" in note for note in grid.notes)


def test_a_data_set_of_your_own_has_no_such_section(build) -> None:
    parts, html, _ = build("mine")
    assert parts["mine"].grids == ()
    assert "Published beside ours" not in html
