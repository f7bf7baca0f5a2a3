"""Computes a local causal LM's exact log-likelihoods of whole labels after a prompt.

A label's score is the sum of its tokens' log-probabilities. The model reads the prompts' common beginning once, and its
key/value cache is kept. After it several texts are in one row. A tree of the labels' inner tokens ("very" of "very
negative") follows each text (packing.py). An attention mask shows each token the cache, its own text and its own
branch. So nothing is read twice and nothing is padded, whatever the number of labels. The output layer, which is as
wide as the vocabulary, runs only where a label's token is predicted. A model that does not follow such a mask scores
labels the plain way, with a row for each label.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import ArrayLike

from slingshot.llm.local.model import Cache, Model
from slingshot.llm.local.packing import masks, pack
from slingshot.llm.local.rendering import Tokens
from slingshot.llm.local.trees import Tree, trees
from slingshot.machine.progress import say
from slingshot.settings import UserError

ROW = 512
"""The most tokens of a row after its cache, unless one text is longer. Masked attention grows with their square."""
LOGITS = 2**26
"""The most logits at a time (256 MiB), unless one label needs more."""
TOLERANCE = 1e-3
"""Rounding changes log-likelihoods by less than this, and a mask that the model does not follow by more."""


@dataclass(frozen=True)
class Prefix:
    """The prompts' common beginning: its tokens, their key/value cache if there is one, and whether rows are packed."""

    tokens: Tokens
    cache: Cache | None = field(repr=False, default=None)
    packed: bool = True


