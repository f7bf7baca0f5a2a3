"""Macro figures that the test rows can't decide, as classes of a few rows could move them by more than the margin.

Each class has an equal part in a mean over K classes, whatever its rows: it may move the mean by 1/K. What a contestant
makes of a class can't be told from a handful of rows, and no interval mends that.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from slingshot.metrics.scored import Scored
from slingshot.settings.catalogue import METRICS

ENOUGH_ROWS = 10
"""Test rows from which a class is taken to show what a contestant makes of it."""
NAMED = 5
"""Classes that are named; of further ones the number is told."""


def class_rows(test: Scored, labels: Sequence[str] = ()) -> dict[str, int]:
    """Class name -> its test rows, of the classes present; `labels` are the names in label order."""
    present, rows = np.unique(test.labels, return_counts=True)
    return {
        labels[label] if labels else str(label): int(number)
        for label, number in zip(present, rows, strict=True)
    }


def why_undecidable(metric: str, margin: float, *tests: Mapping[str, int]) -> str | None:
    """Why nothing can be claimed of two contestants on `metric`: of the first of `tests`, the `class_rows` of one or
    both, that can't decide it. None where claims can be made."""
    return next(filter(None, (_why(metric, margin, rows) for rows in tests)), None)


def _why(metric: str, margin: float, rows: Mapping[str, int]) -> str | None:
    few = {
        name: number
        for name, number in sorted(rows.items(), key=lambda item: item[1])
        if number < ENOUGH_ROWS
    }
    if not METRICS[metric].macro or round(len(few) / max(1, len(rows)) - margin, 12) <= 0:
        return None
    named = ", ".join(f"{name}: {number}" for name, number in list(few.items())[:NAMED])
    further = f" and {len(few) - NAMED} more" if len(few) > NAMED else ""
    have = "has" if len(few) == 1 else "have"
    return (
        f"{len(few)} of {len(rows)} classes {have} under {ENOUGH_ROWS} test rows ({named}{further}) and could move "
        f"{METRICS[metric].title} by {len(few) / len(rows):.3g}, more than the margin of {margin:g}: "
        "this comparison can't be decided here"
    )
