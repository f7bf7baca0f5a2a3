"""Interrupted training goes on and ends the same; changed training code starts afresh."""

import errno
import os
import random
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner

from slingshot.files.predictions import read_predictions
from slingshot.files.storage.json_files import read_json, write_text
from slingshot.files.usage import Usage
from slingshot.finetune import resume
from stages.finetune import main
from tests.conftest import NAMES, ROOT, set_param, set_params
from tests.damage import cut, flip
from tests.tiny_checkpoints import ARCHITECTURES

CHECKPOINTS = "state/resume/*/seed0/scratch/checkpoint-*.safetensors"
PREDICTIONS = "data/predictions/toy/tiny.parquet"


@pytest.fixture
def checkout(project: Path) -> Path:
    """The project with code of its own, that saves after every step and trains for two epochs."""
    shutil.copytree(ROOT / "stages", project / "stages")
    shutil.copytree(ROOT / "src", project / "src")
    set_params(project, {"models.tiny.save_seconds": 0, "models.tiny.epochs": 2})
    return project


class Stage(subprocess.Popen[str]):
    """The stage in a process of its own, which signals go to; it stands in its PID_FILE."""

    def __init__(self, root: Path | None = None) -> None:
        root = root or Path.cwd()
        self.file = root / f"{len(list(root.glob('*.pid')))}.pid"
        self.file.touch()
        super().__init__(
            ["python3", "-m", "stages.finetune", "toy", "tiny"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=root,
            env={**os.environ, "PID_FILE": str(self.file)},
        )

    @property
    def number(self) -> int:
        return int(self.file.read_text())

    def send_signal(self, sig: int) -> None:
        os.kill(self.number, sig)


@pytest.fixture(autouse=True)
def starts_at_once(warm: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{warm}{os.pathsep}{os.environ['PATH']}")


def finish(process: Stage) -> str:
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    return out


def in_training(project: Path, step: int = 1) -> tuple[Stage, Path]:
    """A run that has left the checkpoint of that step or a later one; and the seed's folder."""
    process = Stage()
    deadline = time.monotonic() + 60
    while done(project) < step:
        assert time.monotonic() < deadline and process.poll() is None, process.communicate()[1]
        time.sleep(0.01)
    return process, next(project.glob(CHECKPOINTS)).parents[1]


def kill_in_training(project: Path, step: int = 1) -> Path:
    """Start, wait for the checkpoint of that step or a later one, kill; returns the seed's folder."""
    process, folder = in_training(project, step)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert not Path(PREDICTIONS).exists()
    return folder


def done(project: Path) -> int:
    """Steps of the optimiser behind the last checkpoint, of which each epoch has 19."""
    names = [path.stem.split("-") for path in project.glob(CHECKPOINTS)]
    return max((19 * int(epoch) + int(step) for _, epoch, step in names), default=0)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_a_killed_run_goes_on_and_ends_with_the_same_predictions(project, tiny, name):
    (project / "stages").symlink_to(ROOT / "stages")
    (project / "src").symlink_to(ROOT / "src")
    set_params(
        project,
        {
            "models.tiny.save_seconds": 0,
            "models.tiny.epochs": 4,
            "models.tiny.checkpoint": str(tiny[name]),
        },
    )
    kill_in_training(project, random.randrange(1, 50))
    assert done(project) < 4 * 19, "it ended before it was killed"
    assert CliRunner().invoke(main, ["toy", "tiny"]).exit_code == 0
    resumed = read_predictions(Path(PREDICTIONS), NAMES)
    usage = Usage.read(Path("data/usage/toy/tiny.json"))
    shutil.rmtree("state")
    assert CliRunner().invoke(main, ["toy", "tiny"]).exit_code == 0
    whole = read_predictions(Path(PREDICTIONS), NAMES)
    pd.testing.assert_frame_equal(resumed, whole, check_exact=True)
    again = Usage.read(Path("data/usage/toy/tiny.json"))
    assert usage.train[0].tokens == again.train[0].tokens
    assert usage.details["0"]["loss"] == again.details["0"]["loss"]


def test_changed_training_code_starts_afresh(checkout):
    killed = kill_in_training(checkout)
    with (checkout / "src/slingshot/finetune/training.py").open("a") as file:
        file.write("\n# a fix\n")
    finish(Stage())
    finished = [path.parent for path in checkout.glob("state/resume/*/seed0/manifest.json")]
    assert len(finished) == 1 and finished[0] != killed
    assert list(killed.glob("scratch/checkpoint-*")), "the old code's checkpoint was taken up"


def test_another_familys_code_retrains_nothing(checkout):
    first = finish(Stage())
    record = next(checkout.glob("state/resume/*/seed0/manifest.json"))
    stamp = record.stat().st_mtime_ns
    with (checkout / "src/slingshot/finetune/tfidf.py").open("a") as file:
        file.write("\n# a fix\n")
    assert finish(Stage()) == first
    assert record.stat().st_mtime_ns == stamp
    assert len(list(checkout.glob("state/resume/*"))) == 1


def test_another_seed_trains_only_the_new_one(project):
    assert CliRunner().invoke(main, ["toy", "tiny"]).exit_code == 0
    record = next(project.glob("state/resume/*/seed0/manifest.json"))
    stamp = record.stat().st_mtime_ns
    set_param(project, "seeds", [0, 1])
    assert CliRunner().invoke(main, ["toy", "tiny"]).exit_code == 0
    assert record.stat().st_mtime_ns == stamp
    frame = read_predictions(Path(PREDICTIONS), NAMES)
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
    outcome = resume.SeedOutcome(pd.DataFrame({"id": ["a"]}), {"kept": True})
    write_text(folder.model / "weights", "whole")
    folder.finish(outcome, with_model=False)
    assert folder.finished(with_model=False) is not None
    assert folder.finished(with_model=True) is None
    write_text(folder.model / "weights", "ha")  # a second training is killed while it saves
    assert folder.finished(with_model=True) is None


@pytest.mark.parametrize("when", ["seal", "remove"])
def test_a_kill_between_the_end_of_training_and_the_seal_loses_nothing(tmp_path, monkeypatch, when):
    folder = resume.SeedFolder(tmp_path, 1)
    write_text(folder.scratch / "checkpoint", "trained")
    write_text(folder.model / "weights", "whole")

    def kill(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as killed, pytest.raises(KeyboardInterrupt):
        killed.setattr(
            f"slingshot.finetune.resume.{'sealed.seal' if when == 'seal' else 'remove'}", kill
        )
        folder.finish(
            resume.SeedOutcome(pd.DataFrame({"id": ["a"]}), {"kept": True}), with_model=True
        )
    if when == "seal":
        assert folder.finished(with_model=True) is None
        assert (folder.scratch / "checkpoint").read_text() == "trained"
    else:
        assert folder.finished(with_model=True).record == {"kept": True}
        assert (folder.model / "weights").read_text() == "whole" and not (
            folder.scratch / "checkpoint"
        ).exists()


# --- damage --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "part", "spoil"),
    [
        ("tfidf", "model/model.safetensors", flip),
        ("tfidf", "model/vectorizers.json", Path.unlink),
        ("tfidf", "predictions.parquet", cut),
        ("tfidf", "record.json", cut),
        ("tfidf", "record.json", Path.unlink),
        ("frozen", "model/linear.safetensors", flip),
        ("tiny", "model/model.safetensors", flip),
    ],
)
def test_a_damaged_part_is_set_aside_said_and_trained_anew(project, model, part, spoil):
    set_param(project, "models.tiny.epochs", 1)
    whole = CliRunner().invoke(main, ["toy", model])
    files = [
        Path(f"data/predictions/toy/{model}.parquet"),
        *sorted(Path("data/models/toy", model).glob("*.safetensors")),
    ]
    before = [file.read_bytes() for file in files]
    [manifest] = project.glob("state/resume/*/*/manifest.json")
    seed = manifest.parent
    spoil(seed / part)
    again = CliRunner().invoke(main, ["toy", model])
    assert again.exit_code == 0, again.output
    what = "is missing" if spoil is Path.unlink else "has changed since it was written"
    said = f"{seed}: {part} {what}. It was renamed to {seed.name}.damaged; it is trained again\n"
    assert again.stderr.count(said) == 1
    assert again.stdout.partition(",")[0] == whole.stdout.partition(",")[0]
    assert [file.read_bytes() for file in files] == before
    third = CliRunner().invoke(main, ["toy", model])
    assert third.exit_code == 0 and ".damaged" not in third.output


def test_a_damaged_checkpoint_is_set_aside_and_training_starts_anew(checkout):
    scratch = kill_in_training(checkout, 20) / "scratch"
    checkpoint = next(
        scratch / name for name in read_json(scratch / "manifest.json") if "checkpoint" in name
    )
    flip(checkpoint)
    process = Stage()
    _, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    what = f"{checkpoint.name} has changed since it was written"
    assert (
        err.count(
            f"{scratch}: {what}. It was renamed to scratch.damaged; the training starts again\n"
        )
        == 1
    )
    resumed = read_predictions(Path(PREDICTIONS), NAMES)
    shutil.rmtree("state")
    finish(Stage())
    pd.testing.assert_frame_equal(
        resumed, read_predictions(Path(PREDICTIONS), NAMES), check_exact=True
    )


# --- several processes ---------------------------------------------------------------------------


@pytest.fixture
def worktree(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Another work tree with the same files, code and state folder."""
    return shutil.copytree(checkout, tmp_path_factory.mktemp("worktree"), dirs_exist_ok=True)


def until_waiting(process: Stage) -> str:
    """What it says when it waits for another."""
    assert process.stderr is not None
    while "another process trains it" not in (line := process.stderr.readline()):
        assert line, "it ended without waiting"
    return line


def test_a_second_worker_waits_until_the_first_ends(checkout, worktree):
    first, folder = in_training(checkout, 20)
    first.send_signal(signal.SIGSTOP)
    second = Stage(worktree)
    waiting = until_waiting(second)
    time.sleep(1)
    assert second.poll() is None, "it went on in another's folder"
    first.send_signal(signal.SIGCONT)
    said = [process.communicate(timeout=120) for process in (first, second)]
    assert [first.returncode, second.returncode] == [0, 0], said
    waits = f"toy-tiny: another process trains it in {folder.parent} (process {first.number} on {socket.gethostname()})"
    assert waits in waiting and waits not in said[0][1] + said[1][1]
    assert said[0][0] == said[1][0]
    assert sorted(path.name for path in folder.iterdir()) == [
        "manifest.json",
        "model",
        "predictions.parquet",
        "record.json",
    ]


def test_a_second_worker_goes_on_from_where_the_first_was_killed(checkout, worktree):
    first, _ = in_training(checkout, 20)
    first.send_signal(signal.SIGSTOP)
    stopped = done(checkout)
    second = Stage(worktree)
    until_waiting(second)
    first.send_signal(signal.SIGKILL)
    first.communicate()
    _, err = second.communicate(timeout=120)
    assert second.returncode == 0, err
    assert stopped >= 20 and ".damaged" not in err
    resumed = read_predictions(worktree / PREDICTIONS, NAMES)
    shutil.rmtree("state")
    finish(Stage())
    pd.testing.assert_frame_equal(
        resumed, read_predictions(Path(PREDICTIONS), NAMES), check_exact=True
    )


def test_where_no_lock_can_be_had_this_is_said(project, monkeypatch):
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr("fcntl.flock", refuse)
    result = CliRunner().invoke(main, ["toy", "tfidf"])
    assert result.exit_code == 0, result.output
    assert "locks do not work here (No locks available): run one process at a time" in result.stderr
