"""Groups: rows that must not be separated.

A group is a connected component of three links: the same value in the user's group column, the same text after
normalising (casefold and white space, nothing else), and near duplicates. Where the user has groups, a text
under 4 words ("great product") does not join two of them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from slingshot.data.near import components, near_pairs

SHORT_WORDS = 4
COUNTED = 0.9
"""Similarity from which near duplicates are counted where `split.near` is null."""


@dataclass(frozen=True)
class Groups:
    """What joins the rows, which are sorted by id; arrays have shape (rows,)."""

    text: np.ndarray
    """Which distinct normalised text each row holds."""
    duplicates: np.ndarray
    """Component of exact and near duplicates alone, whatever the user's groups and `split.near`."""
    names: np.ndarray
    """Group of each row: the id of its first row."""
    near: np.ndarray
    """Pairs of distinct texts that are near duplicates, enough to join all that are; shape (pairs, 2)."""
    short_not_joined: int
    """Distinct texts under 4 words that stand in several of the user's groups."""


def normalise(text: str) -> str:
    """Casefolded, with each run of white space as one space."""
    return " ".join(text.casefold().split())


def find(rows: pd.DataFrame, near: float | None) -> Groups:
    """Join rows (id, text, group: null or the user's), sorted by id, into groups."""
    # As Python's own strings, because the distinct ones then share their memory; a string column would copy them.
    text, distinct = pd.factorize(
        np.array([normalise(t) for t in rows["text"]], dtype=object), sort=True
    )
    pairs = near_pairs(list(distinct), near or COUNTED)
    users, _ = pd.factorize(rows["group"])
    has_user = users >= 0
    short = np.array([len(t.split()) < SHORT_WORDS for t in distinct], dtype=bool)[text]

    # A graph over rows, then distinct texts, then the user's groups: each row is linked to its text and its group.
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
