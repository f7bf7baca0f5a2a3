"""Studies, their table and learning-curve points, over real DVC experiments of a tiny repository."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from slingshot import cli, settings
from slingshot.commands import curve, definitions, experiments, freshness
from slingshot.files.points import read_points
from slingshot.files.storage.json_files import write_text
from tests.commands import todays_files
from tests.conftest import set_param, write_params

# The two stand in for the whole graph: figures that tell fractions and seeds apart, in the shapes of the real files.
PREPARE = """
import hashlib, json, pathlib
from ruamel.yaml import YAML
rows = pathlib.Path("data/raw/tweets/rows.csv").read_text()
rows = "".join(line.partition(",")[0] + "\\n" for line in rows.splitlines())
test = pathlib.Path("data/prepared/tweets/test.parquet")
test.parent.mkdir(parents=True, exist_ok=True)
test.write_text(rows + str(YAML(typ="safe").load(pathlib.Path("params.yaml"))["seed"]))
audit = pathlib.Path("metrics/audit/tweets.json")
audit.parent.mkdir(parents=True, exist_ok=True)
files = {"test.parquet": hashlib.md5(test.read_bytes()).hexdigest()}
measured = {"data": hashlib.sha256(rows.encode()).hexdigest(), "files": files}
audit.write_text(json.dumps(json.loads(pathlib.Path("empty.json").read_text())["audit"] | measured))
"""
MEASURE = """
import json, os, pathlib, sys
from ruamel.yaml import YAML
fraction, seeds = sys.argv[1], YAML(typ="safe").load(pathlib.Path("params.yaml"))["seeds"]
empty = json.loads(pathlib.Path("empty.json").read_text())
with open(os.environ["TOY_LOG"], "a") as log:
    log.write(f"measure {fraction}\\n")
for name, rows, of in (("tfidf", int(100 * float(fraction)), float(fraction)), ("gemma", 12, None)):
    accuracy = 0.5 + rows / 1000
    runs = [empty["seed"] | {"seed": seed, "accuracy": accuracy + seed / 100} for seed in seeds]
    for room, value in (
        ("scores", {"accuracy": accuracy, "auroc": None, "fraction": of, "train_rows": rows}),
        ("intervals", {"seeds": runs}),
        ("cost", {"train_seconds": 10.0 * rows if of else None}),
    ):
        path = pathlib.Path("metrics", room, "tweets", name + ".json")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(empty[room] | value))
"""
EMPTY = {
    "audit": todays_files.audit(),
    "scores": todays_files.scores(),
    "seed": todays_files.seed(0),
    "intervals": todays_files.intervals([]),
    "cost": todays_files.cost(),
}
"""What the two write beside the figures."""
FINISH = """
import os, pathlib, sys
if sys.argv[1] == os.environ.get("TOY_FAILS"):
    sys.exit("no such fraction today")
pathlib.Path("finished").write_text(sys.argv[1])
"""
GRAPH = """
stages:
  prepare:
    matrix: {dataset: [tweets]}
    cmd: python3 prepare.py
    deps: [prepare.py, data/raw/tweets]
    params: [seed]
    outs:
      - data/prepared/tweets
      - metrics/audit/tweets.json: {cache: false}
  evaluate:
    matrix: {dataset: [tweets]}
    cmd: python3 measure.py ${fraction}
    deps: [measure.py, data/prepared/tweets/test.parquet]
    params: [fraction, seeds]
    metrics:
      - metrics/scores/tweets/tfidf.json: {cache: false}
      - metrics/scores/tweets/gemma.json: {cache: false}
      - metrics/intervals/tweets/tfidf.json: {cache: false}
      - metrics/intervals/tweets/gemma.json: {cache: false}
      - metrics/cost/tweets/tfidf.json: {cache: false}
      - metrics/cost/tweets/gemma.json: {cache: false}
  finish:
    cmd: python3 finish.py ${fraction}
    deps: [finish.py, metrics/scores/tweets/tfidf.json]
    outs: [finished]
