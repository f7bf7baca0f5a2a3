"""A local causal LM as a classifier: whole-label log-likelihoods after a few-shot prefix.

The prefix's key/value cache is computed once and reused for every text. A label's score is the sum
of its tokens' log-probabilities. Labels may be several tokens long: a row carries the text and the
inner tokens of the labels ("very" of "very negative"), so that one forward pass gives them all, and
the vocabulary-wide output layer runs only where a label token is predicted.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
import transformers
from scipy.special import softmax

from slingshot import checkpoints
from slingshot.llm import prompt
from slingshot.settings import CausalLmSettings, UserError

Tokens = tuple[int, ...]


@dataclass(frozen=True)
class Prefix:
    """A few-shot prefix: its tokens and, where it is reused, its key/value cache."""

    tokens: Tokens
    cache: Any = field(repr=False, default=None)


class CausalLm:
    """One data set's labels scored by one checkpoint."""

    def __init__(self, settings: CausalLmSettings, words: Mapping[str, str], names: Sequence[str], device: str) -> None:
        """`words` are what stands before a text and its label, `names` the labels in order.

        Raises UserError when two labels tokenise alike.
        """
        folder = checkpoints.locate(settings)
        self.tokenizer: Any = transformers.AutoTokenizer.from_pretrained(folder)
        model: Any = transformers.AutoModelForCausalLM.from_pretrained(
            folder, dtype=torch.float32, use_safetensors=True
        )
        self.model = model.to(device).eval()
        self.device, self.max_length, self.batch_size = device, settings.max_length, settings.batch_size
        self.words, self.names = dict(words), tuple(names)
        self.model_bytes = sum(p.numel() * p.element_size() for p in self.model.parameters())
        self.labels = [self._encode(" " + name) for name in names]
        if len(set(self.labels)) < len(self.labels):
            raise UserError(f"labels {list(names)} are not told apart by the tokenizer; rename one")
        self.scored = _told_apart(self.labels, self._encode(prompt.AFTER_SHOT)[:1])
        # Longest label prefixes that no other label prefix continues: each is one row of a batch.
        inner = {label[:-1] for label in self.scored}
        self.paths = sorted(p for p in inner if not any(q != p and q[: len(p)] == p for q in inner))

    def _encode(self, text: str) -> Tokens:
        # Special tokens spelt out in a text are text.
        return tuple(self.tokenizer(text, add_special_tokens=False, split_special_tokens=True).input_ids)

    def _query(self, text: str) -> Tokens:
        body = self._encode(" " + prompt.fold(text))[: self.max_length]
        return self._encode(f"{self.words['text']}:") + body + self._encode(f"\n{self.words['label']}:")

    def query_tokens(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text with what surrounds it, the prefix left out."""
        return [len(self._query(text)) for text in texts]

    @torch.inference_mode()
    def prefix(self, texts: Sequence[str], labels: Sequence[int], *, reuse: bool = True) -> Prefix:
        """The few-shot prefix; with `reuse` its key/value cache is computed once, here.

        Raises UserError when it leaves no room for a text of `max_length` tokens and its label.
        """
        start = self.tokenizer.bos_token_id
        tokens: Tokens = () if start is None else (start,)
        tokens += self._encode(prompt.instruction(self.words, self.names))
        for text, label in zip(texts, labels, strict=True):
            tokens += self._query(text) + self.labels[label] + self._encode(prompt.AFTER_SHOT)
        longest = len(tokens) + len(self._query("")) + self.max_length + max(map(len, self.scored))
        if longest > self.model.config.max_position_embeddings:
            limit = self.model.config.max_position_embeddings
            raise UserError(
                f"a prompt may take {longest:,} tokens, but the LLM reads {limit:,} at most: "
                "lower shots or max_length under llms in params.yaml"
            )
        if not reuse:
            return Prefix(tokens)
        ids = torch.tensor([tokens], device=self.device)
        cache = self.model.model(input_ids=ids, use_cache=True).past_key_values
        return Prefix(tokens, cache)

    @torch.inference_mode()
    def log_likelihoods(
        self, prefix: Prefix, texts: Sequence[str], advance: Callable[[int], Any] = lambda rows: None
    ) -> np.ndarray:
        """Log-likelihood of every label after every text: shape (texts, labels).

        Texts are batched by length; `advance` is told how many are done.
        """
        result = np.empty((len(texts), len(self.labels)))
        queries = [self._query(text) for text in texts]
        order = sorted(range(len(texts)), key=lambda i: len(queries[i]))
        step = max(1, self.batch_size // len(self.paths))
        for start in range(0, len(order), step):
            chosen = order[start : start + step]
            result[chosen] = self._batch(prefix, [queries[i] for i in chosen])
            advance(len(chosen))
        return result

    def _batch(self, prefix: Prefix, queries: list[Tokens]) -> np.ndarray:
        rows = [query + path for query in queries for path in self.paths]
        # Where each label prefix (the empty one too) ends: (query, label prefix) -> row, position; in order of rows.
        ends: dict[tuple[int, Tokens], tuple[int, int]] = {}
        for number, query in enumerate(queries):
            for place, path in enumerate(self.paths):
                for depth in range(len(path) + 1):
                    row = number * len(self.paths) + place
                    ends.setdefault((number, path[:depth]), (row, len(query) + depth - 1))
        states = []
        for start in range(0, len(rows), self.batch_size):
            hidden, offset = self._hidden(prefix, rows[start : start + self.batch_size])
            states += [hidden[r - start, offset + at] for r, at in ends.values() if 0 <= r - start < self.batch_size]
        logits = self.model.lm_head(torch.stack(states))
        logprobs = dict(zip(ends, torch.log_softmax(logits.float(), dim=-1), strict=True))
        return np.array(
            [
                [sum(float(logprobs[n, label[:d]][t]) for d, t in enumerate(label)) for label in self.scored]
                for n in range(len(queries))
            ]
        )

    def _hidden(self, prefix: Prefix, rows: list[Tokens]) -> tuple[torch.Tensor, int]:
        """Hidden states (rows, length, width) and the position in them of each row's first own token.

        Rows are padded on the right, where causal attention hides padding from every real token.
        """
        if prefix.cache is None:
            rows, offset, cache = [prefix.tokens + row for row in rows], len(prefix.tokens), None
        else:
            offset, cache = 0, copy.deepcopy(prefix.cache)
            cache.batch_repeat_interleave(len(rows))
        width = max(map(len, rows))
        ids = torch.tensor([row + (0,) * (width - len(row)) for row in rows], device=self.device)
        output = self.model.model(input_ids=ids, past_key_values=cache, use_cache=cache is not None)
        return output.last_hidden_state, offset


def _told_apart(labels: Sequence[Tokens], end: Tokens) -> list[Tokens]:
    """The labels, each with `end` where one begins another ("1" and "10"): it alone could never be the less likely."""
    begun = any(a != b and b[: len(a)] == a for a in labels for b in labels)
    return [label + end for label in labels] if begun else list(labels)


def probabilities(log_likelihoods: np.ndarray, null: np.ndarray | None = None) -> np.ndarray:
    """Label probabilities, shape (texts, labels), normalised over the labels.

    With `null`, the log-likelihoods (labels,) of the content-free text, each label's probability is
    first divided by its content-free one: contextual calibration, Zhao et al. 2021, section 5, W = diag(p_cf)^-1.
    """
    logits = log_likelihoods if null is None else log_likelihoods - null
    return np.asarray(softmax(logits, axis=1))
