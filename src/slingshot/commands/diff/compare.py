"""Compares each contestant of the workspace with the same contestant of a revision.

If both predicted the same test rows with the same labels, the difference is paired. metrics.rule judges it, corrected
for the number of contestants of a data set. Recipes are compared, not trained models: intervals and p include the
variation between training seeds, so a recipe that was only trained again has no loss. On different rows, the two are
treated as independent. If predictions are missing, the difference comes from the committed intervals (committed.py).
The output says how each difference was computed, and why.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from slingshot.commands import experiments, freshness
from slingshot.commands.diff import committed
from slingshot.commands.diff.comparison import Comparison, Dataset, Diff
from slingshot.commands.diff.sides import Predicted, Sides, same_predictions, why_unpaired
from slingshot.commands.experiments import Revision
from slingshot.files.pairs import Difference
from slingshot.metrics import pairs, rare, rule
from slingshot.metrics.intervals import group_notes
from slingshot.settings import MetricsSettings, Settings, UserError, nearest
from slingshot.settings.catalogue import METRICS

COMPARED = [key for key, metric in METRICS.items() if metric.compared and key != "coverage"]


def compare(
    rev: str, settings: Settings, dataset: str | None = None, metric: str | None = None
) -> Diff:
    """Compare the workspace's study with that of `rev`, a git revision or experiment, on `metric` or metrics.primary.

    Git and the work tree stay as they are. Raises UserError for unknown names and outside a repository.
    """
    metric = metric or settings.metrics.primary
    if metric not in COMPARED:
        raise UserError(f"--metric: no metric '{metric}'{nearest(metric, COMPARED)}")
    here, there = experiments.workspace(), experiments.at(rev)
    ours, theirs = settings.study.datasets, there.params.study.datasets
    names = [*ours, *(name for name in theirs if name not in ours)]
    if dataset is not None and dataset not in names:
        raise UserError(
            f"--dataset: no data set '{dataset}' in the study of either side{nearest(dataset, names)}"
        )
    names = [name for name in names if dataset in (None, name)]
    both = [name for name in names if name in ours and name in theirs]
    contestants = settings.study.contestants
    sides = Sides(here, there, [(name, each) for name in both for each in contestants])
    # metrics.pairs compares the metric `primary` of these settings.
    chosen = settings.metrics.model_copy(update={"primary": metric})
    datasets = [
        _dataset(sides, name, contestants, chosen)
        if name in both
        else Dataset(name, "new" if name in ours else "gone")
        for name in names
    ]
    return Diff(
        revision=rev,
        commit=there.commit,
        metric=metric,
        primary=settings.metrics.primary,
        margin=settings.metrics.margin,
        confidence=settings.metrics.confidence,
        seed_sd=settings.metrics.seed_sd,
        datasets=tuple(datasets),
    )


def _dataset(sides: Sides, dataset: str, ours: Sequence[str], settings: MetricsSettings) -> Dataset:
    theirs, metric = sides.there.params.study.contestants, settings.primary
    comparisons = []
    for name in ours:
        if name in theirs:
            comparisons.append(_contestant(sides, dataset, name, settings))
        else:
            score, notes = _score(sides.here, dataset, name, metric)
            comparisons.append(Comparison(name, "new", workspace=score, notes=notes))
    comparisons = judged(comparisons, settings)
    for name in theirs:
        if name not in ours:
            score, notes = _score(sides.there, dataset, name, metric)
            comparisons.append(Comparison(name, "gone", revision=score, notes=notes))
    return Dataset(dataset, "both", tuple(comparisons))


def judged(comparisons: Sequence[Comparison], settings: MetricsSettings) -> list[Comparison]:
    """The comparisons of one data set with their verdicts, corrected over all that were tested."""
    differences = {
        comparison.contestant: comparison.difference
        for comparison in comparisons
        if comparison.difference is not None and comparison.difference.p is not None
    }
    corrected = rule.corrected(list(differences.values()))
    verdicts = {
        name: _judged(difference, ps, settings)
        for (name, difference), ps in zip(differences.items(), corrected, strict=True)
    }
    return [
        replace(each, difference=verdicts.get(each.contestant, each.difference))
        for each in comparisons
    ]


def _judged(difference: Difference, ps: rule.Ps, settings: MetricsSettings) -> Difference:
    level = round(1 - settings.confidence, 12)
    ahead, behind = rule.verdicts(difference.difference, ps, level)
    if METRICS[settings.primary].lower_is_better:
        ahead, behind = behind, ahead
    return difference.model_copy(
        update={"p_corrected": ps["p"], "verdict": ahead, "reverse_verdict": behind}
    )


def _score(
    side: Revision, dataset: str, contestant: str, metric: str
) -> tuple[float | None, tuple[str, ...]]:
    """The committed figure, or why it can't be read."""
    try:
        scores = side.scores(dataset, contestant)
    except UserError as error:
        return None, (error.message,)
    return (scores.figure(metric) if scores else None), ()


def _contestant(sides: Sides, dataset: str, name: str, settings: MetricsSettings) -> Comparison:
    score, notes = _score(sides.here, dataset, name, settings.primary)
    same = Comparison(name, "same", score, score, notes=notes)
    if freshness.stale(sides.here, dataset, name):
        before, why = _score(sides.there, dataset, name, settings.primary)
        note = "params.yaml or the rows were changed after the run: run `dvc repro`"
        return Comparison(name, "not compared", score, before, notes=(note, *notes, *why))
    if sides.same_file(dataset, name):
        return same
    try:
        a, b = sides.read(dataset, name)
    except UserError as error:
        return committed.compare(sides, dataset, name, error.message, settings)
    if set(a.labels) == set(b.labels):
        b = b.in_order(a.labels)
    shared = len(a.labelled().items() & b.labelled().items())
    paired = a.labels == b.labels and shared == len(a.test.ids) == len(b.test.ids)
    if paired and same_predictions(a.test, b.test):
        return same
    comparison = measured(a, b, paired, name, settings)
    unpaired = () if paired else (why_unpaired(a, b),)
    return replace(comparison, shared_rows=shared, notes=(*unpaired, *comparison.notes))


def measured(
    a: Predicted, b: Predicted, paired: bool, name: str, settings: MetricsSettings
) -> Comparison:
    """The difference on test rows, `a` (workspace) minus `b` (revision), not judged yet."""
    # A row's group may have changed since then. Paired sides both use the groups of today.
    before = replace(b.test, groups=a.test.groups) if paired else b.test
    tests = {"workspace": a.test, "revision": before}
    difference = pairs.difference("workspace", "revision", tests, settings, recipes=True)
    return Comparison(
        contestant=name,
        how="paired" if paired else "unpaired",
        workspace=difference.a_value,
        revision=difference.b_value,
        difference=difference,
        rows=len(a.test.ids),
        revision_rows=len(b.test.ids),
        notes=(*(note.words for note in difference.notes), *_notes(a, b, settings)),
    )


def _notes(a: Predicted, b: Predicted, settings: MetricsSettings) -> list[str]:
    """Notes about the scores, groups and classes of both sides."""
    notes = []
    now, before = a.test.score_source, b.test.score_source
    if METRICS[settings.primary].needs_scores and now != before:
        notes.append(f"the scores come from different sources: {now} now, {before} before")
    groups = [*group_notes(a.test), *group_notes(b.test)]
    notes += dict.fromkeys(note.words for note in groups)
    rows = (rare.class_rows(side.test, side.labels) for side in (a, b))
    undecidable = rare.why_undecidable(settings.primary, settings.margin, *rows)
    return [*notes, undecidable.words] if undecidable else notes