"""


def run(*words: str) -> None:
    subprocess.run(words, check=True, capture_output=True)


def slingshot(*arguments: str) -> Result:
    return CliRunner().invoke(cli.main, arguments)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, warm: Path) -> Iterator[Path]:
    """A repository whose study `both` failed at its second run and was given again."""
    root = tmp_path_factory.mktemp("experiments") / "repository"
    root.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        patch.setenv("PATH", f"{warm}{os.pathsep}{os.environ['PATH']}")
        patch.setenv("TOY_LOG", str(root.parent / "log"))
        patch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
        write_params(
            root,
            {
                "study": {
                    "datasets": ["tweets"],
                    "models": ["tfidf"],
                    "llms": ["gemma"],
                    "cascades": [],
                }
            },
        )
        write_text(root / "data/raw/tweets/rows.csv", "good,1\nbad,0\n")
        for name, text in (
            ("prepare.py", PREPARE),
            ("measure.py", MEASURE),
            ("finish.py", FINISH),
            ("dvc.yaml", GRAPH),
            ("empty.json", json.dumps(EMPTY)),
        ):
            (root / name).write_text(text)
        write_text(root / "studies/both.yaml", "seeds: [0, 2]\nsweep: {fraction: [1.0, 0.25]}\n")
        write_text(root / ".dvc/config", "[core]\n    analytics = false\n")
        run("git", "init", "-q", "-b", "main")
        run("git", "config", "user.email", "tests@example.org")
        run("git", "config", "user.name", "Tests")
        (root / ".gitignore").write_text("/finished\n/data/prepared\n")
        (root / ".dvc/.gitignore").write_text("/config.local\n/tmp\n/cache\n")
        run("git", "add", "-A")
        run("git", "commit", "-qm", "Begin")
        yield root


@pytest.fixture(scope="module")
def study(home: Path) -> tuple[Result, Result, list[str]]:
    """The study that fails at a quarter, the same again, and which fractions each of them measured."""
    log = home.parent / "log"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TOY_FAILS", "0.25")
        failed = slingshot("study", "both")
    first = log.read_text().split("\n")[:-1]
    again = slingshot("study", "both")
    return failed, again, [first, log.read_text().split("\n")[len(first) : -1]]


def test_a_study_that_failed_goes_on_when_it_is_given_again(study, home: Path) -> None:
    failed, again, measured = study
    assert failed.exit_code != 0
    assert again.exit_code == 0, again.output
    assert measured == [["measure 1.0", "measure 0.25"], []], (
        "what was finished came from the run cache"
    )
    assert not (home / "finished").exists() and not (home / "metrics").exists(), (
        "the work tree is as it was"
    )
    assert again.stdout.splitlines()[:2] == [
        f"dvc exp run --temp -S 'seeds=[0,2]' -S fraction={fraction}" for fraction in (1.0, 0.25)
    ]


def test_the_table_sets_full_beside_quarter_with_a_dash_for_what_is_missing(study) -> None:
    done = slingshot("study", "both", "--table")
    assert done.exit_code == 0
    assert done.stdout in study[1].stdout, "a run ends with the same table"
    lines = [line.split() for line in done.stdout.splitlines()]
    assert ["Contestant", "full", "quarter", "full", "quarter", "full", "quarter"] in lines
    assert ["tfidf", "0.600", "0.525", "–", "–", "1,000", "250"] in lines
    assert next(line for line in lines if line[:2] == ["Gemma", "3"])[-6:] == [
        "0.512",
        "0.512",
        *"––––",
    ]
    assert "\x1b" not in done.output
    cells = json.loads(slingshot("study", "both", "--table", "--json").stdout)["tweets"]
    assert [cell["run"] for cell in cells["tfidf"]] == ["full", "quarter"]
    assert [round(cell["scores"]["accuracy"], 3) for cell in cells["tfidf"]] == [0.6, 0.525]


def test_an_experiment_that_defines_the_contestant_otherwise_is_in_no_table(
    study, home: Path
) -> None:
    set_param(home, "models.tfidf.max_features", 7)
    try:
        done = slingshot("study", "both", "--table")
    finally:
        run("git", "checkout", "-q", "params.yaml")
    assert ["tfidf", *"––––––"] in [line.split() for line in done.stdout.splitlines()]


def test_of_a_commit_without_experiments_the_table_says_what_to_run(study, home: Path) -> None:
    run("git", "commit", "-q", "--allow-empty", "-m", "Go on")
    try:
        done = slingshot("study", "both", "--table")
    finally:
        run("git", "reset", "-q", "--soft", "HEAD~")
    assert "full: none of this commit; run `slingshot study both`" in done.stdout


def test_points_are_collected_once_and_drawn(study, home: Path) -> None:
    path = home / "metrics/curve/tweets.csv"
    done = slingshot("curve")
    assert done.exit_code == 1
    assert "no points yet" in done.output and "slingshot curve --write" in done.output

    written = slingshot("curve", "--write")
    assert "metrics/curve/tweets.csv: 6 points; training rows: 25, 100" in written.output
    text = path.read_text()
    points = read_points(path)
    assert [point.key for point in points] == [
        ("gemma", 12, 0, 0),
        ("gemma", 12, 0, 2),
        ("tfidf", 25, 0, 0),
        ("tfidf", 25, 0, 2),
        ("tfidf", 100, 0, 0),
        ("tfidf", 100, 0, 2),
    ]
    assert [point.figure("accuracy") for point in points[2:]] == pytest.approx(
        [0.525, 0.545, 0.6, 0.62]
    )
    assert {len(point.commit) for point in points} == {40}
    assert slingshot("curve", "--write").output == written.output
    assert path.read_text() == text

    drawn = slingshot("curve", "--dataset", "tweets", "--metric", "accuracy").stdout.splitlines()
    quarter, full = (line for line in drawn if line.split()[:1] == ["tfidf"])
    assert full.split()[1:4] == ["100", "0.610", "[0.600–0.620]"]
    assert full.index("●") > quarter.index("●")
    assert "run it alone" in slingshot("curve", "--write", "--json").output
    assert "did you mean 'accuracy'?" in slingshot("curve", "--metric", "acuracy").output
    assert (
        "no data set 'twets', did you mean 'tweets'?"
        in slingshot("curve", "--dataset", "twets").output
    )


def rows_today(revisions: list[experiments.Revision]) -> freshness.Rows:
    return freshness.today(
        revisions, settings.read_yaml(settings.PARAMS), "tweets", freshness.raw("tweets")
    )


def test_points_outlive_their_experiments_and_newer_ones_take_their_place(
    study, home: Path
) -> None:
    values = settings.read_yaml(settings.PARAMS)
    revisions = experiments.everything()
    assert [revision.name for revision in revisions][-1] == experiments.WORKSPACE
    rows = rows_today(revisions)
    collection = curve.collected(revisions, values, "tweets", rows)
    points = collection.points
    assert (len(points), collection.left_out) == (6, {})
    assert curve.collected([], values, "tweets", rows_today([]), points).points == points

    newest = revisions[-2]
    newer = with_files(newest, changed(newest, "tfidf", 0.9), "newer", newest.time + 60)
    replaced = curve.collected([*revisions, newer], values, "tweets", rows, points).points
    assert len(replaced) == 6
    assert {point.figure("accuracy") for point in replaced if point.experiment == "newer"} == {0.9}

    workspace = experiments.Revision(experiments.WORKSPACE, "", 0, newer.files)
    early = curve.collected([workspace], values, "tweets", rows).points
    assert [point.experiment for point in early] == ["workspace"] * 4
    left = curve.collected([], values, "tweets", rows, early).points
    assert left == [], "the workspace's points are collected anew"


def with_files(
    revision: experiments.Revision, files: dict[str, bytes], name: str, time: float = 0
) -> experiments.Revision:
    """The revision with other contents of some of its files."""
    return experiments.Revision(name, "c0ffee", time, {**revision.files, **files})


def changed(revision: experiments.Revision, contestant: str, accuracy: float) -> dict[str, bytes]:
    path = f"metrics/intervals/tweets/{contestant}.json"
    value = json.loads(revision.files[path])
    value["seeds"] = [{**seed, "accuracy": accuracy} for seed in value["seeds"]]
    return {path: json.dumps(value).encode()}


def test_points_of_another_definition_or_of_edited_parameters_are_left_out_and_named(study) -> None:
    values = settings.read_yaml(settings.PARAMS)
    revisions = experiments.everything()
    rows = rows_today(revisions)
    values["models"]["tfidf"]["max_features"] = 7
    before = curve.collected(revisions, settings.read_yaml(settings.PARAMS), "tweets", rows).points
    for held in ([], before):
        collection = curve.collected(revisions, values, "tweets", rows, held)
        assert {point.contestant for point in collection.points} == {"gemma"}
        others = collection.left_out
        assert len(others["params.yaml defines tweets or a contestant otherwise"]) >= 2
    kept = curve.collected([], values, "tweets", rows, before).points
    assert {point.contestant for point in kept} == {"gemma"}

    lock = b"stages: {subsample@tweets: {params: {params.yaml: {fraction: 0.5}}}}"
    edited = with_files(revisions[-2], {"dvc.lock": lock}, "edited")
    collection = curve.collected([edited], edited.values, "tweets", rows)
    assert (collection.points, collection.left_out) == ([], {curve.CHANGED: ["edited"]})


# --- files of an older Slingshot -------------------------------------------------------------------


SCORES, INTERVALS = (f"metrics/{room}/tweets/tfidf.json" for room in ("scores", "intervals"))
OLDER = {
    "notes": ["training variance not included"],
    "calibration_reason": "no validation row is predicted",
    "metrics": {"accuracy": {"value": 0.5, "low": 0.4, "high": 0.6}},
}


def older(revision: experiments.Revision) -> experiments.Revision:
    """The revision as before notes were codes: they are sentences, and keys are missing or others."""
    seeds = [
        {"seed": seed["seed"], "accuracy": seed["accuracy"]}
        for seed in json.loads(revision.files[INTERVALS])["seeds"]
    ]
    audit = json.loads(revision.files["metrics/audit/tweets.json"])
    files = {
        SCORES: {"accuracy": 0.6, "train_rows": 100, "fraction": 1.0},
        INTERVALS: {"seeds": seeds, **OLDER},
        "metrics/audit/tweets.json": {
            "data": audit["data"],
            "files": audit["files"],
            "warnings": ["Labels were written by GPT-3.5."],
        },
    }
    return with_files(
        revision, {path: json.dumps(value).encode() for path, value in files.items()}, "older"
    )


def test_an_older_revision_gives_points_as_todays_do(study) -> None:
    revisions = experiments.everything()
    newest = revisions[-2]
    values = settings.read_yaml(settings.PARAMS)
    points = curve.collected([older(newest)], values, "tweets", rows_today(revisions)).points
    assert [point.figure("accuracy") for point in points if point.contestant == "tfidf"] == [
        seed["accuracy"] for seed in json.loads(newest.files[INTERVALS])["seeds"]
    ]


@pytest.mark.parametrize(
    ("path", "text", "why"),
    [
        (SCORES, "{", f"{SCORES} of older: not valid JSON: "),
        (SCORES, "[]", f"{SCORES} of older: the file: input should be an object"),
        (SCORES, "{}", f"{SCORES} of older: key 'train_rows' is missing"),
        (SCORES, '{"train_rows": "many"}', f"{SCORES} of older: train_rows: input should be"),
        (INTERVALS, "{}", f"{INTERVALS} of older: has no seeds"),
        (INTERVALS, '{"seeds": [{}]}', f"{INTERVALS} of older: key 'seeds.0.seed' is missing"),
        ("metrics/audit/tweets.json", "{", "metrics/audit/tweets.json of older: not valid JSON"),
        ("metrics/audit/tweets.json", "{}", curve.OTHER_ROWS.format(dataset="tweets")),
        ("params.yaml", "study: [", "params.yaml of older: not a YAML mapping: "),
        ("params.yaml", "study: {datasets: tweets}", "params.yaml of older: study.datasets: "),
        ("dvc.lock", "stages: {a: 3}", "dvc.lock of older: stages.a: "),
    ],
)
def test_what_a_point_can_not_be_read_of_is_left_out_with_the_reason_and_others_are_kept(
    study, apart: Path, path: str, text: str, why: str
) -> None:
    revisions = experiments.everything()
    broken = with_files(revisions[-2], {path: text.encode()}, "older")
    lines = list(curve.write([*revisions, broken], settings.read_yaml(settings.PARAMS)))
    [line] = [line for line in lines if "left out" in line]
    assert "left out older: " in line and why in line
    assert len(read_points(Path("metrics/curve/tweets.csv"))) == 6


def test_a_table_says_which_files_can_not_be_read_and_shows_the_others(study, monkeypatch) -> None:
    newest = experiments.everything()[-2]
    cost = "metrics/cost/tweets/tfidf.json"
    broken = with_files(newest, {cost: b"{"}, "older")
    monkeypatch.setattr(experiments, "of_head", lambda: [broken])
    done = slingshot("study", "both", "--table")
    assert done.exit_code == 0, done.output
    assert f"{cost} of older: not valid JSON" in done.output
    [row] = [line.split() for line in done.stdout.splitlines() if line.split()[:1] == ["tfidf"]]
    assert len([cell for cell in row[1:] if cell != "–"]) == 1, "its accuracy"
    printed = slingshot("study", "both", "--table", "--json")
    cells = json.loads(printed.stdout)["tweets"]["tfidf"]
    [cell] = filter(None, cells)
    assert cell["cost"] is None and cell["scores"]["train_rows"] in (25, 100)
    assert cost in printed.stderr


def test_the_workspaces_own_files_must_have_todays_form(apart: Path) -> None:
    run("dvc", "repro")
    Path(SCORES).write_text(json.dumps({"accuracy": 0.6, "train_rows": 100, "fraction": 1.0}))
    written = slingshot("curve", "--write").output
    assert f"left out workspace: {SCORES}: " in written
    assert "is missing" in written and "; run `dvc repro`" in written


@pytest.fixture
def apart(study, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The repository with its experiments, copied: what a test runs in it stays in it."""
    root = tmp_path / "repository"
    shutil.copytree(home, root, symlinks=True)
    monkeypatch.chdir(root)
    return root


