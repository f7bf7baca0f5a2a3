"""An AUROC that is undefined, for its rows are of one class, through every stage: nowhere a number, nowhere `None`."""

from __future__ import annotations

import importlib
import re
from collections.abc import Sequence
from pathlib import Path

from click.testing import CliRunner

from slingshot.cli import main as slingshot
from slingshot.files import paths
from slingshot.files.cascade import CascadeReport
from slingshot.files.intervals import Intervals
from slingshot.files.notes.figures import OneClass
from slingshot.files.pairs import Pairs
from slingshot.files.scores import Scores
from slingshot.files.storage.json_files import read_json, write_text
from tests.conftest import make_rows, set_params

CASCADE = {"name": "both", "small": "tfidf", "large": "lm"}
CONTESTANTS = ("tfidf", "second", "lm", "both")
REASON = OneClass(metric="auroc")
WHY = REASON.words
UNDEFINED = "auroc is undefined, as the rows are of one class"


def write_rows(folder: Path, name: str, seed: int, **counts: int) -> None:
    """`counts` rows of each label, as the user's CSV file."""
    rows = make_rows(3 * max(counts.values()), seed)
    rows["label"] = rows["label"].map({0: "bad", 1: "fine", 2: "good"})
    rows["text"] += [f" {name}{number}" for number in range(len(rows))]
    kept = rows[rows.groupby("label").cumcount() < rows["label"].map(counts).fillna(0)]
    (folder / "data/raw/toy").mkdir(parents=True, exist_ok=True)
    kept[["text", "label"]].to_csv(folder / "data/raw/toy" / name, index=False)


def printed(command: object, arguments: Sequence[str]) -> str:
    result = CliRunner().invoke(command, arguments)  # type: ignore[arg-type]
    assert result.exit_code == 0, (arguments, result.output, result.exception)
    return result.output


def stage(name: str, *arguments: str) -> str:
    return printed(importlib.import_module(f"stages.{name}").main, arguments)


def study(project: Path, *, test_file: bool, **chosen: Sequence[str]) -> dict[str, str]:
    """The study of two models, an LLM and a cascade by AUROC; what its stages, and `slingshot show`, print."""
    tfidf = {"family": "tfidf", "c": [1.0, 10.0], "char_ngrams": [0]}
    source = {"kind": "file", "file": "toy.csv", "text": "text", "label": "label"}
    takes_part = {
        "datasets": ["toy"],
        "models": ["tfidf", "second"],
        "llms": ["lm"],
        "cascades": [CASCADE],
    } | chosen
    set_params(
        project,
        {
            "study": takes_part,
            "models.tfidf": tfidf,
            "models.second": tfidf | {"word_ngrams": [1]},
            "datasets.toy.source": source | ({"test_file": "test.csv"} if test_file else {}),
            "metrics.primary": "auroc",
        },
    )
    said = {name: stage(name, "toy") for name in ("prepare", "subsample", "shots")}
    makers = {"tfidf": "finetune", "second": "finetune", "lm": "prompt_llm", "both": "cascade"}
    for name in (
        *takes_part["models"],
        *takes_part["llms"],
        *(one["name"] for one in takes_part["cascades"]),
    ):
        said[f"{makers[name]} {name}"] = stage(makers[name], "toy", name)
    write_text(project / "metrics/curve/toy.csv", "experiment\n")
    said |= {
        "cost": stage("cost", "toy"),
        "evaluate": stage("evaluate", "toy"),
        "report": stage("report"),
        "show": printed(slingshot, ["show"]),
    }
    for text in (*said.values(), (project / "report/summary.md").read_text(), page(project)):
        assert not re.search(r"\bnan\b|\bNone\b|\bNaN\b", text)
    return said


def page(project: Path) -> str:
    """The words of the report's page, without its programs and charts."""
    html = (project / "report/index.html").read_text()
    return re.sub(r"<script.*?</script>", "", html, flags=re.DOTALL)


def words(project: Path) -> str:
    return str(read_json(project / "report/verdict.json")["toy"]["words"])


