"""Near duplicates: MinHash and rare 5-grams propose pairs of texts, the exact Jaccard similarity decides.

MinHash and its bands: Broder 1997; Leskovec, Rajaraman & Ullman, Mining of Massive Datasets, section
3.4. Thousands of texts that fill one template share whole bands, near or not, and comparing all of
them would grow with the number of pairs. So each is compared with the shortest of its bucket, which
adds least to the template: it is near to whatever is near to a text that adds more. Others that are
near share what few texts hold. Two sets of Jaccard >= t share one of the |x| - ceil(t |x|) + 1 rarest
grams of each (prefix filter: Chaudhuri, Ganti & Kaushik 2006; Bayardo, Ma & Srikant 2007). Work and
memory grow with the number of characters, never with that of pairs.
"""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from rensa import RMinHash
from scipy.sparse.csgraph import connected_components

from slingshot.data.grams import FACTORS, distinct, grams, jaccard, row_sets
from slingshot.progress import bar

PERMUTATIONS = 128
SMALL = 10
"""Largest bucket in which all pairs are compared."""
KEYS = 64
"""Most rare grams by which one text is looked up."""
RUN = 4
"""Longest run of grams by which texts are looked up."""
ORDERS = 3
"""Orders of a text's grams of which runs are taken."""
RECALL = 0.999
"""Chance that a pair just at the threshold is proposed."""
BLOCK = 2048
"""Texts whose grams are held at once."""
PART = 1 << 22
"""Keys that are sorted into buckets at once."""


def near_pairs(texts: list[str], threshold: float) -> np.ndarray:
    """Pairs (i, j), i < j, of texts whose 5-gram sets have Jaccard >= threshold, enough to join all that are near.

    Two near texts that other pairs join may have no pair of their own. `texts` are distinct,
    normalised and sorted; returns shape (pairs, 2).
    """
    links = Links(texts, threshold)
    family = _by_bands(links)
    apart = _apart(links.component, family)
    if len(apart):
        _by_rare_grams(links, *_rare_grams(texts, apart, family, threshold))
    return np.concatenate(links.found)


def components(links: np.ndarray, count: int) -> np.ndarray:
    """Component of the first `count` nodes, joined by links of shape (links, 2)."""
    size = max(count, int(links.max(initial=-1)) + 1)
    graph = sp.coo_array((np.ones(len(links), dtype=np.int8), (links[:, 0], links[:, 1])), shape=(size, size))
    return connected_components(graph, directed=False)[1][:count]


