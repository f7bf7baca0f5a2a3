"""Checkpoints of the published study's three architectures and of a Gemma 3, tiny and with random weights, made offline
in seconds.

    .venv/bin/python -m tests.tiny_checkpoints FOLDER

makes FOLDER/xlnet, FOLDER/distilbert, FOLDER/t5 and FOLDER/gemma for the smoke study (studies/smoke.yaml). Their
tokenizers are real ones with the words of README.md and docs/.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

VOCABULARY = 600
SPREAD = 0.1
"""Standard deviation of random weights. The usual 0.02 is meant for wider models: a third of all trainings of so small
a BERT or XLNet, by their seeds, ends with a class not learnt. A DistilBERT learns best with half of this."""
ROOT = Path(__file__).resolve().parents[1]


def xlnet(folder: Path, corpus: Sequence[str]) -> Path:
    from transformers import XLNetConfig, XLNetModel, XLNetTokenizer

    special = ["<unk>", "<s>", "</s>", "<cls>", "<sep>", "<pad>", "<mask>", "<eod>", "<eop>"]
    tokenizer = XLNetTokenizer(vocab=_unigram(corpus, special))
    small = {"d_model": 32, "n_layer": 2, "n_head": 2, "d_inner": 64, "initializer_range": SPREAD}
    config = XLNetConfig(vocab_size=len(tokenizer), pad_token_id=tokenizer.pad_token_id, **small)
    return _save(folder, XLNetModel, config, tokenizer)


def distilbert(folder: Path, corpus: Sequence[str]) -> Path:
    from transformers import DistilBertConfig, DistilBertModel, DistilBertTokenizerFast

    tokenizer = DistilBertTokenizerFast(vocab=wordpieces(corpus))
    small = {
        "dim": 32,
        "n_layers": 2,
        "n_heads": 2,
        "hidden_dim": 64,
        "initializer_range": SPREAD / 2,
    }
    config = DistilBertConfig(vocab_size=len(tokenizer), **small)
    return _save(folder, DistilBertModel, config, tokenizer)


def t5(folder: Path, corpus: Sequence[str]) -> Path:
    from transformers import T5Config, T5ForConditionalGeneration, T5Tokenizer

    tokenizer = T5Tokenizer(vocab=_unigram(corpus, ["<pad>", "</s>", "<unk>"]), extra_ids=0)
    small = {"d_model": 32, "num_layers": 2, "num_heads": 2, "d_kv": 16, "d_ff": 64}
    config = T5Config(
        vocab_size=len(tokenizer), decoder_start_token_id=tokenizer.pad_token_id, **small
    )
    return _save(folder, T5ForConditionalGeneration, config, tokenizer)


ARCHITECTURES: dict[str, Callable[[Path, Sequence[str]], Path]] = {
    "xlnet": xlnet,
    "distilbert": distilbert,
    "t5": t5,
}


def gemma(folder: Path, corpus: Sequence[str]) -> Path:
    """Of six layers, whose sliding window is shorter than any few-shot prefix."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import Gemma3ForCausalLM, Gemma3TextConfig, PreTrainedTokenizerFast

    special = ["<pad>", "<eos>", "<bos>"]
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=500, special_tokens=special, initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(corpus, trainer)
    pad, eos, bos = special
    wrapped = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token=pad, eos_token=eos, bos_token=bos
    )
    config = Gemma3TextConfig(
        vocab_size=len(wrapped),
        hidden_size=32,
        num_hidden_layers=6,
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=16,
        intermediate_size=64,
        sliding_window=16,
        max_position_embeddings=1024,
    )
    return _save(folder, Gemma3ForCausalLM, config, wrapped)


def wordpieces(corpus: Sequence[str]) -> dict[str, int]:
    """The special tokens, the most frequent words, every character: each with its number.

    A trainer would break ties differently in each process, and what a test trains would differ from day to day.
    """
    words = Counter(re.findall(r"\w+|[^\w\s]", " ".join(corpus).lower()))
    letters = sorted(set("".join(words)))
    pieces = [
        "[PAD]",
        "[UNK]",
        "[CLS]",
        "[SEP]",
        "[MASK]",
        *(word for word, _ in words.most_common(VOCABULARY)),
    ]
    return {
        piece: n
        for n, piece in enumerate(dict.fromkeys([*pieces, *letters, *(f"##{c}" for c in letters)]))
    }


def _unigram(corpus: Sequence[str], special: list[str]) -> list[tuple[str, float]]:
    """Pieces and their log-probabilities: the special tokens, the most frequent words, every character.

    A trainer would leave so small a corpus in single letters, from which so small a model learns slowly.
    """
    words = Counter(word for text in corpus for word in text.split())
    pieces = dict.fromkeys(special, 0.0)
    pieces |= {f"▁{word}": math.log(n / words.total()) for word, n in words.most_common(VOCABULARY)}
    return [
        *pieces.items(),
        *((c, -20.0) for c in ["▁", *sorted(set("".join(words)))] if c not in pieces),
    ]


def _save(folder: Path, architecture: Any, config: Any, tokenizer: Any) -> Path:
    import torch

    torch.manual_seed(0)
    architecture(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
def main(folder: Path) -> None:
    """Make FOLDER/xlnet, FOLDER/distilbert, FOLDER/t5 and FOLDER/gemma."""
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    corpus = [line for page in pages for line in page.read_text(encoding="utf-8").splitlines()]
    for name, make in {**ARCHITECTURES, "gemma": gemma}.items():
        click.echo(make(folder / name, corpus))


if __name__ == "__main__":
    main()
