"""Every pair of a data set's contestants: their difference, its interval, and how likely chance alone would give it.
What may be claimed of them is said by metrics.rule.

A difference is that of the trained models at hand, and from ENOUGH_SEEDS training seeds on that of the recipes, that is
of any training by them. Where a side has fewer, what may be claimed of the recipes stands beside it, in `recipe`.

Under FEW_GROUPS effective groups there is no interval, and where metrics.rare says so there is no p, so that nothing is
resolved. Where few groups tell two apart on accuracy, p is that of the sign test over groups if it is the larger.
McNemar's test of each two fitted models stands beside it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from slingshot.files import paths
from slingshot.metrics import clusters, rare, rule
from slingshot.metrics.estimates import Estimate, apart, of_recipe, trained_anew, value_of
from slingshot.metrics.intervals import FEW_GROUPS, group_notes, undefined
from slingshot.metrics.scored import ENOUGH_SEEDS, Scored
from slingshot.metrics.significance import mcnemar, signs
from slingshot.metrics.variances import Variance
from slingshot.settings import PARAMS, MetricsSettings, UserError
from slingshot.settings.catalogue import METRICS

if TYPE_CHECKING:
    from rich.table import Table


def compare(
    contestants: dict[str, Scored],
    dataset: str,
    settings: MetricsSettings,
    labels: Sequence[str] = (),
) -> dict[str, Any]:
    """The contents of metrics/pairs: every two of `contestants`, in their order; `labels` are the class names in label
    order, which go by their numbers without.

    Raises UserError when there is none, or when two were not scored on the same rows.
    """
    if not contestants:
        raise UserError(
            f"{PARAMS}: study names no contestant: add one to study.models or study.llms"
        )
    first, *others = contestants
    test = contestants[first]
    for name in others:
        if not _same_rows(test, contestants[name]):
            raise UserError(
                f"{paths.predictions(dataset, name)}: its test rows are not those of {first}; run `dvc repro`"
            )
    pairs = []
    for a, b in combinations(contestants, 2):
        one, other = contestants[a], contestants[b]
        pair = difference(a, b, contestants, settings)
        pair |= {"same": _same(one, other, settings), "mcnemar": mcnemar(one, other)}
        if pair["recipe"]:  # what two trainings chance to share is not shared by their recipes
            pair["recipe"]["same"] = pair["same"] and _seeds(one) == _seeds(other)
        pairs.append(pair)
    return {
        "primary": settings.primary,
        "margin": settings.margin,
        "confidence": settings.confidence,
        "seed_sd": settings.seed_sd,
        "groups": test.group_count,
        "test_rows": len(test.labels),
        "undecidable": rare.why_undecidable(
            settings.primary, settings.margin, rare.class_rows(test, labels)
        ),
        "notes": [
            *group_notes(test),
            *(
                _source_notes(contestants, settings)
                if any(pair["difference"] is not None for pair in pairs)
                else []
            ),
        ],
        "pairs": pairs,
    }


def _source_notes(contestants: dict[str, Scored], settings: MetricsSettings) -> list[str]:
    """An AUROC of votes has few levels, and one of stated confidences rests on what an LLM says of itself."""
    sources = {
        name: one.score_source for name, one in contestants.items() if one.score_source != "none"
    }
    if settings.primary != "auroc" or len(set(sources.values())) < 2:
        return []
    listed = ", ".join(f"{name}: {source}" for name, source in sources.items())
    return [f"the AUROCs that are compared come from different score sources ({listed})"]


def _same(a: Scored, b: Scored, settings: MetricsSettings) -> bool:
    """Whether the two say the same of every row under every seed, as far as the primary metric can see."""
    seen = ["predictions", *(["scores"] if METRICS[settings.primary].needs_scores else [])]
    return len(a.runs) == len(b.runs) and all(
        np.array_equal(getattr(left, key), getattr(right, key))
        for left, right in zip(a.runs, b.runs, strict=True)
        for key in seen
    )


def _seeds(one: Scored) -> list[int]:
    return [run.seed for run in one.runs]


def _same_rows(a: Scored, b: Scored) -> bool:
    return all(
        np.array_equal(getattr(a, key), getattr(b, key)) for key in ("ids", "labels", "groups")
    )


def _differing(a: Scored, b: Scored) -> int:
    """Groups in which any two of their predictions differ."""
    rows = np.any(
        [left.predictions != right.predictions for left in a.runs for right in b.runs], axis=0
    )
    return len(np.unique(a.groups[rows]))


def difference(
    a: str,
    b: str,
    contestants: Mapping[str, Scored],
    settings: MetricsSettings,
    *,
    recipes: bool = False,
) -> dict[str, Any]:
    """a - b with its interval and the p of each claim, None where a side is undefined, or has too few groups for them,
    and p where it has too few rows of some classes. The two may be on other rows: they are then taken to be
    independent, and the sign test takes no part.

    The claims are those of the trained models, beside which those of the recipes stand where these are others; with
    `recipes` only the latter.
    """
    one, other, primary = contestants[a], contestants[b], settings.primary
    values = {name: value_of(primary, contestants[name]) for name in (a, b)}
    pair: dict[str, Any] = {
        "a": a,
        "b": b,
        "a_value": values[a],
        "b_value": values[b],
        **dict.fromkeys(("difference", "low", "high", "variances", *rule.CLAIMS, "recipe")),
        "notes": _undefined(
            {name: contestants[name] for name, value in values.items() if value is None}, primary
        ),
    }
    if pair["a_value"] is None or pair["b_value"] is None:
        return pair
    pair["difference"] = pair["a_value"] - pair["b_value"]
    if min(clusters.effective_groups(side.groups) for side in (one, other)) < FEW_GROUPS:
        return pair
    paired, seed_sd = _same_rows(one, other), settings.seed_sd if recipes else 0.0
    pair["notes"] += (
        ["no test row tells them apart"] if paired and not _differing(one, other) else []
    )
    if not paired:
        return pair | _claims(
            apart(primary, one, other, settings.confidence, seed_sd), one, other, settings
        )
    found = of_recipe(primary, one, other, seed_sd)
    pair |= _claims(found, one, other, settings)
    if not recipes and any(0 < side.trained_seeds < ENOUGH_SEEDS for side in (one, other)):
        recipe = trained_anew(found, primary, one, other, settings.seed_sd)
        pair["recipe"] = _claims(recipe, one, other, settings)
    return pair


def _claims(
    found: Estimate, one: Scored, other: Scored, settings: MetricsSettings
) -> dict[str, Any]:
    """The interval, the variances that it is made of, and the p of each claim, None where rows can't decide."""
    primary, confidence = settings.primary, settings.confidence
    low, high = found.interval(confidence)
    variances = {
        "rows": {**_row(found.rows(confidence)), "scatter": _finite(found.scatter)},
        "training": [_row(part) for part in found.training],
        "noise": found.noise,
    }
    told = {"low": low, "high": high, "variances": variances}
    if rare.why_undecidable(primary, settings.margin, rare.class_rows(one), rare.class_rows(other)):
        return told | dict.fromkeys(rule.CLAIMS)
    p = found.p_value(0.0)
    if (
        _same_rows(one, other) and primary == "accuracy"
    ):  # a score test of few discordant groups is a little liberal
        p = max(p, signs(one, other) or 0.0)
    return told | {"p": p, **_as_good(found, settings.margin)}


