"""A section for programs."""

import json
import re
from dataclasses import replace

import pytest

from slingshot.metrics import rule
from slingshot.report.page.parts import brief
from slingshot.report.section import sections
from tests.report.conftest import related
from tests.report.test_curve import POINT, QUARTER, SHOTS


def test_show_prints_all_that_is_known_as_json(files, study, tmp_path) -> None:
    files.write(tmp_path)
    part = json.loads(json.dumps(sections(study(), tmp_path)["tweets"].as_json()))
    assert part["verdict"]["decision"] == "fine-tune"
    assert [c["name"] for c in part["contestants"]] == ["tfidf", "frozen", "minilm", "gemma"]
    assert (
        part["contestants"][2]["intervals"]["accuracy"]["low"]
        == files.intervals["minilm"]["metrics"]["accuracy"]["low"]
    )
    assert len(part["pairs"]["pairs"]) == 6
    assert part["labels_to_match"] == []


def test_the_labels_that_match_an_llm_are_there_for_programs(files, study, tmp_path) -> None:
    files.write(tmp_path)
    part = sections(study(), tmp_path)["tweets"]
    found = replace(part, results=replace(part.results, curve=(POINT, *QUARTER, SHOTS))).as_json()[
        "labels_to_match"
    ]
    assert [(one["small"], one["large"]) for one in found] == [("minilm", "gemma")]
    assert found[0]["rows"] is None and "ahead already with 630 training rows" in found[0]["reason"]


def test_every_pair_says_what_would_resolve_it(files, study, tmp_path) -> None:
    from slingshot.report import summary

    related(files.pair("tfidf", "gemma"), -0.009, 0.031, 0.57, "not resolved", "as good")
    files.write(tmp_path)
    text = summary.markdown(sections(study(), tmp_path))
    assert "### Every pair" in text
    assert re.search(r"not resolved; the second is as good \| \d+,\d{3} \|", text)


def test_a_cascade_reads_as_one_and_what_its_llm_may_have_seen_it_may_have_too(
    files, study, tmp_path
) -> None:
    files.add_cascade("both", 0.9, 0.004)
    files.write(tmp_path)
    part = sections(
        study(cascades=[{"name": "both", "small": "minilm", "large": "gemma"}]), tmp_path
    )["tweets"]
    assert part.headline == "use both"
    assert part.verdict.words.startswith(
        "Use both (minilm, else gemma). Over 840 test rows minilm has"
    )
    share = sum(row["escalated_test"] for row in part.results.contestants[-1].cascade["seeds"])
    assert (
        f"both (minilm, else gemma) asks the LLM about {100 * share:g}% of the test texts, by a threshold from"
        in (part.verdict.words)
    )
    assert "it is better than minilm, +0.058" in part.verdict.words
    said = brief(part, "accuracy")
    assert said.startswith("Accuracy 0.900 with both (minilm, else gemma): +0.058 [")
    assert "against minilm and +0.1" in said and "against Gemma" in said
    assert "local stand-in) and EUR 0.00400 with both (minilm, else gemma)." in part.verdict.words
    marked = [row.title for row in part.table.rows if row.mark]
    assert marked == ["both (minilm, else gemma)", "Gemma 3 270m (a 268M-parameter local stand-in)"]


@pytest.mark.parametrize(
    ("side", "threshold", "words"),
    [
        ("small", 0.0, "never asks the LLM about the test texts: it is minilm alone."),
        ("large", None, "always asks"),
    ],
)
def test_a_cascade_that_is_one_of_its_sides_is_called_that_and_takes_no_part(
    files, study, tmp_path, side, threshold, words
) -> None:
    files.add_cascade("both", 0.9, 0.004)
    files.cascades["both"]["alone"] = side
    for row in files.cascades["both"]["seeds"]:
        row["threshold"] = threshold
    files.write(tmp_path)
    part = sections(
        study(cascades=[{"name": "both", "small": "minilm", "large": "gemma"}]), tmp_path
    )["tweets"]
    said = part.verdict.words
    assert said.count("both (minilm, else gemma)") == 1, "neither its cost nor a pair of it is told"
    assert f"both (minilm, else gemma), chosen on 300 validation rows, {words}" in said
    assert "by a threshold" not in said
    assert (part.verdict.cascade, part.verdict.cascade_pairs, part.headline) == (
        None,
        [],
        "fine-tune minilm",
    )


def test_without_an_interval_no_dash_stands_for_one(files, study, tmp_path) -> None:
    files.pair("minilm", "gemma").update(dict.fromkeys(("low", "high", "variances", *rule.CLAIMS)))
    files.write(tmp_path)
    part = sections(study(), tmp_path)["tweets"]
    assert part.headline == "undecided"
    assert "–" not in part.verdict.words and ", without an interval. " in part.verdict.words
    assert "Test rows of more groups would decide it: so few resolve nothing." in part.verdict.words
    assert "[" not in brief(part, "accuracy")


def test_without_an_llm_the_first_screen_still_gives_the_score(files, study, tmp_path) -> None:
    files.write(tmp_path)
    part = sections(study(llms=[]), tmp_path)["tweets"]
    assert brief(part, "accuracy") == "Accuracy 0.842 with minilm; study.llms is empty."
