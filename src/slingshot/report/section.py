"""One data set's part of the report, from its files to what is printed: all that the formats share."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from slingshot.report import inputs, words
from slingshot.report import table as tables
from slingshot.report.inputs import Results
from slingshot.report.table import Table
from slingshot.report.verdict import Verdict
from slingshot.settings import Settings


@dataclass(frozen=True)
class Section:
    results: Results
    verdict: Verdict
    table: Table

    @property
    def headline(self) -> str:
        """The decision: `fine-tune minilm`, `prompt gemma`, `undecided`, `no comparison`."""
        verdict = self.verdict
        return (
            f"{verdict.decision} {verdict.choice}" if verdict.decision in ("fine-tune", "prompt") else verdict.decision
        )


def sections(settings: Settings, metrics: Path = inputs.METRICS) -> dict[str, Section]:
    """Data set -> section, in the order of the study. Raises UserError naming the first missing file."""
    return {
        results.dataset: Section(results, words.verdict(results, settings), tables.build(results, settings))
        for results in inputs.read(settings, metrics)
    }
