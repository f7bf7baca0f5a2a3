"""`slingshot diff` on real revisions: how two sides are compared, and what is said of it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from scipy import stats

from slingshot import cli
from tests.conftest import NAMES, set_param
from tests.diff.conftest import CONTESTANTS, ROWS, Study, first, toy_rows, write_graph, write_study

SWAPPED = first(755) & ~first(5)
"""Five rows lost, five gained."""
STIRRED = first(800) & ~first(60)
"""Sixty rows lost, fifty gained."""


def slingshot(*arguments: str) -> Result:
    return CliRunner().invoke(cli.main, arguments)


def found(*arguments: str, exit_code: int = 0) -> dict[str, Any]:
    """What `slingshot diff ARGUMENTS --json` prints."""
    done = slingshot("diff", *arguments, "--json")
    assert done.exit_code == exit_code, done.output
    return dict(json.loads(done.stdout))


def of(told: dict[str, Any], contestant: str) -> dict[str, Any]:
    return next(one for one in told["datasets"][0]["comparisons"] if one["contestant"] == contestant)


def line(text: str, contestant: str) -> list[str]:
    """The cells of a contestant's row."""
    row = next(row for row in text.splitlines() if row.startswith(f"| {contestant} "))
    return [cell.strip() for cell in row.strip("|").split("|")]


def test_each_contestant_is_judged_by_the_rule_of_the_pairs(study: Study) -> None:
    for name, right in zip(CONTESTANTS, (first(800), first(700), first(735), SWAPPED, STIRRED), strict=True):
        study.predict(name, right)
    told = found("main")
    verdicts = {name: of(told, name)["verdict"] for name in CONTESTANTS}
    assert verdicts == {
        "gains": "better",
        "loses": "worse",
        "slips": "worse",
        "level": "as good",
        "wobbles": "not resolved",
    }
    assert [of(told, name)["difference"] for name in CONTESTANTS] == pytest.approx([0.05, -0.05, -0.015, 0, -0.01])
    assert {of(told, name)["how"] for name in CONTESTANTS} == {"paired"}
    assert of(told, "gains")["p_holm"] == pytest.approx(5 * 2 / 1000), "five contestants, 999 resamples"
    assert of(told, "gains")["shared_rows"] == ROWS
    assert (told["lost"], told["not_paired"]) == (["toy-loses"], []), "slips is worse, but within the margin"
    assert told["commit"] == study.git("rev-parse", "main").strip()


def test_the_markdown_gives_each_difference_in_points_with_its_interval_and_verdict(study: Study) -> None:
    study.predict("loses", first(700))
    study.predict("wobbles", STIRRED)
    done = slingshot("diff", "main")
    assert done.exit_code == 0, done.output
    wobbles = of(found("main"), "wobbles")
    low, high = (f"{100 * wobbles[key]:.1f}" for key in ("low", "high"))
    assert line(done.stdout, "wobbles") == [
        "wobbles",
        "0.750",
        "0.740",
        f"-1.0 points [{low}, {high}], not resolved",
        "paired, 1,000 rows",
    ]
    assert line(done.stdout, "gains")[3] == "the same predictions"
    assert "**Lost beyond the margin: toy-loses.**" in done.stdout
    assert "The margin is 2.0 points." in done.stdout
    rows = [row for row in done.stdout.splitlines() if row.startswith("|")]
    assert len(rows) == 2 + len(CONTESTANTS)
    assert {row.count("|") for row in rows} == {6} and len({len(row) for row in rows}) == 1, "a table, and aligned"
    assert "\x1b" not in done.output


@pytest.mark.parametrize(
    ("right", "flags", "code"),
    [
        (first(700), ["--fail-on-worse"], 1),
        (first(700), [], 0),
        (first(735), ["--fail-on-worse"], 0),
        (first(800), ["--fail-on-worse"], 0),
        (STIRRED & ~first(80), ["--fail-on-worse"], 0),
    ],
    ids=["a loss", "a loss, not asked for", "a loss under the margin", "a gain", "three points, not resolved"],
)
def test_only_a_resolved_loss_beyond_the_margin_exits_with_1(study: Study, right, flags: list[str], code: int) -> None:
    set_param(Path(), "metrics.confidence", 0.99)
    study.predict("loses", right)
    assert slingshot("diff", "main", *flags).exit_code == code


def test_a_loss_of_just_the_margin_is_none_beyond_it(study: Study) -> None:
    study.predict("loses", first(730))
    told = found("main", "--fail-on-worse")
    assert of(told, "loses")["verdict"] == "worse"
    assert told["lost"] == []


def test_a_paired_interval_is_that_of_a_naive_paired_bootstrap(study: Study) -> None:
    study.predict("wobbles", STIRRED)
    one = of(found("main"), "wobbles")
    naive = stats.bootstrap(
        (STIRRED.astype(float), first(750).astype(float)),
        lambda a, b, axis: a.mean(axis=axis) - b.mean(axis=axis),
        paired=True,
        n_resamples=4999,
        method="percentile",
        rng=np.random.default_rng(0),
    ).confidence_interval
    assert (one["low"], one["high"]) == pytest.approx((naive.low, naive.high), abs=0.0025)


