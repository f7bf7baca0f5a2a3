"""Every pair of a data set's contestants: their difference, its interval, and how likely chance alone would give it.
What may be claimed of them is said by metrics.rule.

Under FEW_GROUPS effective groups there is no interval, so that nothing is resolved. Where few groups tell two apart on
accuracy, p is that of the sign test over groups if it is the larger. McNemar's test of each two fitted models stands
beside it.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from slingshot.metrics import clusters, rule
from slingshot.metrics.estimates import Estimate, apart, estimate, of_recipe
from slingshot.metrics.intervals import FEW_GROUPS, SCORE_METRICS, group_notes, seed_notes, undefined
from slingshot.metrics.scored import Scored
from slingshot.metrics.significance import mcnemar, signs
from slingshot.settings import PARAMS, MetricsSettings, UserError

if TYPE_CHECKING:
    from rich.table import Table

LABELS_ONLY = ("accuracy", "balanced_accuracy", "macro_f1")
"""Metrics that see no scores."""


def compare(contestants: dict[str, Scored], folder: Path, settings: MetricsSettings) -> dict[str, Any]:
    """The contents of metrics/pairs: every two of `contestants`, in their order.

    Raises UserError when there is none, or when two in `folder` were not scored on the same rows.
    """
    if not contestants:
        raise UserError(f"{PARAMS}: study names no contestant: add one to study.models or study.llms")
    first, *others = contestants
    test = contestants[first]
    for name in others:
        if not _same_rows(test, contestants[name]):
            raise UserError(f"{folder}: {first} and {name} do not predict the same test rows; run `dvc repro`")
    pairs = [
        {**difference(a, b, contestants, settings)}
        | {"same": _same(contestants[a], contestants[b], settings), "mcnemar": mcnemar(contestants[a], contestants[b])}
        for a, b in combinations(contestants, 2)
    ]
    return {
        "primary": settings.primary,
        "margin": settings.margin,
        "confidence": settings.confidence,
        "groups": test.group_count,
        "test_rows": len(test.labels),
        "notes": [
            *group_notes(test),
            *(_source_notes(contestants, settings) if any(pair["difference"] is not None for pair in pairs) else []),
        ],
        "pairs": pairs,
    }


def _source_notes(contestants: dict[str, Scored], settings: MetricsSettings) -> list[str]:
    """An AUROC of votes has few levels, and one of stated confidences rests on what an LLM says of itself."""
    sources = {name: one.score_source for name, one in contestants.items() if one.score_source != "none"}
    if settings.primary != "auroc" or len(set(sources.values())) < 2:
        return []
    listed = ", ".join(f"{name}: {source}" for name, source in sources.items())
    return [f"the AUROCs that are compared come from different score sources ({listed})"]


def _same(a: Scored, b: Scored, settings: MetricsSettings) -> bool:
    """Whether the two say the same of every row under every seed, as far as the primary metric can see."""
    seen = ("predictions",) if settings.primary in LABELS_ONLY else ("predictions", "scores")
    return len(a.runs) == len(b.runs) and all(
        np.array_equal(getattr(left, key), getattr(right, key))
        for left, right in zip(a.runs, b.runs, strict=True)
        for key in seen
    )


def _same_rows(a: Scored, b: Scored) -> bool:
    return all(np.array_equal(getattr(a, key), getattr(b, key)) for key in ("ids", "labels", "groups"))


def _differing(a: Scored, b: Scored) -> int:
    """Groups in which any two of their predictions differ."""
    rows = np.any([left.predictions != right.predictions for left in a.runs for right in b.runs], axis=0)
    return len(np.unique(a.groups[rows]))


def difference(a: str, b: str, contestants: Mapping[str, Scored], settings: MetricsSettings) -> dict[str, Any]:
    """a - b with its interval and the p of each claim, None where a side is undefined, or has too few groups for them.
    The two may be on other rows: they are then taken to be independent, and the sign test takes no part."""
    one, other, primary = contestants[a], contestants[b], settings.primary
    values = [value_of(primary, side) for side in (one, other)]
    pair: dict[str, Any] = {
        "a": a,
        "b": b,
        "a_value": values[0],
        "b_value": values[1],
        **dict.fromkeys(("difference", "low", "high", *rule.CLAIMS)),
        "notes": _undefined({a: one, b: other}, primary),
    }
    if values[0] is None or values[1] is None:
        return pair
    pair["difference"] = values[0] - values[1]
    pair["notes"] += sorted({*seed_notes(one), *seed_notes(other)})
    if min(clusters.effective(side.groups) for side in (one, other)) < FEW_GROUPS:
        return pair
    paired = _same_rows(one, other)
    found = of_recipe(primary, one, other) if paired else apart(primary, one, other, settings.confidence)
    pair["notes"] += ["no test row tells them apart"] if paired and not _differing(one, other) else []
    pair["low"], pair["high"] = found.interval(settings.confidence)
    pair["p"] = found.p_value(0.0)
    pair |= _as_good(found, settings.margin)
    if paired and primary == "accuracy":  # a score test of few discordant groups is a little liberal
        pair["p"] = max(pair["p"], signs(one, other) or 0.0)
    return pair


def value_of(metric: str, one: Scored) -> float | None:
    """Mean over seeds; None where it is undefined."""
    needs_scores = metric in SCORE_METRICS
    if needs_scores and any(run.scores is None for run in one.runs):
        return None
    return estimate(metric, one).value if metric != "auroc" or len(np.unique(one.labels)) > 1 else None


def _as_good(found: Estimate, margin: float) -> dict[str, float]:
    """p that the first, and that the second, is worse by the margin: one-sided and doubled, so that it is below the
    level where the interval leaves that out."""

    def beyond(value: float, sign: int) -> float:
        return found.p_value(value) if sign * (found.value - value) > 0 else 1.0

    return {"p_as_good": beyond(-margin, 1), "p_reverse_as_good": beyond(margin, -1)}


def _undefined(sides: Mapping[str, Scored], primary: str) -> list[str]:
    """Why there is no figure: once, where the rows that both share give none."""
    why = {name: undefined(primary, side) for name, side in sides.items() if value_of(primary, side) is None}
    reasons = set(why.values())
    return [*reasons] if len(why) == 2 and len(reasons) == 1 else [f"{name}: {reason}" for name, reason in why.items()]


def table(result: dict[str, Any]) -> Table:
    """The pairs, for the terminal."""
    from rich.box import SIMPLE
    from rich.markup import escape
    from rich.table import Table

    shown = Table("a", "b", "a - b", "interval", "p", title=result["primary"], box=SIMPLE)
    notes = [*result["notes"], "p is not corrected for the number of pairs; `slingshot show` says who is better"]
    shown.caption = escape("; ".join(notes))
    for pair in result["pairs"]:
        figures = ("undefined", "", "") if pair["difference"] is None else (f"{pair['difference']:+.3f}", "none", "")
        if pair["low"] is not None:
            between = f"[{pair['low']:+.3f}, {pair['high']:+.3f}]"
            figures = (f"{pair['difference']:+.3f}", escape(between), f"{pair['p']:.4f}")
        shown.add_row(pair["a"], pair["b"], *figures)
    return shown


def headline(result: dict[str, Any]) -> str:
    """E.g. `6 pairs on accuracy, 4 differ by their intervals`; of those without a figure, why."""
    differ = sum(pair["low"] is not None and not pair["low"] <= 0 <= pair["high"] for pair in result["pairs"])
    lacking = [pair for pair in result["pairs"] if pair["difference"] is None]
    why = "; ".join(dict.fromkeys(note for pair in lacking for note in pair["notes"]))
    without = f", {len(lacking)} undefined ({why})" if lacking else ""
    pairs = "1 pair" if len(result["pairs"]) == 1 else f"{len(result['pairs'])} pairs"
    return f"{pairs} on {result['primary']}, {differ} differ by their intervals{without}"
