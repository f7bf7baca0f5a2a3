"""report/index.html: one file that needs nothing else, drawn by jinja2 with escaping always on."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from pathlib import Path

import jinja2

from slingshot.report import charts, numbers
from slingshot.report.pair import find_pair
from slingshot.report.section import Section
from slingshot.report.table import facts
from slingshot.report.verdict import RULES
from slingshot.report.words import METRIC_NAMES
from slingshot.settings import Settings

TEMPLATE = "index.html.j2"


def html(sections: Mapping[str, Section], settings: Settings) -> str:
    """The page; one part a data set."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    for name in ("score", "signed", "significant", "count", "percent"):
        environment.filters[name] = getattr(numbers, name)
    primary = settings.metrics.primary
    return environment.get_template(TEMPLATE).render(
        parts=[_part(section, primary) for section in sections.values()],
        settings=settings,
        metric=METRIC_NAMES[primary],
        rules=RULES,
        charts=charts,
    )


def _part(section: Section, primary: str) -> dict[str, object]:
    results = section.results
    titles = {contestant.name: contestant.title for contestant in results.contestants}
    pairs = [find_pair(results.pairs, a, b) for a, b in combinations(titles, 2)]
    return {
        "name": results.dataset,
        "section": section,
        "audit": results.audit,
        "facts": facts(results.audit),
        "bars": charts.bars(results, section.table, primary),
        "scatter": charts.scatter(results, section.table, primary),
        "pairs": [pair for pair in pairs if pair],
        "titles": titles,
    }
