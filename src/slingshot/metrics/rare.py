"""Macro figures that test rows can't decide, because classes with few rows could move them by more than the margin.

Each class has the same weight in a mean over K classes, however many rows it has: it can move the mean by 1 / K. A
few rows can't show how well a contestant predicts a class, and no interval can correct that.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from slingshot.files.notes.pairs import ENOUGH_ROWS, RareClasses
from slingshot.metrics.scored import Scored
from slingshot.settings.catalogue import METRICS


def class_rows(test: Scored, labels: Sequence[str] = ()) -> dict[str, int]:
    """Class name -> the number of its test rows, for classes with test rows.

    `labels` are the names in label order; without them, a class is named by its number.
    """
    present, rows = np.unique(test.labels, return_counts=True)
    return {
        labels[label] if labels else str(label): int(number)
        for label, number in zip(present, rows, strict=True)
    }


def why_undecidable(metric: str, margin: float, *tests: Mapping[str, int]) -> RareClasses | None:
    """Why nothing can be claimed about two contestants on `metric`, or None if claims can be made.

    `tests` are the `class_rows` of each side, or of the rows that both share. The reason is about the first that can't
    decide.
    """
    return next(filter(None, (_why(metric, margin, rows) for rows in tests)), None)


def _why(metric: str, margin: float, rows: Mapping[str, int]) -> RareClasses | None:
    rare = {name: number for name, number in rows.items() if number < ENOUGH_ROWS}
    # Rounded, because 1 / 50 minus a margin of 0.02 is not exactly 0.
    beyond = round(len(rare) / max(1, len(rows)) - margin, 12)
    if not METRICS[metric].macro or beyond <= 0:
        return None
    return RareClasses(metric=metric, margin=margin, classes=len(rows), rare=rare)
