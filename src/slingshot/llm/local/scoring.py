"""A local causal LM's exact log-likelihoods of whole labels after a prompt.

A label's score is the sum of its tokens' log-probabilities. What prompts begin with alike is run once and its key/value
cache kept. After it several texts stand in one row, each followed by the labels' inner tokens ("very" of "very
negative") as a tree, and an attention mask shows each token the cache, its own text and its own branch: no text, no
cache and no padding is repeated, whatever the number of labels. The vocabulary-wide output layer runs only where a
label's token is predicted. A model that does not follow such a mask scores plainly, a row a label.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from slingshot.llm.local.rendering import Tokens
from slingshot.llm.local.trees import Tree, trees
from slingshot.machine.progress import say
from slingshot.settings import UserError

ROW = 512
"""Most tokens of a row after its cache, unless one text alone is longer: masked attention grows with their square."""
LOGITS = 2**26
"""Most logits at a time (256 MiB), unless one label alone takes more."""
TOLERANCE = 1e-3
"""Within which rounding leaves the two ways of scoring; a mask that is not followed moves log-likelihoods by more."""


@dataclass(frozen=True)
class Prefix:
    """What prompts begin with: its tokens, their key/value cache if there are any, and whether rows are packed."""

    tokens: Tokens
    cache: Any = field(repr=False, default=None)
    packed: bool = True


class CausalLm:
    """A causal language model that scores one data set's labels."""

    def __init__(self, model: Any, labels: Sequence[Tokens], end: Tokens, batch_size: int) -> None:
        """`labels` in order; `end` is what may follow a label; `batch_size` texts or plain rows are run at a time.

        Raises UserError when two labels are the same tokens, or one has none.
        """
        if len(set(labels)) < len(labels) or () in labels:
            raise UserError(
                "labels are not told apart by the LLM's tokenizer; rename them under labels in params.yaml"
            )
        self.model, self.batch_size = model.eval(), batch_size
        self.config = model.config.get_text_config(decoder=True)
        self.scored = _told_apart(labels, end[:1])
        most = max(1, min(LOGITS // self.config.vocab_size, ROW))
        self.trees = list(trees(self.scored, most))

    def check_room(self, tokens: int) -> None:
        """Raises UserError when a prompt of so many tokens and its label are more than the model reads."""
        longest = tokens + max(map(len, self.scored))
        if self._reads < longest:
            raise UserError(
                f"a prompt may take {longest:,} tokens, but the LLM reads {self._reads:,} at most: "
                "lower shots or max_length under llms in params.yaml"
            )

    @property
    def _reads(self) -> float:
        """Most tokens at a time, infinite where the checkpoint does not say."""
        limit = getattr(self.config, "max_position_embeddings", None) or -1
        return limit if limit > 0 else math.inf

    @torch.inference_mode()
    def prefix(self, tokens: Tokens, probe: Tokens) -> Prefix:
        """What prompts begin with (nothing, if they have nothing in common), run once.

        `probe` is a query that may follow: it is scored both ways, and rows are packed only if they agree.
        """
        cache = None
        if tokens:
            output = self.model(input_ids=self._tensor([tokens]), use_cache=True, logits_to_keep=1)
            cache = getattr(output, "past_key_values", None)
        packed = Prefix(tokens, cache)
        if (cache is not None or not tokens) and self._agrees(packed, probe):
            return packed
        say(
            "the LLM's architecture does not score labels in packed rows: it takes a slower, plain way"
        )
        return Prefix(tokens, packed=False)

    @torch.inference_mode()
    def log_likelihoods(
        self,
        prefix: Prefix,
        queries: Sequence[Tokens],
        advance: Callable[[int], Any] = lambda texts: None,
    ) -> np.ndarray:
        """Log-likelihood of every label after the prefix and each query: shape (queries, labels).

        `advance` is told how many more queries are done.
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
        """The units in rows of at most `batch_size` queries, ROW tokens and LOGITS logits; a unit alone may be more."""
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

    def _packed(self, prefix: Prefix, row: Sequence[tuple[Tokens, Tree]]) -> list[np.ndarray]:
        """Of each query and tree in the row, the log-probability of each of the tree's terms."""
        tokens: list[int] = []
        places: list[int] = []
        keep: list[int] = []
        size = sum(len(query) + len(tree) - 1 for query, tree in row)
        visible = torch.zeros(size, size, dtype=torch.bool)
        for query, tree in row:
            start, middle = len(tokens), len(tokens) + len(query)
            end = middle + len(tree) - 1
            visible[start:middle, start:middle] = torch.ones(
                len(query), len(query), dtype=torch.bool
            ).tril()
            visible[middle:end, start:middle] = True
            visible[middle:end, middle:end] = tree.visible
            tokens += [*query, *tree.tokens]
            first = len(prefix.tokens)
            places += [
                *range(first, first + len(query)),
                *(first + len(query) + len(p) - 1 for p in tree.paths),
            ]
            keep += range(middle - 1, end)
        output = self.model(
            input_ids=self._tensor([tokens]),
            attention_mask=self._masks(prefix, visible, torch.tensor(places)),
            position_ids=self._tensor([places]),
            past_key_values=_shallow(prefix.cache),
            use_cache=prefix.cache is not None,
            logits_to_keep=self._tensor(keep),
        )
        logits = _kept(output.logits, keep)[0].float()
        normaliser = logits.logsumexp(-1)
        scores, offset = [], 0
        for _, tree in row:
            nodes, terms = (self._tensor(tree.terms[:, column]) for column in (1, 2))
            values = logits[offset + nodes, terms] - normaliser[offset + nodes]
            scores.append(values.double().cpu().numpy())
            offset += len(tree)
        return scores

    def _masks(self, prefix: Prefix, visible: torch.Tensor, places: torch.Tensor) -> Any:
        """What is added to attention, one mask a kind of layer: shape (1, 1, row, cache + row).

        `visible` (row, row) is what each token sees of the row, `places` each token's position in its text.
        """
        window: int | None = getattr(self.config, "sliding_window", None)
        usual = "full_attention" if window is None else "sliding_attention"
        length, masks = len(prefix.tokens), {}
        for kind in set(getattr(self.config, "layer_types", None) or [usual]):
            if kind == "sliding_attention" and window is not None:
                held = torch.arange(
                    max(0, length - window + 1), length
                )  # all that the cache keeps of such a layer
                near = places[:, None] - torch.cat([held, places]) < window
            else:
                held, near = torch.arange(length), torch.tensor(True)
            seen = (
                torch.cat([torch.ones(len(places), len(held), dtype=torch.bool), visible], 1) & near
            )
            added = torch.zeros(seen.shape).masked_fill(~seen, torch.finfo(torch.float32).min)
            masks[kind] = added[None, None].to(self.model.device)
        return masks if len(masks) > 1 else masks.popitem()[1]

    def _plain(self, prompt: Tokens, labels: Sequence[int]) -> np.ndarray:
        """Log-likelihoods of some labels by whole rows without a cache, padded on the right, which causality hides."""
        inner = {self.scored[label][:-1] for label in labels}
        rows = sorted(p for p in inner if not any(q != p and q[: len(p)] == p for q in inner))
        known: dict[Tokens, torch.Tensor] = {}
        for start in range(0, len(rows), self.batch_size):
            some = rows[start : start + self.batch_size]
            width = max(map(len, some))
            ids = self._tensor([prompt + row + (0,) * (width - len(row)) for row in some])
            keep = range(len(prompt) - 1, len(prompt) + width)
            output = self.model(input_ids=ids, use_cache=False, logits_to_keep=self._tensor(keep))
            logits = _kept(output.logits, keep).float()
            for row, found in zip(some, logits.log_softmax(-1).cpu(), strict=True):
                known.update((row[:depth], found[depth]) for depth in range(len(row) + 1))
        return np.array(
            [
                sum(float(known[label[:i]][t]) for i, t in enumerate(label))
                for label in (self.scored[n] for n in labels)
            ]
        )

    def _agrees(self, prefix: Prefix, probe: Tokens) -> bool:
        """Whether a row gives what plain rows give, for a longest label and those that share its row.

        The probe stands at both ends of a row as long as any, between them a query as long as fits: a model that
        reaches only so far back in a row, or that reads far positions in another way, shows.
        """
        tree = max(self.trees, key=lambda t: max(map(len, t.paths), default=0))
        path = max(reversed(tree.paths), key=len, default=())
        labels = [
            n
            for n in sorted(set(tree.terms[:, 0]))
            if path[: len(self.scored[n]) - 1] == self.scored[n][:-1]
        ]
        fits = self._reads - len(prefix.tokens) - max(map(len, self.scored))
        room = int(min(ROW - 2 * len(probe) - 3 * len(tree), fits))
        between = [((probe * ROW)[:room], tree)] if room > 0 else []
        row = [(probe, tree), *between, (probe, tree)]
        try:
            scores = self._packed(prefix, row)
        except (TypeError, ValueError, RuntimeError, AttributeError, KeyError, IndexError):
            return False  # refused, each architecture in its own way
        plain = {query: self._plain(prefix.tokens + query, labels) for query, _ in row}
        return all(
            abs(values[tree.terms[:, 0] == label].sum() - expected) < TOLERANCE
            for values, (query, _) in zip(scores, row, strict=True)
            for label, expected in zip(labels, plain[query], strict=True)
        )

    def _tensor(self, values: Any) -> torch.Tensor:
        return torch.as_tensor(np.asarray(values, dtype=np.int64), device=self.model.device)


def _kept(logits: torch.Tensor, places: Sequence[int]) -> torch.Tensor:
    """The logits of these places, which some architectures give among those of all."""
    return logits if logits.shape[1] == len(places) else logits[:, list(places)]


def _shallow(cache: Any) -> Any:
    """A cache that can grow while the original stays: layers replace their tensors, and never write into them."""
    if cache is None:
        return None
    grown = copy.copy(cache)
    grown.layers = [copy.copy(layer) for layer in cache.layers]
    return grown


def _told_apart(labels: Sequence[Tokens], end: Tokens) -> list[Tokens]:
    """The labels, each with `end` where one begins another ("1" and "10"): it alone could never be the less likely."""
    begun = any(a != b and b[: len(a)] == a for a in labels for b in labels)
    return [label + end for label in labels] if begun else list(labels)
