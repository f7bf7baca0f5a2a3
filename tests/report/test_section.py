"""A section for programs."""

import json

from slingshot.report.section import sections


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


def test_every_pair_says_what_would_resolve_it(files, study, tmp_path) -> None:
    from slingshot.report import summary

    files.pair("tfidf", "gemma").update(rows_to_resolve=3120)
    files.write(tmp_path)
    text = summary.markdown(sections(study(), tmp_path))
    assert "### Every pair" in text
    assert "| not resolved, about 3,120 test rows would |" in text


def test_a_cascade_reads_as_one_and_what_its_llm_may_have_seen_it_may_have_too(files, study, tmp_path) -> None:
    files.add_cascade("both", 0.9, 0.004)
    files.write(tmp_path)
    part = sections(study(cascades=[{"name": "both", "small": "minilm", "large": "gemma"}]), tmp_path)["tweets"]
    assert part.headline == "use both"
    assert part.verdict.words.startswith("Use both (minilm, else gemma). Over 840 test rows minilm has")
    share = sum(row["escalated_test"] for row in part.results.contestants[-1].cascade["seeds"])
    assert f"both (minilm, else gemma) asks the LLM about {100 * share:g}% of the test texts, by a threshold from" in (
        part.verdict.words
    )
    assert "it is better than minilm, +0.058" in part.verdict.words
    assert "local stand-in) and EUR 0.00400 with both (minilm, else gemma)." in part.verdict.words
    marked = [row.title for row in part.table.rows if row.mark]
    assert marked == ["both (minilm, else gemma)", "Gemma 3 270m (a 268M-parameter local stand-in)"]
