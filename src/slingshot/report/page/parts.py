"""The content of one data set's part of the page, for its template."""

from __future__ import annotations

from dataclasses import dataclass

from slingshot.files.audit import Audit
from slingshot.files.notes.base import sentence
from slingshot.files.pairs import Difference
from slingshot.files.verdict import Verdict
from slingshot.metrics import learning
from slingshot.report import curve, economy, total
from slingshot.report.claims import clause, comparison
from slingshot.report.grid import Grid
from slingshot.report.inputs import Contestant
from slingshot.report.notes import facts
from slingshot.report.numbers import count, significant
from slingshot.report.page import (
    calibration,
    confusion,
    cost_chart,
    economy_charts,
    learning_chart,
    mistakes,
    score_charts,
)
from slingshot.report.page.charts import Chart
from slingshot.report.page.details import Details
from slingshot.report.pair import every_pair
from slingshot.report.pair import grid as pair_grid
from slingshot.report.section import Section
from slingshot.report.verdict import cheaper
from slingshot.settings import Settings


@dataclass(frozen=True)
class Classes:
    """How well one contestant predicts the classes."""

    contestant: Contestant
    chart: Chart | None
    pairs: Grid | None
    """Replaces the chart if there are many classes."""
    figures: Grid | None


@dataclass(frozen=True)
class Part:
    """The values of one data set in dataset.html.j2."""

    name: str
    section: Section
    brief: str
    """For the first screen."""
    warnings: list[str]
    facts: list[str]
    rows_a_class: Grid
    cost: Chart | None
    scores: Chart | None
    pairs: Grid | None
    differences: Chart | None
    learning: Chart | None
    curve: Grid | None
    grids: list[Grid]
    """The section's tables, without the learning curve."""
    reliability: list[Chart]
    calibration: Grid
    risk: Chart | None
    classes: list[Classes]
    mistakes: mistakes.Rows
    costs: Grid
    break_evens: Grid | None
    cascades: list[tuple[Chart | None, Grid | None]]


def build(section: Section, settings: Settings, details: Details) -> Part:
    """The values that the template needs."""
    results, primary, currency = section.results, settings.metrics.primary, settings.cost.currency
    grids = {grid.heading: grid for grid in section.grids}
    pairs = every_pair(results)
    curves = learning.curves(results.curve, primary)
    return Part(
        name=results.dataset,
        section=section,
        brief=brief(section, settings),
        warnings=[sentence(note.words) for note in results.audit.warnings],
        facts=facts(results.audit),
        rows_a_class=_rows_a_class(results.audit),
        cost=cost_chart.chart(results, primary, currency),
        scores=score_charts.bars(results, section.table, primary),
        pairs=pair_grid(results, section.verdict.deciding) if pairs else None,
        differences=score_charts.differences(pairs, results, primary, results.pairs.margin),
        learning=learning_chart.chart(results, curves, primary),
        curve=grids.pop(curve.HEADING, None),
        grids=list(grids.values()),
        reliability=calibration.reliability(results, details),
        calibration=calibration.table(results),
        risk=calibration.risk(results, details),
        classes=[_classes(section, details, contestant) for contestant in results.shown],
        mistakes=mistakes.rows(details.errors, results),
        costs=economy.costs(results, settings),
        break_evens=economy.break_evens(results, settings),
        cascades=[
            (
                economy_charts.cascade(results, contestant, primary, currency),
                economy_charts.choice(results, contestant, currency),
            )
            for contestant in results.shown
            if contestant.cascade
        ],
    )


def _rows_a_class(audit: Audit) -> Grid:
    return Grid(
        heading="Rows per class",
        caption="Rows per class.",
        columns=("Class", "Training", "Validation", "Test"),
        rows=tuple(
            (label, count(rows.train), count(rows.validation), count(rows.test))
            for label, rows in audit.classes.items()
        ),
    )


def _classes(section: Section, details: Details, contestant: Contestant) -> Classes:
    plot = details.plots[contestant.name]
    return Classes(
        contestant=contestant,
        chart=confusion.chart(section.results.dataset, contestant, plot),
        pairs=confusion.most_confused(contestant, plot),
        figures=confusion.classes(contestant),
    )


def brief(section: Section, settings: Settings) -> str:
    """The basis of the decision in a few sentences; without a comparison, the words of the verdict."""
    verdict, results = section.verdict, section.results
    pair = _decisive(verdict)
    if pair is None or pair.difference is None:
        return verdict.words
    sentences = [comparison(results, pair, settings.metrics.primary)]
    if verdict.decision == "cascade":
        sentences += [
            f"{results.titles[other.a]} {clause(results, other)}."
            for other in verdict.cascade_pairs
            if other != pair
        ]
    return " ".join([*sentences, *_dearer(section, pair, settings)])


def _decisive(verdict: Verdict) -> Difference | None:
    """The pair that is the basis of the decision: for a cascade, its pair with the winner of the other two."""
    deciding = [pair for pair in verdict.cascade_pairs if (pair.a, pair.b) in verdict.deciding]
    return deciding[0] if verdict.decision == "cascade" and deciding else verdict.pair


def _dearer(section: Section, pair: Difference, settings: Settings) -> list[str]:
    """How much more one of two contestants costs in total; empty if that is not known."""
    a, b = (section.results.named(name) for name in (pair.a, pair.b))
    first_is_cheaper = cheaper(a, b)
    if first_is_cheaper is None or not (a and a.total and b and b.total):
        return []
    low, high = sorted((a.total.counted, b.total.counted))
    times = f"{significant(high / low, 2)} times as much" if low else "more"
    dearer = b if first_is_cheaper else a
    labels = "With" if settings.decision.count_labels else "Without"
    horizon = total.horizon_words(settings.decision)
    return [f"{labels} labels, {dearer.title} costs {times} over {horizon} each."]
