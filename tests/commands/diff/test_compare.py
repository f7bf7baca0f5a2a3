"""`slingshot diff` on real revisions: how two sides are compared, what is said of it, and the exit code."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from ruamel.yaml import YAML
from scipy import stats

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
    toy_rows,
    write_study,
)
from tests.conftest import NAMES, set_param

SWAPPED = first(755) & ~first(5)
"""Five rows lost, five gained."""
STIRRED = first(800) & ~first(60)
"""Sixty rows lost, fifty gained."""


def test_each_contestant_is_judged_by_the_rule_of_the_pairs(study: Study) -> None:
    for name, right in zip(
        CONTESTANTS, (first(800), first(700), first(735), SWAPPED, STIRRED), strict=True
    ):
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
    assert [of(told, name)["difference"] for name in CONTESTANTS] == pytest.approx(
        [0.05, -0.05, -0.015, 0, -0.01]
    )
    assert {of(told, name)["how"] for name in CONTESTANTS} == {"paired"}
    assert of(told, "gains")["p_corrected"] == pytest.approx(5 * of(told, "gains")["p"]), (
        "five contestants"
    )
    assert of(told, "gains")["shared_rows"] == ROWS
    assert (told["lost"], told["not_paired"]) == (["toy-loses"], []), (
        "slips lost less than the margin"
    )
    assert told["commit"] == study.git("rev-parse", "main").strip()


def test_the_markdown_gives_each_difference_in_points_with_its_interval_and_verdict(
    study: Study,
) -> None:
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
    assert {row.count("|") for row in rows} == {6} and len({len(row) for row in rows}) == 1, (
        "a table, and aligned"
    )
    assert "\x1b" not in done.output


@pytest.mark.parametrize(
    ("right", "flags", "code"),
    [
        (first(700), ["--fail-on-worse"], 1),
        (first(700), [], 0),
        (first(735), ["--fail-on-worse"], 0),
        (first(800), ["--fail-on-worse"], 0),
        (STIRRED & ~first(75), ["--fail-on-worse"], 0),
    ],
    ids=[
        "a loss",
        "a loss, not asked for",
        "a loss under the margin",
        "a gain",
        "more than two points, not resolved",
    ],
)
def test_only_a_resolved_loss_beyond_the_margin_exits_with_1(
    study: Study, right, flags: list[str], code: int
) -> None:
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
    assert together["high"] - together["low"] > 1.5 * (alone["high"] - alone["low"]), (
        "lost and gained rows are cliques"
    )


def test_three_seeds_are_compared_with_one(study: Study) -> None:
    study.predict("gains", first(800), seeds=(0, 1, 2))
    one = of(found("main"), "gains")
    assert (one["how"], one["verdict"]) == ("paired", "better")


def test_a_loss_that_another_training_may_have_is_none_of_the_recipe(study: Study) -> None:
    """0.75 of 1,000 rows with one seed: 722 is 2.8 points less, within 1.96 sqrt(2) 1.2 points of seeds."""
    for seeds, lost in (((0,), False), ((NO_SEED,), True)):
        study.predict("loses", first(750), seeds=seeds)
        study.measure("loses")
        study.commit("Train")
        study.predict("loses", first(722), seeds=seeds)
        assert bool(found("HEAD")["lost"]) is lost
    assert found("HEAD", "--fail-on-worse", exit_code=1)["seed_sd"] == 0.012
    set_param(Path(), "metrics.seed_sd", 0.002)
    study.predict("loses", first(722), seeds=(0,))
    assert of(found("main"), "loses")["verdict"] == "worse"


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
    assert (one["how"], one["rows"], one["revision_rows"], one["shared_rows"]) == (
        "unpaired",
        ROWS,
        ROWS,
        ROWS - 201,
    )
    assert one["difference"] == pytest.approx(-0.05)
    error = np.sqrt((0.75 * 0.25 + 0.7 * 0.3) / ROWS)
    assert one["high"] - one["low"] == pytest.approx(2 * 1.96 * error, rel=0.1), (
        "of two independent samples"
    )
    assert one["verdict"] == "worse"
    assert (told["lost"], told["not_paired"]) == ([], ["toy-gains"]), (
        "a loss on other rows may be the rows'"
    )
    text = slingshot("diff", "main").stdout
    assert line(text, "gains")[4] == "unpaired, 1,000 rows against 1,000, 799 shared"
    assert "- gains: the test rows differ." in text
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
    assert one["notes"][0] == "the labels of 3 test rows differ"


def test_labels_in_another_order_are_the_same_labels(study: Study) -> None:
    turned = (NAMES[2], NAMES[0], NAMES[1])
    for name in CONTESTANTS:
        study.predict(name, first(750), names=turned)
    told = found("main")
    assert {of(told, name)["how"] for name in CONTESTANTS} == {"same"}, (
        "predictions and scores were renumbered"
    )
    study.predict("gains", first(800), names=turned)
    for metric in ("accuracy", "auroc", "log_loss"):
        one = of(found("main", "--metric", metric), "gains")
        assert (one["how"], one["verdict"]) == ("paired", "better")


def test_other_label_names_unpair_the_rows(study: Study) -> None:
    study.predict("gains", first(800), names=(*NAMES[:2], "splendid"))
    one = of(found("main"), "gains")
    expected = sum(toy_rows()["label"] < 2)
    assert (one["how"], one["shared_rows"]) == ("unpaired", expected)
    assert (
        one["notes"][0] == "the label names differ: bad, fine, splendid now, bad, fine, good before"
    )


# --- other metrics ---------------------------------------------------------------------------------


def test_less_log_loss_is_better_though_the_difference_is_negative(study: Study) -> None:
    study.predict("gains", first(800))
    study.predict("loses", first(750), sure=0.95)
    told = found("main", "--metric", "log_loss", "--fail-on-worse", exit_code=1)
    gains, loses = of(told, "gains"), of(told, "loses")
    assert gains["difference"] == pytest.approx(-0.05 * np.log(0.8 / 0.1))
    assert loses["difference"] == pytest.approx(
        -0.75 * np.log(0.95 / 0.8) + 0.25 * np.log(0.1 / 0.025)
    )
    assert (gains["verdict"], loses["verdict"]) == ("better", "worse")
    assert (told["lower_is_better"], told["lost"]) == (True, ["toy-loses"])
    text = slingshot("diff", "main", "--metric", "log_loss").stdout
    assert (
        line(text, "gains")[3]
        == f"{gains['difference']:.3f} [{gains['low']:.3f}, {gains['high']:.3f}], better"
    )
    assert "A plus is a loss, because lower is better." in text
    assert "The margin is 0.02, set for accuracy." in text
    assert (
        "a standard deviation of 0.012 (metrics.seed_sd, set for accuracy) between seeds is assumed."
        in text
    )


def test_a_brier_score_is_as_good_where_a_rise_beyond_the_margin_is_ruled_out(study: Study) -> None:
    study.predict("level", SWAPPED)
    assert of(found("main", "--metric", "brier"), "level")["verdict"] == "as good"


def test_a_metric_that_needs_scores_is_undefined_without_them(study: Study) -> None:
    study.predict("gains", first(800), sure=None)
    told = found("main", "--metric", "auroc", "--fail-on-worse", exit_code=2)
    one = of(told, "gains")
    assert (one["how"], one["workspace"], one["difference"], one["verdict"]) == (
        "paired",
        None,
        None,
        None,
    )
    assert told["not_paired"] == ["toy-gains"]
    text = slingshot("diff", "main", "--metric", "auroc").stdout
    assert line(text, "gains")[2:4] == ["–", "undefined"]
    assert "- gains: workspace: AUROC needs scores, and this contestant gives none." in text
    assert "## AUROC of the workspace" in text


# --- what is not judged ----------------------------------------------------------------------------


def test_a_workspace_that_was_not_run_again_passes_no_gate(study: Study) -> None:
    lock = YAML(typ="safe").load(Path("dvc.lock"))
    lock["stages"]["finetune@toy-gains"] = {
        "cmd": "true",
        "params": {"params.yaml": {"models.gains": {"family": "frozen"}}},
    }
    with Path("dvc.lock").open("w") as file:
        YAML(typ="safe").dump(lock, file)
    told = found("main", "--fail-on-worse", exit_code=2)
    gains = of(told, "gains")
    assert (gains["how"], gains["notes"]) == (
        "not compared",
        ["params.yaml or the rows were changed after the run: run `dvc repro`"],
    )
    assert (told["not_paired"], of(told, "level")["how"]) == (["toy-gains"], "same")


def test_what_a_class_of_few_rows_can_t_decide_is_named_and_no_loss(study: Study) -> None:
    rows = toy_rows()
    rows.loc[np.flatnonzero(rows["label"] == 2)[6:], "label"] = 0
    for tokens, name in enumerate(CONTESTANTS):
        study.predict(name, first(750), rows=rows, tokens=tokens)
    study.measure()
    study.commit("Measure on few rows of a class")
    study.predict("loses", first(500), rows=rows)
    assert found("main", "--fail-on-worse", exit_code=1)["lost"] == ["toy-loses"], (
        "of accuracy a class is no part"
    )
    macro = ("main", "--metric", "balanced_accuracy")
    told = found(*macro, "--fail-on-worse", exit_code=2)
    loses = of(told, "loses")
    assert (told["lost"], told["not_paired"], told["undecidable"]) == ([], [], ["toy-loses"])
    assert loses["low"] < loses["difference"] < loses["high"] < -0.02
    assert (loses["verdict"], loses["p"], loses["p_as_good"], loses["p_corrected"]) == (
        None,
        None,
        None,
        None,
    )
    text = slingshot("diff", *macro).stdout
    assert line(text, "loses")[3].endswith("], not resolved")
    why = "1 of 3 classes has under 10 test rows (good: 6) and could move balanced accuracy by 0.333, more than"
    assert f"- loses: {why} the margin of 0.02, so nothing is claimed." in text
    assert "Too few test rows or groups, so not judged: toy-loses." in text
    study.measure("loses")
    study.forget_cache()
    unpaired = of(found(*macro), "loses")
    assert (unpaired["how"], unpaired["verdict"], unpaired["p"]) == ("intervals", None, None)
    assert unpaired["low"] < unpaired["high"] < 0 and any(
        note.startswith(why) for note in unpaired["notes"]
    )


def test_a_branch_called_workspace_is_not_taken_for_it(study: Study) -> None:
    study.git("branch", "workspace")
    study.predict("gains", first(800))
    one = of(found("workspace"), "gains")
    assert (one["how"], one["verdict"]) == ("paired", "better")
    assert one["difference"] == pytest.approx(0.05)


def test_a_few_lost_rows_are_no_loss_that_is_resolved(study: Study) -> None:
    lost = first(750) & ~first(5)
    study.predict("loses", lost)
    set_param(Path(), "metrics.margin", 0.001)
    told = found("main", "--fail-on-worse")
    assert of(told, "loses")["p"] == pytest.approx(2 / 2**5), (
        "of the signs; the bootstrap's is smaller"
    )
    assert (of(told, "loses")["verdict"], told["lost"]) == ("not resolved", [])


FEW = {
    "10 test groups": np.arange(1000) // 100,
    "301 test groups of unequal size count as 2 equal ones": np.maximum(np.arange(1000) - 699, 0),
}


@pytest.mark.parametrize("groups", FEW)
def test_a_handful_of_groups_resolves_nothing_paired_or_not(study: Study, groups: str) -> None:
    few = toy_rows().assign(group=[f"g{number:04d}" for number in FEW[groups]])
    study.predict("gains", first(750), rows=few, tokens=1)
    study.measure("gains")
    study.commit("Join rows")
    study.predict("gains", first(900), rows=few)
    told = found("HEAD", "--fail-on-worse", exit_code=2)
    one = of(told, "gains")
    assert (one["how"], one["low"], one["p"], told["undecidable"]) == (
        "paired",
        None,
        None,
        ["toy-gains"],
    )
    text = slingshot("diff", "HEAD").stdout
    assert line(text, "gains")[3] == "+15.0 points, not resolved"
    assert groups in text and ": too few to resolve a difference" in text
    study.measure("gains")
    study.forget_cache()
    apart = of(found("HEAD"), "gains")
    assert (apart["how"], apart["low"], apart["p"]) == ("intervals", None, None)
    assert apart["difference"] == pytest.approx(0.15)
    assert any(note.startswith(groups) for note in apart["notes"])


def test_what_is_gone_is_named(study: Study) -> None:
    write_study(CONTESTANTS[1:])
    told = found("main")
    assert told["gone"] == ["toy-gains"]
    assert (
        "Nothing is lost beyond the margin. Gone, so not judged: toy-gains."
        in slingshot("diff", "main").stdout
    )
