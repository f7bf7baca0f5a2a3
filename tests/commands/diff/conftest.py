"""A study of one data set, `toy`, in a repository of git and DVC: stand-in predictions, in DVC's real cache."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner, Result
from ruamel.yaml import YAML

from slingshot import cli, settings
from slingshot.files.codes import NO_SEED
from slingshot.files.labels import Labels
from slingshot.files.predictions import predictions_frame, read_predictions, write_predictions
from slingshot.files.storage.digests import md5_file
from slingshot.metrics import intervals
from slingshot.metrics.scored import scored
from tests.conftest import NAMES, ROOT, write_params

ROWS = 1000
CONTESTANTS = ("gains", "loses", "slips", "level", "wobbles")


def first(count: int) -> np.ndarray:
    """Right on the first rows, wrong on the others; shape (ROWS,)."""
    return np.arange(ROWS) < count


def toy_rows(start: int = 0, per_group: int = 1) -> pd.DataFrame:
    """ROWS test rows, the first of them numbered `start`."""
    numbers = np.arange(start, start + ROWS)
    groups = [f"g{number // per_group:05d}" for number in numbers]
    ids = [f"r{number:05d}" for number in numbers]
    return pd.DataFrame(
        {"id": ids, "text": "x", "label": numbers % 3, "group": groups, "order": np.arange(ROWS)}
    )


def slingshot(*arguments: str) -> Result:
    return CliRunner().invoke(cli.main, arguments)


def found(*arguments: str, exit_code: int = 0) -> dict[str, Any]:
    """What `slingshot diff ARGUMENTS --json` prints."""
    done = slingshot("diff", *arguments, "--json")
    assert done.exit_code == exit_code, done.output
    return dict(json.loads(done.stdout))


def of(told: dict[str, Any], contestant: str) -> dict[str, Any]:
    return next(
        one for one in told["datasets"][0]["comparisons"] if one["contestant"] == contestant
    )


def line(text: str, contestant: str) -> list[str]:
    """The cells of a contestant's row."""
    row = next(row for row in text.splitlines() if row.startswith(f"| {contestant} "))
    return [cell.strip() for cell in row.strip("|").split("|")]


class Study:
    """The folder, and what a person does in it."""

    def git(self, *words: str) -> str:
        return subprocess.run(["git", *words], check=True, capture_output=True, text=True).stdout

    def predict(
        self,
        contestant: str,
        right: np.ndarray,
        *,
        rows: pd.DataFrame | None = None,
        names: Sequence[str] = NAMES,
        sure: float | None = 0.8,
        seeds: Sequence[int] = (NO_SEED,),
        tokens: int = 0,
    ) -> None:
        """Write predictions with `sure` as the score of each row's prediction; without scores where it is None.

        `names` are those of NAMES, or others in their place, in the order in which classes are numbered.
        """
        rows = toy_rows() if rows is None else rows
        order = [names.index(name) if name in names else place for place, name in enumerate(NAMES)]
        labels = np.array(order)[rows["label"]]
        wrong = np.array(order)[(rows["label"] + 1) % 3]
        predictions = np.where(right, labels, wrong)
        scores = None
        if sure is not None:
            scores = np.full((len(rows), 3), (1 - sure) / 2)
            scores[np.arange(len(rows)), predictions] = sure
        source = "none" if sure is None else "softmax"
        frames = [
            predictions_frame(
                rows.assign(label=labels),
                "test",
                scores,
                seed=seed,
                score_source=source,
                prediction=predictions,
                input_tokens=tokens,
            )
            for seed in seeds
        ]
        path = Path(f"data/predictions/toy/{contestant}.parquet")
        write_predictions(path, pd.concat(frames), names, fraction=1.0, train_rows=9)
        self.name_labels(names)

    def name_labels(self, names: Sequence[str]) -> None:
        Labels(tuple(names), (3, 3, 3)).write(Path("data/prepared/toy/labels.json"))

    def measure(self, *contestants: str) -> None:
        """What `dvc repro` would leave behind: scores and intervals of all or these, dvc.lock and DVC's cache."""
        from dvc.repo import Repo

        options = settings.load().metrics
        for name in contestants or CONTESTANTS:
            path = Path(f"data/predictions/toy/{name}.parquet")
            names = Labels.read(Path("data/prepared/toy/labels.json")).names
            test = scored(path, read_predictions(path, names), 3)["test"]
            origin = intervals.Origin(fraction=1.0, train_rows=9, md5=md5_file(path))
            evaluation = intervals.evaluate(test, None, names, options, origin)
            evaluation.scores.write(Path(f"metrics/scores/toy/{name}.json"))
            evaluation.intervals.write(Path(f"metrics/intervals/toy/{name}.json"))
        with Repo() as repo:
            repo.commit(force=True)

    def commit(self, message: str) -> None:
        self.git("add", "-A")
        self.git("commit", "-qm", message)

    def forget_cache(self) -> None:
        shutil.rmtree(".dvc/cache")

    def use_remote(self, folder: Path) -> None:
        Path(".dvc/config").write_text(
            f"[core]\n    remote = store\n['remote \"store\"']\n    url = {folder}\n"
        )


def write_study(contestants: Sequence[str], datasets: Sequence[str] = ("toy",)) -> None:
    """params.yaml in which they take part."""
    source = {"kind": "file", "file": "rows.csv", "text": "text", "label": "label"}
    write_params(
        Path(),
        {
            "study": {
                "datasets": list(datasets),
                "models": list(contestants),
                "llms": [],
                "cascades": [],
            },
            "datasets": {
                n: {"source": source, "label_source": "human", "licence": "MIT"} for n in datasets
            },
            "models": {name: {"family": "tfidf"} for name in contestants},
        },
    )


def write_graph(contestants: Sequence[str]) -> None:
    """dvc.yaml of the stages whose work Study.measure stands in for."""
    stages = {"prepare": {"cmd": "true", "outs": ["data/prepared/toy"]}}
    for name in contestants:
        stages[f"predict_{name}"] = {
            "cmd": "true",
            "deps": ["data/prepared/toy/labels.json"],
            "outs": [f"data/predictions/toy/{name}.parquet"],
            "metrics": [{f"metrics/scores/toy/{name}.json": {"cache": False}}],
        }
    with Path("dvc.yaml").open("w") as file:
        YAML(typ="safe").dump({"stages": stages}, file)


@pytest.fixture(scope="session")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The repository on branch main, where every contestant is right on the first three quarters of the rows."""
    root = tmp_path_factory.mktemp("diff") / "study"
    (root / ".dvc").mkdir(parents=True)
    (root / ".dvc/config").write_text("[core]\n    analytics = false\n")
    (root / ".dvc/.gitignore").write_text("/config.local\n/tmp\n/cache\n")
    shutil.copy(ROOT / ".gitignore", root)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        patch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
        study = Study()
        study.git("init", "-q", "-b", "main")
        study.git("config", "user.email", "tests@example.org")
        study.git("config", "user.name", "Tests")
        write_study(CONTESTANTS)
        write_graph(CONTESTANTS)
        for tokens, name in enumerate(
            CONTESTANTS
        ):  # else they would be one and the same file to DVC
            study.predict(name, first(750), tokens=tokens)
        study.measure()
        study.commit("Measure")
    return root


@pytest.fixture
def study(measured: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Study]:
    """A copy of it as working directory."""
    root = tmp_path / "study"
    shutil.copytree(measured, root)
    monkeypatch.chdir(root)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    yield Study()
