"""evaluate and compare as they are run: files in, files and one closing line out."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

MODELS = ("tfidf", "frozen", "minilm")


def run(stage: str, *arguments: str) -> Result:
    import importlib

    return CliRunner().invoke(importlib.import_module(f"stages.{stage}").main, arguments)


def read(path: str) -> Any:
    return json.loads(Path(path).read_text(encoding="utf-8"))


@pytest.mark.usefixtures("study")
def test_evaluate_writes_scores_and_intervals() -> None:
    result = run("evaluate", "tweets", "minilm")
    assert result.exit_code == 0, result.output
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
    [line] = result.output.splitlines()
    assert line.startswith(f"evaluate tweets-minilm: accuracy {written['accuracy']:.3f} [")
    assert line.endswith("-> metrics/scores/tweets/minilm.json")


@pytest.mark.usefixtures("study")
def test_evaluate_takes_an_llm_without_scores_or_fraction() -> None:
    assert run("evaluate", "tweets", "gemma").exit_code == 0
    written = read("metrics/scores/tweets/gemma.json")
    assert written["fraction"] is None
    assert written["auroc"] is None
    assert written["validation_accuracy"] is not None


def test_evaluate_twice_writes_the_same_bytes(study: Path) -> None:
    files = [study / f"metrics/{folder}/tweets/tfidf.json" for folder in ("scores", "intervals")]
    run("evaluate", "tweets", "tfidf")
    first = [file.read_bytes() for file in files]
    run("evaluate", "tweets", "tfidf")
    assert [file.read_bytes() for file in files] == first


@pytest.mark.usefixtures("study")
def test_evaluate_stops_at_a_file_that_is_missing() -> None:
    result = run("evaluate", "tweets", "nobody")
    assert result.exit_code == 1
    assert "data/predictions/tweets/nobody.parquet: not found; run `dvc repro`" in result.output


@pytest.mark.usefixtures("study")
def test_evaluate_writes_what_dvc_draws_and_compare_the_rows_to_read() -> None:
    run("cascade", "tweets", "cascade")
    for name in ("minilm", "gemma"):
        run("evaluate", "tweets", name)
        for file in ("confusion", "risk", "reliability/predicted", "reliability/scaled"):
            assert Path(f"data/plots/tweets/{name}/{file}.csv").is_file()
    run("compare", "tweets")
    assert set(read("data/errors/tweets.json")["confident_errors"]) == {*MODELS, "gemma", "cascade"}


@pytest.mark.usefixtures("study")
def test_a_cascade_is_a_contestant_like_another() -> None:
    result = run("cascade", "tweets", "cascade")
    assert result.exit_code == 0, result.output
    [line] = result.output.splitlines()
    assert " of the test rows go to gemma; " in line
    assert line.endswith(" -> data/predictions/tweets/cascade.parquet")
    written = read("metrics/cascade/tweets/cascade.json")
    assert [row["seed"] for row in written["seeds"]] == [0, 1]
    assert written["rows"] == 10
    assert run("evaluate", "tweets", "cascade").exit_code == 0
    scores = read("metrics/scores/tweets/cascade.json")
    assert (scores["fraction"], scores["train_rows"]) == (0.5, 77)
    assert run("cost", "tweets", "cascade").exit_code == 0
    assert read("metrics/cost/tweets/cascade.json")["cost_per_1000_texts"] > 0


@pytest.mark.usefixtures("study")
def test_an_unknown_cascade_is_named() -> None:
    result = run("cascade", "tweets", "cascad")
    assert result.exit_code == 1
    assert "study.cascades: no cascade 'cascad', did you mean 'cascade'?" in result.output


@pytest.mark.usefixtures("study")
def test_compare_writes_every_pair_of_the_study_and_agrees_with_evaluate() -> None:
    run("cascade", "tweets", "cascade")
    result = run("compare", "tweets")
    assert result.exit_code == 0, result.output
    written = read("metrics/pairs/tweets.json")
    assert len(written["pairs"]) == 10
    assert (written["primary"], written["test_rows"]) == ("accuracy", 120)
    run("evaluate", "tweets", "minilm")
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
    assert result.output.splitlines()[-1].endswith(
        "differ by their intervals -> metrics/pairs/tweets.json"
    )
    assert "`slingshot show` says who is better" in " ".join(result.output.split())


def test_compare_names_a_contestant_that_has_not_predicted(study: Path) -> None:
    (study / "data/predictions/tweets/frozen.parquet").unlink()
    result = run("compare", "tweets")
    assert result.exit_code == 1
    assert "data/predictions/tweets/frozen.parquet: not found" in result.output
    assert not (study / "metrics").exists()