def test_rows_that_came_into_other_groups_stay_paired(study: Study) -> None:
    study.predict("wobbles", STIRRED)
    alone = of(found("main"), "wobbles")
    study.predict("wobbles", STIRRED, rows=toy_rows(per_group=10))
    together = of(found("main"), "wobbles")
    assert (alone["how"], together["how"]) == ("paired", "paired")
    assert together["high"] - together["low"] > 1.5 * (alone["high"] - alone["low"]), "lost and gained rows are cliques"


def test_three_seeds_are_compared_with_one(study: Study) -> None:
    study.predict("gains", first(800), seeds=(0, 1, 2))
    one = of(found("main"), "gains")
    assert (one["how"], one["verdict"]) == ("paired", "better")


def test_the_same_predictions_in_another_file_are_not_tested(study: Study) -> None:
    study.predict("gains", first(750), tokens=7)
    one = of(found("main", "--fail-on-worse"), "gains")
    assert (one["how"], one["difference"], one["p"], one["verdict"]) == ("same", None, None, None)
    assert one["workspace"] == one["revision"] == 0.75


# --- other rows, other labels ----------------------------------------------------------------------


def test_other_rows_are_compared_unpaired_and_the_shared_ones_counted(study: Study) -> None:
    study.predict("gains", first(700), rows=toy_rows(start=201))
    told = found("main", "--fail-on-worse", exit_code=2)
    one = of(told, "gains")
    assert (one["how"], one["rows"], one["revision_rows"], one["shared_rows"]) == ("unpaired", ROWS, ROWS, ROWS - 201)
    assert one["difference"] == pytest.approx(-0.05)
    error = np.sqrt((0.75 * 0.25 + 0.7 * 0.3) / ROWS)
    assert one["high"] - one["low"] == pytest.approx(2 * 1.96 * error, rel=0.1), "of two independent samples"
    assert one["verdict"] == "worse"
    assert (told["lost"], told["not_paired"]) == ([], ["toy-gains"]), "a loss on other rows may be the rows'"
    text = slingshot("diff", "main").stdout
    assert line(text, "gains")[4] == "unpaired, 1,000 rows against 1,000, 799 shared"
    assert "- gains: the test rows are others." in text
    assert "Not paired, so not judged as a loss: toy-gains." in text


def test_a_loss_beside_what_is_not_paired_exits_with_1(study: Study) -> None:
    study.predict("gains", first(700), rows=toy_rows(start=201))
    study.predict("loses", first(700))
    assert found("main", "--fail-on-worse", exit_code=1)["lost"] == ["toy-loses"]


def test_a_corrected_label_unpairs_the_rows(study: Study) -> None:
    rows = toy_rows()
    rows.loc[:2, "label"] = (rows.loc[:2, "label"] + 1) % 3
    study.predict("gains", first(760), rows=rows)
    one = of(found("main"), "gains")
    assert (one["how"], one["shared_rows"]) == ("unpaired", ROWS - 3)
    assert one["notes"][0] == "the labels of 3 test rows are others"


def test_labels_in_another_order_are_the_same_labels(study: Study) -> None:
    turned = (NAMES[2], NAMES[0], NAMES[1])
    for name in CONTESTANTS:
        study.predict(name, first(750), names=turned)
    told = found("main")
    assert {of(told, name)["how"] for name in CONTESTANTS} == {"same"}, "predictions and scores were renumbered"
    study.predict("gains", first(800), names=turned)
    for metric in ("accuracy", "auroc", "log_loss"):
        one = of(found("main", "--metric", metric), "gains")
        assert (one["how"], one["verdict"]) == ("paired", "better")


def test_other_label_names_unpair_the_rows(study: Study) -> None:
    study.predict("gains", first(800), names=(*NAMES[:2], "splendid"))
    one = of(found("main"), "gains")
    expected = sum(toy_rows()["label"] < 2)
    assert (one["how"], one["shared_rows"]) == ("unpaired", expected)
    assert one["notes"][0] == "the label names are others: bad, fine, splendid now, bad, fine, good before"


# --- other metrics ---------------------------------------------------------------------------------


def test_less_log_loss_is_better_though_the_difference_is_negative(study: Study) -> None:
    study.predict("gains", first(800))
    study.predict("loses", first(750), sure=0.95)
    told = found("main", "--metric", "log_loss", "--fail-on-worse", exit_code=1)
    gains, loses = of(told, "gains"), of(told, "loses")
    assert gains["difference"] == pytest.approx(-0.05 * np.log(0.8 / 0.1))
    assert loses["difference"] == pytest.approx(-0.75 * np.log(0.95 / 0.8) + 0.25 * np.log(0.1 / 0.025))
    assert (gains["verdict"], loses["verdict"]) == ("better", "worse")
    assert (told["lower_is_better"], told["lost"]) == (True, ["toy-loses"])
    text = slingshot("diff", "main", "--metric", "log_loss").stdout
    assert line(text, "gains")[3] == f"{gains['difference']:.3f} [{gains['low']:.3f}, {gains['high']:.3f}], better"
    assert "A plus is a loss, as less is better." in text
    assert "The margin is 0.02, which is that of accuracy." in text


