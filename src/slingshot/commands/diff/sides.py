"""The predictions of the workspace and of a revision, and which rows they share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from slingshot.commands.diff import outputs
from slingshot.commands.experiments import Revision
from slingshot.files import paths
from slingshot.files.codes import FAILED
from slingshot.files.labels import Labels
from slingshot.files.predictions import read_predictions
from slingshot.metrics.scored import Scored, SeedRun, scored
from slingshot.settings import UserError


@dataclass(frozen=True)
class Predicted:
    """The predictions of one side on a data set's test rows."""

    test: Scored
    labels: list[str]
    """Class names in label order."""

    def labelled(self) -> dict[str, str]:
        """Row id -> name of its label."""
        return {
            row: self.labels[label]
            for row, label in zip(self.test.ids, self.test.labels, strict=True)
        }

    def in_order(self, labels: list[str]) -> Predicted:
        """The same predictions with classes numbered as in `labels`, which must have the same names."""
        order = np.array([labels.index(name) for name in self.labels])
        runs = tuple(
            SeedRun(
                seed=run.seed,
                predictions=np.where(run.predictions == FAILED, FAILED, order[run.predictions]),
                scores=None if run.scores is None else run.scores[:, np.argsort(order)],
            )
            for run in self.test.runs
        )
        return Predicted(replace(self.test, labels=order[self.test.labels], runs=runs), labels)


class Sides:
    """Both sides' predictions of `cells`, pairs of data set and contestant. All files are found at once."""

    def __init__(self, here: Revision, there: Revision, cells: Sequence[tuple[str, str]]) -> None:
        self.here, self.there = here, there
        paths = [path for cell in cells for path in _paths(*cell)]
        self.hashes = tuple(outputs.hashes(side, paths) for side in (here, there))
        needed = [path for cell in cells if not self.same_file(*cell) for path in _paths(*cell)]
        wanted = {hashes[path] for hashes in self.hashes for path in needed if path in hashes}
        self.files, self.why_not = outputs.find(wanted, self.hashes[0])

    def same_file(self, dataset: str, contestant: str) -> bool:
        """Whether both sides have the same file of predictions, by its hash."""
        path, _ = _paths(dataset, contestant)
        here, there = (hashes.get(path) for hashes in self.hashes)
        return here is not None and here == there

    def read(self, dataset: str, contestant: str) -> tuple[Predicted, Predicted]:
        """The predictions of the workspace and of the revision. Raises UserError if they are missing, or can't be found
        or read."""
        paths = _paths(dataset, contestant)
        absent = []
        sides = list(zip((self.here, self.there), self.hashes, strict=True))
        for side, hashes in sides:
            if not all(path in hashes for path in paths):
                remedy = "" if side.commit else "; run `dvc repro`"
                raise UserError(
                    f"dvc.lock of {side.title} names no predictions with their labels{remedy}"
                )
            if not all(hashes[path] in self.files for path in paths):
                absent.append(side.title)
        if absent:
            raise UserError(
                f"the predictions of {' and '.join(absent)} are not in DVC's cache, and {self.why_not}; `dvc push` "
                "them where they were made, set that remote here (`dvc remote add -d`) and run this again"
            )
        here, there = (
            _predicted(side.title, *(self.files[hashes[path]] for path in paths))
            for side, hashes in sides
        )
        return here, there


def same_predictions(a: Scored, b: Scored) -> bool:
    """Whether two sides on the same rows have the same predictions and scores under every seed."""
    return len(a.runs) == len(b.runs) and all(map(_same_run, a.runs, b.runs))


def why_unpaired(a: Predicted, b: Predicted) -> str:
    """Why two sides can't be compared row by row: labels or test rows differ."""
    if set(a.labels) != set(b.labels):
        return f"the label names differ: {', '.join(a.labels)} now, {', '.join(b.labels)} before"
    ours, theirs = a.labelled(), b.labelled()
    if ours.keys() != theirs.keys():
        return "the test rows differ"
    return f"the labels of {sum(ours[row] != theirs[row] for row in ours):,} test rows differ"


def _predicted(side: str, predictions: Path, labels: Path) -> Predicted:
    names = list(Labels.read(labels).names)
    try:
        frame = read_predictions(predictions, names)
    except UserError as error:
        # The path in the cache tells the user nothing, and `dvc repro` can't mend a revision.
        why = error.message.removeprefix(f"{predictions}: ").removesuffix("; run `dvc repro`")
        raise UserError(
            f"the predictions of {side} are not as today's code writes them: {why}"
        ) from None
    return Predicted(scored(predictions, frame, len(names))["test"], names)


def _same_run(a: SeedRun, b: SeedRun) -> bool:
    # np.array_equal treats two None as equal, and None as different from an array.
    return a.seed == b.seed and all(
        np.array_equal(getattr(a, key), getattr(b, key)) for key in ("predictions", "scores")
    )


def _paths(dataset: str, contestant: str) -> tuple[str, str]:
    return (
        paths.predictions(dataset, contestant).as_posix(),
        paths.labels(dataset).as_posix(),
    )
