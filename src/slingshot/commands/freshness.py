"""Whether a revision's figures are of the parameters that it holds, and of the rows that a data set has today.

dvc.lock records what each stage read; metrics/audit/D.json holds the hashes of what `prepare` wrote.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from slingshot.commands.experiments import Revision, cascades, defined_alike, sides
from slingshot.files import paths
from slingshot.files.points import measured_on

if TYPE_CHECKING:
    from slingshot.commands.overrides import StudyRun


def stale(revision: Revision, dataset: str, contestant: str) -> bool:
    """Whether the figures are of other parameters than params.yaml holds, or of other rows than prepared last: dvc.lock
    records what each stage read."""
    stages = [
        (name, revision.lock.get(name) or {}) for name in _stages(revision, dataset, contestant)
    ]
    chosen = [
        stage
        for name, stage in stages
        if name.startswith(("prepare", "subsample", "finetune", "prompt_llm"))
    ]
    if any(_edited(revision, stage) for stage in chosen):
        return True
    prepared = revision.audit(dataset).get("files") or {}
    written = {(paths.prepared(dataset) / name).as_posix(): md5 for name, md5 in prepared.items()}
    written |= {
        out["path"]: out.get("md5") for _, stage in stages for out in stage.get("outs") or []
    }
    predictions = written.get(paths.predictions(dataset, contestant).as_posix())
    scored = revision.figures("intervals", dataset, contestant).get("predictions")
    if scored and predictions and scored != predictions:
        return True
    read = [dep for _, stage in stages for dep in stage.get("deps") or []]
    return any(dep.get("md5") != written.get(dep["path"], dep.get("md5")) for dep in read)


def _edited(revision: Revision, stage: Mapping[str, Any]) -> bool:
    """Whether params.yaml was changed after the stage ran."""
    recorded = (stage.get("params") or {}).get("params.yaml") or {}
    return any(_at(revision.params, key) != value for key, value in recorded.items())


def _stages(revision: Revision, dataset: str, contestant: str) -> Iterator[str]:
    """The stages that make the contestant's figures, by their names in dvc.lock."""
    yield from (f"prepare@{dataset}", f"subsample@{dataset}", f"evaluate@{dataset}")
    for name in (contestant, *sides(revision.params, contestant)):
        if f"prompt_llm@{dataset}-{name}" in revision.lock:
            yield from (f"shots@{dataset}", f"prompt_llm@{dataset}-{name}")
        else:
            yield f"finetune@{dataset}-{name}"
    if contestant in (names := list(cascades(revision.params))):
        yield f"cascade@{dataset}-cascade{names.index(contestant)}"


def _at(values: Any, key: str) -> Any:
    for part in key.split("."):
        values = values.get(part) if isinstance(values, Mapping) else None
    return values


def raw(dataset: str) -> str | None:
    """The hash of data/raw/D as it lies in the work tree, as dvc.lock records it; None where it is not there."""
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
    """The rows of a data set as they are today, by what `points.measured_on` tells apart."""

    data: str
    """Empty where no revision says."""
    splits: Mapping[int, str]
    """By the split's seed."""

    def hold(self, revision: Revision, dataset: str) -> bool:
        """Whether they are those that the revision holds."""
        seed = int(revision.params.get("seed", 0))
        return bool(self.data) and measured_on(revision.audit(dataset)) == (
            self.data,
            self.splits.get(seed),
        )


def today(
    found: Sequence[Revision], params: Mapping[str, Any], dataset: str, now: str | None
) -> Rows:
    """The rows of the last of `found` that prepared `now`, the hash of data/raw/D, as `params` define the data set; of
    the last that prepared it where none did that. Each split seed's split is that of the last on these rows."""
    known = []
    for revision in found:
        held, stage = (
            measured_on(revision.audit(dataset)),
            revision.lock.get(f"prepare@{dataset}") or {},
        )
        if (
            held
            and defined_alike(revision.params, params, dataset, "")
            and not _edited(revision, stage)
        ):
            known.append((int(revision.params.get("seed", 0)), *held, stage.get("deps") or []))
    if not known:
        return Rows("", {})
    source = {"path": paths.raw(dataset).as_posix(), "md5": now}
    of_now = [each for each in known if any(source.items() <= dep.items() for dep in each[3])]
    data = (of_now or known)[-1][1]
    return Rows(data, {seed: split for seed, of, split, _ in known if of == data})


def of_runs(found: Sequence[Revision], runs: Sequence[StudyRun], dataset: str) -> list[Rows]:
    """Today's rows of each run of a study, which may define the data set in its own way."""
    now = raw(dataset)
    return [today(found, run.values, dataset, now) for run in runs]
