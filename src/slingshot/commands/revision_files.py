"""Lenient classes for files of other revisions.

An older Slingshot may have written them: keys may be missing, there may be keys that today's classes forbid, and notes
may be sentences. So these classes have only the keys that the commands need, and ignore the rest.
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
    """Checks the types of its own keys, and ignores all other keys in the file."""

    model_config = ConfigDict(extra="ignore")


def problems(error: ValidationError) -> str:
    """The first five wrong keys, and why they are wrong."""
    lines = []
    for details in error.errors()[:5]:
        key = ".".join(map(str, details["loc"]))
        why = "expected keys with values" if details["type"] == "model_type" else details["msg"]
        lines.append(f"{key}: {why}" if key else why)
    return "; ".join(lines)


class RevisionFigures(Lenient):
    """Figures by metric. In the file, each metric is a key of its own."""

    metrics: dict[str, float | None] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _gather(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return value | {"metrics": {key: value[key] for key in METRICS if key in value}}

    def figure(self, metric: str) -> float | None:
        """The metric's figure; None if it is undefined, or if the file has no such metric."""
        return self.metrics.get(metric)


class RevisionScores(RevisionFigures):
    """metrics/scores/D/C.json."""

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
    """metrics/intervals/D/C.json."""

    metrics: dict[str, RevisionInterval] = Field(default_factory=dict)
    confidence: float | None = None
    groups: int = 0
    effective_groups: float | None = None
    """Missing in older files, which did not count groups as equal ones."""
    score_source: str = ""
    seeds: tuple[RevisionSeed, ...] = ()
    classes: tuple[RevisionClass, ...] = ()
    predictions: str | None = None
    """md5 of the predictions from which the figures were computed."""

    @property
    def equal_groups(self) -> float:
        """The number of groups of equal size that tell as much as the test rows."""
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
    """metrics/cost/D/C.json."""

    train_seconds: float | None = None


class RevisionAudit(Lenient):
    """metrics/audit/D.json."""

    data: str | None = None
    files: dict[str, str] | None = None
    """Prepared file -> its md5."""

    @property
    def measured_on(self) -> tuple[str, str] | None:
        """As `Audit.measured_on`; None if the file lacks the hashes."""
        if self.data is None or self.files is None:
            return None
        return audit.measured_on(self.data, self.files)


class LockedFile(Lenient):
    path: str
    md5: str | None = None


class LockedStage(Lenient):
    """The record of a finished stage in dvc.lock."""

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
        """The small model and the LLM of a cascade; empty for other contestants."""
        return [
            side
            for cascade in self.cascades
            if cascade.name == contestant
            for side in (cascade.small, cascade.large)
        ]


class RevisionParams(Lenient):
    """params.yaml. The blocks of definitions are kept as they are written, to be compared."""

    study: RevisionStudy = RevisionStudy()
    seed: int = 0
    datasets: dict[str, dict[str, Any]] = Field(default_factory=dict)
    models: dict[str, dict[str, Any]] = Field(default_factory=dict)
    llms: dict[str, dict[str, Any]] = Field(default_factory=dict)
