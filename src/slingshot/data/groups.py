"""Groups: rows that must stay in one split.

A group is a connected component of three links: the same value in the user's group column, the same text after
normalising (case and white space, nothing else), and near duplicates. A text of under 4 words ("great product") does
not join two of the user's groups.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from slingshot.data.near import components, near_pairs

SHORT_WORDS = 4
COUNTED = 0.9
"""Similarity from which near duplicates are counted if `split.near` is null."""


@dataclass(frozen=True)
class Groups:
    """What joins the rows, which are sorted by id; arrays have shape (rows,)."""

    text: np.ndarray
    """Number of each row's distinct normalised text."""
    duplicates: np.ndarray
    """Component of exact and near duplicates only, whatever the user's groups and `split.near`."""
    names: np.ndarray
    """Group of each row: the id of the group's first row."""
    near: np.ndarray
    """Pairs of distinct texts that are near duplicates, enough to join all that are; shape (pairs, 2)."""
    short_not_joined: int
    """Distinct texts of under 4 words that are in several of the user's groups."""


def normalise(text: str) -> str:
    """The casefolded text, with a single space for each run of white space."""
    return " ".join(text.casefold().split())


def find(rows: pd.DataFrame, near: float | None) -> Groups:
    """Join rows (id, text, and the user's group or null), sorted by id, into groups.

    near: Jaccard similarity from which texts are near duplicates; None only counts them, and joins none.
    """
    # As Python strings, because equal ones then share their memory; a string column would copy them.
    text, distinct = pd.factorize(
        np.array([normalise(t) for t in rows["text"]], dtype=object), sort=True
    )
    pairs = near_pairs(list(distinct), near or COUNTED)
    users, _ = pd.factorize(rows["group"])
    has_user = users >= 0
    short = np.array([len(t.split()) < SHORT_WORDS for t in distinct], dtype=bool)[text]

    # The nodes of a graph are the rows, then the distinct texts, then the user's groups. Each row is linked to its text
    # and its group.
    by_text = ~(short & has_user)
    links = [np.column_stack([np.flatnonzero(by_text), len(rows) + text[by_text]])]
    links.append(
        np.column_stack([np.flatnonzero(has_user), len(rows) + len(distinct) + users[has_user]])
    )
    if near is not None:
        links.append(pairs + len(rows))
    names = rows["id"].to_numpy()[_first(components(np.concatenate(links), len(rows)))]

    apart = (
        pd.DataFrame({"text": text[~by_text], "user": users[~by_text]})
        .groupby("text")["user"]
        .nunique()
    )
    return Groups(
        text, components(pairs, len(distinct))[text], names, pairs, int((apart > 1).sum())
    )


def _first(codes: np.ndarray) -> np.ndarray:
    """Index of the first element with each element's code."""
    _, first, inverse = np.unique(codes, return_index=True, return_inverse=True)
    return first[inverse]
