"""A study in a git and DVC repository of its own, with the project's code, and the commands people run in it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from ruamel.yaml import YAML

from tests.conftest import ROOT, make_rows

TRACER = """
import atexit, os, pathlib, sys
def write():
    name = pathlib.Path(sys.argv[0]).stem
    loaded = [m for m, v in sys.modules.items() if m.startswith("slingshot.") and not hasattr(v, "__path__")]
    with open(os.path.join(os.environ["TRACE"], name), "a") as file:
        file.writelines(m + "\\n" for m in loaded)
atexit.register(write)
"""
NOBODYS = ("slingshot.settings", "slingshot.machine.console")
"""Modules that are no stage's dependency: no figure depends on their code."""
PROJECT_FILES = ("stages", "src", "dvc.yaml", ".dvcignore", ".gitignore")


class Repository:
    """A clone in a temporary folder, and the commands people run in it."""

    def __init__(self, root: Path, python: Path | None = None, **environment: str) -> None:
        """`environment` is set for every command; `python` is a folder with a `python3` that is to run the stages."""
        self.root = root
        self.trace = root.parent / "trace"
        path = [*filter(None, [python]), Path(sys.executable).parent, os.environ["PATH"]]
        keep = {
            k: v
            for k, v in os.environ.items()
            if not k.startswith(("ANTHROPIC_", "DVC_", "GIT_", "SLINGSHOT_", "PYTEST"))
        }
        self.env = {
            **keep,
            "PATH": os.pathsep.join(map(str, path)),
            "PYTHONPATH": str(self.trace),
            "TRACE": str(self.trace / "out"),
            "GIT_CONFIG_GLOBAL": os.devnull,
            **environment,
        }

    def __call__(self, *words: str, fails: bool = False) -> str:
        done = subprocess.run(
            words, cwd=self.root, env=self.env, capture_output=True, text=True, timeout=1500
        )
        assert (done.returncode != 0) == fails, done.stdout + done.stderr
        return done.stdout + done.stderr

    def traced(self, script: str) -> set[str]:
        """The slingshot modules that a stage's script has loaded, as files, but for those that are nobody's dependency;
        the tracer wrote it."""
        loaded = set((self.trace / "out" / script).read_text().split())
        return {
            f"src/{module.replace('.', '/')}.py"
            for module in loaded
            if not module.startswith(NOBODYS)
        }

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


def start(home: Path) -> Path:
    """The folder of a repository to be, with the project's files and the tracer beside it."""
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
    return root


def found(
    root: Path, datasets: tuple[str, ...], python: Path | None = None, **environment: str
) -> Repository:
    """The repository, once params.yaml and the data are in it."""
    study = Repository(root, python, **environment)
    study("git", "init", "-q", "-b", "main")
    study("git", "config", "user.email", "tests@example.org")
    study("git", "config", "user.name", "Tests")
    study("dvc", "init", "-q")
    study("dvc", "config", "core.analytics", "false")
    shutil.copy(ROOT / ".dvc/.gitignore", root / ".dvc/.gitignore")
    if datasets:
        study("dvc", "add", "-q", *(f"data/raw/{name}" for name in datasets))
    return study


def unlisted(stage: str, loaded: set[str]) -> set[str]:
    """Files that a stage loads and that its deps in dvc.yaml lack."""
    listed = YAML(typ="safe").load((ROOT / "dvc.yaml").read_text())["stages"][stage]["deps"]
    deps = [dep for dep in listed if "$" not in dep]
    assert all((ROOT / dep).exists() for dep in deps if dep.startswith(("src", "stages")))
    return {
        file
        for file in loaded
        if not any(file == dep or file.startswith(dep + "/") for dep in deps)
    }
