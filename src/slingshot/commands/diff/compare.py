"""Each contestant of the workspace against the same one of a revision.

Where both predicted the same test rows with the same labels the difference is paired, and judged by metrics.rule,
corrected over the contestants of a data set. It is one of recipes, not of the two trained models: intervals and p hold
what training seeds differ by, so that a recipe that was merely trained anew has lost nothing. On other rows the two are
taken to be independent, and where predictions can't be had the difference comes from the committed intervals. Neither
joins rows: how a difference was found, and why so, stands beside it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from statistics import NormalDist
from typing import Any, Literal

from slingshot.commands import experiments, freshness
from slingshot.commands.diff.sides import Predicted, Sides, said, same_predictions, why_unpaired
from slingshot.commands.experiments import Revision
from slingshot.metrics import pairs, rare, rule
from slingshot.metrics.intervals import FEW_GROUPS, TRAINING_VARIANCE, group_notes
from slingshot.settings import MetricsSettings, Settings, UserError, nearest
from slingshot.settings.catalogue import METRICS

COMPARED = [key for key, known in METRICS.items() if known.compared and key != "coverage"]
How = Literal["paired", "unpaired", "intervals", "same", "not compared", "new", "gone"]


@dataclass(frozen=True)
class Comparison:
    """One contestant, the workspace minus the revision; a figure is None where it is undefined."""

    contestant: str
    how: How
    """`intervals`: unpaired, from the committed figures. `same`: the same predictions, so not tested."""
    workspace: float | None = None
    revision: float | None = None
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    p: float | None = None
    p_as_good: float | None = None
    """That the workspace's figure is less than the revision's by the margin; the next, that it is more."""
    p_reverse_as_good: float | None = None
    p_corrected: float | None = None
    verdict: str | None = None
    """better, worse, as good or not resolved; None where nothing was tested."""
    rows: int | None = None
    revision_rows: int | None = None
    shared_rows: int | None = None
    """Rows of the same id and label; None where a side's predictions could not be had."""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Dataset:
    dataset: str
    presence: Literal["both", "new", "gone"]
    comparisons: tuple[Comparison, ...] = ()
    """Empty unless both sides have it."""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Diff:
    """Everything that `slingshot diff` says."""

    revision: str
    commit: str
    metric: str
    primary: str
    margin: float
    """Of the primary metric."""
    confidence: float
    seed_sd: float
    """Of the primary metric, between training seeds, where under three of them tell."""
    datasets: tuple[Dataset, ...]

    @property
    def lower_is_better(self) -> bool:
        return METRICS[self.metric].lower_is_better

    @property
    def lost(self) -> list[str]:
        """Resolved, paired losses beyond the margin, as DATASET-CONTESTANT."""
        return self._named(self._is_lost)

    @property
    def gone(self) -> list[str]:
        """What the revision has and the workspace lacks: data sets, and contestants of those that both have."""
        datasets = [d.dataset for d in self.datasets if d.presence == "gone"]
        return [*datasets, *self._named(lambda one: one.how == "gone")]

    @property
    def not_paired(self) -> list[str]:
        """What both sides have and no paired difference could be found of."""
        return self._named(
            lambda one: (
                one.how in ("unpaired", "intervals", "not compared")
                or (one.how == "paired" and one.difference is None)
            )
        )

    @property
    def undecidable(self) -> list[str]:
        """Paired differences of which nothing can be claimed, as there are too few groups of test rows, or classes have
        too few rows."""
        return self._named(
            lambda one: one.how == "paired" and one.difference is not None and one.p is None
        )

    def as_json(self) -> dict[str, Any]:
        told = {
            "lower_is_better": self.lower_is_better,
            "lost": self.lost,
            "not_paired": self.not_paired,
            "undecidable": self.undecidable,
            "gone": self.gone,
        }
        return asdict(self) | told

    def _is_lost(self, one: Comparison) -> bool:
        # A loss of just the margin is none beyond it, however it was rounded.
        return (
            one.how == "paired"
            and one.verdict == "worse"
            and round(abs(one.difference or 0), 12) > self.margin
        )

    def _named(self, chosen: Callable[[Comparison], bool]) -> list[str]:
        return [
            f"{d.dataset}-{one.contestant}"
            for d in self.datasets
            for one in d.comparisons
            if chosen(one)
        ]


