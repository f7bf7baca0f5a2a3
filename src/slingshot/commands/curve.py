"""Learning-curve points: from DVC's experiments, the last commit and the workspace into metrics/curve/D.csv.

A file holds one point a contestant, number of training rows and pair of seeds: the newest measured.
Experiments do not travel with a clone, so a point stays in its file when its experiment is gone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from slingshot.commands.experiments import WORKSPACE, Revision, contestants, definition
from slingshot.commands.freshness import Rows, raw, stale, today
from slingshot.files import paths
from slingshot.files.points import SCORES, Point, measured_on, read_points, write_points

DEFINED_OTHERWISE = "params.yaml defines {dataset} or a contestant otherwise"
CHANGED = "params.yaml or the rows were changed after the run"
OTHER_ROWS = (
    "measured on other rows than {dataset} has today, or without a word on which; run them again"
)


def write(revisions: Sequence[Revision], params: Mapping[str, Any]) -> Iterator[str]:
    """Write the file of every data set of params.yaml that has points, and yield a line on each.

    Raises UserError when a file that is there breaks its contract.
    """
    for dataset in params["datasets"]:
        path = paths.curve(dataset)
        held = read_points(path)
        points, others = collected(
            revisions, params, dataset, today(revisions, params, dataset, raw(dataset)), held
        )
        if points:
            write_points(path, points)
            rows = sorted({point.train_rows for point in points if point.fraction is not None})
            yield f"{path}: {len(points)} points; training rows: {', '.join(map(str, rows)) or 'none'}"
        for why, names in others.items():
            yield f"{path}: left out {', '.join(names)}: {why}"


def collected(
    revisions: Sequence[Revision],
    params: Mapping[str, Any],
    dataset: str,
    rows: Rows,
    held: Sequence[Point] = (),
) -> tuple[list[Point], dict[str, list[str]]]:
    """The data set's points, and why which revisions with figures were left out: those of another definition than
    `params`, or of other rows than today's `rows`.

    `revisions` stand oldest first, and a newer figure replaces an older one; `held` are the points that the file has,
    those of an earlier workspace left out.
    """
    kept, others = {}, dict[str, set[str]]()

    def leave_out(why: str, name: str) -> None:
        others.setdefault(why.format(dataset=dataset), set()).add(name)

    for point in held:
        if why := _unlike(point, params, dataset, rows):
            leave_out(why, point.experiment)
        elif point.experiment != WORKSPACE:
            kept[point.key] = point
    for revision in revisions:
        if dataset not in ((revision.params.get("study") or {}).get("datasets") or []):
            continue
        for contestant in contestants(revision.params):
            for point in _points(revision, dataset, contestant):
                why = _unlike(point, params, dataset, rows)
                if why or stale(revision, dataset, contestant):
                    leave_out(why or CHANGED, revision.name)
                elif point.key not in kept or kept[point.key].figures != point.figures:
                    kept[point.key] = point
    return list(kept.values()), {why: sorted(names) for why, names in others.items()}


def _unlike(point: Point, params: Mapping[str, Any], dataset: str, rows: Rows) -> str | None:
    """Why it is no point of today's curve; None where it is."""
    if point.definition != definition(params, dataset, point.contestant):
        return DEFINED_OTHERWISE
    of_today = point.data == (rows.data or point.data) and point.split == rows.splits.get(
        point.split_seed, point.split
    )
    return None if point.data and of_today else OTHER_ROWS


def _points(revision: Revision, dataset: str, contestant: str) -> list[Point]:
    data, split = measured_on(revision.audit(dataset)) or ("", "")
    scores, intervals = (
        revision.figures(room, dataset, contestant) for room in ("scores", "intervals")
    )
    if scores.get("train_rows") is None:
        return []
    return [
        Point(
            experiment=revision.name,
            commit=revision.commit,
            fraction=scores.get("fraction"),
            train_rows=int(scores["train_rows"]),
            split_seed=int(revision.params.get("seed", 0)),
            training_seed=int(run["seed"]),
            contestant=contestant,
            definition=definition(revision.params, dataset, contestant),
            data=data,
            split=split,
            **{name: run.get(name) for name in SCORES},
        )
        for run in intervals.get("seeds") or []
    ]
