"""Every pair of a data set's contestants on the same resamples: their difference, its interval, and how likely chance
alone would give it. What may be claimed of them is said by metrics.rule.

Under FEW_GROUPS groups there is no interval, so that nothing is resolved. Where few groups tell two apart on accuracy,
p is that of the sign test over groups if it is the larger. McNemar's test of each two fitted models stands beside it.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from slingshot.metrics import bootstrap, rule
from slingshot.metrics.intervals import FEW_GROUPS, group_notes, percentiles, seed_notes, undefined
from slingshot.metrics.scored import Scored
from slingshot.metrics.significance import mcnemar, p_value, p_value_above, signs
from slingshot.settings import PARAMS, MetricsSettings, UserError

if TYPE_CHECKING:
    from rich.table import Table

FEW_DIFFER = 3
"""Groups under which a bootstrap of two that differ on so few of them hides what the others may hold."""
LABELS_ONLY = ("accuracy", "balanced_accuracy", "macro_f1")
"""Metrics that see no scores."""


@dataclass(frozen=True)
class Side:
    """A contestant with its figures on the primary metric."""

    name: str
    scored: Scored
    value: float | None
    samples: np.ndarray
    """The primary metric in each resample, seeds averaged; empty where it is undefined."""


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
        {**difference(a, b, settings), "same": _same(a, b, settings), "mcnemar": mcnemar(a.scored, b.scored)}
        for a, b in combinations(sides(contestants, settings), 2)
    ]
    return {
        "primary": settings.primary,
        "margin": settings.margin,
        "confidence": settings.confidence,
        "resamples": settings.resamples,
        "groups": test.group_count,
        "test_rows": len(test.labels),
        "notes": [
            *group_notes(test),
            *resample_notes(sum(pair["p"] is not None for pair in pairs), settings),
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


def _same(a: Side, b: Side, settings: MetricsSettings) -> bool:
    """Whether the two say the same of every row under every seed, as far as the primary metric can see."""
    seen = ("predictions",) if settings.primary in LABELS_ONLY else ("predictions", "scores")
    return len(a.scored.runs) == len(b.scored.runs) and all(
        np.array_equal(getattr(left, key), getattr(right, key))
        for left, right in zip(a.scored.runs, b.scored.runs, strict=True)
        for key in seen
    )


def resample_notes(pairs: int, settings: MetricsSettings) -> list[str]:
    """That `settings.resamples` are too few for Holm's correction over that many pairs, where they are."""
    smallest = pairs * 2 / (settings.resamples + 1)  # p after Holm, were every resample on one side
    if smallest < round(1 - settings.confidence, 12):
        return []
    return [f"{settings.resamples} resamples can't resolve one of {pairs} pairs: raise metrics.resamples"]


def _same_rows(a: Scored, b: Scored) -> bool:
    return all(np.array_equal(getattr(a, key), getattr(b, key)) for key in ("ids", "labels", "groups"))


def sides(contestants: dict[str, Scored], settings: MetricsSettings, seed: int = bootstrap.SEED) -> list[Side]:
    """The contestants, all scored on the same rows, on the same resamples, which are those of `seed`."""
    primary, scored = settings.primary, list(contestants.values())
    auroc = primary == "auroc"
    samples = bootstrap.resample(scored, settings.resamples, auroc=auroc, seed=seed)
    measured = []
    for (name, one), figures in zip(contestants.items(), samples, strict=True):
        if primary not in figures:
            measured.append(Side(name, one, None, np.empty(0)))
            continue
        points = [bootstrap.point(one, run, auroc=auroc)[primary] for run in one.runs]
        measured.append(Side(name, one, float(np.mean(points)), bootstrap.over_seeds(figures[primary], seed)))
    return measured


def _differing(a: Scored, b: Scored) -> int:
    """Groups in which any two of their predictions differ."""
    rows = np.any([left.predictions != right.predictions for left in a.runs for right in b.runs], axis=0)
    return len(np.unique(a.groups[rows]))


def difference(a: Side, b: Side, settings: MetricsSettings) -> dict[str, Any]:
    """a - b with its interval and p, None where a side is undefined, or has too few groups for them. The two may be on
    other rows, if on resamples of other seeds, which are independent: the sign test then takes no part."""
    pair: dict[str, Any] = {
        "a": a.name,
        "b": b.name,
        "a_value": a.value,
        "b_value": b.value,
        **dict.fromkeys(("difference", "low", "high", *rule.CLAIMS)),
        "notes": _undefined(a, b, settings.primary),
    }
    if a.value is not None and b.value is not None:
        differences, groups = a.samples - b.samples, min(a.scored.group_count, b.scored.group_count)
        pair["difference"] = a.value - b.value
        pair["notes"] += sorted({*seed_notes(a.scored), *seed_notes(b.scored)})
        if groups >= FEW_GROUPS:
            paired = _same_rows(a.scored, b.scored)
            differing = _differing(a.scored, b.scored) if paired else groups
            few = settings.primary in LABELS_ONLY and differing < FEW_DIFFER
            pair["notes"] += [] if differing else ["no test row tells them apart"]
            hidden = 1 - (1 - settings.confidence) ** (1 / groups)
            low, high = percentiles(differences, settings.confidence)
            pair["low"], pair["high"] = _widened(low, high, pair["difference"], hidden, few)
            pair["p"] = p_value(differences)
            if paired and settings.primary == "accuracy":  # a bootstrap p of few differing groups is too small for Holm
                pair["p"] = max(pair["p"], signs(a.scored, b.scored) or 0.0)
            pair |= _as_good(differences, pair, settings.margin)
    return pair


def _as_good(differences: np.ndarray, pair: dict[str, Any], margin: float) -> dict[str, float]:
    """p that the first, and that the second, is worse by the margin; 1 where the widened interval holds that."""
    bounds = {"p_as_good": (differences, pair["low"]), "p_reverse_as_good": (-differences, -pair["high"])}
    return {key: p_value_above(drawn, -margin) if low > -margin else 1.0 for key, (drawn, low) in bounds.items()}


def _undefined(a: Side, b: Side, primary: str) -> list[str]:
    """Why there is no figure: once, where the rows that both share give none."""
    why = {side.name: undefined(primary, side.scored) for side in (a, b) if side.value is None}
    reasons = set(why.values())
    return [*reasons] if len(why) == 2 and len(reasons) == 1 else [f"{name}: {reason}" for name, reason in why.items()]


def _widened(
    low: float | None, high: float | None, middle: float, hidden: float, few: bool
) -> tuple[float | None, float | None]:
    """The interval, reaching `hidden`, what so many groups may hide (the rule of three: Hanley and Lippman-Hand, 1983),
    to both sides where few of them differ or none does: one of less width would claim to be certain."""
    if low is None or high is None or not (few or high - low < 1e-12):
        return low, high
    return max(-1.0, min(low, middle - hidden)), min(1.0, max(high, middle + hidden))


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