def test_a_brier_score_is_as_good_where_a_rise_beyond_the_margin_is_ruled_out(study: Study) -> None:
    study.predict("level", SWAPPED)
    assert of(found("main", "--metric", "brier"), "level")["verdict"] == "as good"


def test_a_metric_that_needs_scores_is_undefined_without_them(study: Study) -> None:
    study.predict("gains", first(800), sure=None)
    told = found("main", "--metric", "auroc", "--fail-on-worse", exit_code=2)
    one = of(told, "gains")
    assert (one["how"], one["workspace"], one["difference"], one["verdict"]) == ("paired", None, None, None)
    assert told["not_paired"] == ["toy-gains"]
    text = slingshot("diff", "main", "--metric", "auroc").stdout
    assert line(text, "gains")[2:4] == ["–", "undefined"]
    assert "- gains: workspace: auroc needs scores, and the score source is none." in text
    assert "## AUROC of the workspace" in text


# --- where predictions come from -------------------------------------------------------------------


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


@pytest.mark.parametrize(("remote", "why"), [(None, "no DVC remote is set"), ("store", "does not hold them either")])
def test_without_them_the_committed_intervals_are_compared(study: Study, tmp_path: Path, remote, why: str) -> None:
    study.predict("gains", first(800))
    study.measure("gains")
    study.forget_cache()
    if remote:
        (tmp_path / remote).mkdir()
        study.use_remote(tmp_path / remote)
    told = found("main", "--fail-on-worse", exit_code=2)
    one = of(told, "gains")
    assert (one["how"], one["shared_rows"], told["not_paired"]) == ("intervals", None, ["toy-gains"])
    assert one["difference"] == pytest.approx(0.05)
    error = np.sqrt((0.75 * 0.25 + 0.8 * 0.2) / ROWS)
    assert (one["low"], one["high"]) == pytest.approx((0.05 - 1.96 * error, 0.05 + 1.96 * error), abs=0.003)
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


def test_without_data_or_cache_what_has_not_changed_is_still_known_to_be_the_same(study: Study) -> None:
    study.predict("gains", first(800))
    study.measure("gains")
    shutil.rmtree("data")
    study.forget_cache()
    told = found("main", "--fail-on-worse", exit_code=2)
    assert {name: of(told, name)["how"] for name in CONTESTANTS} == {
        **dict.fromkeys(CONTESTANTS, "same"),
        "gains": "intervals",
    }
    assert "the predictions of workspace and main are not in DVC's cache" in of(told, "gains")["notes"][0]


def test_what_was_never_predicted_here_is_not_compared(study: Study) -> None:
    study.predict("gains", first(800))
    Path("dvc.lock").write_text("schema: '2.0'\nstages: {}\n")
    shutil.rmtree("data")
    shutil.rmtree("metrics")
    told = found("main", "--fail-on-worse", exit_code=2)
    one = of(told, "gains")
    assert (one["how"], one["workspace"], one["revision"]) == ("not compared", None, 0.75)
    assert "dvc.lock of workspace names no predictions with their labels; run `dvc repro`" in one["notes"][0]
    assert "metrics/intervals of workspace holds no 95% interval of accuracy" in one["notes"][0]


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
    assert [(one["dataset"], one["presence"]) for one in told["datasets"]] == [("toy", "both"), ("other", "new")]
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
        (["nowhere"], "unknown Git revision 'nowhere': name a commit, a branch, a tag or an experiment"),
        (["main", "--dataset", "toi"], "no data set 'toi' in the study of either side, did you mean 'toy'?"),
        (["main", "--metric", "acuracy"], "no metric 'acuracy', did you mean 'accuracy'?"),
        (["empty"], "nothing was measured there"),
    ],
)
def test_a_wrong_word_exits_with_2_and_says_what_to_write(study: Study, arguments: list[str], said: str) -> None:
    study.git("branch", "empty", study.git("commit-tree", "-m", "Begin", study.git("mktree").strip()).strip())
    done = slingshot("diff", *arguments, "--fail-on-worse")
    assert done.exit_code == 2
    assert said in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        ("params.yaml", "study: {}\n", "params.yaml:\n"),
        ("dvc.lock", "stages: {a: [\n", "dvc.lock of workspace: not a YAML mapping"),
        ("dvc.lock", "stages: {a: 3}\n", "Traceback"),
    ],
)
def test_a_broken_file_exits_with_2_too(study: Study, file: str, text: str, said: str) -> None:
    Path(file).write_text(text)
    done = slingshot("diff", "main", "--fail-on-worse")
    assert done.exit_code == 2
    assert said in done.stderr


def test_outside_a_repository_it_says_so(study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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
        files = {path: path.stat().st_mtime_ns for top in ("data", "metrics") for path in Path(top).rglob("*")}
        listed = study.git("for-each-ref"), study.git("stash", "list"), study.git("status", "--porcelain")
        return files, *listed, Path(".git/HEAD").read_text()

    before = state()
    assert slingshot("diff", "HEAD~1").exit_code == 0
    assert state() == before
