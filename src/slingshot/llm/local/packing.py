"""Packs several texts into one row of a batch: the row's tokens, their positions, and the attention mask.

A tree of the labels' inner tokens follows each text. A token sees the cache, its own text and its own branch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from slingshot.llm.local.model import Config
from slingshot.llm.local.rendering import Tokens
from slingshot.llm.local.trees import Tree


@dataclass(frozen=True)
class Row:
    """A row of texts, each with its tree after it."""

    tokens: list[int]
    positions: list[int]
    """Each token's position in its own text, after the prefix."""
    predicting: list[int]
    """The places in the row whose logits predict a label's token."""
    visible: torch.Tensor
    """Shape (tokens, tokens): whether a token sees another token of the row."""


def pack(texts: Sequence[tuple[Tokens, Tree]], prefix: int) -> Row:
    """The row of these texts. They all follow the same prefix, which has `prefix` tokens."""
    tokens: list[int] = []
    positions: list[int] = []
    predicting: list[int] = []
    size = sum(len(text) + len(tree) - 1 for text, tree in texts)
    visible = torch.zeros(size, size, dtype=torch.bool)
    for text, tree in texts:
        # The text is at the places from `start` to `middle`, and its tree at those from `middle` to `end`. The tree's
        # node 0 is the text's last token. So the tree adds one place less than it has nodes, and the first place that
        # predicts a label's token is the one before `middle`.
        start, middle = len(tokens), len(tokens) + len(text)
        end = middle + len(tree) - 1
        causal = torch.ones(len(text), len(text), dtype=torch.bool).tril()
        visible[start:middle, start:middle] = causal
        visible[middle:end, start:middle] = True
        visible[middle:end, middle:end] = tree.visible
        tokens += [*text, *tree.tokens]
        positions += range(prefix, prefix + len(text))
        # Tokens of different branches may have the same position: it counts the tokens of their own path only.
        positions += [prefix + len(text) + len(path) - 1 for path in tree.paths]
        predicting += range(middle - 1, end)
    return Row(tokens, positions, predicting, visible)


def masks(
    row: Row, prefix: int, config: Config, device: torch.device
) -> torch.Tensor | dict[str, torch.Tensor]:
    """The additive attention mask, shape (1, 1, row, cache + row), or one mask for each kind of layer."""
    positions = torch.tensor(row.positions)
    window: int | None = getattr(config, "sliding_window", None)
    usual = "full_attention" if window is None else "sliding_attention"
    by_kind = {}
    for kind in set(getattr(config, "layer_types", None) or [usual]):
        # A layer with a sliding window has only the end of the cache, so its mask is narrower. Inside the row the
        # window is measured in positions, not in places, because other branches are between a node and its own text.
        if kind == "sliding_attention" and window is not None:
            cached = torch.arange(max(0, prefix - window + 1), prefix)
            near = positions[:, None] - torch.cat([cached, positions]) < window
        else:
            cached, near = torch.arange(prefix), torch.tensor(True)
        whole_cache = torch.ones(len(positions), len(cached), dtype=torch.bool)
        attended = torch.cat([whole_cache, row.visible], 1) & near
        mask = torch.zeros(attended.shape).masked_fill(~attended, torch.finfo(torch.float32).min)
        by_kind[kind] = mask[None, None].to(device)
    return by_kind if len(by_kind) > 1 else by_kind.popitem()[1]
