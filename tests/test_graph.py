"""The DVC graph as people use it: what runs, what does not, and what each stage depends on.

One small study of two data sets is run once in a repository of its own; the tests then change one
thing each. They stand in one file so that one process runs them in order.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from slingshot import tables
from slingshot.finetune.families import FAMILIES
from tests.conftest import ROOT, make_rows, set_param, write_params

TRACER = """
import atexit, os, pathlib, sys
def write():
    name = pathlib.Path(sys.argv[0]).stem
    loaded = [m for m, v in sys.modules.items() if m.startswith("slingshot.") and not hasattr(v, "__path__")]
    with open(os.path.join(os.environ["TRACE"], name), "a") as file:
        file.writelines(m + "\\n" for m in loaded)
atexit.register(write)
"""
PROJECT_FILES = ("stages", "src", "dvc.yaml", ".dvcignore", ".gitignore")
MODELS, LLMS, DATASETS = ("tfidf", "words"), ("lm",), ("toy", "other")


class Repository:
    """A clone in a temporary folder, and the commands people run in it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.trace = root.parent / "trace"
        bin_folder = Path(sys.executable).parent
        keep = {k: v for k, v in os.environ.items() if not k.startswith(("DVC_", "GIT_", "SLINGSHOT_", "PYTEST"))}
        self.env = {
            **keep,
            "PATH": f"{bin_folder}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(self.trace),
            "TRACE": str(self.trace / "out"),
            "GIT_CONFIG_GLOBAL": os.devnull,
        }

    def __call__(self, *words: str, fails: bool = False) -> str:
        done = subprocess.run(words, cwd=self.root, env=self.env, capture_output=True, text=True, timeout=280)
        assert (done.returncode != 0) == fails, done.stdout + done.stderr
        return done.stdout + done.stderr

    def ran(self, output: str) -> set[str]:
        return set(re.findall(r"Running stage '(\S+)'", output))

    def stale(self) -> set[str]:
        """Stages whose own dependencies or parameters changed."""
        return set(re.findall(r"^(\S+):$", self("dvc", "status"), flags=re.MULTILINE))


def write_csv(folder: Path, name: str, rows: int, seed: int) -> None:
    target = folder / "data/raw" / name
    target.mkdir(parents=True)
    frame = make_rows(rows, seed)
    frame["label"] = frame["label"].map({0: "bad", 1: "fine", 2: "good"})
    frame["text"] += [f" {name}{number}" for number in range(rows)]
    frame[["text", "label"]].to_csv(target / "rows.csv", index=False)


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory, causal_lm: Path) -> Repository:
    """The study run once and committed."""
    home = tmp_path_factory.mktemp("graph")
    root = home / "study"
    root.mkdir()
    for name in PROJECT_FILES:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, root / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, root / name)
    (home / "trace/out").mkdir(parents=True)
    (home / "trace/sitecustomize.py").write_text(TRACER)
    source = {"kind": "file", "file": "rows.csv", "text": "text", "label": "label"}
    tfidf = {"family": "tfidf", "c": [1.0], "char_ngrams": [0]}
    lm = {"provider": "causal_lm", "title": "A tiny LM", "checkpoint": str(causal_lm), "shots": [1]}
    write_params(
        root,
        {
            "study": {"datasets": list(DATASETS), "models": list(MODELS), "llms": list(LLMS)},
            "datasets": {n: {"source": source, "label_source": "human", "licence": "MIT"} for n in DATASETS},
            "models": {"tfidf": tfidf, "words": {**tfidf, "word_ngrams": [1]}},
            "llms": {"lm": {**lm, "choose_rows": 6, "max_validation": 12}},
            "metrics": {"resamples": 100},
            "run": {"threads": 1},
        },
    )
    for number, name in enumerate(DATASETS):
        write_csv(root, name, 120, number)
        tables.write_text(root / f"metrics/curve/{name}.csv", "experiment\n")
    study = Repository(root)
    study("git", "init", "-q", "-b", "main")
    study("git", "config", "user.email", "tests@example.org")
    study("git", "config", "user.name", "Tests")
    study("dvc", "init", "-q")
    study("dvc", "config", "core.analytics", "false")
    shutil.copy(ROOT / ".dvc/.gitignore", root / ".dvc/.gitignore")
    study("dvc", "add", "-q", *(f"data/raw/{name}" for name in DATASETS))
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
    """The tracer wrote, at the end of each stage, which slingshot modules were loaded."""
    stages = YAML(typ="safe").load((ROOT / "dvc.yaml").read_text())["stages"]
    seen = set()
    for name, stage in stages.items():
        script = re.search(r"stages\.(\w+)", stage["cmd"]).group(1)
        traced = repository.root.parent / "trace/out" / script
        loaded = set(traced.read_text().split())
        files = {f"src/{module.replace('.', '/')}.py" for module in loaded if ".settings" not in module}
        deps = [dep for dep in stage["deps"] if "$" not in dep]
        missing = {file for file in files if not any(file == dep or file.startswith(dep + "/") for dep in deps)}
        assert not missing, f"{name} loads {missing}, which its deps in dvc.yaml lack"
        assert f"stages/{script}.py" in deps
        assert all((ROOT / dep).exists() for dep in deps if dep.startswith(("src", "stages")))
        seen.add(script)
    assert seen == {path.stem for path in (ROOT / "stages").glob("*.py")} - {"__init__"}


