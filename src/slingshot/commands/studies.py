"""`slingshot study NAME`: runs a study file as DVC experiments, and shows them in a table."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from slingshot.commands import (
    checks,
    dvc_call,
    experiments,
    fitting,
    freshness,
    overrides,
    study_table,
)
from slingshot.machine import console
from slingshot.settings import PARAMS, Settings, UserError, nearest, read_yaml, validated

STUDIES = Path("studies")


@dataclass(frozen=True)
class Study:
    """A study file and its experiments."""

    name: str
    path: Path
    changes: Mapping[str, Any]
    """The contents of the file."""
    values: Mapping[str, Any]
    """The contents of params.yaml."""
    settings: Settings
    """params.yaml, validated."""
    runs: list[overrides.StudyRun]

    @classmethod
    def read(cls, name: str) -> Study:
        """Read studies/NAME.yaml and params.yaml. Raises UserError if one of the two is not valid."""
        values, path = read_yaml(PARAMS), STUDIES / f"{name}.yaml"
        settings = validated(values, PARAMS)
        if not path.is_file():
            known = nearest(name, (file.stem for file in STUDIES.glob("*.yaml")))
            raise UserError(f"{path}: no such study{known}")
        changes = read_yaml(path)
        if not isinstance(changes, dict) or not changes:
            raise UserError(f"{path}: expected keys of {PARAMS} with their new values")
        runs = overrides.runs(values, changes, path)
        return cls(name, path, changes, values, settings, runs)

    def why_apart(self) -> str | None:
        """Why the experiments can't run in the work tree; None if they can.

        There, DVC deletes the outputs and committed metrics of data sets and contestants that a run leaves out, and
        each run replaces the last.
        """
        kept = set.intersection(*(_names(run.settings) for run in self.runs))
        study = self.settings.study
        lost = [name for name in (*study.datasets, *study.contestants) if name not in kept]
        if lost:
            listed = ", ".join(lost)
            return f"{self.path} leaves out {listed}, and DVC would delete their outputs and metrics here"
        several = len(self.runs) > 1
        return f"{self.path} has {len(self.runs)} experiments" if several else None

    def calls(self, place: str | None, *, dry: bool) -> list[list[str]]:
        """The arguments of dvc, one call for each experiment. `place` is `--queue`, `--temp` or None, the work tree.

        Raises UserError for a file that a run elsewhere needs but would not find, unless the calls are `dry`.
        """
        where: list[str] = []
        if place:
            where.append(place)
            for copied in overrides.copied(self.changes, self.path, must_exist=not dry):
                where += ["--copy-paths", copied]
        if place and not dry:
            lost = [line for run in self.runs for line in checks.untracked(run.settings)]
            if lost:
                raise UserError(lost[0])
        calls = []
        for run in self.runs:
            sets: list[str] = []
            for override in overrides.flattened(self.values, run.changes):
                sets += ["-S", override]
            calls.append(["exp", "run", *where, *sets])
        return calls


def _names(settings: Settings) -> set[str]:
    """The names of all data sets and contestants that take part."""
    return {*settings.study.datasets, *settings.study.contestants}


def run(study: Study, *, queue: bool, dry: bool) -> int:
    """Print the calls of dvc and, unless `dry`, run them up to the first that fails. Returns the exit code."""
    place = "--queue" if queue else None
    apart = None if queue else study.why_apart()
    if apart:
        place = "--temp"
        why = f"{apart}: run with --temp, in a copy of the work tree; nothing is deleted here."
        console.echo(why, err=True)
    for call in study.calls(place, dry=dry):
        console.echo(f"dvc {shlex.join(call)}")
        code = 0 if dry else dvc_call.run(call)
        if code:
            return code
    return 0


def show(study: Study, *, as_json: bool) -> None:
    """Print the study's table from the experiments of the current commit, and why experiments are left out."""
    revisions, unreadable = experiments.readable(experiments.of_head())
    labels = [study_table.label(run.point) for run in study.runs]
    names = [run.settings.study for run in study.runs]
    datasets = dict.fromkeys(dataset for each in names for dataset in each.datasets)
    contestants = dict.fromkeys(name for each in names for name in each.contestants)
    cells, left_out = {}, [f"left out {name}: {why}" for name, why in unreadable.items()]
    everything = experiments.readable([*revisions, experiments.workspace()])[0]
    for dataset in datasets:
        rows = freshness.of_runs(everything, study.runs, dataset)
        cells[dataset] = {
            name: fitting.cells(revisions, study.runs, dataset, name, rows) for name in contestants
        }
        others = fitting.of_other_rows(revisions, study.runs, dataset, contestants, rows)
        if others:
            why = "measured on other rows than it has today, or without a word on which"
            left_out.append(f"{dataset}: left out {', '.join(others)}, {why}")
    if as_json:
        console.echo_json(study_table.as_json(cells, labels))
    else:
        study_table.show(cells, labels, study.name, study.runs[0].settings)
    for line in (*left_out, *study_table.problems(cells)):
        console.echo(line, err=as_json)
