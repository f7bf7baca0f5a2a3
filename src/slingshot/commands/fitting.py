"""Finds the experiment for each run of a study: it has the run's settings and was measured on the run's rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from slingshot.commands.definitions import defined_alike
from slingshot.commands.experiments import Revision, age
from slingshot.commands.freshness import Rows
from slingshot.commands.overrides import StudyRun

NOT_MEASURED = ("study", "run")
"""Blocks of params.yaml that say which contestants take part and how they run: no figure depends on them."""


def cells(
    revisions: Sequence[Revision],
    runs: Sequence[StudyRun],
    dataset: str,
    contestant: str,
    rows: Sequence[Rows],
) -> list[Revision | None]:
    """For each run of a study, the newest experiment that fits it and was measured on the run's `rows`, or None."""
    fitting: list[Revision | None] = []
    for run, rows_of_run in zip(runs, rows, strict=True):
        candidates = _fitting(revisions, run, dataset, contestant)
        on_rows = (revision for revision in candidates if rows_of_run.hold(revision, dataset))
        fitting.append(next(on_rows, None))
    return fitting


def of_other_rows(
    revisions: Sequence[Revision],
    runs: Sequence[StudyRun],
    dataset: str,
    contestants: Iterable[str],
    rows: Sequence[Rows],
) -> list[str]:
    """The experiments that fit a run, but were measured on other rows."""
    others = set()
    for contestant in contestants:
        for run, rows_of_run in zip(runs, rows, strict=True):
            candidates = _fitting(revisions, run, dataset, contestant)
            others |= {each.name for each in candidates if not rows_of_run.hold(each, dataset)}
    return sorted(others)


def _fitting(
    revisions: Sequence[Revision], run: StudyRun, dataset: str, contestant: str
) -> list[Revision]:
    """The experiments with the run's settings, equal definitions of data set and contestant, and their scores; newest
    first."""
    changes = {key: change for key, change in run.changes.items() if key not in NOT_MEASURED}
    return [
        revision
        for revision in sorted(revisions, key=age, reverse=True)
        if _holds(revision.values, changes)
        and defined_alike(revision.values, run.values, dataset, contestant)
        and revision.has_scores(dataset, contestant)
    ]


def _holds(values: object, changes: object) -> bool:
    if isinstance(values, Mapping) and isinstance(changes, Mapping):
        return all(key in values and _holds(values[key], change) for key, change in changes.items())
    return bool(values == changes)
