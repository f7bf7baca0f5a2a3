"""What would decide an undecided pair: estimates of the test rows and labels that are needed."""

from __future__ import annotations

import math

from slingshot.files.pairs import Difference, Pairs
from slingshot.metrics import learning, rule
from slingshot.report.inputs import Results

FARTHEST = 10
"""A power law is followed up to this multiple of the training rows."""


def rows_to_decide(pair: Difference, small_is_cheaper: bool | None, pairs: Pairs) -> int | None:
    """Test rows with which the pair would decide in 80 of 100 studies, if the true difference is as measured. None if
    `rule.rows_to_decide` finds no number."""
    level = 1 - pairs.confidence
    return rule.rows_to_decide(pair, pairs.test_rows, pairs.margin, level, small_is_cheaper)


def seeds_may_decide(pair: Difference, small_is_cheaper: bool | None, pairs: Pairs) -> bool:
    """Whether test rows would decide the pair if training had no variance; more training seeds measure it."""
    if not pair.variances or not pair.variances.training:
        return False
    variances = pair.variances.model_copy(update={"training": (), "noise": 0.0})
    known = pair.model_copy(update={"variances": variances})
    return rows_to_decide(known, small_is_cheaper, pairs) is not None


def labels_to_decide(
    pair: Difference, small_is_cheaper: bool | None, results: Results, primary: str
) -> int | None:
    """Estimated training rows with which the small model would be chosen: better, or as good if it is cheaper.

    The fitted power law must then be far enough above the LLM for an interval of the present width. None without a fit,
    or if FARTHEST times the present rows are not enough.
    """
    if pair.low is None or pair.high is None or pair.b_value is None:
        return None
    curve = next(
        (c for c in learning.curves(results.curve, primary) if c.contestant == pair.a), None
    )
    if curve is None or curve.fit is None:
        return None
    ahead = (pair.high - pair.low) / 2 - (results.pairs.margin if small_is_cheaper else 0)
    rows, most = curve.fit.rows_for(pair.b_value + ahead), curve.levels[-1].train_rows
    return math.ceil(rows) if rows is not None and most < rows <= FARTHEST * most else None