def compare(
    rev: str, params: Settings, dataset: str | None = None, metric: str | None = None
) -> Diff:
    """Compare the workspace's study with that of `rev`, a git revision or experiment, on `metric` or metrics.primary.

    Git and the work tree stay as they are. Raises UserError for unknown names and outside a repository.
    """
    settings = params.metrics
    metric = metric or settings.primary
    if metric not in COMPARED:
        raise UserError(f"--metric: no metric '{metric}'{nearest(metric, COMPARED)}")
    here, there = experiments.workspace(), experiments.at(rev)
    ours, theirs = params.study.datasets, (there.params.get("study") or {}).get("datasets") or []
    names = [*ours, *(name for name in theirs if name not in ours)]
    if dataset is not None and dataset not in names:
        raise UserError(
            f"--dataset: no data set '{dataset}' in the study of either side{nearest(dataset, names)}"
        )
    both = [name for name in ours if name in theirs and dataset in (None, name)]
    # The rule of metrics.pairs reads from here which metric is compared.
    options = settings.model_copy(update={"primary": metric})
    sides = Sides(
        here,
        there,
        [(name, contestant) for name in both for contestant in params.study.contestants],
    )
    return Diff(
        revision=rev,
        commit=there.commit,
        metric=metric,
        primary=settings.primary,
        margin=settings.margin,
        confidence=settings.confidence,
        seed_sd=settings.seed_sd,
        datasets=tuple(
            _dataset(sides, name, params.study.contestants, options)
            if name in both
            else Dataset(name, "new" if name in ours else "gone")
            for name in names
            if dataset in (None, name)
        ),
    )


def _dataset(sides: Sides, dataset: str, ours: Sequence[str], options: MetricsSettings) -> Dataset:
    theirs = experiments.contestants(sides.there.params)
    found = [
        _contestant(sides, dataset, name, options)
        if name in theirs
        else Comparison(name, "new", workspace=_score(sides.here, dataset, name, options))
        for name in ours
    ]
    found = judged(found, options)
    found += [
        Comparison(name, "gone", revision=_score(sides.there, dataset, name, options))
        for name in theirs
        if name not in ours
    ]
    return Dataset(dataset, "both", tuple(found))


def judged(found: Sequence[Comparison], options: MetricsSettings) -> list[Comparison]:
    """The comparisons of one data set with their verdicts, corrected over all that were tested."""
    tested = [one for one in found if one.p is not None]
    corrected = rule.corrected([asdict(one) for one in tested])
    told = {
        one.contestant: _judged(one, ps, options) for one, ps in zip(tested, corrected, strict=True)
    }
    return [told.get(one.contestant, one) for one in found]


def _judged(one: Comparison, ps: dict[str, float], options: MetricsSettings) -> Comparison:
    words = rule.verdicts(one.difference, ps, round(1 - options.confidence, 12))
    # Of the two, the second reads the difference the other way round: as it is where less is better.
    return replace(
        one, p_corrected=ps["p"], verdict=words[METRICS[options.primary].lower_is_better]
    )


def _score(side: Revision, dataset: str, contestant: str, options: MetricsSettings) -> float | None:
    return side.figures("scores", dataset, contestant).get(options.primary)


def _contestant(sides: Sides, dataset: str, name: str, options: MetricsSettings) -> Comparison:
    score = _score(sides.here, dataset, name, options)
    same = Comparison(name, "same", score, score)
    if freshness.stale(sides.here, dataset, name):
        note = "params.yaml or the rows were changed after the run: run `dvc repro`"
        return Comparison(
            name, "not compared", score, _score(sides.there, dataset, name, options), notes=(note,)
        )
    if sides.same_file(dataset, name):
        return same
    try:
        a, b = sides.read(dataset, name)
    except UserError as error:
        return _from_intervals(sides, dataset, name, error.message, options)
    if set(a.labels) == set(b.labels):
        b = b.in_order(a.labels)
    shared = len(a.labelled().items() & b.labelled().items())
    paired = a.labels == b.labels and shared == len(a.test.ids) == len(b.test.ids)
    if paired and same_predictions(a.test, b.test):
        return same
    found = measured(a, b, paired, name, options)
    why = () if paired else (why_unpaired(a, b),)
    rows, revision_rows = len(a.test.ids), len(b.test.ids)
    return replace(
        found,
        rows=rows,
        revision_rows=revision_rows,
        shared_rows=shared,
        notes=(*why, *found.notes),
    )


