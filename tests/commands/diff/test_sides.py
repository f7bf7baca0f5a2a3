"""Which sides of which revisions `slingshot diff` compares, and where it finds their predictions."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from slingshot.commands.diff import compare
from slingshot.files.codes import NO_SEED
from tests.commands.diff.conftest import (
    CONTESTANTS,
    ROWS,
    Study,
    first,
    found,
    line,
    of,
    slingshot,
    write_graph,
    write_study,
)
from tests.conftest import set_param


def test_what_is_missing_in_the_work_tree_comes_from_the_cache(study: Study) -> None:
    study.predict("gains", first(800))
    study.measure("gains")
    shutil.rmtree("data")
    one = of(found("main"), "gains")
    assert (one["how"], one["verdict"]) == ("paired", "better")
    assert not Path("data").exists()


def test_predictions_of_the_revision_are_pulled_from_a_remote(study: Study, tmp_path: Path) -> None:
    from dvc.repo import Repo

    study.use_remote(tmp_path / "store")
    with Repo() as repo:
        repo.push()
    study.forget_cache()
    study.predict("gains", first(800))
    assert of(found("main"), "gains")["how"] == "paired"
    held = [path for path in Path(".dvc/cache").rglob("*") if path.is_file()]
    assert len(held) == 1, "only what was needed was pulled: labels.json is here"


@pytest.mark.parametrize(
    ("remote", "why"),
    [(None, "no DVC remote is set"), ("store", "the DVC remote did not give them")],
)
def test_without_them_the_committed_intervals_are_compared(
    study: Study, tmp_path: Path, remote, why: str
) -> None:
    study.predict("gains", first(800))
    study.measure("gains")
    study.forget_cache()
    if remote:
        (tmp_path / remote).mkdir()
        study.use_remote(tmp_path / remote)
    told = found("main", "--fail-on-worse", exit_code=2)
    one = of(told, "gains")
    assert (one["how"], one["shared_rows"], told["not_paired"]) == (
        "intervals",
        None,
        ["toy-gains"],
    )
    assert one["difference"] == pytest.approx(0.05)
    error = np.sqrt((0.75 * 0.25 + 0.8 * 0.2) / ROWS)
    assert (one["low"], one["high"]) == pytest.approx(
        (0.05 - 1.96 * error, 0.05 + 1.96 * error), abs=0.003
    )
    assert one["p"] == pytest.approx(2 * stats.norm.sf(0.05 / error), abs=0.003)
    assert why in one["notes"][0] and "dvc push" in one["notes"][0]
    text = slingshot("diff", "main").stdout
    assert line(text, "gains")[4] == "unpaired, from the committed intervals, shared rows unknown"


def test_a_remote_that_cannot_be_read_is_named_with_its_reason(study: Study) -> None:
    study.predict("gains", first(800))
    study.forget_cache()
    Path(".dvc/config").write_text("[core]\n    remote = gone\n")
    one = of(found("main"), "gains")
    assert one["how"] == "intervals"
    assert "the DVC remote can't be read (" in one["notes"][0]


def test_without_data_or_cache_what_has_not_changed_is_still_known_to_be_the_same(
    study: Study,
) -> None:
    study.predict("gains", first(800))
    study.measure("gains")
    shutil.rmtree("data")
    study.forget_cache()
    told = found("main", "--fail-on-worse", exit_code=2)
    assert {name: of(told, name)["how"] for name in CONTESTANTS} == {
        **dict.fromkeys(CONTESTANTS, "same"),
        "gains": "intervals",
    }
    assert (
        "the predictions of the workspace and main are not in DVC's cache"
        in of(told, "gains")["notes"][0]
    )


def test_what_was_never_predicted_here_is_not_compared(study: Study) -> None:
    study.predict("gains", first(800))
    Path("dvc.lock").write_text("schema: '2.0'\nstages: {}\n")
    shutil.rmtree("data")
    shutil.rmtree("metrics")
    told = found("main", "--fail-on-worse", exit_code=2)
    one = of(told, "gains")
    assert (one["how"], one["workspace"], one["revision"]) == ("not compared", None, 0.75)
    assert (
        "dvc.lock of the workspace names no predictions with their labels; run `dvc repro`"
        in one["notes"][0]
    )
    assert "metrics/intervals of the workspace has no 95% interval of accuracy" in one["notes"][0]


def test_predictions_of_another_format_are_said_to_be_so(study: Study) -> None:
    Path("data/predictions/toy/gains.parquet").write_text("once upon a time\n")
    one = of(found("main"), "gains")
    assert one["how"] == "intervals"
    assert "not a parquet file" in one["notes"][0]


# --- what is compared ------------------------------------------------------------------------------


def test_an_experiment_goes_by_its_name(study: Study) -> None:
    from dvc.repo import Repo

    study.predict("gains", first(800))
    study.measure("gains")
    with Repo() as repo:
        repo.experiments.save(name="bolder")
    study.predict("gains", first(750))
    told = found("bolder")
    assert of(told, "gains")["difference"] == pytest.approx(-0.05)
    assert told["lost"] == ["toy-gains"]


def test_contestants_and_data_sets_of_one_side_are_new_or_gone(study: Study) -> None:
    names = ("added", *CONTESTANTS[1:])
    write_study(names, datasets=("toy", "other"))
    write_graph(names)
    study.predict("added", first(800))
    told = found("main", "--fail-on-worse")
    assert (of(told, "added")["how"], of(told, "gains")["how"]) == ("new", "gone")
    assert of(told, "gains")["revision"] == 0.75
    assert [(one["dataset"], one["presence"]) for one in told["datasets"]] == [
        ("toy", "both"),
        ("other", "new"),
    ]
    text = slingshot("diff", "main").stdout
    assert line(text, "gains") == ["gains", "0.750", "–", "gone", ""]
    assert "### other\n\nNew: only the workspace has this data set." in text
    study.commit("Add a data set")
    write_study(names)
    assert "Gone: only HEAD has this data set." in slingshot("diff", "HEAD").stdout
    assert [one["dataset"] for one in found("HEAD", "--dataset", "other")["datasets"]] == ["other"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["nowhere"],
            "unknown Git revision 'nowhere': name a commit, a branch, a tag or an experiment",
        ),
        (
            ["main", "--dataset", "toi"],
            "no data set 'toi' in the study of either side, did you mean 'toy'?",
        ),
        (["main", "--metric", "acuracy"], "no metric 'acuracy', did you mean 'accuracy'?"),
        (["empty"], "nothing was measured there"),
    ],
)
def test_a_wrong_word_exits_with_2_and_says_what_to_write(
    study: Study, arguments: list[str], said: str
) -> None:
    study.git(
        "branch",
        "empty",
        study.git("commit-tree", "-m", "Begin", study.git("mktree").strip()).strip(),
    )
    done = slingshot("diff", *arguments, "--fail-on-worse")
    assert done.exit_code == 2
    assert said in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        ("params.yaml", "study: {}\n", "params.yaml:\n"),
        ("dvc.lock", "stages: {a: [\n", "dvc.lock of the workspace: not a YAML mapping"),
        (
            "dvc.lock",
            "stages: {a: 3}\n",
            "stages.a: expected keys with values; restore it with `git",
        ),
    ],
)
def test_a_broken_file_exits_with_2_too(study: Study, file: str, text: str, said: str) -> None:
    Path(file).write_text(text)
    done = slingshot("diff", "main", "--fail-on-worse")
    assert done.exit_code == 2
    assert said in done.stderr


def test_a_fault_of_the_program_exits_with_2_and_its_traceback(study: Study, monkeypatch) -> None:
    def fail(*arguments: object) -> None:
        raise RuntimeError("no such thing")

    monkeypatch.setattr(compare, "compare", fail)
    done = slingshot("diff", "main", "--fail-on-worse")
    assert done.exit_code == 2
    assert "Traceback" in done.stderr and "no such thing" in done.stderr


# --- files of an older Slingshot -------------------------------------------------------------------


INTERVALS, SCORES = (f"metrics/{room}/toy/gains.json" for room in ("intervals", "scores"))


def commit_older(study: Study, text: str, *paths: str) -> None:
    """On main, some files of `gains` hold the text. In the work tree they are as they were, and gains is better."""
    todays = {path: Path(path).read_text() for path in paths}
    for path in paths:
        Path(path).write_text(text)
    study.commit("As an older Slingshot wrote it")
    for path, content in todays.items():
        Path(path).write_text(content)
    study.predict("gains", first(800))
    study.measure("gains")


@pytest.mark.parametrize(("seed", "of_training"), [(0, 0.012), (NO_SEED, 0.0)])
def test_sentences_as_notes_and_missing_keys_of_a_revision_do_no_harm(
    study: Study, seed: int, of_training: float
) -> None:
    """What training adds comes from the number of trained seeds, whatever the notes say."""
    error = np.sqrt(0.75 * 0.25 / ROWS)
    accuracy = {"value": 0.75, "low": 0.75 - 1.96 * error, "high": 0.75 + 1.96 * error}
    older = {
        "confidence": 0.95,
        "groups": ROWS,
        "metrics": {"accuracy": {**accuracy, "reason": None}},
        "notes": ["training variance not included", f"{ROWS} test groups: intervals rest on these"],
        "seeds": [{"seed": seed, "accuracy": 0.75}],
    }
    commit_older(study, json.dumps(older), INTERVALS)
    study.forget_cache()
    one = of(found("main"), "gains")
    assert (one["how"], one["difference"]) == ("intervals", pytest.approx(0.05))
    now = np.sqrt(0.8 * 0.2 / ROWS)
    half = 1.96 * np.sqrt(error**2 + now**2 + of_training**2)
    assert (one["low"], one["high"]) == pytest.approx((0.05 - half, 0.05 + half), abs=0.001)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{", f"{INTERVALS} of main: not valid JSON: "),
        ("{}", "metrics/intervals of main has no 95% interval of accuracy"),
        ('{"metrics": {"accuracy": {"value": 0.75}}}', "metrics/intervals of main has no 95%"),
        ('{"metrics": {"accuracy": 0.75}}', f"{INTERVALS} of main: metrics.accuracy: input should"),
        ('{"seeds": [{}]}', f"{INTERVALS} of main: key 'seeds.0.seed' is missing"),
    ],
)
def test_intervals_that_can_not_be_read_leave_the_contestant_uncompared_with_the_reason(
    study: Study, text: str, why: str
) -> None:
    commit_older(study, text, INTERVALS)
    study.forget_cache()
    told = found("main", "--fail-on-worse", exit_code=2)
    one = of(told, "gains")
    assert one["how"] == "not compared" and why in one["notes"][0]
    assert {of(told, name)["how"] for name in CONTESTANTS[1:]} == {"same"}, "the others go on"
    assert f"- gains: {one['notes'][0][:20]}" in slingshot("diff", "main").stdout


def test_broken_files_of_a_revision_do_not_matter_where_predictions_are_compared(
    study: Study,
) -> None:
    commit_older(study, "{", INTERVALS, SCORES)
    one = of(found("main"), "gains")
    assert (one["how"], one["revision"], one["verdict"]) == ("paired", 0.75, "better")


def test_a_score_of_what_is_gone_that_can_not_be_read_is_a_dash_with_its_reason(
    study: Study,
) -> None:
    commit_older(study, "{", SCORES)
    write_study(CONTESTANTS[1:])
    done = slingshot("diff", "main")
    assert line(done.stdout, "gains")[1:4] == ["–", "–", "gone"]
    assert f"- gains: {SCORES} of main: not valid JSON" in " ".join(done.stdout.split())


def test_the_workspaces_own_files_must_have_todays_form(study: Study) -> None:
    study.predict("gains", first(800))
    study.measure("gains")
    study.forget_cache()
    intervals = json.loads(Path(INTERVALS).read_text())
    Path(INTERVALS).write_text(json.dumps(intervals | {"notes": ["a sentence"]}))
    one = of(found("main", "--fail-on-worse", exit_code=2), "gains")
    assert one["how"] == "not compared"
    assert f"{INTERVALS}: notes.0: " in one["notes"][0] and "; run `dvc repro`" in one["notes"][0]


def test_outside_a_repository_it_says_so(
    study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy("params.yaml", tmp_path)
    monkeypatch.chdir(tmp_path)
    done = slingshot("diff", "main")
    assert done.exit_code == 2
    assert "main can't be read: you are not inside of a DVC repository" in done.stderr


def test_git_and_the_work_tree_stay_as_they_are(study: Study) -> None:
    study.predict("gains", first(800))
    study.measure("gains")
    study.commit("Go on")
    set_param(Path(), "metrics.margin", 0.03)

    def state() -> Any:
        files = {
            path: path.stat().st_mtime_ns
            for top in ("data", "metrics")
            for path in Path(top).rglob("*")
        }
        listed = (
            study.git("for-each-ref"),
            study.git("stash", "list"),
            study.git("status", "--porcelain"),
        )
        return files, *listed, Path(".git/HEAD").read_text()

    before = state()
    assert slingshot("diff", "HEAD~1").exit_code == 0
    assert state() == before


def test_predictions_that_older_code_wrote_are_said_to_be_and_compared_by_their_intervals(
    study: Study,
) -> None:
    import pyarrow.parquet as pq

    path = Path("data/predictions/toy/level.parquet")
    table = pq.read_table(path)
    kept = {key: value for key, value in table.schema.metadata.items() if key != b"labels"}
    pq.write_table(table.replace_schema_metadata(kept), path)
    one = of(found("main"), "level")
    assert one["how"] == "intervals"
    [note] = one["notes"]
    assert note.startswith(
        "the predictions of the workspace are not as today's code writes them: its metadata lacks"
    )
    assert "cache" not in note and "dvc repro" not in note
