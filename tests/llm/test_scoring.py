"""Packed rows, trees of labels and the cached prefix, against one whole forward pass for each text and label."""

import numpy as np
import pytest
import torch
import transformers

from slingshot.llm.local import scoring
from slingshot.llm.local.scoring import CausalLm
from slingshot.settings import UserError

VOCABULARY = 80
WIDTHS = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "vocab_size": VOCABULARY,
}
LLAMA = {
    **WIDTHS,
    "intermediate_size": 64,
    "num_key_value_heads": 2,
    "max_position_embeddings": 512,
}
CONFIGS = {
    "gemma3": lambda: transformers.Gemma3TextConfig(
        **{**LLAMA, "num_hidden_layers": 6}, head_dim=8, sliding_window=16, query_pre_attn_scalar=8
    ),
    "gemma2": lambda: transformers.Gemma2Config(
        **LLAMA,
        head_dim=8,
        sliding_window=16,
        final_logit_softcapping=2.0,
        attn_logit_softcapping=3.0,
    ),
    "llama": lambda: transformers.LlamaConfig(**LLAMA),
    "mistral": lambda: transformers.MistralConfig(**LLAMA, sliding_window=16),
    "qwen2": lambda: transformers.Qwen2Config(
        **LLAMA, use_sliding_window=True, sliding_window=16, max_window_layers=1
    ),
    "gpt2": lambda: transformers.GPT2Config(
        n_embd=32, n_layer=2, n_head=4, vocab_size=VOCABULARY, n_positions=512
    ),
    "gpt_neox": lambda: transformers.GPTNeoXConfig(
        **WIDTHS, intermediate_size=64, max_position_embeddings=512
    ),
    "gpt_neo": lambda: transformers.GPTNeoConfig(
        vocab_size=VOCABULARY,
        hidden_size=32,
        num_layers=2,
        num_heads=4,
        attention_types=[[["global", "local"], 1]],
        window_size=16,
        max_position_embeddings=512,
    ),
    "phi3": lambda: transformers.Phi3Config(
        **LLAMA,
        pad_token_id=0,
        original_max_position_embeddings=64,
        rope_scaling={"type": "longrope", "short_factor": [1.0] * 4, "long_factor": [4.0] * 4},
    ),
    "bloom": lambda: transformers.BloomConfig(
        hidden_size=32, n_layer=2, n_head=4, vocab_size=VOCABULARY
    ),
    "mamba": lambda: transformers.MambaConfig(
        vocab_size=VOCABULARY, hidden_size=32, state_size=4, num_hidden_layers=2
    ),
}
PLAIN = {"bloom", "mamba", "gpt_neo", "phi3"}
"""They place tokens by the row, hold a state in the place of a cache, look back only so far in the row, or read all of
such a long row in another way."""
LABELS = {
    "three of one token": [(5,), (6,), (7,)],
    "several tokens": [(5, 6), (5, 6, 7), (8,), (5, 9, 9, 10)],
    "77 of several tokens": [
        (20 + n % 11, 40 + n // 11, *range(60, 60 + n % 4)) for n in range(77)
    ],
    "one begins another": [(5,), (5, 6), (5, 6, 7)],
}
END = (3,)


def draw(length, seed):
    return tuple(int(n) for n in np.random.default_rng(seed).integers(4, VOCABULARY, size=length))


QUERIES = [draw(length, length) for length in (3, 30, 7, 1, 18, 7)]


@pytest.fixture(scope="module")
def models():
    """Random weights, large enough for log-likelihoods that differ."""
    made = {}

    def make(name):
        if name not in made:
            torch.manual_seed(0)
            model = transformers.AutoModelForCausalLM.from_config(CONFIGS[name]()).eval()
            with torch.no_grad():
                for weights in model.parameters():
                    if weights.dim() > 1:
                        weights.normal_(std=0.3)
            made[name] = model
        return made[name]

    return make


def naive(model, prompt, label):
    with torch.inference_mode():
        logprobs = model(torch.tensor([prompt + label])).logits[0].log_softmax(-1)
    return sum(float(logprobs[len(prompt) + i - 1, token]) for i, token in enumerate(label))


def expected(model, prefix, queries, labels):
    return [[naive(model, prefix + query, label) for label in labels] for query in queries]


def scored(model, prefix, labels, queries=QUERIES, batch_size=8):
    lm = CausalLm(model, labels, END, batch_size)
    return lm.log_likelihoods(lm.prefix(prefix, queries[0]), queries)


@pytest.mark.parametrize("name", CONFIGS)
@pytest.mark.parametrize("length", [0, 10, 50])
def test_every_architecture_gives_the_naive_log_likelihoods(models, name, length, capsys):
    model, prefix, labels = models(name), draw(length, 1), LABELS["several tokens"]
    scores = scored(model, prefix, labels)
    oracle = np.array(expected(model, prefix, QUERIES, [(*label, *END) for label in labels]))
    assert np.ptp(oracle) > 5
    np.testing.assert_allclose(scores, oracle, atol=1e-4)
    assert ("one by one" in capsys.readouterr().err) == (name in PLAIN)


@pytest.mark.parametrize("labels", LABELS.values(), ids=LABELS)
def test_all_labels_are_scored_whole_whatever_the_batch(models, labels):
    model, prefix, queries = models("gemma3"), draw(40, 1), QUERIES[:2]
    begun = any(a != b and b[: len(a)] == a for a in labels for b in labels)
    oracle = expected(model, prefix, queries, [label + END if begun else label for label in labels])
    for batch_size in (1, 2, 64):
        np.testing.assert_allclose(
            scored(model, prefix, labels, queries, batch_size), oracle, atol=1e-4
        )


def test_trees_and_rows_are_split_where_memory_is_short(models, monkeypatch):
    model, prefix, labels = models("gemma3"), draw(40, 1), LABELS["77 of several tokens"]
    whole = scored(model, prefix, labels)
    monkeypatch.setattr(scoring, "LOGITS", 20 * VOCABULARY)
    lm = CausalLm(model, labels, END, 8)
    assert len(lm.trees) > 5 and max(map(len, lm.trees)) <= 20
    done = []
    scores = lm.log_likelihoods(lm.prefix(prefix, QUERIES[0]), QUERIES, done.append)
    np.testing.assert_allclose(scores, whole, atol=1e-4)
    assert sum(done) == len(QUERIES)


def test_rows_keep_to_their_bounds(models, monkeypatch):
    monkeypatch.setattr(scoring, "ROW", 40)
    lm = CausalLm(models("gemma3"), LABELS["three of one token"], END, 3)
    queries = [draw(length, 0) for length in (5, 5, 5, 5, 20, 19, 100, 5)]
    rows = list(lm._rows([(n, lm.trees[0]) for n in range(len(queries))], queries))
    assert [[n for n, _ in row] for row in rows] == [[0, 1, 2], [3, 4], [5], [6], [7]]


def test_texts_and_labels_are_run_once_and_the_prefix_once_in_all(models, monkeypatch):
    model, labels = models("gemma3"), LABELS["77 of several tokens"]
    lm = CausalLm(model, labels, END, 8)
    prefix = lm.prefix(draw(200, 1), QUERIES[0])
    seen = []
    with monkeypatch.context() as patch:
        forward = type(model).forward
        patch.setattr(
            type(model),
            "forward",
            lambda self, **given: (seen.append(given["input_ids"].numel()), forward(self, **given))[
                1
            ],
        )
        lm.log_likelihoods(prefix, QUERIES)
    assert sum(seen) == sum(map(len, QUERIES)) + len(QUERIES) * (len(lm.trees[0]) - 1)


def test_a_prefix_is_not_changed_by_what_is_scored_after_it(models):
    lm = CausalLm(models("gemma3"), LABELS["several tokens"], END, 8)
    prefix = lm.prefix(draw(40, 1), QUERIES[0])
    first = lm.log_likelihoods(prefix, QUERIES)
    np.testing.assert_array_equal(lm.log_likelihoods(prefix, QUERIES), first)


def test_labels_that_are_the_same_tokens_are_refused(models):
    for labels in ([(5,), (5,)], [(5,), ()]):
        with pytest.raises(UserError, match="gives two labels the same tokens"):
            CausalLm(models("llama"), labels, END, 8)


def test_a_prompt_beyond_the_context_is_refused(models):
    lm = CausalLm(models("llama"), [(5,), (6, 7)], END, 8)
    lm.check_room(510)
    with pytest.raises(
        UserError,
        match=r"may take 513 tokens, but the LLM reads 512 at most: lower shots or max_length",
    ):
        lm.check_room(511)
