"""Labels of several tokens as trees: what two labels begin with alike is one node."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch

from slingshot.llm.local.rendering import Tokens


class Tree:
    """Some of the labels' inner tokens, each once. Node 0 is the text's last token, which all branches start from."""

    def __init__(self, labels: dict[int, Tokens]) -> None:
        """`labels`: number -> tokens."""
        nodes: dict[Tokens, int] = {(): 0}
        for label in labels.values():
            for depth in range(1, len(label)):
                nodes.setdefault(label[:depth], len(nodes))
        self.paths = list(nodes)[1:]
        self.tokens = [path[-1] for path in self.paths]
        # Each token of each label: whose it is, the node that predicts it, and the token.
        self.terms = np.array(
            [
                (n, nodes[label[:i]], token)
                for n, label in labels.items()
                for i, token in enumerate(label)
            ]
        )
        self.visible = torch.tensor(
            [[path[: len(other)] == other for other in self.paths] for path in self.paths],
            dtype=torch.bool,
        ).reshape(len(self.paths), len(self.paths))

    def __len__(self) -> int:
        return len(self.paths) + 1


def trees(labels: Sequence[Tokens], most: int) -> Iterator[Tree]:
    """The labels in trees of at most `most` nodes; one label alone may be more."""
    part: dict[int, Tokens] = {}
    inner: set[Tokens] = set()
    for number, label in sorted(enumerate(labels), key=lambda pair: pair[1]):
        wanted = {label[:depth] for depth in range(len(label))}
        if part and len(inner | wanted) > most:
            yield Tree(part)
            part, inner = {}, set()
        part[number] = label
        inner |= wanted
    yield Tree(part)
