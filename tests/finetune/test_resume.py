"""Interrupted training goes on and ends the same; changed training code starts afresh."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner

from slingshot import tables
from slingshot.finetune import resume
from slingshot.usage import Usage
from stages.finetune import main
from tests.conftest import ROOT, set_param

PREDICTIONS = "data/predictions/toy/tiny.parquet"


@pytest.fixture
def checkout(project: Path) -> Path:
    """The project with code of its own, that saves after every step and trains for a few seconds."""
    shutil.copytree(ROOT / "stages", project / "stages")
    shutil.copytree(ROOT / "src", project / "src")
    set_param(project, "models.tiny.save_seconds", 0)
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


def kill_in_training(project: Path) -> Path:
    """Start, wait for the first resume checkpoint, kill; returns that checkpoint."""
    process = finetune()
    deadline = time.monotonic() + 60
    while not (found := list(project.glob("state/resume/*/seed0/scratch/checkpoint.safetensors"))):
        assert time.monotonic() < deadline and process.poll() is None, process.communicate()[1]
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert not Path(PREDICTIONS).exists()
    return found[0]


def places(checkpoint: Path) -> tuple[int, int]:
    import json

    from safetensors import safe_open

    with safe_open(checkpoint, framework="pt") as file:
        place = json.loads(file.metadata()["place"])
    return place["epoch"], place["step"]


def test_a_killed_run_goes_on_and_ends_with_the_same_predictions(checkout):
    checkpoint = kill_in_training(checkout)
    epoch, step = places(checkpoint)
    assert (epoch, step) < (8, 0)
    finish(finetune())
    resumed = tables.read_predictions(Path(PREDICTIONS), 3)
    usage = Usage.read(Path("data/usage/toy/tiny.json"))
    shutil.rmtree("state")
    finish(finetune())
    whole = tables.read_predictions(Path(PREDICTIONS), 3)
    pd.testing.assert_frame_equal(resumed, whole, check_exact=True)
    assert usage.train[0].tokens == Usage.read(Path("data/usage/toy/tiny.json")).train[0].tokens


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
    frame = tables.read_predictions(Path(PREDICTIONS), 3)
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
