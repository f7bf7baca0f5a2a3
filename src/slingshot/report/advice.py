"""What would decide an undecided pair: estimates of the test rows, and of the labels, that are needed."""

from __future__ import annotations

import math

from slingshot.files.pairs import Difference, Pairs
from slingshot.metrics import learning, rule
from slingshot.report.inputs import Results

FARTHEST = 10
"""Times the training rows to which a power law is followed."""


def rows_to_decide(pair: Difference, small_is_cheaper: bool | None, pairs: Pairs) -> int | None:
    """Test rows with which the pair would decide in 80 of 100 studies, were the difference truly as measured."""
    level = 1 - pairs.confidence
    return rule.rows_to_decide(pair, pairs.test_rows, pairs.margin, level, small_is_cheaper)


def seeds_may_decide(pair: Difference, small_is_cheaper: bool | None, pairs: Pairs) -> bool:
    """Whether test rows would decide it if nothing of training were unknown, which is what more training seeds tell."""
    if not pair.variances or not pair.variances.training:
        return False
    variances = pair.variances.model_copy(update={"training": (), "noise": 0.0})
    known = pair.model_copy(update={"variances": variances})
    return rows_to_decide(known, small_is_cheaper, pairs) is not None


def labels_to_decide(
    pair: Difference, small_is_cheaper: bool | None, results: Results, primary: str
) -> int | None:
    """Training rows at which the small model's fitted power law would be so far above the LLM that an interval as wide
    as now would choose it: better, or as good where it is cheaper. An estimate, followed up to FARTHEST times the rows
    there are; None without a fit, or where it does not get there."""
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