def _row(part: Variance) -> dict[str, float | None]:
    """As the file has it; `df` null where the variance is known."""
    return {"value": part.value, "df": _finite(part.df)}


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None


def _as_good(found: Estimate, margin: float) -> dict[str, float]:
    """p that the first, and that the second, is worse by the margin: one-sided and doubled, so that it is below the
    level where the interval leaves that out."""

    def beyond(value: float, sign: int) -> float:
        return found.p_value(value) if sign * (found.value - value) > 0 else 1.0

    return {"p_as_good": beyond(-margin, 1), "p_reverse_as_good": beyond(margin, -1)}


def _undefined(lacking: Mapping[str, Scored], primary: str) -> list[str]:
    """Why those have no figure: once, where the rows that both share give none."""
    why = {name: undefined(primary, side) for name, side in lacking.items()}
    reasons = set(why.values())
    return (
        [*reasons]
        if len(why) == 2 and len(reasons) == 1
        else [f"{name}: {reason}" for name, reason in why.items()]
    )


def table(result: dict[str, Any]) -> Table:
    """The pairs, for the terminal."""
    from rich.box import SIMPLE
    from rich.table import Table

    shown = Table("a", "b", "a - b", "interval", "p", title=result["primary"], box=SIMPLE)
    uncorrected = "p is not corrected for the number of pairs; `slingshot show` says who is better"
    shown.caption = "; ".join(filter(None, [*result["notes"], result["undecidable"], uncorrected]))
    for pair in result["pairs"]:
        figures = (
            ("undefined", "", "")
            if pair["difference"] is None
            else (f"{pair['difference']:+.3f}", "none", "")
        )
        if pair["low"] is not None:
            between = f"[{pair['low']:+.3f}, {pair['high']:+.3f}]"
            figures = (
                f"{pair['difference']:+.3f}",
                between,
                "" if pair["p"] is None else f"{pair['p']:.4f}",
            )
        shown.add_row(pair["a"], pair["b"], *figures)
    return shown


def headline(result: dict[str, Any]) -> str:
    """E.g. `6 pairs on accuracy, 4 differ by their intervals`; of those without a figure, or a claim, why."""
    told = [pair for pair in result["pairs"] if pair["p"] is not None]
    differ = sum(not pair["low"] <= 0 <= pair["high"] for pair in told)
    lacking = [pair for pair in result["pairs"] if pair["difference"] is None]
    why = "; ".join(dict.fromkeys(note for pair in lacking for note in pair["notes"]))
    without = f", {len(lacking)} undefined ({why})" if lacking else ""
    without += f"; {result['undecidable']}" if result["undecidable"] else ""
    pairs = "1 pair" if len(result["pairs"]) == 1 else f"{len(result['pairs'])} pairs"
    return f"{pairs} on {result['primary']}, {differ} differ by their intervals{without}"
