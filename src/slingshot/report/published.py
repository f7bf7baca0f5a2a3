"""Published figures beside ours: published.yaml has them, their source and why ours may differ."""

from __future__ import annotations

import json
from pathlib import Path

from slingshot.files.storage.record import Record
from slingshot.money.prices import per_million_tokens
from slingshot.report.grid import Grid
from slingshot.report.inputs import Contestant, Results
from slingshot.report.numbers import MISSING, count, money, score
from slingshot.settings import Settings, read_yaml
from slingshot.settings.catalogue import METRICS

FIGURES = Path(__file__).with_name("published.yaml")
CURRENCY = "EUR"
"""Currency of the published sums."""
COSTS = {
    "train_seconds": "training seconds",
    "train_cost": "cost of training",
    "cost_per_million_tokens": "cost per million tokens",
}
MONEY = ("train_cost", "cost_per_million_tokens")


class Figure(Record):
    """A published figure, and our contestants that are shown beside it."""

    who: str
    ours: tuple[str, ...]
    metric: str
    """A metric of the catalogue, or a key of COSTS."""
    value: float
    words: str = "{}"
    """The figure's precision in words: `about {}`."""
    conditions: str


class Claim(Record):
    """The study's headline about money, and its three assumptions; prices in EUR."""

    words: str
    source: str
    llm_per_million: float
    hourly_price: float
    tokens_per_second: float

    @property
    def ratio(self) -> float:
        """How many times as much the LLM costs by these assumptions."""
        own = per_million_tokens(self.hourly_price, self.tokens_per_second)
        return self.llm_per_million / own


class OfDataset(Record):
    figures: tuple[Figure, ...]
    reasons: tuple[str, ...]
    """Why ours may differ."""


class Published(Record):
    """published.yaml."""

    source: str
    reasons: tuple[str, ...]
    claim: Claim
    costs: tuple[Figure, ...]
    """Figures that several data sets refer to."""
    datasets: dict[str, OfDataset]


def read() -> Published:
    """Read published.yaml. Raises UserError if it is malformed."""
    return Published.parse(json.dumps(read_yaml(FIGURES)), str(FIGURES), "install Slingshot again")


def build(results: Results, settings: Settings) -> Grid | None:
    """The published figures of this data set beside ours; None without published figures."""
    published = read()
    of_dataset = published.datasets.get(results.dataset)
    if of_dataset is None:
        return None
    return Grid(
        heading="Published beside ours",
        caption=f"Published: {published.source}. Ours: test rows of {results.dataset}.",
        columns=(
            "Published of",
            "Figure",
            "Published",
            "Ours",
            "Conditions of the published figure",
        ),
        rows=tuple(_row(figure, results, settings) for figure in of_dataset.figures),
        notes=(
            f"{MISSING}: the contestant did not run here, or has no such figure.",
            *of_dataset.reasons,
            *published.reasons,
        ),
    )


def _row(figure: Figure, results: Results, settings: Settings) -> tuple[str, ...]:
    metric, ours = figure.metric, []
    for name in figure.ours:
        contestant = results.named(name)
        cell = _ours(contestant, metric, settings) if contestant else MISSING
        ours.append(cell if len(figure.ours) == 1 else f"{name} {cell}")
    published = f"{figure.value:,g}"
    return (
        figure.who,
        METRICS[metric].title if metric in METRICS else COSTS[metric],
        figure.words.format(f"{CURRENCY} {published}" if metric in MONEY else published),
        "; ".join(ours),
        figure.conditions,
    )


def _ours(contestant: Contestant, metric: str, settings: Settings) -> str:
    cell = (
        _score(contestant, metric)
        if metric in METRICS
        else _cost(contestant, metric, settings.cost.currency)
    )
    fraction = contestant.scores.fraction
    return cell if fraction in (None, 1) or cell == MISSING else f"{cell} at fraction {fraction:g}"


def _score(contestant: Contestant, metric: str) -> str:
    value, interval = score(contestant.score(metric)), contestant.interval(metric)
    return (
        value if interval.low is None else f"{value} [{score(interval.low)}–{score(interval.high)}]"
    )


def _cost(contestant: Contestant, metric: str, currency: str) -> str:
    value: float | None = getattr(contestant.cost, metric)
    if metric not in MONEY:
        return count(value)
    return MISSING if value is None else money(value, currency)
