"""Near duplicates: MinHash and the differences between texts propose pairs, the exact Jaccard similarity decides.

MinHash and its bands: Broder 1997; Leskovec, Rajaraman & Ullman, Mining of Massive Datasets, section 3.4. Thousands of
texts from one template share whole bands, near or not, and comparing all of them would take work that grows with the
number of pairs. So in a large bucket each text is compared with only one: the shortest, which adds least to the
template. If these comparisons join a family of texts only in part, its texts are looked up by what sets them apart
(differences.py). In large buckets of that lookup each text is compared with the text of least noise. A text that is
near to a noisier one is near to the text of least noise too, unless it shares the noise. Work and memory grow with the
number of characters, never with the number of pairs.
"""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from rensa import RMinHash
from scipy.sparse.csgraph import connected_components

from slingshot.data.differences import BLOCK, differences
from slingshot.data.grams import FACTORS, distinct, grams, jaccard
from slingshot.machine.progress import bar

PERMUTATIONS = 128
SMALL = 10
"""Largest bucket in which all pairs are compared."""
RUN = 6
"""Most keys in a run by which texts are looked up."""
ORDERS = 3
"""How many orders of a text's keys runs are taken from."""
RECALL = 0.999
"""Probability that a pair exactly at the threshold is proposed."""
PART = 1 << 22
"""Keys that are sorted into buckets at once."""


def near_pairs(texts: list[str], threshold: float) -> np.ndarray:
    """Pairs (i, j), i < j, of texts whose 5-gram sets have Jaccard >= threshold, enough to join all that are near.

    Two near texts that other pairs join may have no pair of their own. texts: distinct, normalised and sorted. Returns
    shape (pairs, 2).
    """
    links = Links(texts, threshold)
    family = _by_bands(links)
    apart = _apart(links.component, family)
    if len(apart):
        key, holder, links.noise[apart] = differences(texts, apart, family, threshold)
        _by_differences(links, key, holder)
    return np.concatenate(links.near)


def components(links: np.ndarray, count: int) -> np.ndarray:
    """Component of each of the first `count` nodes, shape (count,), joined by links of shape (links, 2)."""
    size = max(count, int(links.max(initial=-1)) + 1)
    graph = sp.coo_array(
        (np.ones(len(links), dtype=np.int8), (links[:, 0], links[:, 1])), shape=(size, size)
    )
    return connected_components(graph, directed=False)[1][:count]


