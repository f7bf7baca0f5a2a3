"""Which experiment fits each run of a study: it holds what the run sets, and was measured on the run's rows."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from slingshot.commands.experiments import Revision, age, defined_alike
from slingshot.commands.freshness import Rows
from slingshot.commands.overrides import StudyRun

NOT_MEASURED = ("study", "run")
"""Blocks of params.yaml that say who takes part and how it runs: no figure depends on them."""


def cells(
    found: Sequence[Revision],
    runs: Sequence[StudyRun],
    dataset: str,
    contestant: str,
    rows: Sequence[Rows],
) -> list[Revision | None]:
    """One a run of a study: the newest experiment that fits it and was measured on the run's `rows`."""
    return [
        next(
            (
                revision
                for revision in _fitting(found, run, dataset, contestant)
                if of.hold(revision, dataset)
            ),
            None,
        )
        for run, of in zip(runs, rows, strict=True)
    ]


def of_other_rows(
    found: Sequence[Revision],
    runs: Sequence[StudyRun],
    dataset: str,
    names: Iterable[str],
    rows: Sequence[Rows],
) -> list[str]:
    """The experiments that fit a run, but were measured on other rows."""
    others = set()
    for (run, of), name in itertools.product(zip(runs, rows, strict=True), names):
        others |= {
            one.name for one in _fitting(found, run, dataset, name) if not of.hold(one, dataset)
        }
    return sorted(others)


def _fitting(
    found: Sequence[Revision], run: StudyRun, dataset: str, contestant: str
) -> list[Revision]:
    """The experiments that hold what the run sets, define data set and contestant as it does, and have scores of the
    two, newest first."""
    changes = {key: change for key, change in run.changes.items() if key not in NOT_MEASURED}
    return [
        revision
        for revision in sorted(found, key=age, reverse=True)
        if _holds(revision.params, changes)
        and defined_alike(revision.params, run.values, dataset, contestant)
        and revision.figures("scores", dataset, contestant)
    ]


def _holds(values: Any, changes: Any) -> bool:
    if isinstance(values, Mapping) and isinstance(changes, Mapping):
        return all(key in values and _holds(values[key], change) for key, change in changes.items())
    return bool(values == changes)