class Links:
    """The near pairs found so far, and the component of each text that they make."""

    def __init__(self, texts: list[str], threshold: float) -> None:
        self.texts, self.threshold = texts, threshold
        self.length = np.fromiter(map(len, texts), dtype=np.int64, count=len(texts))
        self.component = np.arange(len(texts))
        self.found = [np.empty((0, 2), dtype=np.int64)]

    def apart(self, pairs: np.ndarray) -> np.ndarray:
        """Those of the pairs, shape (pairs, 2), that nothing joins yet: sorted, each once, the smaller index first."""
        pairs = pairs[self.component[pairs[:, 0]] != self.component[pairs[:, 1]]]
        code = distinct(pairs.min(axis=1) * len(self.texts) + pairs.max(axis=1))
        return np.column_stack(np.divmod(code, max(len(self.texts), 1)))

    def compare(self, pairs: np.ndarray) -> None:
        """Join those of the pairs, shape (pairs, 2), that are near."""
        pairs = self.apart(pairs)
        with bar(len(pairs), "near duplicates: compare", "pair") as shown:
            for start in range(0, len(pairs), 32 * BLOCK):
                chunk = self.apart(pairs[start : start + 32 * BLOCK])
                blocks = [chunk[i : i + BLOCK // 2] for i in range(0, len(chunk), BLOCK // 2)]
                near = [block[jaccard(self.texts, block) >= self.threshold] for block in blocks]
                self.found += near
                joined = self.component[np.concatenate([chunk[:0], *near])]
                self.component = components(joined, len(self.texts))[self.component]
                shown.update(min(32 * BLOCK, len(pairs) - start))


def _by_bands(links: Links) -> np.ndarray:
    """Join near texts that agree in a whole band of their MinHash; returns the family of each text.

    Families are what large buckets join, near or not; a text that lies in none is alone in its own.
    """
    rows, digests = _rows_per_band(links.threshold), _digests(links.texts)
    stars = []
    for band in range(0, PERMUTATIONS, rows):
        key = (digests[:, band : band + rows].astype(np.uint64) * FACTORS[:rows]).sum(axis=1)
        text, size = _buckets(key)
        stars.append(_stars(text, size, links.length))
        links.compare(stars[-1])
        links.compare(_pairs(text, size))
    return components(np.concatenate(stars), len(links.texts))


def _by_rare_grams(links: Links, gram: np.ndarray, holder: np.ndarray) -> None:
    """Join near texts that share a rare gram or, where many share each of them, a run of grams.

    gram, holder: which text holds which gram; shape (entries,). A run is of grams that stand together
    when those of a text are sorted by a hash: texts that share most of them share some runs.
    """
    large = _join(links, gram, holder)
    gram, holder = gram[large], holder[large]
    for order in range(ORDERS):
        place = np.lexsort((gram * FACTORS[order], holder))
        gram, holder = gram[place], holder[place]
        padded = np.append(holder, np.full(RUN, -1))
        start, key = np.arange(len(gram)), gram
        for length in range(1, RUN):
            inside = padded[start] == padded[start + length]
            start, key = start[inside], key[inside] * FACTORS[8] + gram[start[inside] + length]
            large = _join(links, key, holder[start])
            start, key = start[large], key[large]


def _join(links: Links, key: np.ndarray, text: np.ndarray) -> np.ndarray:
    """Join near texts that share a key; returns the indices of the keys that many share."""
    parts = len(key) // PART + 1
    stars, pairs, large = [], [], []
    for part in range(parts):
        mine = np.flatnonzero(key % np.uint64(parts) == part)
        place, size = _buckets(key[mine])
        stars.append(links.apart(_stars(text[mine[place]], size, links.length)))
        pairs.append(links.apart(_pairs(text[mine[place]], size)))
        large.append(mine[place[np.repeat(size > SMALL, size)]])
    links.compare(np.concatenate(stars))
    links.compare(np.concatenate(pairs))
    return np.sort(np.concatenate(large))


def _buckets(key: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Indices of equal keys, one bucket after another and rising in each, and the size of each; none is of one."""
    order = np.argsort(key, kind="stable")
    key = key[order]
    size = np.diff(np.flatnonzero(np.append(key[1:] != key[:-1], True)[: len(key)]), prepend=-1)
    return order[np.repeat(size > 1, size)], size[size > 1]


def _stars(text: np.ndarray, size: np.ndarray, length: np.ndarray) -> np.ndarray:
    """Each text of a large bucket with the shortest of it (of several: the first); shape (pairs, 2)."""
    text, size = text[np.repeat(size > SMALL, size)], size[size > SMALL]
    bucket = np.repeat(np.arange(len(size)), size)
    shortest = text[np.lexsort((length[text], bucket))][np.cumsum(size) - size]
    return np.column_stack([shortest[bucket], text])


def _pairs(text: np.ndarray, size: np.ndarray) -> np.ndarray:
    """All pairs of each small bucket; shape (pairs, 2)."""
    text, size = text[np.repeat(size <= SMALL, size)], size[size <= SMALL]
    bucket = np.repeat(np.arange(len(size)), size)
    found = [np.empty((0, 2), dtype=np.int64)]
    for step in range(1, SMALL):
        same = np.flatnonzero(bucket[:-step] == bucket[step:])
        found.append(np.column_stack([text[same], text[same + step]]))
    return np.concatenate(found)


def _apart(component: np.ndarray, family: np.ndarray) -> np.ndarray:
    """Indices of the texts of families that are not joined as a whole."""
    _, first, family = np.unique(family, return_index=True, return_inverse=True)
    open_ = np.zeros(len(first), dtype=bool)
    open_[family[component != component[first][family]]] = True
    return np.flatnonzero(open_[family])


def _rare_grams(
    texts: list[str], chosen: np.ndarray, family: np.ndarray, threshold: float
) -> tuple[np.ndarray, np.ndarray]:
    """The rarest grams of each chosen text within its family, and who holds them; shape (entries,).

    Grams are counted by hash. Two that are counted together come in the wrong place, which costs time
    alone: any order serves, as long as it is the same for all texts. One that is counted once is left out.
    """
    blocks = [chosen[start : start + BLOCK] for start in range(0, len(chosen), BLOCK)]
    bits = min(len(chosen).bit_length() + 8, 26)
    counts = np.zeros(1 << bits, dtype=np.uint32)
    for block in blocks:
        np.add.at(counts, _family_grams(texts, block, family)[0] >> np.uint64(64 - bits), np.uint32(1))
    found = []
    for block in blocks:
        hashes, offsets = _family_grams(texts, block, family)
        gram, offsets = _rarest(hashes, counts[hashes >> np.uint64(64 - bits)], offsets, threshold)
        found.append((gram, np.repeat(block, np.diff(offsets))))
    gram, holder = map(np.concatenate, zip(*found, strict=True))
    return gram, holder


def _family_grams(texts: list[str], block: np.ndarray, family: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """As `grams`, with hashes that differ between families."""
    hashes, offsets = grams([texts[i] for i in block])
    return (hashes ^ np.repeat(family[block].astype(np.uint64), np.diff(offsets)) * FACTORS[6]) * FACTORS[7], offsets


def _rarest(
    hashes: np.ndarray, counts: np.ndarray, offsets: np.ndarray, threshold: float
) -> tuple[np.ndarray, np.ndarray]:
    """Of the grams that the prefix filter asks for those that others hold, at most KEYS of a text; as from `grams`.

    hashes, counts: of each gram, shape (grams,), one text after another; offsets: where each text's begin.
    """
    often = counts.astype(np.float32).view(np.uint32) >> np.uint32(18)  # 13 bits: in steps of 3%
    once = np.ones(1, np.float32).view(np.uint32)[0] >> np.uint32(18)
    bits = BLOCK.bit_length()
    value, offsets = row_sets(often.astype(np.uint64) << np.uint64(51) | hashes >> np.uint64(13), offsets, bits)
    size = np.diff(offsets)
    needed = size - np.ceil(threshold * size - 1e-9).astype(np.int64) + 1
    shared = value >> np.uint64(51 - bits) > once
    before = np.concatenate([[0], np.cumsum(shared)])
    rank = before[1:] - np.repeat(before[offsets[:-1]], size)  # among the shared ones of the text, from 1
    place = np.arange(len(value)) - np.repeat(offsets[:-1], size)
    kept = shared & (place < np.repeat(needed, size)) & (rank <= KEYS)
    offsets = np.concatenate([[0], np.cumsum(kept)])[offsets]
    return value[kept] & ((np.uint64(1) << np.uint64(51 - bits)) - np.uint64(1)), offsets


def _digests(texts: list[str]) -> np.ndarray:
    digests = np.empty((len(texts), PERMUTATIONS), dtype=np.uint32)
    with bar(len(texts), "near duplicates: hash", "text") as shown:
        for start in range(0, len(texts), BLOCK):
            block = texts[start : start + BLOCK]
            hashes, offsets = grams(block)
            matrix = RMinHash.digest_matrix_from_flat_token_hashes(hashes, offsets.astype(np.uint64), PERMUTATIONS, 1)
            digests[start : start + len(block)] = matrix.to_rows()
            shown.update(len(block))
    return digests


def _rows_per_band(threshold: float) -> int:
    """Longest band that still proposes a pair at the threshold: 1 - (1 - t^r)^(128 / r) >= 0.999."""
    lengths = [r for r in (64, 32, 16, 8, 4, 2) if 1 - (1 - threshold**r) ** (PERMUTATIONS / r) >= RECALL]
    return max(lengths, default=1)
