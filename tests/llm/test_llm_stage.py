"""The stage prompt_llm as people run it: what it chooses, what it writes, and that it repeats nothing."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from slingshot.files.codes import NO_SEED, PREDICTED
from slingshot.files.predictions import check_ids, read_predictions
from slingshot.files.rows import read_rows
from slingshot.files.storage.parquet import read_metadata
from slingshot.files.usage import Usage
from slingshot.llm.local.scoring import CausalLm
from stages.prompt_llm import main
from tests.conftest import NAMES, set_param


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """Where the first test that wants `scored` leaves the project for the others, and what `scored` returned."""
    return tmp_path_factory.mktemp("kept") / "project", []


@pytest.fixture
def scored(project, kept, monkeypatch):
    """The project after the stage, which runs once for all tests of this file; the number of texts in each call that
    scored some; and what the stage printed."""
    folder, returned = kept
    if returned:
        shutil.copytree(folder, project, dirs_exist_ok=True)
        return project, *returned
    calls = []
    original = CausalLm.log_likelihoods

    def counted(self, prefix, queries, advance=lambda rows: None):
        calls.append(len(queries))
        return original(self, prefix, queries, advance)

    monkeypatch.setattr(CausalLm, "log_likelihoods", counted)
    result = CliRunner().invoke(main, ["toy", "lm"])
    assert result.exit_code == 0, result.output
    shutil.copytree(project, folder)
    returned += calls, result.stdout
    return project, *returned


def test_it_predicts_its_first_validation_rows_and_all_of_test(scored):
    project, _, output = scored
    path = project / "data/predictions/toy/lm.parquet"
    frame = read_predictions(path, NAMES)
    validation, test = (read_rows(project / f"data/prepared/toy/{s}.parquet") for s in PREDICTED)
    check_ids(path, frame, validation, test)
    assert frame["split"].value_counts().to_dict() == {"test": 60, "validation": 24}
    assert set(frame["seed"]) == {NO_SEED} and set(frame["score_source"]) == {"logprob"}
    assert read_metadata(path)["fraction"] is None
    answers = pd.read_parquet(project / "data/answers/toy/lm.parquet")
    assert answers["id"].tolist() == frame["id"].tolist()
    assert answers["request"].str.fullmatch("[0-9a-f]{64}").all()
    assert output.startswith("prompt_llm toy-lm:")


def test_the_chosen_pass_is_reused(scored):
    _, calls, _ = scored
    many = [count for count in calls if count > 1]
    rest = 12 + 60
    parts = [rest // 4] * 4
    assert many == [12, 12, *parts * 3], (
        "a pass a number of shots over the choosing rows, then the rest, to be timed"
    )


def test_the_best_on_the_choosing_rows_is_chosen(scored):
    project, _, _ = scored
    usage = Usage.read(project / "data/usage/toy/lm.json")
    tried = usage.details["tried"]
    assert len(tried) == 4
    best = max(tried, key=lambda entry: entry["score"])
    assert usage.details["chosen"] == {key: best[key] for key in ("shots", "calibration")}
    frame = read_predictions(project / "data/predictions/toy/lm.parquet", NAMES)
    first = frame[frame["split"] == "validation"].iloc[:12]
    assert np.mean(first["prediction"] == first["label"]) == pytest.approx(best["score"])
    assert usage.train_rows == 3 * best["shots"]
    timed = frame.iloc[12:]  # the timing leaves the choosing pass out
    assert usage.requests == usage.predict[0].texts == len(timed)
    assert usage.llm_tokens["input"] == usage.predict[0].tokens
    assert usage.llm_tokens["cache_read"] == usage.llm_tokens["cache_write"] * len(timed)
    assert timed["input_tokens"].sum() == usage.llm_tokens["input"] + usage.llm_tokens["cache_read"]


def test_an_unknown_llm_names_the_nearest(project):
    result = CliRunner().invoke(main, ["toy", "ml"])
    assert result.exit_code == 1 and "did you mean 'lm'" in result.output


def run(**changes):
    """Run the stage with other settings of the LLM. Returns its usage and its summary."""
    for key, value in changes.items():
        set_param(Path(), f"llms.lm.{key}", value)
    result = CliRunner().invoke(main, ["toy", "lm"])
    assert result.exit_code == 0, (result.output, result.exception)
    return Usage.read(Path("data/usage/toy/lm.json")), result.stdout


def test_without_shots_no_labelled_row_is_used(project):
    usage, summary = run(shots=[0])
    assert usage.train_rows == 0
    assert "0 shots for each class" in summary


def test_fixed_shots_are_counted_in_all(project):
    usage, said = run(shots=[4], selection="fixed", calibration=["none"])
    assert usage.train_rows == 4
    assert (
        "lm: 4 shots, none calibration, accuracy" in said
        and "on the rows that chose them ->" in said
    )


def test_nearest_shots_come_from_the_whole_pool_and_no_prefix_is_shared(project, encoder):
    usage, _ = run(
        shots=[1, 2], selection="nearest", encoder={"checkpoint": str(encoder), "max_length": 32}
    )
    assert usage.train_rows == 30
    assert usage.llm_tokens["cache_read"] == usage.llm_tokens["cache_write"] == 0
    frame = read_predictions(project / "data/predictions/toy/lm.parquet", NAMES)
    assert (
        frame["input_tokens"].iloc[12:].sum()
        == usage.llm_tokens["input"]
        == usage.predict[0].tokens
    )
    assert frame["input_tokens"].nunique() > 10