def measured(
    a: Predicted, b: Predicted, paired: bool, name: str, options: MetricsSettings
) -> Comparison:
    """What the test rows say of `a`, the workspace's, minus `b`, the revision's; not judged yet."""
    if paired:
        # A row may have come into another group since: both sides have today's.
        both = {"workspace": a.test, "revision": replace(b.test, groups=a.test.groups)}
    else:
        both = {"workspace": a.test, "revision": b.test}
    found = pairs.difference("workspace", "revision", both, options, recipes=True)
    now, before = a.test.score_source, b.test.score_source
    other = METRICS[options.primary].needs_scores and now != before
    sources = (
        [f"the scores come from different sources: {now} now, {before} before"] if other else []
    )
    few = dict.fromkeys([*group_notes(a.test), *group_notes(b.test)])
    rows = (rare.class_rows(side.test, side.labels) for side in (a, b))
    undecidable = rare.why_undecidable(options.primary, options.margin, *rows)
    return Comparison(
        contestant=name,
        how="paired" if paired else "unpaired",
        workspace=found["a_value"],
        revision=found["b_value"],
        **{key: found[key] for key in ("difference", "low", "high", *rule.CLAIMS)},
        notes=(*found["notes"], *sources, *few, *filter(None, [undecidable])),
    )


def _from_intervals(
    sides: Sides, dataset: str, name: str, why: str, options: MetricsSettings
) -> Comparison:
    """The difference of two committed figures; its interval by square-and-add (Newcombe, Statistics in Medicine 17,
    1998, method 10; Zou and Donner, Statistics in Medicine 27, 2008), its p as if it were normal (Altman and Bland,
    BMJ 343, 2011, d2304)."""
    both = (sides.here, sides.there)
    a, b = (_interval(side, dataset, name, options) for side in both)
    undecidable = rare.why_undecidable(
        options.primary, options.margin, a["class_rows"], b["class_rows"]
    )
    notes = tuple(dict.fromkeys((why, *a["notes"], *b["notes"], *filter(None, [undecidable]))))
    if a["low"] is None or b["low"] is None:
        lacking = " and ".join(
            said(side) for side, one in zip(both, (a, b), strict=True) if one["low"] is None
        )
        interval = f"{options.confidence:.0%} interval of {options.primary}"
        why += f"; metrics/intervals of {lacking} holds no {interval} either"
        return Comparison(name, "not compared", a["value"], b["value"], notes=(why,))
    difference = a["value"] - b["value"]
    if min(a["effective_groups"], b["effective_groups"]) < FEW_GROUPS:
        return Comparison(name, "intervals", a["value"], b["value"], difference, notes=notes)
    normal = NormalDist()
    quantile = normal.inv_cdf((1 + options.confidence) / 2)
    training = [quantile * one["training"] for one in (a, b)]
    low = difference - math.hypot(a["value"] - a["low"], b["high"] - b["value"], *training)
    high = difference + math.hypot(a["high"] - a["value"], b["value"] - b["low"], *training)
    error = (high - low) / 2 / quantile

    def p_of(distance: float) -> float | None:
        if undecidable:
            return None
        return min(1.0, 2 * normal.cdf(-distance / error)) if error else float(distance <= 0)

    return Comparison(
        name,
        "intervals",
        a["value"],
        b["value"],
        difference,
        low,
        high,
        p=p_of(abs(difference)),
        p_as_good=p_of(difference + options.margin),
        p_reverse_as_good=p_of(options.margin - difference),
        notes=notes,
    )


def _interval(side: Revision, dataset: str, name: str, options: MetricsSettings) -> dict[str, Any]:
    """The committed value, low and high, the last two of the same confidence as all else here; how many equal groups of
    test rows they are of, what is said of those, the rows of each class, and the standard error of training that they
    do not hold."""
    told = side.figures("intervals", dataset, name)
    found = {"value": None, "low": None, "high": None} | (
        (told.get("metrics") or {}).get(options.primary) or {}
    )
    notes = told.get("notes") or []
    runs = len(told.get("seeds") or [])
    training = options.seed_sd / math.sqrt(runs) if TRAINING_VARIANCE in notes and runs else 0.0
    of_rows = [note for note in notes if " test group" in note]
    groups = told.get(
        "effective_groups", told.get("groups") or 0
    )  # files of before they were counted as equal ones
    found |= {"effective_groups": groups, "notes": of_rows, "training": training}
    found["class_rows"] = {row["label"]: row["rows"] for row in told.get("classes") or []}
    return found if told.get("confidence") == options.confidence else found | {"low": None}
