"""Whether a revision's figures belong to its parameters, and to the rows that a data set has today.

dvc.lock records what each stage read; metrics/audit/D.json has the hashes of the files that `prepare` wrote.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from slingshot.commands.definitions import Values, defined_alike
from slingshot.commands.experiments import Revision, if_readable
from slingshot.commands.revision_files import LockedStage
from slingshot.files import paths

if TYPE_CHECKING:
    from slingshot.commands.overrides import StudyRun

CHOOSING = ("prepare", "subsample", "finetune", "prompt_llm")
"""Stages whose parameters change the figures of a contestant."""


def stale(revision: Revision, dataset: str, contestant: str) -> bool:
    """Whether the figures belong to other parameters than params.yaml has, or to other rows than the last prepared.

    dvc.lock records what each stage read. An audit or intervals file that can't be read is ignored.
    """
    names = [name for name in _stages(revision, dataset, contestant) if name in revision.lock]
    if any(_edited(revision, revision.lock[name]) for name in names if name.startswith(CHOOSING)):
        return True
    stages = [revision.lock[name] for name in names]
    written = _prepared(revision, dataset)
    written |= {out.path: out.md5 for stage in stages for out in stage.outs}
    predictions = written.get(paths.predictions(dataset, contestant).as_posix())
    intervals = if_readable(revision.intervals, dataset, contestant)
    scored = intervals.predictions if intervals else None
    if scored and predictions and scored != predictions:
        return True
    read = [dep for stage in stages for dep in stage.deps]
    return any(dep.md5 != written.get(dep.path, dep.md5) for dep in read)


def _prepared(revision: Revision, dataset: str) -> dict[str, str | None]:
    """Prepared file -> its md5, from the audit."""
    audit = if_readable(revision.audit, dataset)
    files = (audit and audit.files) or {}
    return {(paths.prepared(dataset) / name).as_posix(): md5 for name, md5 in files.items()}


def _edited(revision: Revision, stage: LockedStage) -> bool:
    """Whether params.yaml was changed after the stage ran."""
    recorded = stage.params.get("params.yaml", {})
    return any(_at(revision.values, key) != value for key, value in recorded.items())


def _stages(revision: Revision, dataset: str, contestant: str) -> Iterator[str]:
    """The stages that make the contestant's figures, by their names in dvc.lock."""
    study = revision.params.study
    yield from (f"prepare@{dataset}", f"subsample@{dataset}", f"evaluate@{dataset}")
    for name in (contestant, *study.sides(contestant)):
        if f"prompt_llm@{dataset}-{name}" in revision.lock:
            yield from (f"shots@{dataset}", f"prompt_llm@{dataset}-{name}")
        else:
            yield f"finetune@{dataset}-{name}"
    for number, cascade in enumerate(study.cascades):
        if cascade.name == contestant:
            yield f"cascade@{dataset}-cascade{number}"


def _at(values: Any, key: str) -> Any:
    for part in key.split("."):
        values = values.get(part) if isinstance(values, Mapping) else None
    return values


def raw(dataset: str) -> str | None:
    """The hash of data/raw/D in the work tree, as dvc.lock would record it; None if the folder does not exist."""
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    try:
        with Repo() as repo:
            [stage] = repo.stage.collect(f"prepare@{dataset}")
            [dep] = [dep for dep in stage.deps if dep.def_path == paths.raw(dataset).as_posix()]
            return str(dep.get_hash().value) if dep.exists else None
    except (DvcException, ValueError):
        return None


@dataclass(frozen=True)
class Rows:
    """Today's rows of a data set, as the hashes of `Audit.measured_on`."""

    data: str
    """Hash of the rows; empty if no revision has it."""
    splits: Mapping[int, str]
    """The split's seed -> hash of the split."""

    def hold(self, revision: Revision, dataset: str) -> bool:
        """Whether the revision was measured on these rows."""
        today = (self.data, self.splits.get(revision.params.seed))
        return bool(self.data) and revision.measured_on(dataset) == today


@dataclass(frozen=True)
class _Prepared:
    """The rows that a revision prepared, as hashes."""

    seed: int
    data: str
    split: str
    raw: str | None
    """Hash of the data/raw/D that it read."""


def today(revisions: Sequence[Revision], values: Values, dataset: str, now: str | None) -> Rows:
    """Today's rows: those of the last of `revisions` that read the present data/raw/D, which has the hash `now`.

    If no revision did, the last revision that defines the data set as the `values` of params.yaml do gives the rows.
    The last revision on these rows with a split seed gives the split of that seed.
    """
    known = []
    for revision in revisions:
        measured = revision.measured_on(dataset)
        stage = revision.lock.get(f"prepare@{dataset}", LockedStage())
        alike = defined_alike(revision.values, values, dataset, "")
        if measured and alike and not _edited(revision, stage):
            source = {dep.path: dep.md5 for dep in stage.deps}
            raw_hash = source.get(paths.raw(dataset).as_posix())
            known.append(_Prepared(revision.params.seed, *measured, raw_hash))
    if not known:
        return Rows("", {})
    of_now = [prepared for prepared in known if now is not None and prepared.raw == now]
    data = (of_now or known)[-1].data
    return Rows(data, {each.seed: each.split for each in known if each.data == data})


def of_runs(revisions: Sequence[Revision], runs: Sequence[StudyRun], dataset: str) -> list[Rows]:
    """Today's rows of each run of a study, which may define the data set in its own way."""
    now = raw(dataset)
    return [today(revisions, run.values, dataset, now) for run in runs]
