"""Small hand-made metrics files: what the report reads."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from slingshot import settings
from slingshot.settings import Settings

PARAMS = Path(__file__).parents[2] / "params.yaml"
VALUES = {"tfidf": 0.732, "frozen": 0.781, "minilm": 0.842, "gemma": 0.741}
COSTS = {"tfidf": 0.0000021, "frozen": 0.00143, "minilm": 0.00151, "gemma": 0.0352}


def audit() -> dict[str, Any]:
    return {
        "rows": {"source": 4200, "used": 4200, "train": 2520, "validation": 840, "test": 840},
        "excluded": {},
        "classes": {name: {"train": 840, "validation": 280, "test": 280} for name in ("neg", "neu", "pos")},
        "ceiling": {
            "test": {"within": 0.9988, "whole": 0.9976},
            "all": {"within": 0.9964},
            "meaning": {"within": "No contestant can score higher.", "whole": "What knowing every text would score."},
        },
        "label_source": "human",
        "licence": "MIT",
        "published": "2014-06-01",
        "majority": {
            "label": "pos",
            "accuracy": 0.5583,
            "balanced_accuracy": 0.3333,
            "macro_f1": 0.2389,
            "log_loss": 0.9871,
            "brier": 0.5912,
            "auroc": 0.5,
        },
        "warnings": [],
    }


def scores(value: float) -> dict[str, Any]:
    return {
        "accuracy": value,
        "balanced_accuracy": value - 0.05,
        "macro_f1": value - 0.04,
        "auroc": value + 0.1,
        "auroc_classes": 3,
        "log_loss": 1.2 - value,
        "brier": 0.3,
        "ece": 0.03,
        "coverage": 1.0,
        "test_rows": 840,
        "train_rows": 2520,
        "fraction": 1.0,
        "validation_accuracy": value + 0.01,
    }


def intervals(value: float, source: str, seeds: list[int]) -> dict[str, Any]:
    metrics = {
        name: {"value": figure, "low": figure - 0.02, "high": figure + 0.02, "reason": None}
        for name, figure in scores(value).items()
        if name in ("accuracy", "balanced_accuracy", "macro_f1", "auroc", "log_loss")
    }
    return {
        "confidence": 0.95,
        "score_source": source,
        "metrics": metrics,
        "seeds": [{"seed": seed, "accuracy": value} for seed in seeds],
        "notes": [],
    }


def cost(price: float, seconds: float | None) -> dict[str, Any]:
    return {
        "train_seconds": seconds,
        "train_cost": None if seconds is None else seconds * 0.1 / 3600,
        "cost_per_1000_texts": price,
        "cost_per_million_tokens": price * 50,
        "labelling_cost": 252.0,
        "train_rows": 2520,
    }


def pair(a: str, b: str, values: dict[str, float] = VALUES) -> dict[str, Any]:
    """By the rule of metrics.pairs with a half-width of 0.031 and a margin of 0.02."""
    difference = values[a] - values[b]
    low, high = difference - 0.031, difference + 0.031
    verdict = "better" if low > 0 else "worse" if high < 0 else "not resolved"
    reverse = {"better": "worse", "worse": "better"}.get(verdict, "not resolved")
    return {
        "a": a,
        "b": b,
        "a_value": values[a],
        "b_value": values[b],
        "difference": difference,
        "low": low,
        "high": high,
        "p": 0.0002,
        "p_holm": 0.0012 if verdict in ("better", "worse") else 0.41,
        "verdict": verdict,
        "reverse_verdict": reverse,
        "mcnemar": [],
        "notes": [],
    }


@dataclass
class Files:
    """One data set's metrics files as values, to be changed by a test and then written."""

    audit: dict[str, Any] = field(default_factory=audit)
    scores: dict[str, dict[str, Any]] = field(
        default_factory=lambda: {
            n: scores(v) | ({"train_rows": 12, "fraction": None} if n == "gemma" else {}) for n, v in VALUES.items()
        }
    )
    intervals: dict[str, dict[str, Any]] = field(
        default_factory=lambda: {
            "tfidf": intervals(VALUES["tfidf"], "softmax", [-1]),
            "frozen": intervals(VALUES["frozen"], "softmax", [-1]),
            "minilm": intervals(VALUES["minilm"], "softmax", [0]),
            "gemma": intervals(VALUES["gemma"], "logprob", [-1]),
        }
    )
    costs: dict[str, dict[str, Any]] = field(
        default_factory=lambda: {n: cost(p, None if n == "gemma" else 312.4) for n, p in COSTS.items()}
    )
    pairs: dict[str, Any] = field(
        default_factory=lambda: {
            "primary": "accuracy",
            "margin": 0.02,
            "confidence": 0.95,
            "resamples": 10000,
            "groups": 830,
            "test_rows": 840,
            "notes": [],
            "pairs": [pair(a, b) for i, a in enumerate(VALUES) for b in list(VALUES)[i + 1 :]],
        }
    )

    def pair(self, a: str, b: str) -> dict[str, Any]:
        return next(row for row in self.pairs["pairs"] if (row["a"], row["b"]) == (a, b))

    def add_cascade(self, name: str, value: float, price: float) -> None:
        """A cascade, with its pairs against all others."""
        self.scores[name], self.intervals[name] = scores(value), intervals(value, "softmax+logprob", [0])
        self.costs[name] = cost(price, 312.4)
        self.pairs["pairs"] += [pair(other, name, {**VALUES, name: value}) for other in VALUES]

    def write(self, folder: Path, dataset: str = "tweets") -> None:
        values = {f"audit/{dataset}": self.audit, f"pairs/{dataset}": self.pairs}
        for room, held in (("scores", self.scores), ("intervals", self.intervals), ("cost", self.costs)):
            values |= {f"{room}/{dataset}/{name}": value for name, value in held.items()}
        for name, value in values.items():
            path = folder / f"{name}.json"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(value))


@pytest.fixture
def files() -> Files:
    return Files()


@pytest.fixture
def study() -> Callable[..., Settings]:
    """The project's own params.yaml, narrowed to the one data set and what is given."""

    def narrowed(**chosen: Any) -> Settings:
        values = settings.read_yaml(PARAMS)
        values["study"] |= {"datasets": ["tweets"], "cascades": []} | chosen
        for name in values["study"]["datasets"]:
            values["datasets"].setdefault(name, values["datasets"]["tweets"])
        for name in values["study"]["models"]:
            values["models"].setdefault(name, values["models"]["minilm"])
        return settings.validated(values, PARAMS)

    return narrowed
