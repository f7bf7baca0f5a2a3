"""An AUROC that is undefined, for its rows are of one class, through every stage: nowhere a number, nowhere `None`."""

from __future__ import annotations

import importlib
import re
from collections.abc import Sequence
from pathlib import Path

from click.testing import CliRunner

from slingshot.cli import main as slingshot
from slingshot.files.storage.json_files import read_json, write_text
from tests.conftest import make_rows, set_params

CASCADE = {"name": "both", "small": "tfidf", "large": "lm"}
CONTESTANTS = ("tfidf", "second", "lm", "both")
REASON = "auroc is undefined, as it needs at least two classes among the scored rows"
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
    assert "auroc is undefined on the 24 validation rows" in said["cascade both"]
    cascade = read_json(project / "metrics/cascade/toy/both.json")
    assert (cascade["alone"], cascade["seeds"][0]["validation"]) == ("small", None)
    for name in CONTESTANTS:
        assert read_json(project / f"metrics/scores/toy/{name}.json")["validation_auroc"] is None
        assert (
            f"validation_auroc: {REASON}"
            in read_json(project / f"metrics/intervals/toy/{name}.json")["notes"]
        )
    verdict = read_json(project / "report/verdict.json")["toy"]
    assert (verdict["decision"], verdict["small"], verdict["large"]) == ("undecided", None, "lm")
    assert verdict["unranked"] == {"tfidf": REASON, "second": REASON}
    assert verdict["words"].startswith("Undecided. No model can be chosen. ")
    assert (
        f"tfidf and second could not be chosen by AUROC on validation rows ({REASON})."
        in verdict["words"]
    )
    assert (
        "Validation rows on which AUROC is defined, or another metrics.primary, may decide it."
        in verdict["words"]
    )


def test_of_validation_one_model_alone_needs_none_to_be_chosen(project: Path) -> None:
    write_rows(project, "toy.csv", 1, good=150, bad=2)
    study(project, test_file=False, models=["tfidf"], cascades=[])
    assert "Over 31 test rows tfidf has AUROC 1.000" in words(project), (
        "it is compared, though no figure chose it"
    )
    study(project, test_file=False, models=["tfidf"], llms=[], cascades=[])
    assert "tfidf is the only one of the models, and AUROC 1.000 on 31 test rows." in words(project)


def test_of_test_it_decides_nothing_and_is_said_to_be_undefined(project: Path) -> None:
    write_rows(project, "toy.csv", 1, good=60, bad=60)
    write_rows(project, "test.csv", 2, good=30)
    said = study(project, test_file=True)
    assert "finetune toy-tfidf: validation auroc 1.000, " in said["finetune tfidf"]
    assert read_json(project / "metrics/audit/toy.json")["majority"]["auroc"] is None
    for name in CONTESTANTS:
        assert f"evaluate toy: {name}: {REASON}\n" in said["evaluate"]
        assert read_json(project / f"metrics/scores/toy/{name}.json")["auroc"] is None
        assert (
            read_json(project / f"metrics/intervals/toy/{name}.json")["metrics"]["auroc"]["reason"]
            == REASON
        )
    assert (
        f"evaluate toy: 6 pairs on auroc, 0 differ by their intervals, 6 undefined ({REASON})"
        in said["evaluate"]
    )
    assert "score sources" not in said["evaluate"], "nothing was compared"
    summary = (project / "report/summary.md").read_text()
    assert re.search(r"^\| majority class \| – \| 0.000 \|", summary, re.MULTILINE)
    assert "- – majority class: AUROC: undefined, as the test rows are of one class." in summary
    assert read_json(project / "report/verdict.json")["toy"]["decision"] == "undecided"
    assert f"tfidf and A tiny LM could not be compared ({REASON})." in words(project)
    assert (
        "Test rows on which AUROC is defined, or another metrics.primary, may decide it."
        in words(project)
    )
    study(project, test_file=True, llms=[], cascades=[])
    assert f"of the models, and no AUROC on 30 test rows ({REASON})." in words(project)


def test_of_three_classes_it_is_over_those_with_rows_on_either_side(project: Path) -> None:
    write_rows(project, "toy.csv", 1, good=90, bad=50, fine=2)
    said = study(project, test_file=False)
    assert "finetune toy-tfidf: validation auroc " in said["finetune tfidf"]
    scores = read_json(project / "metrics/scores/toy/tfidf.json")
    assert scores["auroc_classes"] == 3 and scores["validation_auroc"] > 0.9
    assert read_json(project / "metrics/audit/toy.json")["majority"]["auroc"] == 0.5
    assert "undefined" not in "".join(said.values())
