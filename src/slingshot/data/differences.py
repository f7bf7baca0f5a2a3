"""Finds what sets texts apart from their family: the rare 5-grams that a text has and the common ones that it lacks.

A family is many texts that mostly share one template. Two near texts have something in common that few other texts
have: an added gram or, if both changed the same word, the lack of a common gram. Two sets with Jaccard >= t share one
of the |x| - ceil(t |x|) + 1 rarest grams of each (prefix filter: Chaudhuri, Ganti & Kaushik 2006; Bayardo, Ma & Srikant
2007).
"""

from __future__ import annotations

import numpy as np

from slingshot.data.grams import FACTORS, grams, row_sets

BLOCK = 2048
"""Texts whose grams are in memory at once."""
KEYS = 64
"""Most rare grams by which one text is looked up."""
CELL_BITS = 24
"""Bits of an index into the table of the grams that the texts of a block have."""


def differences(
    texts: list[str], chosen: np.ndarray, family: np.ndarray, threshold: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Keys of the rarest grams of each chosen text within its family, and of the common grams that it lacks.

    chosen: numbers of texts, shape (chosen,); family: of each text, shape (texts,). A gram is common if more than half
    of the family's texts have it. Returns the keys and the text of each, both of shape (keys,), and the noise of each
    chosen text, shape (chosen,): how many of its grams are not common, minus how many are. The text with the least
    noise is the most likely to be near others of its family.

    Grams are counted by a part of their hash. Two that are counted together get the wrong rank, which only costs time:
    any order works if it is the same for all texts. A gram that is counted once is left out.
    """
    blocks = [chosen[start : start + BLOCK] for start in range(0, len(chosen), BLOCK)]
    bits = min(len(chosen).bit_length() + 8, 26)
    shift = np.uint64(64 - bits)
    counts, seen = np.zeros(1 << bits, dtype=np.uint32), np.zeros(1 << bits, dtype=bool)
    for block in blocks:
        np.add.at(counts, _family_grams(texts, block, family)[0] >> shift, np.uint32(1))
    half = np.bincount(family[chosen], minlength=len(texts)) // 2
    keys, holders, noises, cores, owners = [], [], [], [], []
    for block in blocks:
        hashes, offsets = _family_grams(texts, block, family)
        slot, owner = hashes >> shift, np.repeat(family[block], np.diff(offsets))
        common = counts[slot] > half[owner]
        # The first text with a common gram adds it to the family's core.
        noises.append(np.add.reduceat(np.where(common, -1, 1), offsets[:-1]))
        new = np.flatnonzero(common & ~seen[slot])
        seen[slot[new]] = True
        new = new[np.unique(hashes[new], return_index=True)[1]]
        cores.append(hashes[new])
        owners.append(owner[new])
        key, offsets = _rarest(hashes, counts[slot], offsets, half[family[block]], threshold)
        keys.append(key)
        holders.append(np.repeat(block, np.diff(offsets)))
    core, owner = np.concatenate(cores), np.concatenate(owners)
    order = np.argsort(owner, kind="stable")
    key, holder = _lacked(texts, blocks, family, core[order], owner[order], half)
    return np.concatenate([*keys, key]), np.concatenate([*holders, holder]), np.concatenate(noises)


def _lacked(
    texts: list[str],
    blocks: list[np.ndarray],
    family: np.ndarray,
    core: np.ndarray,
    owner: np.ndarray,
    half: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Keys of the common grams that each text lacks, and the text of each; shape (keys,).

    core, owner: common grams and the family of each, sorted by family. If two grams of a text share a cell of the
    table, a lack may be missed. A gram that most texts lack was miscounted as common and is left out.
    """
    # `place` lists, one text of a block after another, the text's slice of `core`, that of its family; `row` is the
    # text in the block.
    begin = np.searchsorted(owner, np.arange(len(texts) + 1))
    lacks, holders = [], []
    for block in blocks:
        size = np.diff(begin)[family[block]]
        row = np.repeat(np.arange(len(block)), size)
        place = np.arange(len(row)) + np.repeat(begin[family[block]] - np.cumsum(size) + size, size)
        hashes, offsets = _family_grams(texts, block, family)
        present = np.zeros(1 << CELL_BITS, dtype=bool)
        present[_cell(hashes, np.repeat(np.arange(len(block)), np.diff(offsets)))] = True
        lacked = ~present[_cell(core[place], row)]
        lacks.append(place[lacked])
        holders.append(block[row[lacked]])
    lack = np.concatenate(lacks)
    real = np.bincount(lack, minlength=len(core))[lack] <= half[owner[lack]]
    return core[lack[real]] * FACTORS[9], np.concatenate(holders)[real]


def _cell(hashes: np.ndarray, row: np.ndarray) -> np.ndarray:
    """The cell, in the table of a block, that says whether a text has a gram. row: of the text in the block."""
    cell: np.ndarray = (hashes ^ row.astype(np.uint64) * FACTORS[6]) * FACTORS[7] >> np.uint64(
        64 - CELL_BITS
    )
    return cell


def _family_grams(
    texts: list[str], block: np.ndarray, family: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """As `grams`, with hashes that differ between families."""
    hashes, offsets = grams([texts[i] for i in block])
    salt = np.repeat(family[block].astype(np.uint64), np.diff(offsets)) * FACTORS[6]
    return (hashes ^ salt) * FACTORS[7], offsets


def _rarest(
    hashes: np.ndarray, counts: np.ndarray, offsets: np.ndarray, half: np.ndarray, threshold: float
) -> tuple[np.ndarray, np.ndarray]:
    """The rarest grams of each text by the prefix filter, without those that no other text has.

    hashes, counts: of each gram, shape (grams,), one text after another; offsets: where each text's grams begin; half:
    of each text's family. Returns at most KEYS per text, in the form of `grams`.
    """
    # One sort ranks the grams of all texts by rarity: a value has the count in its upper 13 bits, the hash below.
    often = _magnitude(counts)
    once = _magnitude(np.ones(1, dtype=np.uint32))
    bits = BLOCK.bit_length()
    value, offsets = row_sets(often << np.uint64(51) | hashes >> np.uint64(13), offsets, bits)
    size = np.diff(offsets)
    needed = size - np.ceil(threshold * size - 1e-9).astype(np.int64) + 1
    count = value >> np.uint64(51 - bits)
    shared = count > once
    before = np.concatenate([[0], np.cumsum(shared)])
    rank = before[1:] - np.repeat(
        before[offsets[:-1]], size
    )  # among the text's shared grams, from 1
    place = np.arange(len(value)) - np.repeat(offsets[:-1], size)
    in_prefix = place < np.repeat(needed, size)
    uncommon = count < np.repeat(_magnitude(half), size)
    kept = shared & (rank <= KEYS) & (in_prefix | uncommon)
    offsets = np.concatenate([[0], np.cumsum(kept)])[offsets]
    return value[kept] & ((np.uint64(1) << np.uint64(51 - bits)) - np.uint64(1)), offsets


def _magnitude(counts: np.ndarray) -> np.ndarray:
    """A number that rises with the count in steps of 50%, shape (counts,).

    Within a step the hash decides the order, so that the rare grams of a text come from many places in it.
    """
    # The upper ten bits of a 32-bit float: its sign, its exponent and the first bit of its fraction.
    return (counts.astype(np.float32).view(np.uint32) >> np.uint32(22)).astype(np.uint64)
