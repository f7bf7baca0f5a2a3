"""What the page's sliders move: the figures that page.js works with, where each slider starts and stops, and the cost
surface as it is drawn at first."""

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
"""Stops of their slider."""
UTILISATIONS = tuple(round(share / 10, 1) for share in range(10, 0, -1))
SHARES = tuple(round(share / 20, 2) for share in range(1, 21))
"""Stops of the slider of utilisation."""


@dataclass(frozen=True)
class Cell:
    """A cell of the cost surface."""

    texts: float
    """A month."""
    utilisation: float
    ratio: float | None
    """Cost of the second over that of the first; None where one is unknown or nothing."""
    flip: float | None
    """Price of a million texts of the second, below which it is the cheaper one."""


@dataclass(frozen=True)
class Slider:
    """A range input: `key` in Terms or in the claim."""

    group: Literal["terms", "claim"]
    key: str
    label: str
    unit: str
    stops: list[float]
    start: float

    @property
    def at(self) -> int:
        """The place of its start among the stops."""
        return self.stops.index(self.start)


def pair(section: Section, works: Mapping[str, Work | None]) -> tuple[str, str] | None:
    """The two that the surface compares at first: those of the verdict, else the first two, if what they take is
    known."""
    verdict, names = section.verdict, [name for name, work in works.items() if work]
    if verdict.small in names and verdict.large in names:
        return str(verdict.small), str(verdict.large)
    return (names[0], names[1]) if len(names) > 1 else None


def surface(small: Work, large: Work, at: Terms) -> list[Cell]:
    """By monthly texts and utilisation, `large` against `small`."""
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
    """What page.js needs: every contestant's work, the terms at the start, and the axes of the surface."""
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
    """1, 2 and 5 times the powers of ten from `low` to `high`, and a slider's own start among them."""
    powers = range(-6, 10)
    round_numbers = (float(f"{n}e{power}") for power in powers for n in (1, 2, 5))
    return sorted({*(stop for stop in round_numbers if low <= stop <= high), *own})


def sliders(start: Terms, claim: Claim, currency: str) -> list[Slider]:
    """All of the page, by params.yaml's terms and by the study's claim."""
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
        "texts": ("Texts a month", ""),
        "hourly_price": ("An hour of the machine", currency),
        "utilisation": ("Utilisation", "%"),
        "label_price": ("A label", currency),
        "months": ("Months to write off over", ""),
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
        "llm_per_million": ("LLM, a million input tokens", CURRENCY),
        "hourly_price": ("An hour of the machine", CURRENCY),
        "tokens_per_second": ("Tokens that it reads a second", ""),
    }
    return [
        Slider("claim", key, *labels[key], stops(*ranges[key]), ranges[key][2]) for key in labels
    ]
