"""Stratified splits of whole groups, and the nested order within a split.

Both come from one idea: each group gets a position in [0, 1] such that the groups below any position have nearly that
share of every class. A split cuts the positions; a nested order sorts by them. The shuffle is a keyed hash of the
group's name, so it does not depend on the order of rows, and a new row in the source hardly moves the others.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
import scipy.sparse as sp

LARGEST_SHARE = 0.2
"""The largest group that is dealt to a side other than train, as a share of the rows that the side should have."""
ENOUGH = 0.5
"""The least that the groups up to that size must hold, as a share of the rows that these sides should have."""
WINDOW = 256
"""Groups of mixed labels that compete for each next place."""


def assign(
    labels: np.ndarray, groups: np.ndarray, shares: Mapping[str, float], seed: int
) -> np.ndarray:
    """Side of each row: a key of `shares`, or "train" for the rest. No group is on two sides.

    labels: class of each row, from 0; groups: name of each row's group; both of shape (rows,), as the result. If its
    groups allow it, a class with one group is in train, a class with two groups in train and on the first key's side,
    and a class with three groups on each side. A group larger than `_limit` goes to train, unless another side needs it
    for a class.
    """
    codes, names = pd.factorize(groups, sort=True)
    counts = _class_counts(codes, labels)
    sizes = counts.sum(axis=1)
    dealt = sizes <= _limit(sizes, list(shares.values()))
    # Groups over the limit stay at position 1, in train. The others must fill the sides alone, so their positions are
    # scaled to their share of the rows, but to no less than the share that the sides should have.
    reach = max(sizes[dealt].sum() / len(labels), sum(shares.values()))
    position = np.ones(len(names))
    position[dealt] = reach * _positions(counts[dealt], _shuffle(names[dealt], seed))
    side = np.searchsorted(np.cumsum(list(shares.values())), position, side="right")
    # The sides by importance: train comes last among the cuts, but is the first to need every class.
    _repair(side, counts, [len(shares), *range(len(shares))])
    return np.array([*shares, "train"], dtype=object)[side[codes]]


def _limit(sizes: np.ndarray, shares: list[float]) -> float:
    """Rows of the largest group that is dealt out: LARGEST_SHARE of the smallest side.

    If the groups up to that size have less than ENOUGH of the rows that the sides should have, the next larger groups
    are dealt out too, until they have that much.
    """
    ordered = np.sort(sizes)
    last = np.searchsorted(ordered.cumsum(), ENOUGH * sum(shares) * sizes.sum())
    return float(max(LARGEST_SHARE * min(shares) * sizes.sum(), ordered[last]))


def nested_order(
    labels: np.ndarray, groups: np.ndarray, seed: int, *, every_class: bool
) -> np.ndarray:
    """Row indices, best first, shape (rows,): every prefix is nearly stratified by label, groups are contiguous.

    With every_class, one group of each class comes first, so that a small prefix has all classes. That order is for
    training. If there are many classes, rare classes have far more than their share of such a prefix. Without
    every_class each class has nearly its share of every prefix. That order is for measuring.
    """
    codes, names = pd.factorize(groups, sort=True)
    if not len(names):
        return np.empty(0, dtype=np.int64)
    counts = _class_counts(codes, labels)
    keys = _shuffle(names, seed)
    position = _positions(counts, keys)
    if every_class:
        position[_cover(counts, position, keys)] = -1.0
    rank = np.empty(len(names), dtype=np.int64)
    rank[np.lexsort((keys, position))] = np.arange(len(names))
    return np.argsort(rank[codes], kind="stable")


def _class_counts(codes: np.ndarray, labels: np.ndarray) -> sp.csr_array:
    """Rows of each group in each class, shape (groups, classes)."""
    shape = (codes.max() + 1, labels.max() + 1)
    return sp.coo_array((np.ones(len(codes), dtype=np.int64), (codes, labels)), shape=shape).tocsr()


def _shuffle(names: np.ndarray, seed: int) -> np.ndarray:
    """A pseudo-random key for each name; shape (groups,) uint64."""
    return pd.util.hash_array(np.asarray(names, dtype=object), hash_key=f"{seed % 10**16:016d}")


def _positions(counts: sp.csr_array, keys: np.ndarray) -> np.ndarray:
    """Position of each group, shape (groups,): the middle of its rows in its stratum, as a share of the stratum.

    A stratum is the groups with rows of only one class, or all groups of mixed labels, ordered to balance each prefix.
    """
    pure = np.diff(counts.indptr) == 1
    stratum = np.full(counts.shape[0], counts.shape[1])
    stratum[pure] = counts.indices[counts.indptr[:-1][pure]]
    order = np.lexsort((keys, stratum))
    mixed = order[stratum[order] == counts.shape[1]]
    if len(mixed):
        order[-len(mixed) :] = mixed[_balanced(counts[mixed].toarray())]
    laid = pd.DataFrame({"stratum": stratum[order], "rows": counts.sum(axis=1)[order]})
    rows = laid.groupby("stratum")["rows"]
    position = np.empty(len(order))
    position[order] = (rows.cumsum() - laid["rows"] / 2) / rows.transform("sum")
    return position


def _balanced(counts: np.ndarray) -> np.ndarray:
    """Order of groups in which each prefix is closest to the class shares of all. counts: shape (groups, classes).

    Greedy: of the next WINDOW groups, the one after which the chi-square distance is smallest.
    """
    # A group adds a fixed vector to a running total, which is zero if the prefix has the shares of all. The squared
    # length of the total, each class scaled by its share, is the chi-square distance.
    target = counts.sum(axis=0) / counts.sum()
    present = target > 0
    counts, target = counts[:, present].astype(np.float64), target[present]
    excess = counts - counts.sum(axis=1, keepdims=True) * target
    scaled = excess / np.sqrt(target)
    window = np.arange(min(WINDOW, len(counts)))
    waiting = len(window)
    total = np.zeros(scaled.shape[1])
    order = np.empty(len(counts), dtype=np.int64)
    for place in range(len(counts)):
        best = int(((total + scaled[window]) ** 2).sum(axis=1).argmin())
        order[place] = window[best]
        total += scaled[window[best]]
        if waiting < len(counts):
            window[best] = waiting
            waiting += 1
        else:
            window = np.delete(window, best)
    return order


def _cover(counts: sp.csr_array, position: np.ndarray, keys: np.ndarray) -> np.ndarray:
    """Groups that together have every class: rare classes choose first, each its smallest group."""
    by_class, sizes = counts.tocsc(), counts.sum(axis=1)
    covered = np.zeros(counts.shape[1], dtype=bool)
    chosen = []
    for label in np.argsort(np.diff(by_class.indptr), kind="stable"):
        holders = by_class.indices[by_class.indptr[label] : by_class.indptr[label + 1]]
        if covered[label] or not len(holders):
            continue
        first = holders[np.lexsort((keys[holders], position[holders], sizes[holders]))[0]]
        covered[counts.indices[counts.indptr[first] : counts.indptr[first + 1]]] = True
        chosen.append(first)
    return np.array(chosen, dtype=np.int64)


def _repair(side: np.ndarray, counts: sp.csr_array, priority: list[int]) -> None:
    """Move groups, in place, so that each side has each class that has enough groups.

    Sides act in order of importance, and each takes the smallest groups first. A side may take any group from a less
    important side, but from a more important one only a group whose classes that side has in other groups too.
    """
    by_class, sizes = counts.tocsc(), counts.sum(axis=1)
    rank = np.argsort(priority)
    present = np.stack([np.diff(counts[side == s].tocsc().indptr) for s in range(len(priority))])
    for place, lacking in enumerate(priority):
        for label in range(counts.shape[1]):
            if present[lacking, label]:  # from the start, or since a move for another class
                continue
            holders = by_class.indices[by_class.indptr[label] : by_class.indptr[label + 1]]
            # With fewer groups than the sides up to this one, the more important sides keep them.
            enough = len(holders) > place
            for group in holders[np.argsort(sizes[holders], kind="stable")] if enough else []:
                giver = side[group]
                classes = counts.indices[counts.indptr[group] : counts.indptr[group + 1]]
                if rank[giver] > place or (present[giver, classes] > 1).all():
                    side[group] = lacking
                    present[giver, classes] -= 1
                    present[lacking, classes] += 1
                    break
