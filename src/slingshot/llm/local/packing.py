"""Several texts in one row of a batch: the row's tokens, their positions, and what each of them may attend to.

Each text is followed by a tree of the labels' inner tokens. A token sees the cache, its own text and its own branch.
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
    """Texts and their trees, one after the other."""

    tokens: list[int]
    positions: list[int]
    """Each token's position in its own text, after the prefix."""
    predicting: list[int]
    """The places in the row whose logits predict a label's token."""
    visible: torch.Tensor
    """Shape (tokens, tokens): what each token sees of the row."""


def pack(texts: Sequence[tuple[Tokens, Tree]], prefix: int) -> Row:
    """The row of these texts, which all follow a prefix of so many tokens."""
    tokens: list[int] = []
    positions: list[int] = []
    predicting: list[int] = []
    size = sum(len(text) + len(tree) - 1 for text, tree in texts)
    visible = torch.zeros(size, size, dtype=torch.bool)
    for text, tree in texts:
        # A text fills the places from `start` to `middle`, its tree those from `middle` to `end`. The tree's node 0 is
        # the text's last token, so the tree adds one place less than it has nodes, and predicting starts one earlier.
        start, middle = len(tokens), len(tokens) + len(text)
        end = middle + len(tree) - 1
        causal = torch.ones(len(text), len(text), dtype=torch.bool).tril()
        visible[start:middle, start:middle] = causal
        visible[middle:end, start:middle] = True
        visible[middle:end, middle:end] = tree.visible
        tokens += [*text, *tree.tokens]
        positions += range(prefix, prefix + len(text))
        # Tokens of different branches share a position: each is as deep in its label as its path is long.
        positions += [prefix + len(text) + len(path) - 1 for path in tree.paths]
        predicting += range(middle - 1, end)
    return Row(tokens, positions, predicting, visible)


def masks(
    row: Row, prefix: int, config: Config, device: torch.device
) -> torch.Tensor | dict[str, torch.Tensor]:
    """What is added to attention: one mask, or one for each kind of layer. Shape (1, 1, row, cache + row)."""
    positions = torch.tensor(row.positions)
    window: int | None = getattr(config, "sliding_window", None)
    usual = "full_attention" if window is None else "sliding_attention"
    by_kind = {}
    for kind in set(getattr(config, "layer_types", None) or [usual]):
        # A layer with a window keeps only the cache's end, so its mask is narrower. Within the row nearness goes by
        # positions, not by places: other branches stand between a node and its own text.
        if kind == "sliding_attention" and window is not None:
            cached = torch.arange(max(0, prefix - window + 1), prefix)
            near = positions[:, None] - torch.cat([cached, positions]) < window
        else:
            cached, near = torch.arange(prefix), torch.tensor(True)
        whole_cache = torch.ones(len(positions), len(cached), dtype=torch.bool)
        seen = torch.cat([whole_cache, row.visible], 1) & near
        added = torch.zeros(seen.shape).masked_fill(~seen, torch.finfo(torch.float32).min)
        by_kind[kind] = added[None, None].to(device)
    return by_kind if len(by_kind) > 1 else by_kind.popitem()[1]
