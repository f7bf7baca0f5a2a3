"""One data set's part of the report: the content that all formats share."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from slingshot.files.verdict import Verdict
from slingshot.report import curve, details, inputs, matches, published, words
from slingshot.report import table as tables
from slingshot.report.details import Group
from slingshot.report.grid import Grid
from slingshot.report.inputs import Results
from slingshot.report.table import Table
from slingshot.report.verdict import judged
from slingshot.settings import Settings


@dataclass(frozen=True)
class Section:
    results: Results
    verdict: Verdict
    details: tuple[Group, ...]
    """Further sentences, in groups."""
    table: Table
    grids: tuple[Grid, ...]
    """More tables of this data set: published figures, a learning curve."""

    @property
    def headline(self) -> str:
        """The decision: `fine-tune minilm`, `prompt gemma`, `use cascade`, `undecided`, `no comparison`."""
        decision, choice = self.verdict.decision, self.verdict.choice
        if decision in ("fine-tune", "prompt"):
            return f"{decision} {choice}"
        return f"use {choice}" if decision == "cascade" else decision

    def as_json(self) -> dict[str, Any]:
        """For programs: the verdict, contestants and pairs as in metrics/, and the labels that match an LLM."""
        contestants = [
            {
                "name": contestant.name,
                "title": contestant.title,
                "kind": contestant.kind,
                "scores": contestant.scores.as_json(),
                "intervals": contestant.intervals.as_json()["metrics"],
                "cost": contestant.cost.as_json(),
            }
            for contestant in self.results.contestants
        ]
        labels = matches.matches(self.results, self.results.pairs.primary)
        return {
            "verdict": self.verdict.as_json(),
            "contestants": contestants,
            "pairs": self.results.pairs.as_json(),
            "labels_to_match": [asdict(match) for match in labels],
        }


def sections(settings: Settings, root: Path = Path()) -> dict[str, Section]:
    """Data set -> section, in the order of the study. Raises UserError that names the first missing or malformed
    file."""
    return {results.dataset: _section(results, settings) for results in inputs.read(settings, root)}


def _section(results: Results, settings: Settings) -> Section:
    verdict = words.verdict(results, settings)
    results = judged(results, verdict)
    grids = published.build(results, settings), curve.build(results, settings.metrics.primary)
    return Section(
        results,
        verdict,
        details.groups(results, verdict, settings),
        tables.build(results, settings),
        tuple(grid for grid in grids if grid),
    )
