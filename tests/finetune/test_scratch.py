"""What a run leaves to go on from: whole at every moment, and never used when it is damaged."""

from pathlib import Path

import pytest
import torch

from slingshot.finetune.scratch import ScratchFolder, TrainingState
from slingshot.machine import sealed
from tests.damage import cut, flip


def scratch(folder: Path) -> ScratchFolder:
    model = torch.nn.Linear(2, 1)
    optimizer = torch.optim.AdamW(model.parameters())
    model(torch.ones(2)).backward()
    optimizer.step()
    return ScratchFolder(folder, model, optimizer)


def run(folder: Path) -> tuple[ScratchFolder, TrainingState]:
    """One epoch with its checkpoint, then a step of the next one with another."""
    one, place = scratch(folder), TrainingState(best_epoch=0, steps=2)
    one.keep_best(place)
    place.scores, place.epoch = [0.5], 1
    one.save(place)
    place.step = 1
    one.save(place)
    return one, place


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def weights(one: ScratchFolder) -> list[float]:
    return torch.cat([value.flatten() for value in one.model.state_dict().values()]).tolist()


def test_another_process_goes_on_from_the_last_checkpoint_and_its_best_weights(tmp_path):
    first, place = run(tmp_path)
    assert names(tmp_path) == ["best-0.safetensors", "checkpoint-1-1.safetensors", sealed.MANIFEST]
    second = scratch(tmp_path)
    assert second.restore() == place
    assert weights(second) == weights(first)
    assert second.optimizer.state_dict()["state"][0]["exp_avg"].equal(
        first.optimizer.state_dict()["state"][0]["exp_avg"]
    )
    torch.nn.init.zeros_(second.model.weight)
    second.load_best(place)
    assert weights(second) == weights(first)


def test_a_kill_between_two_files_leaves_the_earlier_ones(tmp_path, monkeypatch):
    one, place = run(tmp_path)
    before = TrainingState(**vars(place))
    place.best_epoch = 1
    one.keep_best(place)
    place.scores, place.epoch, place.step = [0.5, 0.6], 2, 0

    def kill(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(sealed, "seal", kill)
        one.save(place)
    assert len(names(tmp_path)) == 5
    assert scratch(tmp_path).restore() == before
    assert names(tmp_path) == ["best-0.safetensors", "checkpoint-1-1.safetensors", sealed.MANIFEST]


@pytest.mark.parametrize("spoil", [flip, cut, Path.unlink])
@pytest.mark.parametrize(
    "part", ["best-0.safetensors", "checkpoint-1-1.safetensors", sealed.MANIFEST]
)
def test_a_damaged_one_is_set_aside_and_the_run_starts_anew(tmp_path, capsys, part, spoil):
    folder = tmp_path / "scratch"
    run(folder)
    spoil(folder / part)
    fresh = scratch(folder)
    before = weights(fresh)
    assert fresh.restore() == TrainingState()
    assert weights(fresh) == before
    said = capsys.readouterr().err
    if (part, spoil) == (sealed.MANIFEST, Path.unlink):
        assert said == ""  # there is nothing to go on from
    else:
        assert said.startswith(f"{folder}: ") and said.count("\n") == 1
        assert said.endswith("It was renamed to scratch.damaged; the training starts again\n")
        assert (tmp_path / "scratch.damaged").is_dir()
    fresh.save(TrainingState())
    assert scratch(folder).restore() == TrainingState()