def test_of_validation_it_chooses_nothing_and_is_said_to_be_undefined(project: Path) -> None:
    write_rows(project, "toy.csv", 1, good=150, bad=2)  # two groups: one in train, one in test
    said = study(project, test_file=False)
    assert f"finetune toy-tfidf: validation accuracy 1.000 ({UNDEFINED})" in said["finetune tfidf"]
    assert UNDEFINED in said["prompt_llm lm"]
    assert "with accuracy 1.000 there" in (project / "data/models/toy/tfidf/README.md").read_text()
    assert (
        "its 24 validation rows are all of one class, on which AUROC is undefined, "
        "so no threshold could be chosen and tfidf always answers"
    ) in said["cascade both"]
    cascade = CascadeReport.read(project / paths.cascade("toy", "both"))
    assert (cascade.alone, cascade.seeds[0].validation) == ("small", None)
    for name in CONTESTANTS:
        assert read_json(project / f"metrics/scores/toy/{name}.json")["validation_auroc"] is None
        intervals = Intervals.read(project / paths.intervals("toy", name))
        assert intervals.validation_reason == REASON
    verdict = read_json(project / "report/verdict.json")["toy"]
    assert (verdict["decision"], verdict["small"], verdict["large"]) == ("undecided", None, "lm")
    assert verdict["unranked"] == {"tfidf": REASON.as_json(), "second": REASON.as_json()}
    assert verdict["words"].startswith("Undecided: no model can be chosen. ")
    summary = (project / "report/summary.md").read_text()
    assert f"tfidf and second could not be chosen by AUROC on validation rows: {WHY}." in summary
    assert (
        "Validation rows on which AUROC is defined may decide it, or another metrics.primary."
        in verdict["words"]
    )


def test_of_validation_one_model_alone_needs_none_to_be_chosen(project: Path) -> None:
    write_rows(project, "toy.csv", 1, good=150, bad=2)
    study(project, test_file=False, models=["tfidf"], cascades=[])
    assert "On 31 test rows tfidf has AUROC 1.000" in words(project), (
        "it is compared, though no figure chose it"
    )
    study(project, test_file=False, models=["tfidf"], llms=[], cascades=[])
    assert "tfidf is the only model, and has AUROC 1.000 " in words(project)


def test_of_test_it_decides_nothing_and_is_said_to_be_undefined(project: Path) -> None:
    write_rows(project, "toy.csv", 1, good=60, bad=60)
    write_rows(project, "test.csv", 2, good=30)
    said = study(project, test_file=True)
    assert "finetune toy-tfidf: validation auroc 1.000, " in said["finetune tfidf"]
    assert read_json(project / "metrics/audit/toy.json")["majority"]["auroc"] is None
    for name in CONTESTANTS:
        assert f"evaluate toy: {name}: {WHY}\n" in said["evaluate"]
        assert Scores.read(project / paths.scores("toy", name)).metrics["auroc"] is None
        intervals = Intervals.read(project / paths.intervals("toy", name))
        assert intervals.metrics["auroc"].reason == REASON
    headline = f"evaluate toy: 0 pairs compared on AUROC; 6 undefined: {WHY} -> metrics/pairs/"
    assert headline in said["evaluate"]
    pairs = Pairs.read(project / paths.pairs("toy"))
    assert [note.code for note in pairs.notes] == ["test_groups"], "no score sources are compared"
    summary = (project / "report/summary.md").read_text()
    assert re.search(r"^\| majority class \| – \| 0.000 \|", summary, re.MULTILINE)
    assert "- The majority class has no AUROC, because the test rows are of one class." in summary
    assert read_json(project / "report/verdict.json")["toy"]["decision"] == "undecided"
    assert f"could not be compared: {WHY}." in words(project)
    assert (
        "Test rows on which AUROC is defined may decide it, or another metrics.primary."
        in words(project)
    )
    study(project, test_file=True, llms=[], cascades=[])
    assert f"of the models; it has no AUROC on 30 test rows: {WHY}." in words(project)


def test_of_three_classes_it_is_over_those_with_rows_on_either_side(project: Path) -> None:
    write_rows(project, "toy.csv", 1, good=90, bad=50, fine=2)
    said = study(project, test_file=False)
    assert "finetune toy-tfidf: validation auroc " in said["finetune tfidf"]
    scores = Scores.read(project / paths.scores("toy", "tfidf"))
    assert scores.auroc_classes == 3 and scores.validation > 0.9
    assert read_json(project / "metrics/audit/toy.json")["majority"]["auroc"] == 0.5
    assert "undefined" not in "".join(said.values())
