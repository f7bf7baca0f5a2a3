"""The page's sliders: the figures that page.js needs, the start and stops of each slider, the first cost surface."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Literal

from slingshot.money import month as monthly
from slingshot.money.month import Terms, Work
from slingshot.report import economy
from slingshot.report.numbers import per_million
from slingshot.report.published import CURRENCY, Claim
from slingshot.report.section import Section
from slingshot.report.total import terms
from slingshot.settings import Settings

VOLUMES = tuple(10.0**power for power in range(2, 9))
"""Monthly texts of the cost surface."""
MONTHS = (1.0, 2.0, 3.0, 6.0, 9.0, 12.0, 18.0, 24.0, 36.0, 48.0, 60.0)
"""Stops of the slider of months."""
UTILISATIONS = tuple(round(share / 10, 1) for share in range(10, 0, -1))
"""Utilisations of the cost surface."""
SHARES = tuple(round(share / 20, 2) for share in range(1, 21))
"""Stops of the slider of utilisation."""


@dataclass(frozen=True)
class Cell:
    """A cell of the cost surface."""

    texts: float
    """Texts per month."""
    utilisation: float
    ratio: float | None
    """Cost of the second divided by cost of the first; None if a cost is unknown or 0."""
    flip: float | None
    """The second contestant is cheaper if a million of its texts cost less than this price."""


@dataclass(frozen=True)
class Slider:
    """A range input for the field `key` of Terms or of the claim."""

    group: Literal["terms", "claim"]
    key: str
    label: str
    unit: str
    stops: list[float]
    start: float

    @property
    def at(self) -> int:
        """The position of its start in `stops`."""
        return self.stops.index(self.start)


def pair(section: Section, works: Mapping[str, Work | None]) -> tuple[str, str] | None:
    """The two contestants that the surface compares at first: those of the verdict, otherwise the first two with known
    `works`; None if there are no two."""
    verdict, names = section.verdict, [name for name, work in works.items() if work]
    if verdict.small in names and verdict.large in names:
        return str(verdict.small), str(verdict.large)
    return (names[0], names[1]) if len(names) > 1 else None


def surface(small: Work, large: Work, at: Terms) -> list[Cell]:
    """The cells of the cost surface, `large` against `small`."""
    return [
        _cell(small, large, replace(at, texts=texts, utilisation=utilisation))
        for utilisation in UTILISATIONS
        for texts in VOLUMES
    ]


def _cell(small: Work, large: Work, at: Terms) -> Cell:
    first, second = monthly.month(small, at), monthly.month(large, at)
    ratio = None
    if first and second and first.total > 0 and second.total > 0:
        ratio = second.total / first.total
    return Cell(at.texts, at.utilisation, ratio, per_million(monthly.flip_price(small, large, at)))


def payload(sections: Mapping[str, Section], settings: Settings) -> dict[str, object]:
    """The input of page.js: every contestant's work, the terms at the start, and the axes of the surface."""
    return {
        "currency": settings.cost.currency,
        "hours": monthly.HOURS,
        "volumes": VOLUMES,
        "utilisations": UTILISATIONS,
        "terms": asdict(terms(settings)),
        "datasets": {name: _dataset(section, settings) for name, section in sections.items()},
    }


def _dataset(section: Section, settings: Settings) -> dict[str, object]:
    works = economy.works(section.results, settings)
    return {
        "pair": pair(section, works),
        "works": {name: asdict(work) if work else None for name, work in works.items()},
        "titles": {name: section.results.titles[name] for name in works},
    }


def stops(low: float, high: float, *own: float) -> list[float]:
    """1, 2 and 5 times the powers of ten from `low` to `high`, and the values `own`, such as a slider's start."""
    powers = range(-6, 10)
    round_numbers = (float(f"{n}e{power}") for power in powers for n in (1, 2, 5))
    return sorted({*(stop for stop in round_numbers if low <= stop <= high), *own})


def sliders(start: Terms, claim: Claim, currency: str) -> list[Slider]:
    """All sliders of the page: for the terms of params.yaml, and for the study's claim."""
    return [*_of_terms(start, currency), *_of_claim(claim)]


def _of_terms(start: Terms, currency: str) -> list[Slider]:
    ranges = {
        "texts": stops(100, 1e8, start.texts),
        "hourly_price": stops(0.01, 100, start.hourly_price),
        "utilisation": sorted({*SHARES, start.utilisation}),
        "label_price": stops(0.01, 10, 0.0, start.label_price),
        "months": sorted({*MONTHS, start.months}),
        "llm_factor": stops(0.001, 1000, start.llm_factor),
    }
    labels = {
        "texts": ("Texts per month", ""),
        "hourly_price": ("Price of a machine hour", currency),
        "utilisation": ("Utilisation", "%"),
        "label_price": ("Price of a label", currency),
        "months": ("Months that share the one-off costs", ""),
        "llm_factor": ("The LLM's price, times", "×"),
    }
    return [Slider("terms", key, *labels[key], ranges[key], getattr(start, key)) for key in labels]


def _of_claim(claim: Claim) -> list[Slider]:
    ranges = {
        "llm_per_million": (0.05, 100.0, claim.llm_per_million),
        "hourly_price": (0.05, 100.0, claim.hourly_price),
        "tokens_per_second": (100.0, 1e6, claim.tokens_per_second),
    }
    labels = {
        "llm_per_million": ("LLM, price of a million input tokens", CURRENCY),
        "hourly_price": ("Price of a machine hour", CURRENCY),
        "tokens_per_second": ("Tokens that the machine reads per second", ""),
    }
    return [
        Slider("claim", key, *labels[key], stops(*ranges[key]), ranges[key][2]) for key in labels
    ]