class Links:
    """The near pairs so far, and the components of texts that they join."""

    def __init__(self, texts: list[str], threshold: float) -> None:
        self.texts, self.threshold = texts, threshold
        # Until a text is compared with its family, its length stands for how much it adds to a template.
        self.noise = np.fromiter(map(len, texts), dtype=np.int64, count=len(texts))
        self.component = np.arange(len(texts))
        self.near = [np.empty((0, 2), dtype=np.int64)]

    def apart(self, pairs: np.ndarray) -> np.ndarray:
        """The pairs, shape (pairs, 2), that nothing joins yet: sorted, each once, the smaller index first."""
        pairs = pairs[self.component[pairs[:, 0]] != self.component[pairs[:, 1]]]
        code = distinct(pairs.min(axis=1) * len(self.texts) + pairs.max(axis=1))
        return np.column_stack(np.divmod(code, max(len(self.texts), 1)))

    def compare(self, pairs: np.ndarray) -> None:
        """Join the pairs, shape (pairs, 2), that are near."""
        pairs = self.apart(pairs)
        with bar(len(pairs), "near duplicates: compare", "pair") as shown:
            for start in range(0, len(pairs), 32 * BLOCK):
                # Leaves out pairs that earlier chunks have joined, because exact comparisons are the costly part.
                chunk = self.apart(pairs[start : start + 32 * BLOCK])
                blocks = [chunk[i : i + BLOCK // 2] for i in range(0, len(chunk), BLOCK // 2)]
                near = [block[jaccard(self.texts, block) >= self.threshold] for block in blocks]
                self.near += near
                joined = self.component[np.concatenate([chunk[:0], *near])]
                self.component = components(joined, len(self.texts))[self.component]
                shown.update(min(32 * BLOCK, len(pairs) - start))


def _by_bands(links: Links) -> np.ndarray:
    """Join near texts that agree in a whole band of their MinHash; returns the family of each text, shape (texts,).

    The texts of a large bucket are of one family, near or not. A text that is in no large bucket has its own.
    """
    rows, digests = _rows_per_band(links.threshold), _digests(links.texts)
    stars = []
    for band in range(0, PERMUTATIONS, rows):
        key = (digests[:, band : band + rows].astype(np.uint64) * FACTORS[:rows]).sum(axis=1)
        text, size = _buckets(key)
        stars.append(_stars(text, size, links.noise))
        links.compare(stars[-1])
        links.compare(_pairs(text, size))
    return components(np.concatenate(stars), len(links.texts))


def _by_differences(links: Links, key: np.ndarray, holder: np.ndarray) -> None:
    """Join near texts that share a key or, if many texts share each of their keys, a run of keys.

    key, holder: the keys and the text of each, as from `differences`. A run is several keys that are neighbours when
    the keys of a text are sorted by a hash: texts that share most keys share some runs.
    """
    large = _join(links, key, holder)
    key, holder = key[large], holder[large]
    # A key that many texts share says too little by itself. Each round makes the runs one key longer and keeps the runs
    # that many texts still share. `start` is where a run begins, `run` the hash of its keys.
    for order in range(ORDERS):
        place = np.lexsort((key * FACTORS[order], holder))
        key, holder = key[place], holder[place]
        padded = np.append(holder, np.full(RUN, -1))
        start, run = np.arange(len(key)), key
        for length in range(1, RUN):
            inside = padded[start] == padded[start + length]
            start, run = start[inside], run[inside] * FACTORS[8] + key[start[inside] + length]
            large = _join(links, run, holder[start])
            start, run = start[large], run[large]


def _join(links: Links, key: np.ndarray, text: np.ndarray) -> np.ndarray:
    """Join near texts that share a key; returns the sorted indices of the keys that many share."""
    parts = len(key) // PART + 1  # equal keys are in one part, so parts can be sorted one by one
    stars, pairs, large = [], [], []
    for part in range(parts):
        mine = np.flatnonzero(key % np.uint64(parts) == part)
        place, size = _buckets(key[mine])
        stars.append(links.apart(_stars(text[mine[place]], size, links.noise)))
        pairs.append(links.apart(_pairs(text[mine[place]], size)))
        large.append(mine[place[np.repeat(size > SMALL, size)]])
    links.compare(np.concatenate(stars))
    links.compare(np.concatenate(pairs))
    return np.sort(np.concatenate(large))


def _buckets(key: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Indices of equal keys, one bucket after another and ascending in each, and the size of each bucket.

    Keys that occur once are left out.
    """
    order = np.argsort(key, kind="stable")
    key = key[order]
    size = np.diff(np.flatnonzero(np.append(key[1:] != key[:-1], True)[: len(key)]), prepend=-1)
    return order[np.repeat(size > 1, size)], size[size > 1]


def _stars(text: np.ndarray, size: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """Each text of a large bucket with the bucket's text of least noise, the first of several; shape (pairs, 2)."""
    text, size = text[np.repeat(size > SMALL, size)], size[size > SMALL]
    bucket = np.repeat(np.arange(len(size)), size)
    hub = text[np.lexsort((noise[text], bucket))][np.cumsum(size) - size]
    return np.column_stack([hub[bucket], text])


def _pairs(text: np.ndarray, size: np.ndarray) -> np.ndarray:
    """All pairs of each small bucket; shape (pairs, 2)."""
    text, size = text[np.repeat(size <= SMALL, size)], size[size <= SMALL]
    bucket = np.repeat(np.arange(len(size)), size)
    pairs = [np.empty((0, 2), dtype=np.int64)]
    for step in range(1, SMALL):
        same = np.flatnonzero(bucket[:-step] == bucket[step:])
        pairs.append(np.column_stack([text[same], text[same + step]]))
    return np.concatenate(pairs)


def _apart(component: np.ndarray, family: np.ndarray) -> np.ndarray:
    """Indices of the texts in families that are not joined as a whole."""
    _, first, family = np.unique(family, return_index=True, return_inverse=True)
    divided = np.zeros(len(first), dtype=bool)
    divided[family[component != component[first][family]]] = True
    return np.flatnonzero(divided[family])


def _digests(texts: list[str]) -> np.ndarray:
    digests = np.empty((len(texts), PERMUTATIONS), dtype=np.uint32)
    with bar(len(texts), "near duplicates: hash", "text") as shown:
        for start in range(0, len(texts), BLOCK):
            block = texts[start : start + BLOCK]
            hashes, offsets = grams(block)
            matrix = RMinHash.digest_matrix_from_flat_token_hashes(
                hashes, offsets.astype(np.uint64), PERMUTATIONS, 1
            )
            digests[start : start + len(block)] = matrix.to_rows()
            shown.update(len(block))
    return digests


def _rows_per_band(threshold: float) -> int:
    """Rows of the longest band that proposes a pair at the threshold: 1 - (1 - t^r)^(128 / r) >= RECALL."""
    lengths = [
        r for r in (64, 32, 16, 8, 4, 2) if 1 - (1 - threshold**r) ** (PERMUTATIONS / r) >= RECALL
    ]
    return max(lengths, default=1)