def test_finetune_lists_the_modules_of_every_family():
    deps = YAML(typ="safe").load((ROOT / "dvc.yaml").read_text())["stages"]["finetune"]["deps"]
    modules = {module for family in FAMILIES.values() for module in family.modules}
    modules |= {f"slingshot.finetune.{name}" for name in ("card", "curves", "saved")}  # what writes of a trained model
    assert {f"src/{module.replace('.', '/')}.py" for module in modules} == {d for d in deps if d.startswith("src/")}


def test_settings_rerun_only_their_own_stages(repository, change):
    for key, value, stale in [
        ("models.tfidf.c", [2.0], {f"finetune@{d}-tfidf" for d in DATASETS}),
        ("datasets.toy.licence", "CC0", {"prepare@toy"}),
        ("llms.lm.batch_size", 4, {f"{s}@{d}-lm" for d in DATASETS for s in ("prompt_llm", "cost_llm")} | {"report"}),
        ("fraction", 0.5, {f"subsample@{d}" for d in DATASETS}),
        ("run.threads", 2, set()),
    ]:
        set_param(repository.root, key, value)
        assert repository.stale() == stale, key
        repository("git", "checkout", "-q", "params.yaml")


def test_code_reruns_only_what_it_touches(repository, change):
    for path, stale in [
        ("src/slingshot/report/words.py", {"report"}),
        (
            "src/slingshot/cost/money.py",
            {f"cost@{d}-{m}" for d in DATASETS for m in MODELS} | {"cost_llm@toy-lm", "cost_llm@other-lm"},
        ),
        ("src/slingshot/llm/prompt.py", {f"prompt_llm@{d}-lm" for d in DATASETS}),
        ("src/slingshot/finetune/tfidf.py", {f"finetune@{d}-{m}" for d in DATASETS for m in MODELS}),
        ("src/slingshot/metrics/pairs.py", {f"compare@{d}" for d in DATASETS}),
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
    assert {"prepare@toy", "subsample@toy", "finetune@toy-tfidf", "prompt_llm@toy-lm", "compare@toy", "report"} <= ran
    assert not [stage for stage in ran if "other" in stage]


def test_a_failing_stage_keeps_what_others_finished(repository, change):
    checkpoint = YAML(typ="safe").load((repository.root / "params.yaml").read_text())["llms"]["lm"]["checkpoint"]
    set_param(repository.root, "llms.lm.checkpoint", "./nowhere")
    set_param(repository.root, "models.tfidf.c", [3.0])
    output = repository("dvc", "repro", "-k", "finetune", "prompt_llm", fails=True)
    assert "checkpoint './nowhere' is not a folder" in output
    finished = {f"finetune@{d}-tfidf" for d in DATASETS}
    assert finished <= repository.ran(output)
    set_param(repository.root, "llms.lm.checkpoint", checkpoint)
    set_param(repository.root, "llms.lm.choose_rows", 9)
    ran = repository.ran(repository("dvc", "repro", "finetune", "prompt_llm"))
    assert ran == {f"prompt_llm@{d}-lm" for d in DATASETS}


def test_an_experiment_with_a_quarter_runs_what_follows_from_it(repository, change):
    output = repository("dvc", "exp", "run", "-S", "fraction=0.25", "--temp", "-n", "quarter")
    ran = repository.ran(output)
    assert {"subsample@toy", "finetune@toy-words", "evaluate@toy-words", "compare@toy", "report"} <= ran
    assert not [stage for stage in ran if stage.startswith(("prepare", "shots", "prompt_llm", "evaluate_llm"))]
    changes = repository("dvc", "metrics", "diff", "main", "quarter", "--md")
    assert re.search(r"metrics/scores/toy/words.json +\| fraction +\| 1.0 +\| 0.25", changes)
    assert not (repository.root / "state").exists()
    assert (repository.root / ".dvc/slingshot/resume").is_dir(), "the experiment shares the state folder"


def test_state_and_data_stay_out_of_git(repository):
    tracked = repository("git", "ls-files").split()
    assert "metrics/scores/toy/words.json" in tracked and "dvc.lock" in tracked
    outputs = (".dvc/slingshot", "data/models", "data/prepared", "data/predictions", "data/usage")
    assert not [name for name in tracked if name.startswith(outputs) and not name.endswith(".gitignore")]
    assert not [name for name in tracked if name.endswith((".csv", ".parquet")) and "curve" not in name]


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
