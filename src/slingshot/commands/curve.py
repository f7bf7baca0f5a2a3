"""Collects learning-curve points from DVC's experiments, the last commit and the workspace into metrics/curve/D.csv.

A file has one point for each contestant, number of training rows and pair of seeds: the newest. A clone has no
experiments, so a point stays in its file if its experiment is gone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from slingshot.commands.definitions import Values, definition
from slingshot.commands.experiments import WORKSPACE, Revision, readable
from slingshot.commands.freshness import Rows, raw, stale, today
from slingshot.files import paths
from slingshot.files.points import SCORES, Point, read_points, write_points
from slingshot.settings import UserError

DEFINED_OTHERWISE = "params.yaml defines {dataset} or a contestant otherwise"
CHANGED = "params.yaml or the rows were changed after the run"
OTHER_ROWS = (
    "measured on other rows than {dataset} has today, or without a word on which; run them again"
)


class Collection:
    """The collected points of a data set, and why others are left out."""

    def __init__(self, dataset: str, values: Values, rows: Rows) -> None:
        self.dataset, self.values, self.rows = dataset, values, rows
        self._points: dict[tuple[str, int, int, int], Point] = {}
        self._left_out: dict[str, set[str]] = {}

    @property
    def points(self) -> list[Point]:
        return list(self._points.values())

    @property
    def left_out(self) -> dict[str, list[str]]:
        """Reason -> the names of the revisions that are left out."""
        return {why: sorted(names) for why, names in self._left_out.items()}

    def keep(self, points: Sequence[Point]) -> None:
        """Add the points of the file, without points of an earlier workspace."""
        for point in points:
            if why := self._why_unlike(point):
                self._leave_out(why, point.experiment)
            elif point.experiment != WORKSPACE:
                self._points[point.key] = point

    def add(self, revision: Revision) -> None:
        """Add the points of a revision that belong to today's curve. Revisions must be added from old to new."""
        if self.dataset not in revision.params.study.datasets:
            return
        for contestant in revision.params.study.contestants:
            try:
                points = _points(revision, self.dataset, contestant)
            except UserError as error:
                self._leave_out(error.message, revision.name)
                continue
            for point in points:
                why = self._why_unlike(point)
                if why or stale(revision, self.dataset, contestant):
                    self._leave_out(why or CHANGED, revision.name)
                else:
                    self._replace(point)

    def _replace(self, point: Point) -> None:
        """Replace the point, unless its figures are the same: then the first experiment with them keeps it."""
        before = self._points.get(point.key)
        if before is None or before.figures != point.figures:
            self._points[point.key] = point

    def _leave_out(self, why: str, name: str) -> None:
        self._left_out.setdefault(why, set()).add(name)

    def _why_unlike(self, point: Point) -> str | None:
        """Why the point does not belong to today's curve; None if it does."""
        if point.definition != definition(self.values, self.dataset, point.contestant):
            return DEFINED_OTHERWISE.format(dataset=self.dataset)
        split = self.rows.splits.get(point.split_seed, point.split)
        of_today = point.data == (self.rows.data or point.data) and point.split == split
        return None if point.data and of_today else OTHER_ROWS.format(dataset=self.dataset)


def write(revisions: Sequence[Revision], values: Values) -> Iterator[str]:
    """Write the file of every data set in params.yaml that has points, and yield a line about each.

    `revisions` are sorted, oldest first. Raises UserError if an existing file is malformed.
    """
    revisions, unreadable = readable(revisions)
    for dataset in values["datasets"]:
        path = paths.curve(dataset)
        rows = today(revisions, values, dataset, raw(dataset))
        collection = collected(revisions, values, dataset, rows, read_points(path))
        points = collection.points
        if points:
            write_points(path, points)
            counts = sorted({point.train_rows for point in points if point.fraction is not None})
            listed = ", ".join(map(str, counts)) or "none"
            yield f"{path}: {len(points)} points; training rows: {listed}"
        for why, names in collection.left_out.items():
            yield f"{path}: left out {', '.join(names)}: {why}"
    for name, why in unreadable.items():
        yield f"left out {name}: {why}"


def collected(
    revisions: Sequence[Revision],
    values: Values,
    dataset: str,
    rows: Rows,
    of_file: Sequence[Point] = (),
) -> Collection:
    """The data set's points for the `values` of params.yaml, on today's `rows`. `of_file` are the points of its file.

    `revisions` are sorted, oldest first: a newer figure replaces an older one.
    """
    collection = Collection(dataset, values, rows)
    collection.keep(of_file)
    for revision in revisions:
        collection.add(revision)
    return collection


def _points(revision: Revision, dataset: str, contestant: str) -> list[Point]:
    """One point for each training seed; empty if nothing was measured.

    Raises UserError if a file can't be read, or lacks a key that a point needs.
    """
    scores = revision.scores(dataset, contestant)
    if scores is None:
        return []
    if scores.train_rows is None:
        raise revision.refused(paths.scores(dataset, contestant), "key 'train_rows' is missing")
    intervals = revision.intervals(dataset, contestant)
    if intervals is None or not intervals.seeds:
        raise revision.refused(paths.intervals(dataset, contestant), "has no seeds")
    audit = revision.audit(dataset)
    data, split = (audit.measured_on if audit else None) or ("", "")
    return [
        Point(
            experiment=revision.name,
            commit=revision.commit,
            fraction=scores.fraction,
            train_rows=scores.train_rows,
            split_seed=revision.params.seed,
            training_seed=run.seed,
            contestant=contestant,
            definition=definition(revision.values, dataset, contestant),
            data=data,
            split=split,
            figures={metric: run.figure(metric) for metric in SCORES},
        )
        for run in intervals.seeds
    ]
