"""Sets of character 5-grams, and how similar two sets are.

A gram is a 64-bit hash. A comparison of n texts keeps all but its last log2(n) bits.
"""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

GRAM = 5
FACTORS = np.random.default_rng(5).integers(
    1 << 62, 1 << 63, size=128, dtype=np.uint64
) | np.uint64(1)


def grams(texts: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Hashes of all character 5-grams, one text after another, and where those of each text begin.

    A text of under 5 characters is one gram. Shapes (grams,) uint64 and (texts + 1,) int64.
    """
    padded = [text.ljust(GRAM, "\0") for text in texts]
    lengths = np.fromiter(map(len, padded), dtype=np.int64, count=len(padded))
    letters = np.frombuffer(
        "".join(padded).encode("utf-32-le", "surrogatepass"), dtype=np.uint32
    ).astype(np.uint64)
    count = max(len(letters) - GRAM + 1, 0)
    hashes = np.zeros(count, dtype=np.uint64)
    for k in range(GRAM):
        hashes += letters[k : k + count] * FACTORS[k]
    hashes ^= hashes >> np.uint64(31)
    hashes *= FACTORS[GRAM]
    inside = np.ones(len(letters), dtype=bool)
    for k in range(1, GRAM):
        inside[np.cumsum(lengths) - k] = False  # these would run into the next text
    offsets = np.concatenate([[0], np.cumsum(lengths - GRAM + 1)])
    return hashes[inside[:count]], offsets


def row_sets(values: np.ndarray, offsets: np.ndarray, bits: int) -> tuple[np.ndarray, np.ndarray]:
    """Distinct values of each row, sorted, without their last `bits` bits.

    values: shape (values,) uint64, one row after another; offsets: where each row begins, shape (rows + 1,). Returns
    both for the sets. The upper bits hold the row, because one sort of all values is many times as fast as one per row.
    """
    shift = np.uint64(64 - bits)
    row = np.repeat(np.arange(len(offsets) - 1, dtype=np.uint64), np.diff(offsets))
    sets = distinct(row << shift | values >> np.uint64(bits))
    sizes = np.bincount((sets >> shift).astype(np.int64), minlength=len(offsets) - 1)
    return sets & ((np.uint64(1) << shift) - np.uint64(1)), np.concatenate([[0], np.cumsum(sizes)])


def jaccard(texts: list[str], pairs: np.ndarray) -> np.ndarray:
    """Jaccard similarity of the 5-gram sets of each pair; shape (pairs,)."""
    used, places = np.unique(pairs, return_inverse=True)
    left, right = places.reshape(pairs.shape).T
    columns, offsets = row_sets(*grams([texts[i] for i in used]), len(used).bit_length())
    ones = np.ones(len(columns), np.int8)
    membership = sp.csr_array(
        (ones, columns.astype(np.int64), offsets), shape=(len(used), 2**63 - 1)
    )
    membership.has_canonical_format = True  # sorted and distinct, which scipy would check slowly
    sizes = np.diff(offsets)
    both: np.ndarray = np.diff(membership[left].multiply(membership[right]).tocsr().indptr)
    similarity: np.ndarray = both / (sizes[left] + sizes[right] - both)
    return similarity


def distinct(values: np.ndarray) -> np.ndarray:
    """The distinct values, sorted: as np.unique, which is slower because it looks each up in a table first."""
    values = np.sort(values)
    firsts: np.ndarray = values[np.append(True, values[1:] != values[:-1])[: len(values)]]
    return firsts
