"""Every pair of a data set's contestants: their difference, its interval and its p. metrics.rule turns these into
claims.

A difference is about the trained models. From ENOUGH_SEEDS training seeds on, it is about the recipes, that is, about
the average over trainings by them. If a side has fewer seeds, `recipe` has the claims about the recipes.

With fewer than FEW_GROUPS effective groups there is no interval, and no p if metrics.rare forbids it. Then nothing is
resolved. If few groups tell two contestants apart on accuracy, p is at least the p of the sign test over groups.
McNemar's test of each pair of trained models is added for comparison.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np

from slingshot.files import paths
from slingshot.files.notes.figures import FEW_GROUPS, OneClass
from slingshot.files.notes.pairs import NoRowDiffers, OfPair, ScoreSources, UndefinedFigure
from slingshot.files.pairs import Difference, Pairs
from slingshot.metrics import claims, clusters, rare
from slingshot.metrics.estimates import value_of
from slingshot.metrics.intervals import group_notes, undefined
from slingshot.metrics.scored import Scored
from slingshot.metrics.significance import mcnemar
from slingshot.settings import PARAMS, MetricsSettings, UserError


def compare(
    contestants: Mapping[str, Scored],
    dataset: str,
    settings: MetricsSettings,
    labels: Sequence[str] = (),
    validation: dict[str, dict[str, float]] | None = None,
) -> Pairs:
    """Compare all pairs of `contestants`, in their order.

    `labels` are the class names in label order; without them, a class is named by its number. `validation` is the
    result of metrics.validation. Raises UserError if there is no contestant, or if two have different rows.
    """
    test = _shared_rows(contestants, dataset)
    pairs = []
    for a, b in combinations(contestants, 2):
        pair = difference(a, b, contestants, settings)
        tests = mcnemar(contestants[a], contestants[b])
        pairs.append(pair.model_copy(update={"mcnemar": tests}))
    sources = []
    if settings.primary == "auroc" and any(pair.difference is not None for pair in pairs):
        sources = _source_notes(contestants)
    return Pairs(
        primary=settings.primary,
        margin=settings.margin,
        confidence=settings.confidence,
        seed_sd=settings.seed_sd,
        groups=test.group_count,
        test_rows=len(test.labels),
        undecidable=rare.why_undecidable(
            settings.primary, settings.margin, rare.class_rows(test, labels)
        ),
        notes=(*group_notes(test), *sources),
        pairs=tuple(pairs),
        validation=validation or {},
    )


def difference(
    a: str,
    b: str,
    contestants: Mapping[str, Scored],
    settings: MetricsSettings,
    *,
    recipes: bool = False,
) -> Difference:
    """Contestant `a` minus contestant `b`, without McNemar's tests.

    If the two have different rows, they are treated as independent, and the sign test is not used. The claims are about
    the trained models; `recipe` has the claims about the recipes if these differ. With `recipes`, all claims are about
    the recipes.
    """
    sides = contestants[a], contestants[b]
    values = {name: value_of(settings.primary, contestants[name]) for name in (a, b)}
    a_value, b_value = values[a], values[b]
    gap = None if a_value is None or b_value is None else a_value - b_value
    notes = _undefined_notes(contestants, values, settings.primary)
    paired = claims.same_rows(*sides)
    same = paired and claims.same_answers(*sides, settings.primary)
    of_models, recipe = claims.none(same=same), None
    groups = min(clusters.effective_groups(side.groups) for side in sides)
    if gap is not None and groups >= FEW_GROUPS:
        of_models, recipe = claims.claims(*sides, settings, recipes=recipes)
        if paired and not _any_row_differs(*sides):
            notes.append(NoRowDiffers())
    return Difference(
        **dict(of_models),
        a=a,
        b=b,
        a_value=a_value,
        b_value=b_value,
        difference=gap,
        recipe=recipe,
        mcnemar=(),
        notes=tuple(notes),
    )


def _shared_rows(contestants: Mapping[str, Scored], dataset: str) -> Scored:
    """The first contestant. Raises UserError unless all others have its rows."""
    if not contestants:
        raise UserError(
            f"{PARAMS}: study names no contestant: add one to study.models or study.llms"
        )
    first = next(iter(contestants))
    for name, scored in contestants.items():
        if not claims.same_rows(contestants[first], scored):
            raise UserError(
                f"{paths.predictions(dataset, name)}: its test rows are not those of {first}; run `dvc repro`"
            )
    return contestants[first]


def _source_notes(contestants: Mapping[str, Scored]) -> list[ScoreSources]:
    sources = {
        name: scored.score_source
        for name, scored in contestants.items()
        if scored.score_source != "none"
    }
    return [ScoreSources(sources=sources)] if len(set(sources.values())) > 1 else []


def _undefined_notes(
    contestants: Mapping[str, Scored], values: Mapping[str, float | None], metric: str
) -> list[OfPair]:
    """Why sides have no figure. There is one note for both if the rows of both are of one class."""
    reasons = {
        name: undefined(metric, contestants[name])
        for name, value in values.items()
        if value is None
    }
    if len(reasons) == 2 and all(isinstance(reason, OneClass) for reason in reasons.values()):
        return [UndefinedFigure(contestant=None, reason=OneClass(metric=metric))]
    return [UndefinedFigure(contestant=name, reason=reason) for name, reason in reasons.items()]


def _any_row_differs(a: Scored, b: Scored) -> bool:
    """Whether any run of `a` and any run of `b` predict different classes for a row."""
    return any(
        not np.array_equal(left.predictions, right.predictions)
        for left in a.runs
        for right in b.runs
    )
