"""Interrupted training goes on and ends the same; changed training code starts afresh."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner
from safetensors import safe_open

from slingshot import tables
from slingshot.finetune import resume
from slingshot.finetune.training import Place
from slingshot.usage import Usage
from stages.finetune import main
from tests.conftest import NAMES, ROOT, set_param, set_params
from tests.tiny_checkpoints import ARCHITECTURES

CHECKPOINTS = "state/resume/*/seed0/scratch/checkpoint.safetensors"
PREDICTIONS = "data/predictions/toy/tiny.parquet"


@pytest.fixture
def checkout(project: Path) -> Path:
    """The project with code of its own, that saves after every step and trains for two epochs."""
    shutil.copytree(ROOT / "stages", project / "stages")
    shutil.copytree(ROOT / "src", project / "src")
    set_params(project, {"models.tiny.save_seconds": 0, "models.tiny.epochs": 2})
    return project


def finetune(**extra: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "stages.finetune", "toy", "tiny"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **extra},
    )


def finish(process: subprocess.Popen[str]) -> str:
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    return out


def kill_in_training(project: Path, step: int = 1) -> Path:
    """Start, wait for the resume checkpoint of that step or a later one, kill; returns that checkpoint."""
    process = finetune()
    deadline = time.monotonic() + 60
    while not (found := list(project.glob(CHECKPOINTS))) or done(found[0]) < step:
        assert time.monotonic() < deadline and process.poll() is None, process.communicate()[1]
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert not Path(PREDICTIONS).exists()
    return found[0]


def done(checkpoint: Path) -> int:
    """Steps of the optimiser that a resume checkpoint has behind it."""
    with safe_open(checkpoint, framework="pt") as file:
        place = Place(**json.loads(file.metadata()["place"]))
    return place.done


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_a_killed_run_goes_on_and_ends_with_the_same_predictions(project, tiny, name):
    (project / "stages").symlink_to(ROOT / "stages")
    (project / "src").symlink_to(ROOT / "src")
    set_params(
        project,
        {"models.tiny.save_seconds": 0, "models.tiny.epochs": 4, "models.tiny.checkpoint": str(tiny[name])},
    )
    killed = done(kill_in_training(project, random.randrange(1, 50)))
    assert killed < 4 * 19, "it ended before it was killed"
    assert CliRunner().invoke(main, ["toy", "tiny"]).exit_code == 0
    resumed = tables.read_predictions(Path(PREDICTIONS), NAMES)
    usage = Usage.read(Path("data/usage/toy/tiny.json"))
    shutil.rmtree("state")
    assert CliRunner().invoke(main, ["toy", "tiny"]).exit_code == 0
    whole = tables.read_predictions(Path(PREDICTIONS), NAMES)
    pd.testing.assert_frame_equal(resumed, whole, check_exact=True)
    again = Usage.read(Path("data/usage/toy/tiny.json"))
    assert usage.train[0].tokens == again.train[0].tokens
    assert usage.details["0"]["loss"] == again.details["0"]["loss"]


def test_changed_training_code_starts_afresh(checkout):
    killed = kill_in_training(checkout)
    with (checkout / "src/slingshot/finetune/training.py").open("a") as file:
        file.write("\n# a fix\n")
    finish(finetune())
    finished = [path.parents[1] for path in checkout.glob("state/resume/*/seed0/record.json")]
    assert len(finished) == 1 and finished[0] != killed.parents[2]
    assert killed.exists(), "the old code's checkpoint was taken up"


def test_another_familys_code_retrains_nothing(checkout):
    first = finish(finetune())
    record = next(checkout.glob("state/resume/*/seed0/record.json"))
    stamp = record.stat().st_mtime_ns
    with (checkout / "src/slingshot/finetune/tfidf.py").open("a") as file:
        file.write("\n# a fix\n")
    assert finish(finetune()) == first
    assert record.stat().st_mtime_ns == stamp
    assert len(list(checkout.glob("state/resume/*"))) == 1


def test_another_seed_trains_only_the_new_one(project):
    assert CliRunner().invoke(main, ["toy", "tiny"]).exit_code == 0
    record = next(project.glob("state/resume/*/seed0/record.json"))
    stamp = record.stat().st_mtime_ns
    set_param(project, "seeds", [0, 1])
    assert CliRunner().invoke(main, ["toy", "tiny"]).exit_code == 0
    assert record.stat().st_mtime_ns == stamp
    frame = tables.read_predictions(Path(PREDICTIONS), NAMES)
    assert set(frame["seed"]) == {0, 1}
    by_seed = [part["scores"].map(tuple).tolist() for _, part in frame.groupby("seed")]
    assert by_seed[0] != by_seed[1]
    assert len(Usage.read(Path("data/usage/toy/tiny.json")).train) == 2


def test_a_loss_that_is_not_finite_names_the_remedy(project):
    set_param(project, "models.tiny.learning_rate", 1e30)
    result = CliRunner().invoke(main, ["toy", "tiny"])
    assert result.exit_code == 1
    assert "lower learning_rate" in result.output
    assert not Path(PREDICTIONS).exists()


def test_a_model_half_saved_is_not_taken_for_finished(tmp_path):
    folder = resume.SeedFolder(tmp_path, 1)
    outcome = resume.Finished(pd.DataFrame({"id": ["a"]}), {"kept": True})
    folder.model.mkdir()
    folder.finish(outcome, with_model=False)
    assert folder.finished(with_model=False) is not None
    assert folder.finished(with_model=True) is None
    folder.model.mkdir()  # a second training is killed while it saves
    assert folder.finished(with_model=True) is None
