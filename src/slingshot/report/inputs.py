"""What the report reads: the files in metrics/ of the data sets and contestants named in `study`.

Names come from `study`, never from what lies in a folder, so that files left by an earlier study
are not reported.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Literal

from slingshot.files import paths
from slingshot.files.cost import Cost
from slingshot.files.points import Point, of_today, read_points
from slingshot.files.storage.json_files import read_json
from slingshot.report import total
from slingshot.settings import Settings

Kind = Literal["model", "llm", "cascade"]
Figures = Mapping[str, Any]


@dataclass(frozen=True)
class Contestant:
    """One contestant on one data set: the contents of its scores, intervals and cost files."""

    name: str
    title: str
    kind: Kind
    scores: Figures
    intervals: Figures
    cost: Cost
    training_cutoff: date | None = None
    cascade: Figures | None = None
    """What metrics/cascade says of a cascade: its threshold, and its curve on test rows."""
    total: total.Total | None = None
    """What it costs over the months of the decision; None where its price is not known."""
    validation: Mapping[int, float] = field(default_factory=dict)
    """Its primary metric on the first so many validation rows: those of metrics.validation."""

    @property
    def alone(self) -> str | None:
        """The side that a cascade is where it never, or always, asks its LLM about the test rows; else None."""
        made = self.cascade or {}
        return made[made["alone"]] if made.get("alone") else None

    def seeds(self) -> list[int]:
        """Its training seeds; empty for what has none (LLMs and deterministic baselines)."""
        seeds = [int(row["seed"]) for row in self.intervals.get("seeds") or []]
        return [seed for seed in seeds if seed >= 0]


@dataclass(frozen=True)
class Results:
    """One data set: its audit, its contestants in the order of `study`, and every pair of them."""

    dataset: str
    audit: Figures
    contestants: tuple[Contestant, ...]
    pairs: Figures
    curve: tuple[Point, ...] = ()
    """Its learning-curve points; those of other studies' contestants among them."""
    left_out: str = ""
    """Which points in metrics/curve are none of this curve, and why; empty where all are."""

    def of_kind(self, kind: Kind) -> list[Contestant]:
        return [contestant for contestant in self.contestants if contestant.kind == kind]

    def named(self, name: str | None) -> Contestant | None:
        return next(
            (contestant for contestant in self.contestants if contestant.name == name), None
        )

    def may_have_been_seen(self, contestant: Contestant) -> bool:
        """Whether the texts were public before the LLM's training data ended."""
        published, cutoff = self.audit.get("published"), contestant.training_cutoff
        return bool(published and cutoff and date.fromisoformat(published) <= cutoff)


def read(settings: Settings, root: Path = Path()) -> list[Results]:
    """Results in the order of `study.datasets`. Raises UserError naming the first missing file."""
    return [_dataset(settings, root, name) for name in settings.study.datasets]


def _dataset(settings: Settings, root: Path, dataset: str) -> Results:
    study = settings.study
    kinds: list[tuple[str, Kind]] = [
        *((name, "model") for name in study.models),
        *((name, "llm") for name in study.llms),
        *((cascade.name, "cascade") for cascade in study.cascades),
    ]
    audit = read_json(root / paths.audit(dataset))
    curve, left_out = of_today(read_points(root / paths.curve(dataset)), audit, settings.seed)
    pairs = read_json(root / paths.pairs(dataset))
    return Results(
        dataset=dataset,
        audit=audit,
        contestants=tuple(
            _contestant(settings, root, dataset, name, kind, pairs) for name, kind in kinds
        ),
        pairs=pairs,
        curve=tuple(curve),
        left_out=left_out,
    )


def _contestant(
    settings: Settings, root: Path, dataset: str, name: str, kind: Kind, pairs: Figures
) -> Contestant:
    llm = settings.llms.get(name)
    title = llm.title if llm else name
    if kind == "cascade":
        sides = settings.cascade(name)
        title, llm = f"{name} ({sides.small}, else {sides.large})", settings.llms[sides.large]
    scores, intervals = (
        read_json(root / path(dataset, name)) for path in (paths.scores, paths.intervals)
    )
    cost = Cost.read(root / paths.cost(dataset, name))
    return Contestant(
        name=name,
        title=title,
        kind=kind,
        scores=scores,
        intervals=intervals,
        cost=cost,
        training_cutoff=llm.training_cutoff if llm else None,
        cascade=read_json(root / paths.cascade(dataset, name)) if kind == "cascade" else None,
        total=total.of(cost, settings),
        validation={
            int(rows): value for rows, value in pairs.get("validation", {}).get(name, {}).items()
        },
    )
