"""What the page shows of one data set, gathered for its template."""

from __future__ import annotations

from typing import Any

from slingshot.metrics import learning
from slingshot.report import curve, economy, numbers
from slingshot.report.page import (
    calibration,
    confusion,
    economy_charts,
    learning_chart,
    mistakes,
    score_charts,
)
from slingshot.report.page.details import Details
from slingshot.report.pair import Pair, every_pair
from slingshot.report.pair import grid as pair_grid
from slingshot.report.section import Section
from slingshot.report.table import facts
from slingshot.report.verdict import cheaper
from slingshot.settings import Settings
from slingshot.settings.catalogue import METRICS


def build(section: Section, settings: Settings, held: Details) -> dict[str, Any]:
    """The values of one data set that dataset.html.j2 draws."""
    results, primary, name = section.results, settings.metrics.primary, section.results.dataset
    titles = {contestant.name: contestant.title for contestant in results.contestants}
    grids = {grid.heading: grid for grid in section.grids}
    pairs = every_pair(results)
    return {
        "name": name,
        "section": section,
        "brief": brief(section, primary),
        "audit": results.audit,
        "facts": facts(results.audit),
        "titles": titles,
        "cost": score_charts.cost(results, primary, settings.cost.currency),
        "scores": score_charts.bars(results, section.table, primary),
        "pairs": pair_grid(results) if pairs else None,
        "differences": score_charts.differences(pairs, name, primary, settings.metrics.margin),
        "learning": learning_chart.chart(results, learning.curves(results.curve, primary), primary),
        "curve": grids.pop(curve.HEADING, None),
        "grids": list(grids.values()),
        "reliability": calibration.reliability(results, held),
        "calibration": calibration.table(results),
        "risk": calibration.risk(results, held),
        "confusion": [_confusion(section, settings, held, c.name) for c in results.contestants],
        "mistakes": {
            "labels": mistakes.against_label(held.errors),
            "disagreements": mistakes.disagreements(held.errors, results),
            "examples": mistakes.examples(held.errors, results),
            "confident": mistakes.confident(held.errors, results),
        },
        "costs": economy.costs(results, settings),
        "break_evens": economy.break_evens(results, settings),
        "cascades": [
            (
                economy_charts.cascade(name, c, primary, settings.cost.currency),
                economy_charts.choice(c, primary),
            )
            for c in results.of_kind("cascade")
        ],
    }


def _confusion(section: Section, settings: Settings, held: Details, name: str) -> dict[str, Any]:
    contestant = next(c for c in section.results.contestants if c.name == name)
    plot = held.plots[name]
    return {
        "contestant": contestant,
        "chart": confusion.chart(section.results.dataset, contestant, plot),
        "pairs": confusion.most_confused(contestant, plot),
        "classes": confusion.classes(contestant, settings.metrics.confidence),
    }


def brief(section: Section, primary: str) -> str:
    """The verdict in a sentence or two, for the first screen; the paragraph stands with the data set."""
    verdict, pair = section.verdict, section.verdict.pair
    titles = {contestant.name: contestant.title for contestant in section.results.contestants}
    metric, because = METRICS[primary].title, "; ".join(verdict.reasons)
    against = (
        [p for p in verdict.cascade_pairs if p.difference is not None]
        if verdict.decision == "cascade"
        else []
    )
    if against:
        apart = " and ".join(f"{_apart(p)} against {titles[p.b]}" for p in against)
        return f"{_scored(metric, against[0].a_value, titles[against[0].a])}: {apart}; {because}."
    if pair is None or pair.difference is None:
        chosen = next((c for c in section.results.contestants if c.name == verdict.choice), None)
        score = f"{_scored(metric, chosen.scores.get(primary), chosen.title)}; " if chosen else ""
        return f"{score}{because}." if score else f"{because[:1].upper()}{because[1:]}."
    return (
        f"{_scored(metric, pair.a_value, titles[pair.a])}, {numbers.score(pair.b_value)} with {titles[pair.b]}: "
        f"{_apart(pair)}; {because}.{_dearer(section, pair)}"
    )


def _dearer(section: Section, pair: Pair) -> str:
    """By how much one of two costs more in all; nothing where that is not known."""
    a, b = (section.results.named(name) for name in (pair.a, pair.b))
    first = cheaper(a, b)
    if first is None or not (a and a.total and b and b.total):
        return ""
    costs = [(total.counted or 0.0) for total in (a.total, b.total)]
    times = (
        f"{numbers.significant(max(costs) / min(costs), 2)} times as much" if min(costs) else "more"
    )
    return f" Over {section.verdict.horizon} each, {(b if first else a).name} costs {times}."


def _scored(metric: str, value: float | None, title: str) -> str:
    return f"{metric[0].upper()}{metric[1:]} {numbers.score(value)} with {title}"


def _apart(pair: Pair) -> str:
    """The difference, with its interval where there is one."""
    interval = (
        "" if pair.low is None else f" [{numbers.signed(pair.low)} to {numbers.signed(pair.high)}]"
    )
    return f"{numbers.signed(pair.difference)}{interval}"
