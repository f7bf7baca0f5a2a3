"""The interval of a difference between two contestants on the test rows, and the p of each claim about it."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from slingshot.files.pairs import Claims, RowsVariance, VarianceFigures, Variances
from slingshot.metrics import rare
from slingshot.metrics.estimates import Estimate
from slingshot.metrics.recipes import apart, of_recipe, with_training
from slingshot.metrics.scored import ENOUGH_SEEDS, Scored
from slingshot.metrics.significance import signs
from slingshot.metrics.variances import Variance
from slingshot.settings import MetricsSettings
from slingshot.settings.catalogue import METRICS


def same_rows(a: Scored, b: Scored) -> bool:
    """Whether both were scored on the same rows, with the same labels and groups."""
    return all(
        np.array_equal(getattr(a, key), getattr(b, key)) for key in ("ids", "labels", "groups")
    )


def same_answers(a: Scored, b: Scored, metric: str) -> bool:
    """Whether two contestants on the same rows answer alike under every seed. Scores count only if the metric uses
    them."""
    fields = ["predictions", *(["scores"] if METRICS[metric].needs_scores else [])]
    return len(a.runs) == len(b.runs) and all(
        np.array_equal(getattr(left, field), getattr(right, field))
        for left, right in zip(a.runs, b.runs, strict=True)
        for field in fields
    )


def none(*, same: bool) -> Claims:
    """Empty claims, for a difference that is undefined or has too few groups."""
    return Claims(
        low=None,
        high=None,
        variances=None,
        p=None,
        p_as_good=None,
        p_reverse_as_good=None,
        same=same,
    )


def claims(
    a: Scored, b: Scored, settings: MetricsSettings, *, recipes: bool
) -> tuple[Claims, Claims | None]:
    """Claims about a minus b for the trained models; and for the recipes, or None if these are the same claims.

    With `recipes`, the first claims are those of the recipes, and the second are None. The metric must be defined for
    both sides.
    """
    metric, assumed = settings.primary, settings.seed_sd if recipes else 0.0
    if not same_rows(a, b):
        estimate = apart(metric, a, b, settings.confidence, assumed)
        return _tested(estimate, a, b, settings, same=False), None
    same = same_answers(a, b, metric)
    # Two trained models may answer alike by chance. Their recipes count as alike only with the same training seeds.
    same_recipe = same and _seeds(a) == _seeds(b)
    estimate = of_recipe(metric, a, b, assumed)
    of_models = _tested(estimate, a, b, settings, same=same_recipe if recipes else same)
    few_seeds = any(0 < side.trained_seeds < ENOUGH_SEEDS for side in (a, b))
    if recipes or not few_seeds:
        return of_models, None
    retrained = with_training(estimate, metric, a, b, settings.seed_sd)
    return of_models, _tested(retrained, a, b, settings, same=same_recipe)


def _seeds(scored: Scored) -> list[int]:
    return [run.seed for run in scored.runs]


def _tested(
    estimate: Estimate, a: Scored, b: Scored, settings: MetricsSettings, *, same: bool
) -> Claims:
    """The interval, and the p of each claim unless some classes have too few rows."""
    metric, margin = settings.primary, settings.margin
    low, high = estimate.interval(settings.confidence)
    interval = {"low": low, "high": high, "variances": _variances(estimate, settings.confidence)}
    untested = none(same=same).model_copy(update=interval)
    if rare.why_undecidable(metric, margin, rare.class_rows(a), rare.class_rows(b)):
        return untested
    p = estimate.p_value(0.0)
    if metric == "accuracy" and same_rows(a, b):
        # With few discordant groups, a score test rejects slightly too often.
        p = max(p, signs(a, b) or 0.0)
    return untested.model_copy(update={"p": p, **_as_good(estimate, margin)})


def _as_good(estimate: Estimate, margin: float) -> Mapping[str, float]:
    """p of the hypotheses that the first side, and that the second side, is worse by the margin. Each is one-sided and
    doubled, so it is below the level exactly if the interval excludes that loss."""

    def p_beyond(value: float, sign: int) -> float:
        return estimate.p_value(value) if sign * (estimate.value - value) > 0 else 1.0

    return {"p_as_good": p_beyond(-margin, 1), "p_reverse_as_good": p_beyond(margin, -1)}


def _variances(estimate: Estimate, confidence: float) -> Variances:
    rows = estimate.rows(confidence)
    return Variances(
        rows=RowsVariance(value=rows.value, df=_finite(rows.df), scatter=_finite(estimate.scatter)),
        training=tuple(_of_training(part) for part in estimate.training),
        noise=estimate.noise,
    )


def _of_training(part: Variance) -> VarianceFigures:
    return VarianceFigures(value=part.value, df=_finite(part.df))


def _finite(value: float) -> float | None:
    """None for infinity, which JSON can't store."""
    return value if math.isfinite(value) else None
