"""The difference of two committed figures from metrics/intervals of both sides, if predictions are missing.

An older Slingshot may have written the revision's file. So the numbers of groups of test rows and of training runs are
read from its figures, never from its notes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from statistics import NormalDist

from slingshot.commands.diff.comparison import Comparison
from slingshot.commands.diff.sides import Sides
from slingshot.commands.experiments import Revision
from slingshot.commands.revision_files import RevisionInterval
from slingshot.files.notes.figures import ENOUGH_GROUPS, FEW_GROUPS, TestGroups
from slingshot.files.notes.pairs import RareClasses
from slingshot.files.pairs import Difference
from slingshot.metrics import rare
from slingshot.metrics.scored import ENOUGH_SEEDS
from slingshot.settings import MetricsSettings, UserError

NORMAL = NormalDist()


@dataclass(frozen=True)
class Bounds:
    """A figure with its interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Committed:
    """The metric of one side, from metrics/intervals."""

    value: float | None = None
    bounds: Bounds | None = None
    """Bounds at the confidence of params.yaml."""
    lacking: str = ""
    """Why there are no bounds; empty if there are."""
    groups: int = 0
    equal_groups: float = 0.0
    """The number of groups of equal size that tell as much as the test rows."""
    training_error: float = 0.0
    """The standard error of training, if the bounds do not include it."""
    class_rows: dict[str, int] = field(default_factory=dict)
    """Class name -> its test rows."""

    @property
    def notes(self) -> list[str]:
        """A note if it has few groups of test rows."""
        if not 0 < self.equal_groups < ENOUGH_GROUPS:
            return []
        return [TestGroups(groups=self.groups, effective=self.equal_groups).words]


def compare(
    sides: Sides, dataset: str, contestant: str, why: str, settings: MetricsSettings
) -> Comparison:
    """Compare a contestant by its committed figures. `why` says why its predictions are not compared."""
    a, b = (_read(side, dataset, contestant, settings) for side in (sides.here, sides.there))
    lacking = [side.lacking for side in (a, b) if side.lacking]
    if a.bounds is None or b.bounds is None:
        note = "; ".join([why, *lacking])
        return Comparison(contestant, "not compared", a.value, b.value, notes=(note,))
    rows = (a.class_rows, b.class_rows)
    undecidable = rare.why_undecidable(settings.primary, settings.margin, *rows)
    few = min(a.equal_groups, b.equal_groups) < FEW_GROUPS
    notes = [why, *a.notes, *b.notes]
    if undecidable:
        notes.append(undecidable.words)
    if few:
        difference = _untested(a.bounds.value, b.bounds.value)
    else:
        training = (a.training_error, b.training_error)
        difference = _tested(a.bounds, b.bounds, training, undecidable, settings)
    return Comparison(
        contestant, "intervals", a.value, b.value, difference, notes=tuple(dict.fromkeys(notes))
    )


def _read(side: Revision, dataset: str, contestant: str, settings: MetricsSettings) -> Committed:
    try:
        intervals = side.intervals(dataset, contestant)
    except UserError as error:
        return Committed(lacking=error.message)
    interval = f"{settings.confidence:.0%} interval of {settings.primary}"
    lacking = f"metrics/intervals of {side.title} has no {interval}"
    figure = intervals.metrics.get(settings.primary) if intervals else None
    if intervals is None or figure is None:
        return Committed(lacking=lacking)
    bounds = _bounds(figure) if intervals.confidence == settings.confidence else None
    few_seeds = 0 < intervals.trained_seeds < ENOUGH_SEEDS
    return Committed(
        value=figure.value,
        bounds=bounds,
        lacking="" if bounds else lacking,
        groups=intervals.groups,
        equal_groups=intervals.equal_groups,
        training_error=settings.seed_sd / math.sqrt(len(intervals.seeds)) if few_seeds else 0.0,
        class_rows=intervals.class_rows,
    )


def _bounds(figure: RevisionInterval) -> Bounds | None:
    if figure.value is None or figure.low is None or figure.high is None:
        return None
    return Bounds(figure.value, figure.low, figure.high)


def _untested(a: float, b: float) -> Difference:
    return Difference(
        a="workspace",
        b="revision",
        a_value=a,
        b_value=b,
        difference=a - b,
        low=None,
        high=None,
        variances=None,
        p=None,
        p_as_good=None,
        p_reverse_as_good=None,
        same=False,
        recipe=None,
        mcnemar=(),
        notes=(),
    )


def _tested(
    a: Bounds,
    b: Bounds,
    training: tuple[float, float],
    undecidable: RareClasses | None,
    settings: MetricsSettings,
) -> Difference:
    """a - b. Its interval is square-and-add (Newcombe, Statistics in Medicine 17, 1998, method 10; Zou and Donner,
    Statistics in Medicine 27, 2008); its p assumes a normal difference (Altman and Bland, BMJ 343, 2011, d2304).

    `training` has the standard error of each side's training.
    """
    quantile = NORMAL.inv_cdf((1 + settings.confidence) / 2)
    of_training = [quantile * error for error in training]
    difference = a.value - b.value
    low = difference - math.hypot(a.value - a.low, b.high - b.value, *of_training)
    high = difference + math.hypot(a.high - a.value, b.value - b.low, *of_training)
    untested = _untested(a.value, b.value).model_copy(update={"low": low, "high": high})
    if undecidable:
        return untested
    error = (high - low) / 2 / quantile
    return untested.model_copy(
        update={
            "p": _p(abs(difference), error),
            "p_as_good": _p(difference + settings.margin, error),
            "p_reverse_as_good": _p(settings.margin - difference, error),
        }
    )


def _p(distance: float, error: float) -> float:
    """Two-sided p of the hypothesis that a normal figure is 0, from its distance to 0; 1 for a negative distance."""
    return min(1.0, 2 * NORMAL.cdf(-distance / error)) if error else float(distance <= 0)
