"""Takes the first rows of a nested order: for a fraction, a cap or a pool of examples."""

from __future__ import annotations

import numpy as np
import pandas as pd


def first_groups(rows: pd.DataFrame, count: int, *, every_class: bool) -> pd.DataFrame:
    """The first whole groups of `rows` (in nested order) that have at most `count` rows together.

    It takes at least one group. With every_class it takes at least the groups up to the first row of each class, so
    that no class is lost. A smaller count gives a subset of what a larger count gives.
    """
    # `begins` are the rows where a group begins, and the end; `least` is how many rows must be taken.
    begins = np.append(np.flatnonzero(rows["group"].ne(rows["group"].shift())), len(rows))
    least = np.flatnonzero(~rows["label"].duplicated())[-1] + 1 if every_class and len(rows) else 1
    end = max(begins[begins <= count].max(initial=0), begins[begins >= min(least, len(rows))][0])
    return rows.iloc[:end]


def pool(rows: pd.DataFrame, count: int) -> pd.DataFrame:
    """The first `count` rows of `rows` (in nested order), and the first row of each class that they lack."""
    return rows[(np.arange(len(rows)) < count) | ~rows["label"].duplicated().to_numpy()]
