"""Every pair of a data set's contestants: who is better, on the same resamples, by one rule.

On the primary metric, a against b: "better" where Holm's p is under 1 - confidence and a is ahead, else "as good" where
the interval of a - b lies above -margin, else "worse" where b is better, else "not resolved". Under FEW_GROUPS groups
nothing is resolved. Where few groups tell two apart on accuracy, p is that of the sign test over groups if it is the
larger. McNemar's test of each two fitted models stands beside it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from slingshot.metrics import bootstrap
from slingshot.metrics.intervals import FEW_GROUPS, group_notes, percentiles, seed_notes, undefined
from slingshot.metrics.scored import Scored
from slingshot.metrics.significance import holm, mcnemar, p_value, signs
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
        {**difference(a, b, settings), "mcnemar": mcnemar(a.scored, b.scored)}
        for a, b in combinations(sides(contestants, settings), 2)
    ]
    for pair, p in zip(pairs, holm([pair["p"] for pair in pairs]), strict=True):
        pair["p_holm"] = p
        pair["verdict"], pair["reverse_verdict"] = verdicts(pair, settings)
        pair["rows_to_resolve"] = rows_to_resolve(pair, len(test.labels), settings.margin, level(settings))
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


def level(settings: MetricsSettings) -> float:
    """What p must be below: 0.05 at a confidence of 0.95, and not a bit more."""
    return round(1 - settings.confidence, 12)


def verdicts(pair: dict[str, Any], settings: MetricsSettings) -> tuple[str, str]:
    """a against b, and b against a."""
    if pair["low"] is None:
        return "not resolved", "not resolved"
    told_apart = pair["p_holm"] < level(settings)
    return (
        _verdict(pair["difference"], pair["low"], settings.margin, told_apart=told_apart),
        _verdict(-pair["difference"], -pair["high"], settings.margin, told_apart=told_apart),
    )


def _verdict(difference: float, low: float, margin: float, *, told_apart: bool) -> str:
    """What the first is against the second: a loss that is sure to be smaller than the margin is as good."""
    if told_apart and difference > 0:
        return "better"
    if low > -margin:
        return "as good"
    return "worse" if told_apart and difference < 0 else "not resolved"


def rows_to_resolve(pair: dict[str, Any], rows: int, margin: float, alpha: float) -> int | None:
    """Test rows at which neither would be unresolved were the difference to stay as measured: an estimate.

    The interval's half-width falls with the square root of the rows, and the normal deviate that p stands for rises
    with it. The one behind is shown to be as good where the half-width is below margin - |difference|, worse where
    Holm's p is below its level: what needs fewer rows counts. None where the pair is resolved or has no figures.
    """
    from scipy.stats import norm

    if pair["low"] is None or "not resolved" not in (pair["verdict"], pair["reverse_verdict"]):
        return None
    needed = []
    distance = margin - abs(pair["difference"])
    if distance > 0:
        needed.append((pair["high"] - pair["low"]) / 2 / distance)
    if pair["p"] < 1:
        corrected = alpha * pair["p"] / pair["p_holm"]
        needed.append(norm.isf(corrected / 2) / norm.isf(pair["p"] / 2))
    return max(rows + 1, math.ceil(rows * min(needed) ** 2)) if needed else None


def resample_notes(pairs: int, settings: MetricsSettings) -> list[str]:
    """That `settings.resamples` are too few for Holm's correction over that many pairs, where they are."""
    smallest = pairs * 2 / (settings.resamples + 1)  # p after Holm, were every resample on one side
    if smallest < level(settings):
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
        **dict.fromkeys(("difference", "low", "high", "p")),
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
    return pair


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

    shown = Table("a", "b", "a - b", "interval", "p (Holm)", "a is", "b is", title=result["primary"], box=SIMPLE)
    shown.caption = escape("; ".join(result["notes"])) or None
    for pair in result["pairs"]:
        figures = ("undefined", "", "") if pair["difference"] is None else (f"{pair['difference']:+.3f}", "none", "")
        if pair["low"] is not None:
            between = f"[{pair['low']:+.3f}, {pair['high']:+.3f}]"
            figures = (f"{pair['difference']:+.3f}", escape(between), f"{pair['p_holm']:.4f}")
        shown.add_row(pair["a"], pair["b"], *figures, pair["verdict"], pair["reverse_verdict"])
    return shown


def headline(result: dict[str, Any]) -> str:
    """E.g. `6 pairs on accuracy, 4 resolved`; of those without a figure, why."""
    resolved = sum({"not resolved"} != {pair["verdict"], pair["reverse_verdict"]} for pair in result["pairs"])
    lacking = [pair for pair in result["pairs"] if pair["difference"] is None]
    why = "; ".join(dict.fromkeys(note for pair in lacking for note in pair["notes"]))
    without = f", {len(lacking)} undefined ({why})" if lacking else ""
    pairs = "1 pair" if len(result["pairs"]) == 1 else f"{len(result['pairs'])} pairs"
    return f"{pairs} on {result['primary']}, {resolved} resolved{without}"
