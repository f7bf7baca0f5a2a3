"""What is printed: table, page, summary, terminal, stage."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from slingshot.report import inputs, numbers, summary, terminal
from slingshot.report.page import index as page
from slingshot.report.section import sections
from slingshot.settings import UserError
from tests.report.conftest import shown

ROOT = Path(__file__).parents[2]


@pytest.fixture
def build(files, study, tmp_path):
    def made(**chosen):
        files.write(tmp_path)
        settings = study(**chosen)
        parts = sections(settings, tmp_path)
        return (
            parts,
            shown(page.build(parts, settings, tmp_path).html),
            summary.markdown(parts),
        )

    return made


def cells(part, title: str) -> dict[str, str]:
    row = next(row for row in part.table.rows if row.title == title)
    return dict(zip((column.key for column in part.table.columns), row.cells, strict=True))


def test_the_table_holds_everyone_best_first_and_the_majority_class_last(build) -> None:
    part = build()[0]["tweets"]
    titles = [row.title for row in part.table.rows]
    assert titles == [
        "minilm",
        "frozen",
        "Gemma 3 270m*",
        "tfidf",
        "majority class",
    ]
    assert cells(part, "minilm")["accuracy"] == "0.842 [0.822–0.862]"
    assert cells(part, titles[2])["auroc"] == "0.841 logprob"
    assert cells(part, "majority class")["macro_f1"] == "0.239"


def test_a_title_is_short_and_its_explanation_stands_once_below(build) -> None:
    parts, html, markdown = build()
    note = "Gemma 3 270m*: a 268M-parameter local stand-in for a large LLM."
    assert note in parts["tweets"].table.notes
    assert html.count(note) == markdown.count("stand-in") == 1


def test_money_reads_like_money(build) -> None:
    part = build()[0]["tweets"]
    assert cells(part, "minilm")["cost_per_1000_texts"] == "1.51"
    assert cells(part, "tfidf")["cost_per_1000_texts"] == "< 0.01"
    [column] = [c for c in part.table.columns if c.key == "cost_per_1000_texts"]
    assert column.long == "EUR per million texts"


def test_an_undefined_figure_is_a_dash_with_its_reason(files, build) -> None:
    for name in ("gemma", "frozen"):
        files.scores[name].update(auroc=None, auroc_classes=None)
        files.intervals[name]["metrics"]["auroc"] = {
            "value": None,
            "low": None,
            "high": None,
            "reason": {"code": "needs_scores", "metric": "auroc"},
        }
    parts, html, markdown = build()
    note = "A dash under AUROC for frozen and Gemma 3 270m: AUROC needs scores, and this contestant gives none."
    assert note in parts["tweets"].table.notes, "once, for both"
    assert note in html and note in markdown


def test_a_misspelt_key_is_an_error_with_file_key_and_remedy(files, study, tmp_path) -> None:
    files.scores["minilm"]["acuracy"] = files.scores["minilm"].pop("accuracy")
    files.write(tmp_path)
    with pytest.raises(
        UserError, match=r"scores/tweets/minilm\.json: .*'acuracy'.*run `dvc repro`"
    ):
        inputs.read(study(), tmp_path)


def test_differing_score_sources_are_said_and_equal_ones_are_not(files, build) -> None:
    kinds = "AUROC and log-loss rest on different kinds of scores: softmax for tfidf, frozen and minilm; logprob for"
    assert kinds in " ".join(build()[0]["tweets"].table.notes)
    files.intervals["gemma"]["score_source"] = "softmax"
    assert "different kinds of scores" not in " ".join(build()[0]["tweets"].table.notes)


@pytest.mark.parametrize(
    ("published", "marked"), [("2014-06-01", True), ("2025-01-01", False), (None, False)]
)
def test_texts_older_than_the_training_cutoff_may_have_been_seen(
    files, build, published, marked
) -> None:
    files.audit["published"] = published
    parts, html, markdown = build()
    assert [row.name for row in parts["tweets"].table.rows if row.mark] == (
        ["gemma"] if marked else []
    )
    assert ("may have been seen" in html) is ("may have been seen" in markdown) is marked


def test_labels_of_a_model_are_said_beside_the_accuracy(files, build) -> None:
    files.audit["label_source"] = "GPT-3.5"
    parts, html, _ = build()
    assert parts["tweets"].table.columns[0].long == "Accuracy, agreement with GPT-3.5 [95%]"
    assert "Accuracy, agreement with GPT-3.5" in html


HOLD = {"code": "ungrouped", "rows": 12}


def test_ceilings_and_warnings_stand_with_the_scores(files, build) -> None:
    files.audit["warnings"] = [HOLD]
    for text in build()[1:]:
        assert "score above 0.999 on these test rows (0.996 on all rows)" in text
        assert "the score on the test rows would be 0.998" in text
        assert "12 rows have no value in the group column" in text


def test_where_no_text_has_two_labels_one_sentence_says_so(files, build) -> None:
    files.audit["ceiling"] = {"test": {"within": 1.0, "whole": 1.0}, "all": {"within": 1.0}}
    for text in build()[1:]:
        assert "No text has two labels, so the labels do not limit the scores." in text


def test_contradicting_labels_put_both_ceilings_under_the_scores_and_explain_them(
    files, build
) -> None:
    files.audit["ceiling"]["test"] = {"within": 0.942, "whole": 0.476}
    parts, html, markdown = build()
    part = parts["tweets"]
    assert [row.title for row in part.table.rows[-2:]] == [
        "ceiling, test rows alone",
        "ceiling, all rows",
    ]
    assert cells(part, "ceiling, test rows alone")["accuracy"] == "0.942"
    assert cells(part, "ceiling, all rows") | {"accuracy": "0.476"} == cells(
        part, "ceiling, all rows"
    )
    assert cells(part, "ceiling, all rows")["auroc"] == "–"
    [note] = [note for note in part.table.notes if "The ceilings are" in note]
    assert "can score above 0.942" in note and "the score would be 0.476" in note
    assert note in html and note in markdown


def test_may_have_been_seen_is_said_by_data_set(files, study, tmp_path) -> None:
    for dataset, published in (("tweets", "2014-06-01"), ("snippets", "2025-01-01")):
        files.audit["published"] = published
        files.write(tmp_path, dataset)
    parts = sections(study(datasets=["tweets", "snippets"]), tmp_path)
    marked = {
        name: [row.name for row in part.table.rows if row.mark] for name, part in parts.items()
    }
    assert marked == {"tweets": ["gemma"], "snippets": []}


def test_labels_written_by_a_model_are_said_in_every_format(files, build) -> None:
    """The warning is the audit's own note, the caveat the verdict's."""
    files.audit["label_source"] = "GPT-3.5"
    files.audit["warnings"] = [{"code": "model_labels", "source": "GPT-3.5"}]
    warning = (
        "Labels were written by GPT-3.5: a score here is agreement with GPT-3.5, not with people."
    )
    caveat = "GPT-3.5 wrote the labels, so a score is agreement with GPT-3.5, not with people."
    parts, html, markdown = build()
    out = io.StringIO()
    terminal.show(parts, "report/index.html", out)
    for text in (html, markdown, " ".join(out.getvalue().split())):
        assert warning in text and caveat in text


def test_text_from_the_files_is_escaped(files, build) -> None:
    files.audit["classes"]["<script>alert(1)</script>"] = {"train": 1, "validation": 1, "test": 1}
    files.audit["warnings"] = [{"code": "model_labels", "source": "<img src=x> | *bold*"}]
    _, html, markdown = build()
    assert "<script>alert" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
    assert "<img" not in html + markdown
    assert r"\| \*bold\*" in markdown


@pytest.mark.parametrize(
    "chosen", [{"llms": []}, {"models": []}, {"models": [], "llms": []}, {"models": ["tfidf"]}]
)
def test_every_narrower_study_is_reported(build, chosen) -> None:
    parts, html, _ = build(**chosen)
    assert parts["tweets"].verdict.words.replace("&", "") in html
    assert "None" not in html


def test_files_of_others_in_the_folder_are_not_read(files, build) -> None:
    assert "gemma" not in build(llms=[])[1].lower()


def test_a_missing_file_is_an_error_with_the_remedy(study, tmp_path) -> None:
    with pytest.raises(UserError, match=r"audit/tweets\.json: not found; run `dvc repro`"):
        inputs.read(study(), tmp_path)


def test_the_terminal_keeps_to_100_columns_and_breaks_no_figure(build) -> None:
    out = io.StringIO()
    terminal.show(build()[0], "report/index.html", out)
    lines = out.getvalue().splitlines()
    assert max(map(len, lines)) <= 100
    assert "35.20" in out.getvalue()
    assert "[0.822–0.862]" in out.getvalue()
    assert "\x1b" not in out.getvalue()
    assert lines[-1] == "Report: report/index.html"


def test_the_terminal_explains_its_dashes_and_marks(files, build) -> None:
    part = build()[0]
    out = io.StringIO()
    terminal.show(part, "report/index.html", out)
    printed = " ".join(out.getvalue().split())
    for note in part["tweets"].table.notes:
        assert note in printed
    for group in part["tweets"].details:
        assert group.heading in printed
        for sentence in group.sentences:
            assert sentence in printed
    assert "Nothing is run, so it has no cost." in printed
    seen = "May have been seen: the texts were published on 2014-06-01, before the training data of Gemma 3 270m end"
    assert seen in printed


def test_a_note_on_the_data_set_is_said_once_and_one_on_contestants_with_their_names(
    files, build
) -> None:
    few = {"code": "test_groups", "groups": 99, "effective": 99.0}
    files.pairs["notes"] = [few]
    for intervals in files.intervals.values():
        intervals["notes"] = [few]
    for name in ("minilm", "frozen"):
        files.intervals[name]["notes"] = [few, {"code": "few_seeds", "seeds": 1}]
    parts, html, markdown = build()
    assert html.count("99 test groups") == markdown.count("99 test groups") == 1
    assert (
        "frozen and minilm were trained once, so the interval ignores variation between training runs."
        in parts["tweets"].table.notes
    )


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.07, "EUR 0.07"),
        (36.4, "EUR 36.40"),
        (1234.5, "EUR 1,234"),
        (0.0001, "less than EUR 0.01"),
        (0, "EUR 0"),
        (None, "an unknown sum"),
    ],
)
def test_money_in_a_sentence(value, text) -> None:
    assert numbers.money(value, "EUR") == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0000278, "0.0000278"),
        (1234.5, "1,234"),
        (0.5, "0.500"),
        (0, "0"),
        (None, "–"),
        (-0.02, "-0.0200"),
    ],
)
def test_significant_digits_without_exponents(value, text) -> None:
    assert numbers.significant(value) == text


def test_the_stage_writes_its_files_and_one_line(files, tmp_path) -> None:
    files.write(tmp_path)
    params = (
        (ROOT / "params.yaml")
        .read_text()
        .replace("datasets: [tweets, snippets]", "datasets: [tweets]")
    )
    (tmp_path / "params.yaml").write_text(params)
    done = subprocess.run(
        [sys.executable, "-m", "stages.report"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'src'}"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines() == [
        "report: tweets: fine-tune minilm -> report/index.html, figures, summary.md, verdict.json"
    ]
    verdict = json.loads((tmp_path / "report/verdict.json").read_text())["tweets"]
    assert verdict["decision"] == "fine-tune"
    assert verdict["words"].replace("<", "&lt;") in (tmp_path / "report/summary.md").read_text()
    assert (tmp_path / "report/index.html").stat().st_size < 5_000_000
    drawn = {path.name for path in (tmp_path / "report/figures").iterdir()}
    assert {
        "tweets-cost.svg",
        "tweets-cost.png",
        "surface.svg",
        "tweets-reliability-minilm.png",
    } <= drawn
