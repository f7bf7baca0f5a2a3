"""A data set's part of the report, for people and for programs."""

import json
import re
from dataclasses import replace

import pytest

from slingshot.metrics import rule
from slingshot.report.page.parts import brief
from slingshot.report.pair import grid
from slingshot.report.section import sections
from tests.report.conftest import related
from tests.report.test_curve import POINT, QUARTER, SHOTS

CASCADES = [{"name": "both", "small": "minilm", "large": "gemma"}]


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
    curve = (POINT, *QUARTER, SHOTS)
    [match] = replace(part, results=replace(part.results, curve=curve)).as_json()["labels_to_match"]
    assert (match["small"], match["large"]) == ("minilm", "gemma")
    assert (match["rows"], match["reason"], match["edge"]) == (None, "perhaps_ahead", 630)


def test_every_pair_says_what_would_resolve_it(files, study, tmp_path) -> None:
    from slingshot.report import summary

    related(files.pair("tfidf", "gemma"), -0.009, 0.031, 0.57, "not resolved", "as good")
    files.write(tmp_path)
    text = summary.markdown(sections(study(), tmp_path))
    assert "### Every pair" in text
    assert re.search(r"not resolved; the second is as good \| \d+,\d{3} \|", text)


def below(part) -> str:
    """All that stands below the verdict."""
    return " ".join(line for group in part.details for line in group.sentences)


def test_a_cascade_reads_as_one_and_what_its_llm_may_have_seen_it_may_have_too(
    files, study, tmp_path
) -> None:
    files.add_cascade("both", 0.9, 0.004)
    files.write(tmp_path)
    part = sections(study(cascades=CASCADES), tmp_path)["tweets"]
    assert part.headline == "use both"
    assert part.verdict.words.startswith(
        "Use both: it is better than minilm. On 840 test rows both has accuracy 0.900 and minilm 0.842, a lead of 0.058"
    )
    assert (
        "both asks Gemma 3 270m about 5% of the test texts, by a threshold chosen on 300 validation rows; it beats "
        "minilm by 0.058"
    ) in below(part)
    first_screen = brief(part, study(cascades=CASCADES))
    lead = "On 840 test rows both has accuracy 0.900 and minilm 0.842, a lead of 0.058"
    assert first_screen.startswith(lead) and "costs" in first_screen
    assert "both beats Gemma 3 270m by 0.159" in first_screen
    assert "EUR 35.20 with Gemma 3 270m and EUR 4.00 with both" in part.verdict.words
    assert [row.title for row in part.table.rows if row.mark] == ["both*", "Gemma 3 270m*"]
    notes = part.table.notes
    assert "both*: minilm answers where it is confident enough, else Gemma 3 270m." in notes, (
        "what a short title does not say stands once below"
    )


@pytest.mark.parametrize(
    ("side", "threshold", "escalated", "words"),
    [
        (
            "small",
            0.0,
            0.0,
            "On 300 validation rows minilm alone was good enough, so both never asks Gemma 3 270m and equals minilm.",
        ),
        ("large", None, 1.0, "so both always asks Gemma 3 270m and equals Gemma 3 270m."),
    ],
)
def test_a_cascade_that_is_one_of_its_sides_is_one_line_under_that(
    files, study, tmp_path, side, threshold, escalated, words
) -> None:
    files.add_cascade("both", 0.9, 0.004)
    files.cascades["both"] |= {"alone": side, "notes": []}
    for row in files.cascades["both"]["seeds"]:
        row |= {"threshold": threshold, "escalated_test": escalated}
    files.write(tmp_path)
    part = sections(study(cascades=CASCADES), tmp_path)["tweets"]
    assert words in below(part)
    assert "both" not in part.verdict.words
    titles = [row.title for row in part.table.rows]
    above = {"small": "minilm", "large": "Gemma 3 270m*"}[side]
    assert titles[titles.index(above) + 1] == "= both" and titles.count("= both") == 1
    assert not any("both" in row[:2] for row in grid(part.results).rows)
    assert (part.verdict.cascade, part.verdict.cascade_pairs, part.headline) == (
        None,
        (),
        "fine-tune minilm",
    )


def test_where_no_threshold_could_be_chosen_nobody_is_called_good_enough(
    files, study, tmp_path
) -> None:
    files.add_cascade("both", 0.9, 0.004)
    note = {"code": "no_threshold", "metric": "auroc", "rows": 300, "small": "minilm"}
    files.cascades["both"] |= {"alone": "small", "notes": [note]}
    files.write(tmp_path)
    text = below(sections(study(cascades=CASCADES), tmp_path)["tweets"])
    assert "both never asks Gemma 3 270m and equals minilm. Its 300 validation rows are all" in text
    assert "good enough" not in text


@pytest.mark.parametrize(("escalated", "marked"), [(0.05, True), (0.0, False)])
def test_a_cascade_may_have_seen_texts_only_if_it_asks_its_llm(
    files, study, tmp_path, escalated, marked
) -> None:
    files.add_cascade("both", 0.9, 0.004)
    for row in files.cascades["both"]["seeds"]:
        row["escalated_test"] = escalated
    files.write(tmp_path)
    part = sections(study(cascades=CASCADES), tmp_path)["tweets"]
    both = part.results.named("both")
    assert part.results.may_have_been_seen(both) is marked


def test_without_an_interval_no_dash_stands_for_one(files, study, tmp_path) -> None:
    files.pair("minilm", "gemma").update(dict.fromkeys(("low", "high", "variances", *rule.CLAIMS)))
    files.write(tmp_path)
    part = sections(study(), tmp_path)["tweets"]
    assert part.headline == "undecided"
    assert "–" not in part.verdict.words and ", without an interval. " in part.verdict.words
    assert part.verdict.words.endswith(
        "Test rows from more groups would decide it; so few groups resolve nothing."
    )
    assert ", without an interval." in brief(part, study())


def test_without_an_llm_the_first_screen_still_gives_the_score(files, study, tmp_path) -> None:
    files.write(tmp_path)
    part = sections(study(llms=[]), tmp_path)["tweets"]
    assert "minilm has the best validation accuracy" in brief(part, study(llms=[]))
    assert "has accuracy 0.842" in brief(part, study(llms=[]))
