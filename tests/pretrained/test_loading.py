"""What a folder must hold to be loaded, and what is said where it does not."""

import ast
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from slingshot.files.storage.json_files import write_json
from slingshot.finetune.saved import Saved
from slingshot.pretrained import loading
from slingshot.settings import Checkpoint, UserError
from tests.conftest import NAMES, ROOT, set_params


def test_texts_longer_than_the_model_reads_are_refused(encoder):
    from transformers import AutoConfig

    config = AutoConfig.from_pretrained(encoder)
    loading.check_length(Checkpoint(checkpoint="x", max_length=64), config)
    with pytest.raises(UserError, match="max_length is 65, but x reads 64 tokens at most"):
        loading.check_length(Checkpoint(checkpoint="x", max_length=65), config)


def test_what_is_no_causal_language_model_is_refused(encoder, causal_lm, tiny, tmp_path):
    from safetensors.torch import load_file, save_file

    assert loading.causal_lm(str(causal_lm)).config.model_type == "gemma3_text"
    with pytest.raises(UserError, match="not a causal language model: it lacks the weights"):
        loading.causal_lm(str(encoder))
    for name in ("xlnet", "t5"):
        with pytest.raises(UserError, match=f"{name}: not a causal language model"):
            loading.causal_lm(str(tiny[name]))
    shutil.copytree(causal_lm, tmp_path / "less")
    weights = load_file(causal_lm / "model.safetensors")
    del weights["model.norm.weight"]
    save_file(weights, tmp_path / "less/model.safetensors", {"format": "pt"})
    with pytest.raises(UserError, match=r"lacks the weights \['model\.norm\.weight'\]"):
        loading.causal_lm(str(tmp_path / "less"))


def test_a_model_that_reads_what_follows_is_no_causal_language_model(tmp_path):
    from transformers import BertConfig, BertLMHeadModel

    sizes = {
        "hidden_size": 32,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "intermediate_size": 32,
    }
    config = BertConfig(vocab_size=50, initializer_range=0.5, **sizes)
    BertLMHeadModel(config).save_pretrained(tmp_path)
    with pytest.raises(UserError, match="it reads the tokens that follow"):
        loading.causal_lm(str(tmp_path))


def test_a_head_of_another_size_is_refused(encoder, tmp_path):
    loading.classifier(str(encoder), ["a", "b"]).save_pretrained(tmp_path / "tuned")
    loading.classifier(str(tmp_path / "tuned"), ["c", "d"])
    with pytest.raises(
        UserError, match="classification head does not have the data set's 3 classes"
    ):
        loading.classifier(str(tmp_path / "tuned"), ["a", "b", "c"])


def test_a_missing_tokenizer_is_named(encoder, tiny, tmp_path):
    for name, source in {"bert": encoder, **tiny}.items():
        for file in source.iterdir():
            if file.name in ("config.json", "model.safetensors"):
                (tmp_path / name).mkdir(exist_ok=True)
                shutil.copy(file, tmp_path / name)
        with pytest.raises(UserError, match=f"{name}: has no tokenizer"):
            loading.tokenizer(str(tmp_path / name))


def test_half_a_weight_file_is_named(encoder, tmp_path):
    shutil.copytree(encoder, tmp_path / "half")
    whole = (encoder / "model.safetensors").read_bytes()
    (tmp_path / "half/model.safetensors").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UserError, match="half: not a checkpoint that can classify"):
        loading.classifier(str(tmp_path / "half"), ["a", "b"])


# --- code of a checkpoint ------------------------------------------------------------------------


def with_code(source: Path, folder: Path) -> Path:
    """A copy of the checkpoint that needs code of its own, which leaves a file where it runs."""
    shutil.copytree(source, folder)
    (folder / "own.py").write_text(
        f"from pathlib import Path\nPath({str(folder / 'ran')!r}).touch()\n"
    )
    kinds = ("Model", "ModelForSequenceClassification", "ModelForCausalLM")
    config = json.loads((folder / "config.json").read_text())
    names = {f"Auto{kind}": f"own.{kind}" for kind in ("Config", *kinds)}
    (folder / "config.json").write_text(
        json.dumps(config | {"model_type": "own", "auto_map": names})
    )
    tokenizer = json.loads((folder / "tokenizer_config.json").read_text())
    named = {"tokenizer_class": "Own", "auto_map": {"AutoTokenizer": ["own.Own", "own.Own"]}}
    (folder / "tokenizer_config.json").write_text(json.dumps(tokenizer | named))
    return folder


def refused(folder: Path, *call: str) -> None:
    """The command, to which somebody answers yes whatever it asks, names the folder, and runs nothing in it."""
    done = subprocess.run([sys.executable, *call], input="y\n" * 20, capture_output=True, text=True)
    said = done.stdout + done.stderr
    assert done.returncode == 1 and "y/N" not in said and "trust_remote_code" not in said, said
    assert (
        f"{folder}: the checkpoint needs its own code (auto_map in its JSON files), which is never run"
        in said
    )
    assert not (folder / "ran").exists()


@pytest.mark.parametrize("model", ["tiny", "frozen"])
def test_training_runs_no_code_of_a_checkpoint(project, encoder, model):
    (project / "stages").symlink_to(ROOT / "stages")
    (project / "src").symlink_to(ROOT / "src")
    folder = with_code(encoder, project / "own")
    set_params(project, {f"models.{model}.checkpoint": str(folder), f"models.{model}.sha256": {}})
    refused(folder, "-m", "stages.finetune", "toy", model)


def test_prediction_runs_no_code_of_a_model(project, encoder):
    loading.classifier(str(encoder), NAMES).save_pretrained(project / "made")
    loading.tokenizer(encoder).save_pretrained(project / "made")
    write_json(
        project / "made/inputs.json",
        {"max_length": 8, "truncation": "head", "overlap": 0, "dtype": "auto"},
    )
    write_json(project / "made/linear.json", {"max_length": 8})
    layer = {"coefficients": np.zeros((3, 32)), "intercepts": np.zeros(3)}
    save_file(layer, project / "made/linear.safetensors")
    folder = with_code(project / "made", project / "own")
    Path("texts.csv").write_text("text\na fine phone\n")
    for family in ("transformer", "frozen"):
        Saved(family, NAMES).write(folder)
        refused(
            folder,
            "-c",
            "from slingshot.cli import main; main()",
            "predict",
            str(folder),
            "texts.csv",
        )


def test_a_causal_lm_runs_no_code_of_its_own(causal_lm, tmp_path):
    folder = with_code(causal_lm, tmp_path / "own")
    for load in (loading.causal_lm, loading.tokenizer):
        with pytest.raises(UserError, match="its own code"):
            load(str(folder))
    assert not (folder / "ran").exists()


def test_every_load_of_the_project_refuses_code():
    """Of what transformers, datasets and torch can load with, each call says that no code comes with it."""
    loaders = {"from_pretrained", "from_config", "pipeline", "load_dataset", "load_dataset_builder"}
    found = [
        (path, call)
        for folder in ("src", "stages", "bench")
        for path in (ROOT / folder).rglob("*.py")
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(call, ast.Call)
    ]
    named = [
        (path, call) for path, call in found if ast.unparse(call.func).rpartition(".")[2] in loaders
    ]
    assert any(path.name == "loading.py" for path, _ in named)
    for path, call in named:
        said = {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords}
        assert said.get("trust_remote_code") == "False", (
            f"{path}:{call.lineno}: {ast.unparse(call)}"
        )
