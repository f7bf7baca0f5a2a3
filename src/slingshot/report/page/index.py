"""report/index.html: one file that loads nothing else, made by jinja2 with escaping always on.

Texts of data sets, titles and class names are data, and may be hostile. They enter the page as escaped text or, in
charts, as JSON that can't close its tag. The page's policy runs only the scripts with the hashes that it lists.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import jinja2
from markupsafe import Markup

from slingshot.report import economy, numbers, published, total
from slingshot.report.grid import Grid
from slingshot.report.page import (
    details,
    economy_charts,
    figures,
    parts,
    provenance,
    sliders,
    theme,
)
from slingshot.report.page.charts import Chart
from slingshot.report.rules import RULES
from slingshot.report.section import Section
from slingshot.settings import Settings
from slingshot.settings.catalogue import METRICS
from slingshot.settings.errors import visible

FOLDER = Path(__file__).parent
TEMPLATES = FOLDER / "templates"
SCRIPT = FOLDER / "page.js"
NUMBER = re.compile(r"(< )?[-−+–÷]?[\d.,]*[%×]?( to [-−+]?[\d.]+|–[\d.]+| \[[\d.]+–[\d.]+\])?")
"""Cells of this form are right-aligned in tables."""
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
"""The parts of a data set's section, in their order: the end of their id (set-NAME-scores), and their name."""


@dataclass(frozen=True)
class Page:
    html: str
    figures: tuple[Chart, ...]
    """The main charts, for report/figures."""


def build(sections: Mapping[str, Section], settings: Settings, root: Path = Path()) -> Page:
    """The page, with one part for each data set. Raises UserError that names the first missing file under `root`."""
    datasets = [
        parts.build(section, settings, details.read(section.results, root))
        for section in sections.values()
    ]
    surface = _surface(sections, settings)
    main = [chart for part in datasets for chart in (part.cost, part.learning, part.risk)]
    main += [chart for part in datasets for chart in part.reliability]
    charts = tuple(chart for chart in [*main, surface] if chart)
    return Page(_html(datasets, sections, settings, surface), charts)


def _html(
    datasets: Sequence[parts.Part],
    sections: Mapping[str, Section],
    settings: Settings,
    surface: Chart | None,
) -> str:
    claim = published.read().claim
    programs = (
        figures.bundle().replace("</script", r"<\/script"),
        SCRIPT.read_text(encoding="utf-8"),
    )
    scripts = [Markup(program) for program in programs]  # nosec B704 # our own, with no data in them
    template = _environment().get_template("index.html.j2")
    return template.render(
        parts=datasets,
        settings=settings,
        metric=METRICS[settings.metrics.primary].title,
        rules=RULES,
        cutoffs=_cutoffs(sections, settings),
        provenance=[provenance.settings_grid(settings), provenance.versions_grid()],
        claim=claim,
        payload=sliders.payload(sections, settings) if surface else None,
        sliders=sliders.sliders(total.terms(settings), claim, settings.cost.currency),
        billings=total.BILLINGS,
        surface=surface,
        horizon=total.horizon_words(settings.decision),
        theme=theme,
        anchors=ANCHORS,
        config=theme.CONFIG,
        scripts=scripts,
        hashes=" ".join(map(_digest, scripts)),
    )


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        finalize=_shown,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.policies["json.dumps_kwargs"] = {"sort_keys": False, "separators": (",", ":")}
    for name in ("score", "signed", "significant", "count", "percent"):
        environment.filters[name] = getattr(numbers, name)
    environment.filters["numeric"] = numeric
    return environment


def _shown(value: object) -> object:
    """Text with visible control characters: they may reverse the direction of writing, or be forbidden in XML. Markup
    is already safe."""
    return visible(value) if type(value) is str else value


def numeric(rows: Sequence[Sequence[str]]) -> set[int]:
    """The columns with only figures and dashes, without the first column."""
    width = len(rows[0]) if rows else 0
    return {i for i in range(1, width) if all(NUMBER.fullmatch(row[i]) for row in rows)}


def _digest(script: str) -> str:
    """The hash by which a Content-Security-Policy allows this script and no other."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"


def _surface(sections: Mapping[str, Section], settings: Settings) -> Chart | None:
    """The cost surface of the first data set that has two contestants with known costs; None if no data set has."""
    for section in sections.values():
        works = economy.works(section.results, settings)
        pair = sliders.pair(section, works)
        small, large = (works[name] for name in pair) if pair else (None, None)
        if small and large:
            cells = sliders.surface(small, large, total.terms(settings))
            return economy_charts.surface("surface", cells)
    return None


def _cutoffs(sections: Mapping[str, Section], settings: Settings) -> Grid | None:
    seen = {
        (name, contestant.name)
        for name, section in sections.items()
        for contestant in section.results.contestants
        if section.results.may_have_been_seen(contestant)
    }
    published = {name: section.results.audit.published for name, section in sections.items()}
    return provenance.cutoffs(settings, published, seen)
