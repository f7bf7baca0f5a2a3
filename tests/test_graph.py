"""The DVC graph as people use it: what runs, what does not, and what each stage depends on.

One small study of two data sets is run once in a repository of its own; the tests then change one
thing each. They stand in one file so that one process runs them in order.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner
from ruamel.yaml import YAML

from slingshot import cli
from slingshot.commands import experiments, freshness
from slingshot.files.points import read_points
from slingshot.files.storage.json_files import read_json, write_text
from slingshot.finetune.code import sources
from slingshot.settings import FAMILIES
from tests.conftest import ROOT, set_param, write_params
from tests.repository import Repository, found, start, unlisted, write_csv

MODELS, LLMS, DATASETS = ("tfidf",), ("lm",), ("toy", "other")


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory, causal_lm: Path, warm: Path) -> Repository:
    """The study run once and committed."""
    root = start(tmp_path_factory.mktemp("graph"))
    source = {"kind": "file", "file": "rows.csv", "text": "text", "label": "label"}
    tfidf = {"family": "tfidf", "c": [1.0], "char_ngrams": [0]}
    lm = {"provider": "causal_lm", "title": "A tiny LM", "checkpoint": str(causal_lm), "shots": [1]}
    write_params(
        root,
        {
            "study": {
                "datasets": list(DATASETS),
                "models": list(MODELS),
                "llms": list(LLMS),
                "cascades": [{"name": "both", "small": "tfidf", "large": "lm"}],
            },
            "datasets": {
                n: {"source": source, "label_source": "human", "licence": "MIT"} for n in DATASETS
            },
            "models": {"tfidf": tfidf},
            "llms": {"lm": {**lm, "choose_rows": 6, "max_validation": 12}},
            "run": {"threads": 1},
        },
    )
    for number, name in enumerate(DATASETS):
        write_csv(root, name, 120, number)
        write_text(root / f"metrics/curve/{name}.csv", "experiment\n")
    study = found(root, DATASETS, warm)
    study("dvc", "repro")
    study("git", "add", "-A")
    study("git", "commit", "-qm", "Run the study")
    return study


@pytest.fixture
def change(repository: Repository) -> Callable[[str, str, str], None]:
    """Edit a file or a parameter; the committed state comes back afterwards, from the run cache."""

    def edit(path: str, old: str, new: str) -> None:
        file = repository.root / path
        text = file.read_text()
        assert old in text
        file.write_text(text.replace(old, new, 1))

    yield edit
    repository("git", "checkout", "-q", ".")
    repository("dvc", "checkout", "-q")


def test_a_second_repro_runs_nothing(repository):
    output = repository("dvc", "repro")
    assert repository.ran(output) == set()
    assert "up to date" in output


def test_every_stage_lists_the_modules_it_loads(repository):
    stages = YAML(typ="safe").load((ROOT / "dvc.yaml").read_text())["stages"]
    scripts = {
        name: re.search(r"stages\.(\w+)", stage["cmd"]).group(1) for name, stage in stages.items()
    }
    for name, script in scripts.items():
        missing = unlisted(name, repository.traced(script))
        assert not missing, f"{name} loads {missing}, which its deps in dvc.yaml lack"
        assert f"stages/{script}.py" in stages[name]["deps"]
    assert set(scripts.values()) == {path.stem for path in (ROOT / "stages").glob("*.py")} - {
        "__init__"
    }


def test_finetune_lists_the_modules_of_every_family():
    deps = YAML(typ="safe").load((ROOT / "dvc.yaml").read_text())["stages"]["finetune"]["deps"]
    modules = sources(*(family.module for family in FAMILIES.values()), "slingshot.finetune.run")
    files = {f"src/{module.replace('.', '/')}.py" for module in modules}
    assert not {file for file in files if not any(file.startswith(dep) for dep in deps)}


def test_settings_rerun_only_their_own_stages(repository, change):
    for key, value, stale in [
        ("models.tfidf.c", [2.0], {f"finetune@{d}-tfidf" for d in DATASETS} | {"report"}),
        ("datasets.toy.licence", "CC0", {"prepare@toy"}),
        (
            "llms.lm.batch_size",
            4,
            {f"prompt_llm@{d}-lm" for d in DATASETS}
            | {f"cascade@{d}-cascade0" for d in DATASETS}
            | {f"cost@{d}" for d in DATASETS}
            | {"report"},
        ),
        ("fraction", 0.5, {f"subsample@{d}" for d in DATASETS} | {"report"}),
        ("decision.monthly_texts", 1000, {"report"}),
        ("run.threads", 2, set()),
    ]:
        set_param(repository.root, key, value)
        assert repository.stale() == stale, key
        repository("git", "checkout", "-q", "params.yaml")


def test_code_reruns_only_what_it_touches(repository, change):
    for path, stale in [
        ("src/slingshot/report/words.py", {"report"}),
        (
            "src/slingshot/money/figures.py",
            {f"cost@{d}" for d in DATASETS} | {f"cascade@{d}-cascade0" for d in DATASETS},
        ),
        ("src/slingshot/llm/prompt.py", {f"prompt_llm@{d}-lm" for d in DATASETS}),
        (
            "src/slingshot/finetune/tfidf.py",
            {f"finetune@{d}-{m}" for d in DATASETS for m in MODELS},
        ),
        ("src/slingshot/metrics/pairs.py", {f"evaluate@{d}" for d in DATASETS}),
        ("src/slingshot/settings/__init__.py", set()),
        ("src/slingshot/cli.py", set()),
    ]:
        with (repository.root / path).open("a") as file:
            file.write("\n# changed\n")
        assert repository.stale() == stale, path
        repository("git", "checkout", "-q", path)


def test_an_edited_row_reruns_its_data_sets_stages(repository, change):
    change("data/raw/toy/rows.csv", "phone", "telephone")
    ran = repository.ran(repository("dvc", "repro"))
    assert {
        "prepare@toy",
        "subsample@toy",
        "finetune@toy-tfidf",
        "prompt_llm@toy-lm",
        "evaluate@toy",
        "report",
    } <= ran
    assert not [stage for stage in ran if "other" in stage]


def test_a_failing_stage_keeps_what_others_finished(repository, change):
    checkpoint = YAML(typ="safe").load((repository.root / "params.yaml").read_text())["llms"]["lm"][
        "checkpoint"
    ]
    set_param(repository.root, "llms.lm.checkpoint", "./nowhere")
    set_param(repository.root, "models.tfidf.c", [3.0])
    cells = ("prompt_llm@toy-lm", "finetune@toy-tfidf")
    output = repository("dvc", "repro", "-k", *cells, fails=True)
    assert "checkpoint './nowhere' is not a folder" in output
    assert "finetune@toy-tfidf" in repository.ran(output)
    set_param(repository.root, "llms.lm.checkpoint", checkpoint)
    set_param(repository.root, "llms.lm.choose_rows", 9)
    assert repository.ran(repository("dvc", "repro", *cells)) == {"prompt_llm@toy-lm"}


def test_an_experiment_with_a_quarter_runs_what_follows_from_it(repository, change):
    output = repository("dvc", "exp", "run", "-S", "fraction=0.25", "--temp", "-n", "quarter")
    ran = repository.ran(output)
    assert {
        "subsample@toy",
        "finetune@toy-tfidf",
        "evaluate@toy",
        "report",
    } <= ran
    assert not [stage for stage in ran if stage.startswith(("prepare", "shots", "prompt_llm"))]
    changes = repository("dvc", "metrics", "diff", "main", "quarter", "--md")
    assert re.search(r"metrics/scores/toy/tfidf.json +\| fraction +\| 1.0 +\| 0.25", changes)
    drawn = repository("dvc", "plots", "diff", "main", "quarter", "-o", "drawn")
    assert "failed" not in drawn
    page = (repository.root / "drawn/index.html").read_text()
    for kind in ("confusion", "reliability", "risk"):
        assert all(f"data/plots/toy/{kind}/{name}.csv" in page for name in ("tfidf", "lm", "both"))
    shutil.rmtree(repository.root / "drawn")
    assert not (repository.root / "state").exists()
    assert (repository.root / ".dvc/slingshot/resume").is_dir(), (
        "the experiment shares the state folder"
    )


def test_a_learning_curve_holds_points_of_todays_rows_only(repository, change, monkeypatch):
    """After the experiment with a quarter: its rows are edited, and run again."""
    monkeypatch.chdir(repository.root)
    path = repository.root / "metrics/curve/toy.csv"
    assert "left out" not in CliRunner().invoke(cli.main, ["curve", "--write"]).output
    assert {point.fraction for point in read_points(path) if point.contestant != "lm"} == {
        0.25,
        1.0,
    }
    recorded = YAML(typ="safe").load((repository.root / "dvc.lock").read_text())["stages"][
        "evaluate@toy"
    ]["deps"]
    written = read_json(repository.root / "metrics/audit/toy.json")["files"]
    listed = {
        dep["path"]: dep["md5"] for dep in recorded if dep["path"].startswith("data/prepared")
    }
    assert (
        listed.items()
        <= {f"data/prepared/toy/{name}": md5 for name, md5 in written.items()}.items()
    )

    change("data/raw/toy/rows.csv", "phone", "telephone")
    repository("dvc", "repro", "--glob", "prepare@*")
    assert all(
        freshness.stale(experiments.workspace(), "toy", name) for name in ("tfidf", "lm", "both")
    )
    repository("dvc", "repro")
    assert (
        "learning-curve points are left out, of"
        in (repository.root / "report/summary.md").read_text()
    )
    assert not any(
        freshness.stale(experiments.workspace(), "toy", name) for name in ("tfidf", "lm", "both")
    )
    done = CliRunner().invoke(cli.main, ["curve", "--write"]).output
    assert "left out HEAD, quarter: measured on other rows than toy has today" in done
    assert {point.experiment for point in read_points(path)} == {"workspace"}


def test_state_and_data_stay_out_of_git(repository):
    tracked = repository("git", "ls-files").split()
    assert "metrics/scores/toy/tfidf.json" in tracked and "dvc.lock" in tracked
    outputs = (".dvc/slingshot", "data/models", "data/prepared", "data/predictions", "data/usage")
    assert not [
        name for name in tracked if name.startswith(outputs) and not name.endswith(".gitignore")
    ]
    assert not [
        name for name in tracked if name.endswith((".csv", ".parquet")) and "curve" not in name
    ]


def test_another_python_stops_at_once_with_the_remedy(repository):
    done = subprocess.run(
        [str(Path(sys.base_prefix, "bin/python3")), "-S", "-m", "stages.prepare", "toy"],
        cwd=repository.root,
        capture_output=True,
        text=True,
        env={**repository.env, "PYTHONPATH": ""},
    )
    assert done.returncode == 1
    assert "is not the project's environment" in done.stderr and "activate" in done.stderr