def named(experiment: str, *settings: str) -> None:
    run(
        "dvc",
        "exp",
        "run",
        "--temp",
        "-n",
        experiment,
        *(part for each in settings for part in ("-S", each)),
    )


def fractions() -> set[tuple[str, float | None]]:
    return {
        (point.experiment, point.fraction)
        for point in read_points(Path("metrics/curve/tweets.csv"))
    }


def test_points_of_another_version_of_the_data_are_in_no_curve_and_no_table(apart: Path) -> None:
    old = {revision.name for revision in experiments.of_head()}
    slingshot("curve", "--write")
    before = fractions()
    assert {name for name, _ in before} <= old
    (apart / "data/raw/tweets/rows.csv").write_text("good,1\nworse,0\n")
    named("reworded", "fraction=0.5", "seeds=[0,2]")

    written = slingshot("curve", "--write").output
    assert fractions() == {("reworded", 0.5), ("reworded", None)}
    assert (
        f"left out {', '.join(sorted(old))}: measured on other rows than tweets has today"
        in written
    )
    table = slingshot("study", "both", "--table").output
    assert ["tfidf", *"––––––"] in [line.split() for line in table.splitlines()]
    assert (
        f"tweets: left out {', '.join(sorted(old))}, measured on other rows than it has today"
        in table
    )
    printed = slingshot("study", "both", "--table", "--json")
    assert (
        json.loads(printed.stdout)["tweets"]["tfidf"] == [None, None]
        and "left out" in printed.stderr
    )

    run("git", "checkout", "-q", "data/raw")
    again = slingshot("curve", "--write").output
    assert fractions() == before
    assert "left out reworded: measured on other rows than tweets has today" in again


