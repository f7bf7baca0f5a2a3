"""evaluate as it is run: files in, files and one closing line out."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from tests.conftest import set_params

MODELS = ("tfidf", "frozen", "minilm")


def run(stage: str, *arguments: str) -> Result:
    import importlib

    return CliRunner().invoke(importlib.import_module(f"stages.{stage}").main, arguments)


@pytest.fixture(scope="module")
def results() -> dict[Path, Result]:
    """The folder that the first test with `evaluated` leaves for the others, and what `evaluate` printed there."""
    return {}


@pytest.fixture
def evaluated(
    study: Path, results: dict[Path, Result], tmp_path_factory: pytest.TempPathFactory
) -> Result:
    """What `evaluate` printed, after the cascade that it scores."""
    if not results:
        assert run("cascade", "tweets", "cascade").exit_code == 0
        result = run("evaluate", "tweets")
        assert result.exit_code == 0, result.output
        results[shutil.copytree(study, tmp_path_factory.mktemp("results") / "study")] = result
        return result
    [(folder, result)] = results.items()
    shutil.copytree(folder, study, dirs_exist_ok=True)
    return result


def read(path: str) -> Any:
    return json.loads(Path(path).read_text(encoding="utf-8"))


def test_evaluate_writes_scores_and_intervals(evaluated: Result) -> None:
    written = read("metrics/scores/tweets/minilm.json")
    assert set(written) == {
        *(
            "accuracy",
            "balanced_accuracy",
            "macro_f1",
            "auroc",
            "auroc_classes",
            "log_loss",
            "brier",
            "ece",
            "rms_calibration_error",
        ),
        *("coverage", "test_rows", "train_rows", "fraction", "validation_accuracy"),
    }
    assert (written["fraction"], written["train_rows"], written["test_rows"]) == (0.5, 77, 120)
    detail = read("metrics/intervals/tweets/minilm.json")
    assert (detail["groups"], detail["score_source"]) == (120, "softmax")
    assert [row["seed"] for row in detail["seeds"]] == [0, 1]
    said = f"evaluate tweets: minilm: accuracy {written['accuracy']:.3f} ["
    assert [line for line in evaluated.output.splitlines() if line.startswith(said)]


@pytest.mark.usefixtures("evaluated")
def test_evaluate_takes_an_llm_without_scores_or_fraction() -> None:
    written = read("metrics/scores/tweets/gemma.json")
    assert written["fraction"] is None
    assert written["auroc"] is None
    assert written["validation_accuracy"] is not None


@pytest.mark.usefixtures("evaluated")
def test_evaluate_twice_writes_the_same_bytes(study: Path) -> None:
    def written() -> dict[Path, bytes]:
        folders = [study / "metrics", study / "data/plots", study / "data/errors"]
        files = [file for folder in folders for file in folder.rglob("*") if file.is_file()]
        return {file: file.read_bytes() for file in files}

    first = written()
    assert len(first) == 1 + 2 * 5 + 1 + 4 * 5 + 1, (
        "cascade, scores, intervals, pairs, plots, errors"
    )
    assert run("cascade", "tweets", "cascade").exit_code == 0
    assert run("evaluate", "tweets").exit_code == 0
    assert written() == first


def test_evaluate_names_a_contestant_that_has_not_predicted(study: Path) -> None:
    run("cascade", "tweets", "cascade")
    (study / "data/predictions/tweets/frozen.parquet").unlink()
    result = run("evaluate", "tweets")
    assert result.exit_code == 1
    assert "data/predictions/tweets/frozen.parquet: not found; run `dvc repro`" in result.output
    assert not (study / "metrics/scores").exists()


@pytest.mark.usefixtures("evaluated")
def test_a_contestant_that_left_the_study_leaves_the_folders(study: Path) -> None:
    assert run("cost", "tweets").exit_code == 0
    set_params(study, {"study.cascades": [], "study.models": ["minilm"]})
    for stage in ("evaluate", "cost"):
        assert run(stage, "tweets").exit_code == 0
    folders = [study / "metrics" / kind / "tweets" for kind in ("scores", "intervals", "cost")]
    folders += (study / "data/plots/tweets").iterdir()
    assert len(folders) == 7
    for folder in folders:
        assert {file.stem for file in folder.iterdir()} == {"minilm", "gemma"}, folder


@pytest.mark.usefixtures("evaluated")
def test_evaluate_writes_what_dvc_draws_and_the_rows_to_read() -> None:
    for name in (*MODELS, "gemma", "cascade"):
        for kind in ("confusion", "risk", "reliability", "scaled"):
            assert Path(f"data/plots/tweets/{kind}/{name}.csv").is_file()
    assert set(read("data/errors/tweets.json")["confident_errors"]) == {*MODELS, "gemma", "cascade"}


@pytest.mark.usefixtures("study")
def test_a_cascade_is_a_contestant_like_another() -> None:
    result = run("cascade", "tweets", "cascade")
    assert result.exit_code == 0, result.output
    [line] = result.output.splitlines()
    assert "cascade tweets-cascade: gemma answers " in line and "% of the test rows; " in line
    assert line.endswith(" -> data/predictions/tweets/cascade.parquet")
    written = read("metrics/cascade/tweets/cascade.json")
    assert [row["seed"] for row in written["seeds"]] == [0, 1]
    assert written["rows"] == 10
    assert run("evaluate", "tweets").exit_code == 0
    scores = read("metrics/scores/tweets/cascade.json")
    assert (scores["fraction"], scores["train_rows"]) == (0.5, 77)
    assert run("cost", "tweets").exit_code == 0
    assert read("metrics/cost/tweets/cascade.json")["cost_per_1000_texts"] > 0


@pytest.mark.usefixtures("study")
def test_an_unknown_cascade_is_named() -> None:
    result = run("cascade", "tweets", "cascad")
    assert result.exit_code == 1
    assert "study.cascades: no cascade 'cascad', did you mean 'cascade'?" in result.output


def test_evaluate_writes_every_pair_of_the_study_in_agreement_with_the_scores(
    evaluated: Result,
) -> None:
    written = read("metrics/pairs/tweets.json")
    assert len(written["pairs"]) == 10
    assert (written["primary"], written["test_rows"]) == ("accuracy", 120)
    against = next(pair for pair in written["pairs"] if pair["b"] == "minilm")
    assert against["b_value"] == pytest.approx(
        read("metrics/scores/tweets/minilm.json")["accuracy"], abs=1e-12
    )
    checked = {name: list(figures) for name, figures in written["validation"].items()}
    assert checked == {
        name: ["40" if name in MODELS else "10"] for name in (*MODELS, "gemma", "cascade")
    }
    own = read("metrics/scores/tweets/minilm.json")["validation_accuracy"]
    assert written["validation"]["minilm"]["40"] == pytest.approx(own, abs=1e-12)
    last = evaluated.output.splitlines()[-1]
    assert last == (
        "evaluate tweets: 10 pairs compared on accuracy; `slingshot show` says who is better"
        " -> metrics/pairs/tweets.json"
    )
    assert "`slingshot show` says who is better" in " ".join(evaluated.output.split())
