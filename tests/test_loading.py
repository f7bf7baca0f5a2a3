"""What a folder must hold to be loaded, and what is said where it does not."""

import shutil

import pytest

from slingshot import loading
from slingshot.settings import Checkpoint, UserError


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

    sizes = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
    config = BertConfig(vocab_size=50, initializer_range=0.5, **sizes)
    BertLMHeadModel(config).save_pretrained(tmp_path)
    with pytest.raises(UserError, match="it reads what follows a token"):
        loading.causal_lm(str(tmp_path))


def test_a_head_of_another_size_is_refused(encoder, tmp_path):
    loading.classifier(str(encoder), ["a", "b"]).save_pretrained(tmp_path / "tuned")
    loading.classifier(str(tmp_path / "tuned"), ["c", "d"])
    with pytest.raises(UserError, match="classification head is not of the data set's 3 classes"):
        loading.classifier(str(tmp_path / "tuned"), ["a", "b", "c"])


def test_a_missing_tokenizer_is_named(encoder, tiny, tmp_path):
    for name, source in {"bert": encoder, **tiny}.items():
        for file in source.iterdir():
            if file.name in ("config.json", "model.safetensors"):
                (tmp_path / name).mkdir(exist_ok=True)
                shutil.copy(file, tmp_path / name)
        with pytest.raises(UserError, match=f"{name}: holds no tokenizer"):
            loading.tokenizer(str(tmp_path / name))


def test_half_a_weight_file_is_named(encoder, tmp_path):
    shutil.copytree(encoder, tmp_path / "half")
    whole = (encoder / "model.safetensors").read_bytes()
    (tmp_path / "half/model.safetensors").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UserError, match="half: not a checkpoint that can classify"):
        loading.classifier(str(tmp_path / "half"), ["a", "b"])
