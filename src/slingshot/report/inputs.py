"""The input of the report: the files in metrics/ of the data sets and contestants that `study` names.

Names come from `study`, never from folders, so that files of an earlier study are not reported.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from slingshot.files import paths
from slingshot.files.audit import Audit
from slingshot.files.cascade import CascadeReport
from slingshot.files.cost import Cost
from slingshot.files.intervals import Interval, Intervals
from slingshot.files.notes.verdicts import Kind
from slingshot.files.pairs import Difference, Pairs
from slingshot.files.points import Point, of_today, read_points
from slingshot.files.scores import Scores
from slingshot.report import total
from slingshot.settings import Settings, UserError


@dataclass(frozen=True)
class Contestant:
    """One contestant on one data set, with the contents of its files in metrics/."""

    name: str
    title: str
    kind: Kind
    scores: Scores
    intervals: Intervals
    cost: Cost
    note: str = ""
    """An explanation of the title, printed once below a table."""
    training_cutoff: date | None = None
    """End of the training data of an LLM, or of the LLM that a cascade asks."""
    cascade: CascadeReport | None = None
    total: total.Total | None = None
    """Its cost over the months of the decision; None if its price is not known."""
    validation: Mapping[int, float] = field(default_factory=dict)
    """Number of first validation rows -> its primary metric on them."""

    @property
    def label(self) -> str:
        """Its title in a table, with a star if a note explains it."""
        return f"{self.title}*" if self.note else self.title

    @property
    def alone(self) -> str | None:
        """The side that a cascade equals because it never, or always, asks its LLM about the test rows; else None."""
        return self.cascade.alone_as if self.cascade else None

    def score(self, metric: str) -> float | None:
        """Its figure on test rows; None if it is undefined."""
        return self.scores.metrics[metric]

    def interval(self, metric: str) -> Interval:
        return self.intervals.metrics[metric]

    def seeds(self) -> list[int]:
        """Its training seeds; empty for LLMs and deterministic baselines."""
        return [run.seed for run in self.intervals.seeds if run.seed >= 0]


@dataclass(frozen=True)
class Results:
    """One data set: its audit, its contestants in the order of `study`, and every pair of them."""

    dataset: str
    audit: Audit
    contestants: tuple[Contestant, ...]
    pairs: Pairs
    curve: tuple[Point, ...] = ()
    """Its learning-curve points, including contestants of other studies."""
    left_out: str = ""
    """Which points in metrics/curve do not belong to this curve, and why; empty if all belong."""

    @property
    def shown(self) -> tuple[Contestant, ...]:
        """The contestants, without cascades that equal one of their sides: such a cascade has no row of its own."""
        return tuple(contestant for contestant in self.contestants if not contestant.alone)

    @property
    def titles(self) -> dict[str, str]:
        """Name -> title."""
        return {contestant.name: contestant.title for contestant in self.contestants}

    def of_kind(self, kind: Kind) -> list[Contestant]:
        return [contestant for contestant in self.contestants if contestant.kind == kind]

    def named(self, name: str | None) -> Contestant | None:
        return next(
            (contestant for contestant in self.contestants if contestant.name == name), None
        )

    def pair(self, a: Contestant, b: Contestant) -> Difference:
        """`a` minus `b`. Raises UserError if metrics/pairs lacks this pair."""
        pair = self.pairs.find(a.name, b.name)
        if pair is None:
            raise UserError(
                f"{paths.pairs(self.dataset)}: no pair of {a.name} and {b.name}; run `dvc repro`"
            )
        return pair

    def may_have_been_seen(self, contestant: Contestant) -> bool:
        """Whether the texts were public before the training data of the contestant's LLM ended. False for a cascade
        that never asks its LLM."""
        published, cutoff = self.audit.published, contestant.training_cutoff
        asks = contestant.cascade is None or contestant.cascade.escalated > 0
        return bool(published and cutoff and published <= cutoff and asks)


def read(settings: Settings, root: Path = Path()) -> list[Results]:
    """Results in the order of `study.datasets`. Raises UserError that names the first missing or malformed file."""
    return [_dataset(settings, root, name) for name in settings.study.datasets]


def _dataset(settings: Settings, root: Path, dataset: str) -> Results:
    study = settings.study
    kinds: dict[str, Kind] = dict.fromkeys(study.models, "model")
    kinds |= dict.fromkeys(study.llms, "llm")
    kinds |= {cascade.name: "cascade" for cascade in study.cascades}
    audit = Audit.read(root / paths.audit(dataset))
    points = read_points(root / paths.curve(dataset))
    curve, left_out = of_today(points, audit.measured_on, settings.seed)
    pairs = Pairs.read(root / paths.pairs(dataset))
    contestants = [
        _contestant(settings, root, dataset, name, kind, pairs) for name, kind in kinds.items()
    ]
    return Results(dataset, audit, tuple(contestants), pairs, tuple(curve), left_out)


def _contestant(
    settings: Settings, root: Path, dataset: str, name: str, kind: Kind, pairs: Pairs
) -> Contestant:
    title, note, cutoff = _title(settings, name, kind)
    cost = Cost.read(root / paths.cost(dataset, name))
    cascade = root / paths.cascade(dataset, name)
    return Contestant(
        name=name,
        title=title,
        kind=kind,
        scores=Scores.read(root / paths.scores(dataset, name)),
        intervals=Intervals.read(root / paths.intervals(dataset, name)),
        cost=cost,
        note=note,
        training_cutoff=cutoff,
        cascade=CascadeReport.read(cascade) if kind == "cascade" else None,
        total=total.of(cost, settings),
        validation={int(rows): value for rows, value in pairs.validation.get(name, {}).items()},
    )


def _title(settings: Settings, name: str, kind: Kind) -> tuple[str, str, date | None]:
    """Title, note, and the end of the training data if an LLM takes part."""
    if kind == "model":
        return name, "", None
    if kind == "llm":
        llm = settings.llms[name]
        return llm.title, llm.note or "", llm.training_cutoff
    sides = settings.cascade(name)
    llm = settings.llms[sides.large]
    note = f"{sides.small} answers where it is confident enough, else {llm.title}"
    return name, note, llm.training_cutoff
