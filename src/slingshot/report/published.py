"""Published figures beside ours: published.yaml holds them, their source and why ours may differ."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from slingshot.money.prices import per_million_tokens
from slingshot.report.grid import Grid
from slingshot.report.inputs import Contestant, Results
from slingshot.report.numbers import MISSING, count, score, significant
from slingshot.settings import Settings, read_yaml
from slingshot.settings.catalogue import METRICS

FIGURES = Path(__file__).with_name("published.yaml")
CURRENCY = "EUR"
"""Of the published sums."""
COSTS = {
    "train_seconds": "training seconds",
    "train_cost": "cost of training",
    "cost_per_million_tokens": "cost per million tokens",
}


def build(results: Results, settings: Settings) -> Grid | None:
    """The published figures of this data set beside ours; None where there are none."""
    published = read_yaml(FIGURES)
    mine = published["datasets"].get(results.dataset)
    if mine is None:
        return None
    return Grid(
        heading="Published beside ours",
        caption=f"Published: {published['source']}. Ours: test rows of {results.dataset}.",
        columns=("Published of", "Figure", "Published", "Ours", "Conditions of the published"),
        rows=tuple(_row(figure, results, settings) for figure in mine["figures"]),
        notes=(
            f"{MISSING} marks a contestant that did not run here, or has no such figure.",
            *mine["reasons"],
            *published["reasons"],
        ),
    )


def _row(figure: Mapping[str, Any], results: Results, settings: Settings) -> tuple[str, ...]:
    metric, named = (
        figure["metric"],
        {contestant.name: contestant for contestant in results.contestants},
    )
    ours = []
    for name in figure["ours"]:
        own = _ours(named[name], metric, settings) if name in named else MISSING
        ours.append(own if len(figure["ours"]) == 1 else f"{name} {own}")
    return (
        figure["who"],
        METRICS[metric].title if metric in METRICS else COSTS[metric],
        figure.get("words", "{}").format(_money(metric, f"{figure['value']:,g}", CURRENCY)),
        "; ".join(ours),
        figure["conditions"],
    )


def _ours(contestant: Contestant, metric: str, settings: Settings) -> str:
    value = getattr(contestant.cost, metric) if metric in COSTS else contestant.scores.get(metric)
    text = _printed(metric, value, settings.cost.currency)
    interval = (contestant.intervals.get("metrics") or {}).get(metric) or {}
    if interval.get("low") is not None and interval.get("high") is not None:
        text += f" [{score(interval['low'])}–{score(interval['high'])}]"
    fraction = contestant.scores.get("fraction")
    return text if fraction in (None, 1) or text == MISSING else f"{text} at fraction {fraction:g}"


def _printed(metric: str, value: float | None, currency: str) -> str:
    if value is None or metric == "train_seconds":
        return count(value)
    return _money(metric, significant(value, 2), currency) if metric in COSTS else score(value)


def _money(metric: str, text: str, currency: str) -> str:
    return f"{currency} {text}" if metric in ("train_cost", "cost_per_million_tokens") else text


def claim() -> dict[str, Any]:
    """The study's headline on money: its three assumptions, and the `ratio` that follows from them."""
    held = read_yaml(FIGURES)["claim"]
    return {
        **held,
        "ratio": held["llm_per_million"]
        / per_million_tokens(held["hourly_price"], held["tokens_per_second"]),
    }
