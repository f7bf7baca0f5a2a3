"""The first rows of a nested order: what a fraction, a cap or a pool of examples holds."""

from __future__ import annotations

import numpy as np
import pandas as pd


def first_groups(rows: pd.DataFrame, count: int, *, every_class: bool) -> pd.DataFrame:
    """The first whole groups of `rows` (in nested order) that hold at most `count` rows.

    With every_class, at least those up to the first row of each class, so that none is lost. Smaller
    counts give subsets of larger ones. At least one group.
    """
    begins = np.append(np.flatnonzero(rows["group"].ne(rows["group"].shift())), len(rows))
    least = np.flatnonzero(~rows["label"].duplicated())[-1] + 1 if every_class and len(rows) else 1
    end = max(begins[begins <= count].max(initial=0), begins[begins >= min(least, len(rows))][0])
    return rows.iloc[:end]


def pool(rows: pd.DataFrame, count: int) -> pd.DataFrame:
    """The first `count` rows of `rows` (in nested order), and the first of each class left out."""
    return rows[(np.arange(len(rows)) < count) | ~rows["label"].duplicated().to_numpy()]
