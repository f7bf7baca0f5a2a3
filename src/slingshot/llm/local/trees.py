"""Trees of labels: where two labels begin with the same tokens, these tokens are in the tree only once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch

from slingshot.llm.local.rendering import Tokens


class Tree:
    """The tokens of some labels without the last ones. Node 0 is the text's last token, where all branches start."""

    def __init__(self, labels: dict[int, Tokens]) -> None:
        """`labels`: number of a label -> its tokens."""
        nodes: dict[Tokens, int] = {(): 0}
        for label in labels.values():
            for depth in range(1, len(label)):
                nodes.setdefault(label[:depth], len(nodes))
        self.paths = list(nodes)[1:]
        self.tokens = [path[-1] for path in self.paths]
        # One term for each token of each label: the label's number, the node that predicts the token, and the token. A
        # label's last token is predicted by a node, but is not a node, because nothing follows it.
        terms = [
            (number, nodes[label[:depth]], token)
            for number, label in labels.items()
            for depth, token in enumerate(label)
        ]
        self.terms = np.array(terms)
        # A node sees itself and the nodes on the way to it: those whose paths are beginnings of its own path.
        pairs = [path[: len(other)] == other for path in self.paths for other in self.paths]
        size = len(self.paths)
        self.visible = torch.tensor(pairs, dtype=torch.bool).reshape(size, size)

    def __len__(self) -> int:
        return len(self.paths) + 1


def trees(labels: Sequence[Tokens], most: int) -> Iterator[Tree]:
    """The labels in trees of at most `most` nodes. A tree of one label may have more."""
    part: dict[int, Tokens] = {}
    inner: set[Tokens] = set()
    for number, label in sorted(enumerate(labels), key=lambda pair: pair[1]):
        nodes = {label[:depth] for depth in range(len(label))}
        if part and len(inner | nodes) > most:
            yield Tree(part)
            part, inner = {}, set()
        part[number] = label
        inner |= nodes
    yield Tree(part)