class CausalLm:
    """A causal language model that scores one data set's labels."""

    def __init__(
        self, model: Model, labels: Sequence[Tokens], end: Tokens, batch_size: int
    ) -> None:
        """`labels` are in label order, and `end` are the tokens after a label. `batch_size` texts or plain rows are run
        at a time.

        Raises UserError where two labels have the same tokens, or a label has none.
        """
        if len(set(labels)) < len(labels) or () in labels:
            raise UserError(
                "the LLM's tokenizer gives two labels the same tokens, or a label none; rename them under labels in "
                "params.yaml"
            )
        self.model, self.batch_size = model.eval(), batch_size
        self.config = model.config.get_text_config(decoder=True)
        self.scored = _distinct(labels, end[:1])
        most = max(1, min(LOGITS // self.config.vocab_size, ROW))
        self.trees = list(trees(self.scored, most))

    def check_room(self, tokens: int) -> None:
        """Raises UserError where a prompt of so many tokens is, with its label, too long for the model."""
        longest = tokens + max(map(len, self.scored))
        if self._reads < longest:
            raise UserError(
                f"a prompt may take {longest:,} tokens, but the LLM reads {self._reads:,} at most: "
                "lower shots or max_length under llms in params.yaml"
            )

    @property
    def _reads(self) -> float:
        """The most tokens that the model reads; infinite where the checkpoint does not say."""
        limit = getattr(self.config, "max_position_embeddings", None) or -1
        return limit if limit > 0 else math.inf

    @torch.inference_mode()
    def prefix(self, tokens: Tokens, probe: Tokens) -> Prefix:
        """Run the prompts' common beginning once. It is empty where they have nothing in common.

        `probe` is a query that may follow. It is scored in a packed row and the plain way, and rows are packed only if
        the results agree.
        """
        cache = None
        if tokens:
            output = self.model(input_ids=self._tensor([tokens]), use_cache=True, logits_to_keep=1)
            cache = getattr(output, "past_key_values", None)
        packed = Prefix(tokens, cache)
        if (cache is not None or not tokens) and self._agrees(packed, probe):
            return packed
        say(
            "the LLM's architecture can't score labels in packed rows: they are scored one by one, which is slower"
        )
        return Prefix(tokens, packed=False)

    @torch.inference_mode()
    def log_likelihoods(
        self,
        prefix: Prefix,
        queries: Sequence[Tokens],
        advance: Callable[[int], object] = lambda texts: None,
    ) -> np.ndarray:
        """The log-likelihood of every label after the prefix and each query: shape (queries, labels).

        `advance` gets the number of queries that were just finished.
        """
        result = np.zeros((len(queries), len(self.scored)))
        if not prefix.packed:
            for number, query in enumerate(queries):
                result[number] = self._plain(prefix.tokens + query, range(len(self.scored)))
                advance(1)
            return result
        units = [(number, tree) for number in range(len(queries)) for tree in self.trees]
        units.sort(key=lambda unit: len(queries[unit[0]]))
        for row in self._rows(units, queries):
            scores = self._packed(prefix, [(queries[number], tree) for number, tree in row])
            for (number, tree), values in zip(row, scores, strict=True):
                np.add.at(result[number], tree.terms[:, 0], values)
            advance(sum(tree is self.trees[-1] for _, tree in row))
        return result

    def _rows(
        self, units: Sequence[tuple[int, Tree]], queries: Sequence[Tokens]
    ) -> Iterator[list[tuple[int, Tree]]]:
        """The units in rows of at most `batch_size` queries, ROW tokens and LOGITS logits; one unit may be more."""
        row: list[tuple[int, Tree]] = []
        tokens = predicted = 0
        for number, tree in units:
            longer, more = tokens + len(queries[number]) + len(tree), predicted + len(tree)
            if row and (
                longer > ROW
                or more * self.config.vocab_size > LOGITS
                or len(row) == self.batch_size
            ):
                yield row
                row, longer, more = [], len(queries[number]) + len(tree), len(tree)
            row.append((number, tree))
            tokens, predicted = longer, more
        if row:
            yield row

    def _packed(self, prefix: Prefix, texts: Sequence[tuple[Tokens, Tree]]) -> list[np.ndarray]:
        """Score queries, each with a tree, in one row: for each, the log-probability of each of the tree's terms."""
        row = pack(texts, len(prefix.tokens))
        output = self.model(
            input_ids=self._tensor([row.tokens]),
            attention_mask=masks(row, len(prefix.tokens), self.config, self.model.device),
            position_ids=self._tensor([row.positions]),
            past_key_values=_shallow(prefix.cache),
            use_cache=prefix.cache is not None,
            logits_to_keep=self._tensor(row.predicting),
        )
        logits = _kept(output.logits, row.predicting)[0].float()
        normaliser = logits.logsumexp(-1)
        # Only the terms' own logits are normalised, because a log-softmax would copy the whole vocabulary.
        scores, offset = [], 0
        for _, tree in texts:
            nodes, terms = (self._tensor(tree.terms[:, column]) for column in (1, 2))
            values = logits[offset + nodes, terms] - normaliser[offset + nodes]
            scores.append(values.double().cpu().numpy())
            offset += len(tree)
        return scores

    def _plain(self, prompt: Tokens, labels: Sequence[int]) -> np.ndarray:
        """The log-likelihoods of some labels from whole rows without a cache, which are padded on the right."""
        inner = {self.scored[label][:-1] for label in labels}
        # A row also scores every label whose inner tokens are its beginning. So only the longest of them need a row.
        begun = {path[:depth] for path in inner for depth in range(len(path))}
        rows = sorted(inner - begun)
        # The inner tokens so far -> the log-probabilities of the next token.
        predictions: dict[Tokens, torch.Tensor] = {}
        for start in range(0, len(rows), self.batch_size):
            batch = rows[start : start + self.batch_size]
            width = max(map(len, batch))
            ids = self._tensor([prompt + row + (0,) * (width - len(row)) for row in batch])
            keep = range(len(prompt) - 1, len(prompt) + width)
            output = self.model(input_ids=ids, use_cache=False, logits_to_keep=self._tensor(keep))
            logits = _kept(output.logits, keep).float()
            for row, predicted in zip(batch, logits.log_softmax(-1).cpu(), strict=True):
                predictions.update((row[:depth], predicted[depth]) for depth in range(len(row) + 1))
        totals = []
        for number in labels:
            label = self.scored[number]
            totals.append(
                sum(float(predictions[label[:i]][token]) for i, token in enumerate(label))
            )
        return np.array(totals)

    def _agrees(self, prefix: Prefix, probe: Tokens) -> bool:
        """Whether a packed row scores like plain rows, for a longest label and those that are beginnings of it.

        The probe is at both ends of a row of the greatest length, with a query that fills the space between. So the
        check fails for a model that sees only a part of a long row, or that treats high positions in another way.
        """
        tree = max(self.trees, key=lambda t: max(map(len, t.paths), default=0))
        path = max(reversed(tree.paths), key=len, default=())
        labels = []
        for number in sorted(set(tree.terms[:, 0])):
            inner = self.scored[number][:-1]
            if path[: len(inner)] == inner:
                labels.append(number)
        fits = self._reads - len(prefix.tokens) - max(map(len, self.scored))
        room = int(min(ROW - 2 * len(probe) - 3 * len(tree), fits))
        between = [((probe * ROW)[:room], tree)] if room > 0 else []
        texts = [(probe, tree), *between, (probe, tree)]
        try:
            scores = self._packed(prefix, texts)
        except (TypeError, ValueError, RuntimeError, AttributeError, KeyError, IndexError):
            return False  # architectures differ in the error by which they refuse such a row
        plain = {query: self._plain(prefix.tokens + query, labels) for query, _ in texts}
        return all(
            abs(values[tree.terms[:, 0] == label].sum() - expected) < TOLERANCE
            for values, (query, _) in zip(scores, texts, strict=True)
            for label, expected in zip(labels, plain[query], strict=True)
        )

    def _tensor(self, values: ArrayLike) -> torch.Tensor:
        return torch.as_tensor(np.asarray(values, dtype=np.int64), device=self.model.device)


def _kept(logits: torch.Tensor, places: Sequence[int]) -> torch.Tensor:
    """The logits of these places. Some architectures return those of all places instead."""
    return logits if logits.shape[1] == len(places) else logits[:, list(places)]


def _shallow(cache: Cache | None) -> Cache | None:
    """A copy that can grow while the original stays. It shares tensors, which layers replace and never write into."""
    if cache is None:
        return None
    shallow = copy.copy(cache)
    shallow.layers = [copy.copy(layer) for layer in cache.layers]
    return shallow


def _distinct(labels: Sequence[Tokens], end: Tokens) -> list[Tokens]:
    """The labels, with `end` after each where any label is the beginning of another, as "1" is of "10".

    Otherwise the longer label could never be likelier than the shorter one.
    """
    begun = any(a != b and b[: len(a)] == a for a in labels for b in labels)
    return [label + end for label in labels] if begun else list(labels)
