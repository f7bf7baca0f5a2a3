"""Learning-curve points: from DVC's experiments, the last commit and the workspace into metrics/curve/D.csv.

A file holds one point a contestant, number of training rows and pair of seeds: the newest measured.
Experiments do not travel with a clone, so a point stays in its file when its experiment is gone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from slingshot.experiments import WORKSPACE, Revision, contestants, defined_alike, definition, stale
from slingshot.points import SCORES, Point, read_points, write_points

FOLDER = Path("metrics/curve")


def write(revisions: Sequence[Revision], params: Mapping[str, Any]) -> Iterator[str]:
    """Write the file of every data set of params.yaml that has points, and yield a line on each.

    Raises UserError when a file that is there breaks its contract.
    """
    for dataset in params["datasets"]:
        path = FOLDER / f"{dataset}.csv"
        held = read_points(path)
        points, others = collected(revisions, params, dataset, held)
        if points:
            write_points(path, points)
            rows = sorted({point.train_rows for point in points if point.fraction is not None})
            yield f"{path}: {len(points)} points; training rows: {', '.join(map(str, rows)) or 'none'}"
        if others:
            yield (
                f"{path}: left out {', '.join(others)}, which define {dataset} or a contestant otherwise than "
                "params.yaml does, or whose params.yaml was changed after the run"
            )


def collected(
    revisions: Sequence[Revision], params: Mapping[str, Any], dataset: str, held: Sequence[Point] = ()
) -> tuple[list[Point], list[str]]:
    """The data set's points, and the names of revisions with figures of something else.

    `revisions` stand oldest first, and a newer figure replaces an older one; `held` are the points
    that the file has, those of an earlier workspace left out. Points of another definition than `params` are left out.
    """
    kept, others = {}, dict[str, None]()
    for point in held:
        if point.definition != definition(params, dataset, point.contestant):
            others[point.experiment] = None
        elif point.experiment != WORKSPACE:
            kept[point.key] = point
    for revision in revisions:
        if dataset not in ((revision.params.get("study") or {}).get("datasets") or []):
            continue
        for contestant in contestants(revision.params):
            points = _points(revision, dataset, contestant)
            same = defined_alike(revision.params, params, dataset, contestant)
            if points and (not same or stale(revision, dataset, contestant)):
                others[revision.name] = None
                continue
            for point in points:
                if point.key not in kept or kept[point.key].figures != point.figures:
                    kept[point.key] = point
    return list(kept.values()), list(others)


def _points(revision: Revision, dataset: str, contestant: str) -> list[Point]:
    scores, intervals = (revision.figures(room, dataset, contestant) for room in ("scores", "intervals"))
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
            **{name: run.get(name) for name in SCORES},
        )
        for run in intervals.get("seeds") or []
    ]
