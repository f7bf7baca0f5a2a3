"""`make review` on a repository with two branches, as a pull request's job runs it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.commands.diff.conftest import Study, first, toy_rows
from tests.conftest import ROOT


@pytest.fixture
def branches(study: Study) -> Study:
    """On branch `work`, which has left `main`: what a contestant loses there is committed."""
    shutil.copy(ROOT / "Makefile", ".")
    shutil.copytree(ROOT / ".ci", ".ci")
    study.commit("Add the commands")
    study.git("switch", "-qc", "work")
    study.predict("loses", first(700))
    study.measure("loses")
    study.commit("Lose some")
    return study


def review(base: str) -> subprocess.CompletedProcess[str]:
    """Run the recipe in this environment instead of an installed one."""
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    env = {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT / "src")}
    make = ["make", "-o", ".venv/.installed", "review", f"BASE={base}"]
    return subprocess.run(make, env=env, capture_output=True, text=True)


def test_a_loss_fails_it_once_the_comment_is_written(branches: Study) -> None:
    done = review("main")
    assert done.returncode != 0
    comment = Path("review/comment.md").read_text()
    assert "**Lost beyond the margin: toy-loses.**" in comment
    assert "-5.0 points [" in comment
    assert "| metrics/scores/toy/loses.json | accuracy" in " ".join(comment.split())
    assert comment.index("## Accuracy") < comment.index(
        "<summary><code>dvc metrics diff main</code>"
    )
    assert comment in done.stdout
    assert branches.git("status", "--porcelain") == "", "review/ is not for git"


def test_what_is_not_paired_does_not_fail_it(branches: Study) -> None:
    branches.predict("loses", first(700), rows=toy_rows(start=1))
    done = review("main")
    assert done.returncode == 0, done.stderr
    assert (
        "Not paired, so not judged as a loss: toy-loses." in Path("review/comment.md").read_text()
    )


def test_a_fresh_clone_without_data_is_reviewed_from_what_is_committed(
    branches: Study, monkeypatch
) -> None:
    branches.git("clone", "-q", ".", "../clone")
    monkeypatch.chdir("../clone")
    done = review("origin/main")
    assert done.returncode == 0, done.stderr
    comment = Path("review/comment.md").read_text()
    assert "unpaired, from the committed intervals, shared rows unknown" in comment
    assert comment.count("the same predictions") == 4


def test_an_unknown_base_fails_it_and_leaves_no_comment_of_an_earlier_run(branches: Study) -> None:
    Path("review").mkdir()
    Path("review/comment.md").write_text("of an earlier run")
    done = review("mian")
    assert done.returncode != 0
    assert "unknown Git revision 'mian'" in done.stderr
    assert not Path("review").exists()