def test_what_gives_the_same_rows_throws_no_point_away(apart: Path) -> None:
    (apart / "prepare.py").write_text(PREPARE + "\n# said otherwise\n")
    (apart / "data/raw/tweets/rows.csv").write_text("good,2\nbad,0\n")
    named("restyled", "fraction=0.5", "seeds=[0,2]")
    assert "left out" not in slingshot("curve", "--write").output
    assert {of for _, of in fractions()} == {None, 0.25, 0.5, 1.0}


def test_points_of_other_split_seeds_belong_to_the_curve_if_their_rows_are_the_same(
    apart: Path,
) -> None:
    for seed in (1, 2):
        named(f"split{seed}", f"seed={seed}")
    slingshot("curve", "--write")
    points = read_points(Path("metrics/curve/tweets.csv"))
    assert {point.split_seed for point in points} == {0, 1, 2}
    assert (
        len({point.data for point in points}) == 1 and len({point.split for point in points}) == 3
    )

    (apart / "data/raw/tweets/rows.csv").write_text("good,1\nworse,0\n")
    run("dvc", "repro")
    written = slingshot("curve", "--write").output
    assert (
        "split1" in written
        and "split2" in written
        and fractions() == {("workspace", 1.0), ("workspace", None)}
    )
    drawn = slingshot("curve").output
    assert "left out" not in drawn


