"""report/index.html: one file that asks for nothing else, drawn by jinja2 with escaping always on.

Texts of data sets, titles and class names are data, and may be hostile. They enter the page as escaped text or, in
charts, as JSON in which nothing can close its tag; and the page's policy runs only the scripts whose hashes it names.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from slingshot import learning
from slingshot.report import (
    calibration,
    charts,
    confusion,
    details,
    economy,
    economy_charts,
    figures,
    learning_chart,
    mistakes,
    numbers,
    provenance,
    published,
    theme,
)
from slingshot.report.charts import Chart
from slingshot.report.details import Details
from slingshot.report.grid import Grid
from slingshot.report.section import Section
from slingshot.report.table import facts
from slingshot.report.verdict import RULES, find_pair
from slingshot.report.words import METRIC_NAMES
from slingshot.settings import Settings

FOLDER = Path(__file__).parent
TEMPLATES = FOLDER / "templates"
SCRIPT = FOLDER / "page.js"
NUMBER = re.compile(r"[-−+–÷]?[\d.,]*[%×]?( to [-−+]?[\d.,]+|–[\d.]+)?")
"""What stands right-aligned in a table."""


ANCHORS = (
    ("scores", "Scores"),
    ("pairs", "Pairs"),
    ("learning", "Learning curve"),
    ("calibration", "Calibration"),
    ("confusion", "Confusion"),
    ("errors", "Rows to read"),
    ("money", "Cost"),
    ("data", "Data"),
)
"""The parts of a data set's section, in their order: the end of their id, and what the contents call them."""


@dataclass(frozen=True)
class Page:
    html: str
    figures: tuple[Chart, ...]
    """The main charts, for report/figures."""


def build(sections: Mapping[str, Section], settings: Settings, data: Path = details.DATA) -> Page:
    """The page, one part a data set. Raises UserError naming the first file of `data` that is missing."""
    parts = [_part(section, settings, details.read(section.results, data)) for section in sections.values()]
    claim = published.claim()
    surface = _surface(sections, settings)
    scripts = [Markup(figures.bundle().replace("</script", r"<\/script")), Markup(SCRIPT.read_text(encoding="utf-8"))]
    html = (
        _environment()
        .get_template("index.html.j2")
        .render(
            parts=parts,
            settings=settings,
            metric=METRIC_NAMES[settings.metrics.primary],
            rules=RULES,
            cutoffs=_cutoffs(sections, settings),
            provenance=[provenance.settings_grid(settings), provenance.versions_grid()],
            claim=claim,
            payload=economy.payload(sections, settings, claim) if surface else None,
            sliders=economy.sliders(economy.terms(settings), claim, settings.cost.currency),
            billings=economy.BILLINGS,
            surface=surface,
            theme=theme,
            anchors=ANCHORS,
            config=theme.CONFIG,
            scripts=scripts,
            hashes=" ".join(map(_digest, scripts)),
        )
    )
    main = [part[key] for part in parts for key in ("cost", "learning", "risk")]
    main += [chart for part in parts for chart in part["reliability"]]
    return Page(html, tuple(chart for chart in [*main, surface] if chart))


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.policies["json.dumps_kwargs"] = {"sort_keys": False, "separators": (",", ":")}
    for name in ("score", "signed", "significant", "count", "percent"):
        environment.filters[name] = getattr(numbers, name)
    environment.filters["numeric"] = numeric
    return environment


def numeric(rows: Sequence[Sequence[str]]) -> set[int]:
    """The columns, the first left out, that hold figures and dashes only."""
    width = len(rows[0]) if rows else 0
    return {i for i in range(1, width) if all(NUMBER.fullmatch(row[i]) for row in rows)}


def _digest(script: str) -> Markup:
    """The source that a Content-Security-Policy lets run, and no other."""
    return Markup("'sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() + "'")


def _part(section: Section, settings: Settings, held: Details) -> dict[str, Any]:
    results, primary, name = section.results, settings.metrics.primary, section.results.dataset
    titles = {contestant.name: contestant.title for contestant in results.contestants}
    pairs = [found for a, b in combinations(titles, 2) if (found := find_pair(results.pairs, a, b))]
    return {
        "name": name,
        "section": section,
        "brief": brief(section, METRIC_NAMES[primary]),
        "audit": results.audit,
        "facts": facts(results.audit),
        "titles": titles,
        "cost": charts.cost(results, primary, settings.cost.currency),
        "scores": charts.bars(results, section.table, primary),
        "pairs": pairs,
        "resolve": {(row["a"], row["b"]): row.get("rows_to_resolve") for row in results.pairs.get("pairs") or []},
        "differences": charts.differences(pairs, name, primary, settings.metrics.margin),
        "learning": learning_chart.chart(results, learning.curves(results.curve, primary), primary),
        "reliability": calibration.reliability(results, held),
        "calibration": calibration.table(results),
        "risk": calibration.risk(results, held),
        "confusion": [_confusion(section, settings, held, c.name) for c in results.contestants],
        "mistakes": {
            "labels": mistakes.against_label(held.errors),
            "disagreements": mistakes.disagreements(held.errors),
            "examples": mistakes.examples(held.errors, results),
            "confident": mistakes.confident(held.errors, results),
        },
        "costs": economy.costs(results, settings),
        "break_evens": economy.break_evens(results, settings),
        "cascades": [
            (economy_charts.cascade(name, c, primary, settings.cost.currency), economy_charts.choice(c, primary))
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


def brief(section: Section, metric: str) -> str:
    """The verdict in a sentence or two, for the first screen; the paragraph stands with the data set."""
    verdict, pair = section.verdict, section.verdict.pair
    titles = {contestant.name: contestant.title for contestant in section.results.contestants}
    because = "; ".join(verdict.reasons)
    if pair is None or pair.difference is None:
        return f"{because[:1].upper()}{because[1:]}."
    small, large = verdict.small_cost_per_1000_texts, verdict.large_cost_per_1000_texts
    text = (
        f"{metric[0].upper()}{metric[1:]} {numbers.score(pair.a_value)} with {titles[pair.a]}, "
        f"{numbers.score(pair.b_value)} with {titles[pair.b]}: {numbers.signed(pair.difference)} "
        f"[{numbers.signed(pair.low)} to {numbers.signed(pair.high)}]; {because}."
    )
    if small and large:
        times = max(small, large) / min(small, large)
        text += (
            f" A text costs {numbers.significant(times, 2)} times as much with {pair.b if large > small else pair.a}."
        )
    return text


def _surface(sections: Mapping[str, Section], settings: Settings) -> Chart | None:
    """The cost surface of the first data set that has two contestants of known cost."""
    for section in sections.values():
        pair, works = economy.pair(section), economy.works(section.results, settings)
        small, large = (works[name] for name in pair) if pair else (None, None)
        if small and large:
            return economy_charts.surface("surface", economy.surface(small, large, economy.terms(settings)))
    return None


def _cutoffs(sections: Mapping[str, Section], settings: Settings) -> Grid | None:
    seen = {
        (name, contestant.name)
        for name, section in sections.items()
        for contestant in section.results.contestants
        if section.results.may_have_been_seen(contestant)
    }
    days = {name: section.results.audit.get("published") for name, section in sections.items()}
    return provenance.cutoffs(settings, days, seen)
