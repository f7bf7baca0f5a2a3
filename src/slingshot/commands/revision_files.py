"""What the commands read of files that another revision holds.

An older Slingshot may have written them: keys may be missing, others may be there that today's classes forbid, and
notes may be sentences. So these classes state just what is needed, and ignore the rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import ConfigDict, Field, ValidationError, model_validator

from slingshot.files import audit
from slingshot.files.codes import NO_SEED
from slingshot.files.storage.record import Record
from slingshot.settings.catalogue import METRICS


class Lenient(Record):
    """What it states has the types that it states; whatever else stands in the file is ignored."""

    model_config = ConfigDict(extra="ignore")


def problems(error: ValidationError) -> str:
    """The first five keys that are wrong, and why."""
    lines = []
    for details in error.errors()[:5]:
        key = ".".join(map(str, details["loc"]))
        why = "expected keys with values" if details["type"] == "model_type" else details["msg"]
        lines.append(f"{key}: {why}" if key else why)
    return "; ".join(lines)


class RevisionFigures(Lenient):
    """In a file each metric is a key of its own."""

    metrics: dict[str, float | None] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _gather(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return value | {"metrics": {key: value[key] for key in METRICS if key in value}}

    def figure(self, metric: str) -> float | None:
        """None where it is undefined, or where the file has no such metric."""
        return self.metrics.get(metric)


class RevisionScores(RevisionFigures):
    """Of metrics/scores/D/C.json."""

    fraction: float | None = None
    train_rows: int | None = None


class RevisionSeed(RevisionFigures):
    seed: int


class RevisionInterval(Lenient):
    value: float | None = None
    low: float | None = None
    high: float | None = None


class RevisionClass(Lenient):
    label: str
    rows: int


class RevisionIntervals(Lenient):
    """Of metrics/intervals/D/C.json."""

    metrics: dict[str, RevisionInterval] = Field(default_factory=dict)
    confidence: float | None = None
    groups: int = 0
    effective_groups: float | None = None
    """Absent from files of before groups were counted as equal ones."""
    score_source: str = ""
    seeds: tuple[RevisionSeed, ...] = ()
    classes: tuple[RevisionClass, ...] = ()
    predictions: str | None = None
    """md5 of the predictions that the figures are of."""

    @property
    def equal_groups(self) -> float:
        """How many groups of equal size the test rows count as."""
        return self.groups if self.effective_groups is None else self.effective_groups

    @property
    def trained_seeds(self) -> int:
        """Number of training runs; 0 for an LLM or a deterministic baseline."""
        return sum(seed.seed != NO_SEED for seed in self.seeds)

    @property
    def class_rows(self) -> dict[str, int]:
        """Class name -> its test rows."""
        return {row.label: row.rows for row in self.classes}


class RevisionCost(Lenient):
    """Of metrics/cost/D/C.json."""

    train_seconds: float | None = None


class RevisionAudit(Lenient):
    """Of metrics/audit/D.json."""

    data: str | None = None
    files: dict[str, str] | None = None
    """Prepared file -> its md5."""

    @property
    def measured_on(self) -> tuple[str, str] | None:
        """As `Audit.measured_on`; None where the file does not say."""
        if self.data is None or self.files is None:
            return None
        return audit.measured_on(self.data, self.files)


class LockedFile(Lenient):
    path: str
    md5: str | None = None


class LockedStage(Lenient):
    """What dvc.lock records of a stage that has run."""

    deps: Sequence[LockedFile] = ()
    outs: Sequence[LockedFile] = ()
    params: dict[str, dict[str, Any]] = Field(default_factory=dict)
    """File -> key -> the value that the stage read."""


class RevisionLock(Lenient):
    """dvc.lock."""

    stages: dict[str, LockedStage] = Field(default_factory=dict)


class RevisionCascade(Lenient):
    name: str
    small: str
    large: str


class RevisionStudy(Lenient):
    """The block `study:` of params.yaml: who takes part."""

    datasets: Sequence[str] = ()
    models: Sequence[str] = ()
    llms: Sequence[str] = ()
    cascades: Sequence[RevisionCascade] = ()

    @property
    def contestants(self) -> list[str]:
        return [*self.models, *self.llms, *(cascade.name for cascade in self.cascades)]

    def sides(self, contestant: str) -> list[str]:
        """The two that a cascade is made of; none of another contestant."""
        return [
            side
            for cascade in self.cascades
            if cascade.name == contestant
            for side in (cascade.small, cascade.large)
        ]


class RevisionParams(Lenient):
    """params.yaml. What a definition holds is compared as it is written."""

    study: RevisionStudy = RevisionStudy()
    seed: int = 0
    datasets: dict[str, dict[str, Any]] = Field(default_factory=dict)
    models: dict[str, dict[str, Any]] = Field(default_factory=dict)
    llms: dict[str, dict[str, Any]] = Field(default_factory=dict)