def test_a_half_finished_run_is_no_point(apart: Path) -> None:
    run("dvc", "repro")
    slingshot("curve", "--write")
    (apart / "data/raw/tweets/rows.csv").write_text("good,1\nworse,0\n")
    run("dvc", "repro", "prepare@tweets")
    assert freshness.stale(experiments.workspace(), "tweets", "tfidf"), (
        "measured before the rows were prepared anew"
    )
    drawn = slingshot("curve")
    assert drawn.exit_code == 1 and "learning-curve points are left out, of" in drawn.output
    written = slingshot("curve", "--write").output
    assert f"left out workspace: {curve.CHANGED}" in written
    audit = json.loads(Path("metrics/audit/tweets.json").read_text())
    points = read_points(Path("metrics/curve/tweets.csv"))
    assert not {point.data for point in points} & {audit["data"][:12]}, "no point is of these rows"


def test_a_cascade_is_defined_by_its_two_sides_too() -> None:
    made = {"name": "both", "small": "tfidf", "large": "gemma"}
    params = {
        "study": {"cascades": [made]},
        "models": {"tfidf": {"c": 1}},
        "llms": {"gemma": {"shots": 2}},
    }
    other = {**params, "models": {"tfidf": {"c": 2}}}
    assert definitions.defined_alike(params, dict(params), "tweets", "both")
    assert not definitions.defined_alike(params, other, "tweets", "both")
    assert definitions.defined_alike(params, other, "tweets", "gemma")
    lock = b"stages: {finetune@tweets-tfidf: {params: {params.yaml: {models.tfidf: {c: 2}}}}}"
    assert freshness.stale(
        experiments.Revision(
            "e", "c", 0, {"params.yaml": json.dumps(params).encode(), "dvc.lock": lock}
        ),
        "tweets",
        "both",
    )


def test_outside_a_dvc_repository_is_one_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(settings.UserError, match="DVC could not list its experiments"):
        experiments.of_head()
