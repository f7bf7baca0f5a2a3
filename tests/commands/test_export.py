"""`slingshot export`: the stages run for real, and what the folder and its card then hold."""

import shutil
import subprocess
from importlib import import_module
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from huggingface_hub import ModelCard

from slingshot import cli
from slingshot.files.rows import read_rows
from slingshot.files.storage.json_files import read_json
from tests.conftest import NAMES, make_rows, set_param, set_params

WARNING = "Labels were written by GPT-3.5: a score here is agreement with GPT-3.5, not with people."


def slingshot(*arguments: object) -> Result:
    return CliRunner().invoke(cli.main, [str(argument) for argument in arguments])


def run(stage: str, *arguments: str) -> None:
    done = CliRunner().invoke(import_module(f"stages.{stage}").main, ["toy", *arguments])
    assert done.exit_code == 0, done.output


def study(model: str) -> None:
    """The stages from prepare to cost, on a file of rows."""
    rows = make_rows(240, 4)
    rows["text"] += [f" number {number}" for number in range(len(rows))]
    rows["label"] = rows["label"].map(dict(enumerate(NAMES)))
    Path("data/raw/toy").mkdir(parents=True)
    rows[["text", "label"]].to_csv("data/raw/toy/toy.csv", index=False)
    set_param(Path(), "datasets.toy.label_source", "GPT-3.5")
    set_param(Path(), "datasets.toy.published", "2014-06-01")
    set_param(Path(), "datasets.toy.labels", list(NAMES))
    run("prepare")
    run("subsample")
    set_params(
        Path(), {"study": {"datasets": ["toy"], "models": [model], "llms": [], "cascades": []}}
    )
    run("finetune", model)
    run("evaluate")
    run("cost")


def test_a_transformer_is_exported_whole_and_every_reader_loads_it(project: Path) -> None:
    from transformers import pipeline

    study("tiny")
    done = slingshot("export", "toy", "tiny", "shared/tiny")
    assert done.exit_code == 0, done.output
    assert (
        done.output
        == "toy-tiny -> shared/tiny; label texts with `slingshot predict shared/tiny FILE`\n"
    )
    source, folder = Path("data/models/toy/tiny"), Path("shared/tiny")
    files = {path.relative_to(source) for path in source.rglob("*")}
    assert {path.relative_to(folder) for path in folder.rglob("*")} == files
    assert {path.suffix for path in files} <= {".safetensors", ".json", ".txt", ".md", ".jinja"}
    same = [path for path in files if (source / path).read_bytes() == (folder / path).read_bytes()]
    assert files - set(same) == {Path("README.md")}
    assert [path.name for path in Path("shared").iterdir()] == ["tiny"]

    texts = read_rows(project / "data/prepared/toy/test.parquet")["text"].tolist()
    Path("texts.csv").write_text("\n".join(["text", *texts]) + "\n")
    done = slingshot("predict", folder, "texts.csv")
    ours = [line.split(",")[1] for line in done.stdout.splitlines()[1:]]
    theirs = pipeline("text-classification", model=str(folder), device="cpu")(texts)
    assert ours == [answer["label"] for answer in theirs]
    assert set(ours) == set(NAMES)


def test_the_card_is_completed_with_scores_costs_and_warnings(project: Path) -> None:
    study("tfidf")
    assert "slingshot export toy tfidf" in Path("data/models/toy/tfidf/README.md").read_text()
    assert slingshot("export", "toy", "tfidf", "out").exit_code == 0
    card = ModelCard.load("out/README.md")
    scores = read_json(Path("metrics/scores/toy/tfidf.json"))
    held = {result.metric_type: result.metric_value for result in card.data.eval_results}
    assert held["accuracy"] == scores["accuracy"] and held["auroc"] == scores["auroc"]
    interval = read_json(Path("metrics/intervals/toy/tfidf.json"))["metrics"]["accuracy"]
    line = (
        f"| Accuracy | {scores['accuracy']:.3f} | {interval['low']:.3f} to {interval['high']:.3f} |"
    )
    assert (
        line in card.text
        and "95% interval" in card.text
        and "- Expected calibration error: it has no interval, because" in card.text
    )
    assert [row for row in card.text.splitlines() if row.startswith("| Macro-F1 | ")], (
        "titles are those of the catalogue"
    )
    assert "| 1,000 texts | EUR 0.0" in card.text and "e-0" not in card.text
    for part in (
        WARNING,
        "Licence of the data: MIT",
        "Published: 2014-06-01",
        "144 training",
    ):
        assert part in card.text, part
    assert "48 test rows" in card.text and "from a folder that has no git commit" in card.text
    assert "slingshot export toy" not in card.text
    assert (card.data.license, card.data.pipeline_tag) == ("other", "text-classification")


