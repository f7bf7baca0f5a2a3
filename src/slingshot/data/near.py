"""Near duplicates: MinHash proposes pairs of texts, the exact Jaccard similarity decides.

A text is its set of character 5-grams, each a 64-bit hash, so "exact" is up to a collision of
2^-64. MinHash and its bands: Broder 1997; Leskovec, Rajaraman & Ullman, Mining of Massive Datasets,
section 3.4. Work and memory grow with the number of characters, never with that of pairs.
"""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from rensa import RMinHash

from slingshot.progress import bar

GRAM = 5
PERMUTATIONS = 128
SMALL = 10
"""Largest bucket in which all pairs are compared."""
REACH = 2
"""In a larger one each text is compared with the next two, a chain that keeps the work linear where
thousands of texts are filled into one template; its near pairs are then counted along the chain."""
RECALL = 0.999
"""Chance that a pair just at the threshold is proposed."""
BLOCK = 2048
_FACTORS = np.random.default_rng(5).integers(1 << 62, 1 << 63, size=PERMUTATIONS, dtype=np.uint64) | np.uint64(1)


def near_pairs(texts: list[str], threshold: float) -> np.ndarray:
    """Pairs (i, j), i < j, of different texts whose 5-gram sets have Jaccard >= threshold.

    `texts` are distinct and normalised; returns shape (pairs, 2), sorted. Sorted texts make the
    chain through a large bucket run along alike ones.
    """
    proposed = _proposed(_digests(texts), _rows_per_band(threshold), len(texts))
    kept = [np.empty((0, 2), dtype=np.int64)]
    with bar(len(proposed), "near duplicates: compare", "pair") as shown:
        for start in range(0, len(proposed), BLOCK // 2):
            pairs = proposed[start : start + BLOCK // 2]
            kept.append(pairs[jaccard(texts, pairs) >= threshold])
            shown.update(len(pairs))
    return np.concatenate(kept)


def jaccard(texts: list[str], pairs: np.ndarray) -> np.ndarray:
    """Jaccard similarity of the 5-gram sets of each pair; shape (pairs,)."""
    used, places = np.unique(pairs, return_inverse=True)
    left, right = places.reshape(pairs.shape).T
    hashes, offsets = grams([texts[i] for i in used])
    columns = (hashes >> np.uint64(1)).astype(np.int64)
    held = sp.csr_array((np.ones(len(columns), np.int8), columns, offsets), shape=(len(used), 2**63 - 1))
    held.sum_duplicates()
    sizes = np.diff(held.indptr)
    both: np.ndarray = np.diff(held[left].multiply(held[right]).tocsr().indptr)
    similarity: np.ndarray = both / (sizes[left] + sizes[right] - both)
    return similarity


def grams(texts: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Hashes of all character 5-grams, one text after another, and where each text's begin.

    A text under 5 characters is one gram. Shapes (grams,) uint64 and (texts + 1,) int64.
    """
    padded = [text.ljust(GRAM, "\0") for text in texts]
    lengths = np.fromiter(map(len, padded), dtype=np.int64, count=len(padded))
    letters = np.frombuffer("".join(padded).encode("utf-32-le", "surrogatepass"), dtype=np.uint32).astype(np.uint64)
    count = max(len(letters) - GRAM + 1, 0)
    hashes = np.zeros(count, dtype=np.uint64)
    for k in range(GRAM):
        hashes += letters[k : k + count] * _FACTORS[k]
    hashes ^= hashes >> np.uint64(31)
    hashes *= _FACTORS[GRAM]
    inside = np.ones(len(letters), dtype=bool)
    for k in range(1, GRAM):
        inside[np.cumsum(lengths) - k] = False  # these would run into the next text
    offsets = np.concatenate([[0], np.cumsum(lengths - GRAM + 1)])
    return hashes[inside[:count]], offsets


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


def _proposed(digests: np.ndarray, rows: int, count: int) -> np.ndarray:
    """Pairs that agree in a whole band: shape (pairs, 2), i < j, sorted."""
    found = [np.empty(0, dtype=np.int64)]
    for band in range(0, PERMUTATIONS, rows):
        key = (digests[:, band : band + rows].astype(np.uint64) * _FACTORS[:rows]).sum(axis=1)
        order = np.argsort(key, kind="stable")
        _, bucket, sizes = np.unique(key[order], return_inverse=True, return_counts=True)
        reach = np.where(sizes <= SMALL, SMALL - 1, REACH)[bucket]
        for step in range(1, SMALL):
            same = np.flatnonzero((bucket[:-step] == bucket[step:]) & (reach[:-step] >= step))
            found.append(order[same] * count + order[same + step])
    pairs = np.unique(np.concatenate(found))
    return np.column_stack([pairs // max(count, 1), pairs % max(count, 1)])