def test_of_several_seeds_the_card_tells_which_it_holds(project: Path) -> None:
    set_param(project, "models.tiny.epochs", 1)
    set_param(project, "seeds", [3, 1])
    study("tiny")
    assert slingshot("export", "toy", "tiny", "out").exit_code == 0
    card = ModelCard.load("out/README.md")
    own = next(
        r for r in read_json(Path("metrics/intervals/toy/tiny.json"))["seeds"] if r["seed"] == 3
    )
    [accuracy] = [r.metric_value for r in card.data.eval_results if r.metric_type == "accuracy"]
    assert accuracy == own["accuracy"]
    assert "This model |" in card.text and "Means over 2 training seeds" in card.text
    assert "seed 3, the first of 2 that were trained" in card.text


def test_the_card_names_the_commit_it_comes_from(project: Path) -> None:
    study("tfidf")

    def git(*words: str) -> str:
        call = ["git", "-c", "user.name=T", "-c", "user.email=t@example.org", *words]
        return subprocess.run(call, check=True, capture_output=True, text=True).stdout.strip()

    git("init", "-q")
    git("add", "params.yaml")
    git("commit", "-qm", "Run the study")
    assert slingshot("export", "toy", "tfidf", "clean").exit_code == 0
    assert f"from commit `{git('rev-parse', 'HEAD')}`." in Path("clean/README.md").read_text()
    set_param(project, "run.threads", 2)
    assert slingshot("export", "toy", "tfidf", "changed").exit_code == 0
    assert "with changes that are not committed." in Path("changed/README.md").read_text()


def test_what_can_not_be_exported_is_one_error_with_the_remedy(project: Path) -> None:
    def refused(message: str, *names: str) -> None:
        done = slingshot("export", *names, "out")
        assert done.exit_code == 1 and done.output.count("Error:") == 1, done.output
        assert message in done.output
        assert not Path("out").exists()

    refused("no data set 'tou', did you mean 'toy'?", "tou", "tfidf")
    refused("no model 'tfdif', did you mean 'tfidf'?", "toy", "tfdif")
    refused("data/models/toy/tfidf: not found; run `dvc repro finetune@toy-tfidf`", "toy", "tfidf")
    set_param(project, "study.models", ["frozen"])
    refused("tfidf take no part: add them to study in params.yaml", "toy", "tfidf")
    set_param(project, "study.models", ["tfidf"])
    study("tfidf")
    shutil.rmtree("metrics/cost")
    refused("metrics/cost/toy/tfidf.json: not found; run `dvc repro`", "toy", "tfidf")
    run("cost")
    Path("data/models/toy/tfidf/slingshot.json").unlink()
    refused("data/models/toy/tfidf: not a trained model", "toy", "tfidf")


def test_a_folder_with_files_is_refused_and_a_failure_leaves_nothing(
    project: Path, monkeypatch
) -> None:
    study("tfidf")
    Path("full").mkdir()
    Path("full/mine.txt").write_text("keep")
    done = slingshot("export", "toy", "tfidf", "full")
    assert done.exit_code == 1 and "full: already contains files" in done.output
    assert [path.name for path in Path("full").iterdir()] == ["mine.txt"]
    assert "full/mine.txt: is a file" in slingshot("export", "toy", "tfidf", "full/mine.txt").output
    Path("empty").mkdir()
    assert slingshot("export", "toy", "tfidf", "empty").exit_code == 0

    def full(source: str, target: str) -> None:
        Path(target).write_bytes(Path(source).read_bytes()[:10])
        raise OSError(28, "No space left on device")

    before = sorted(Path().iterdir())
    monkeypatch.setattr(shutil, "copyfile", full)
    done = slingshot("export", "toy", "tfidf", "half")
    assert done.exit_code == 1 and "half: can't be written" in done.output
    assert sorted(Path().iterdir()) == before


@pytest.mark.parametrize("command", ["export", "predict"])
def test_the_commands_explain_themselves(command: str) -> None:
    done = slingshot(command, "-h")
    assert done.exit_code == 0 and "FOLDER" in done.output
