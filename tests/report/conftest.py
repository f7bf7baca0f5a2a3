"""Small hand-made metrics files, and data/plots and data/errors beside them: what the report reads."""

from __future__ import annotations

import csv
import json
import math
import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from slingshot import settings
from slingshot.settings import Settings

PARAMS = Path(__file__).parents[2] / "params.yaml"
VALUES = {"tfidf": 0.732, "frozen": 0.781, "minilm": 0.842, "gemma": 0.741}
CLASSES = ("neg", "neu", "pos")
COSTS = {"tfidf": 0.0000021, "frozen": 0.00143, "minilm": 0.00151, "gemma": 0.0352}


def group(share: float) -> dict[str, Any]:
    return {"largest_rows": 4, "largest_share": share, "largest_text": "Too short."}


def audit() -> dict[str, Any]:
    return {
        "rows": {"source": 4200, "used": 4200, "train": 2520, "validation": 840, "test": 840},
        "wanted_rows": {"validation": 840, "test": 840},
        "excluded": {},
        "classes": {name: {"train": 840, "validation": 280, "test": 280} for name in CLASSES},
        "duplicates": {
            "distinct_texts": 4190,
            "exact_rows": 10,
            "near_groups": 4,
            "near_rows": 9,
            "conflicting_texts": 3,
            "conflicting_groups": 3,
            "short_not_joined": 0,
        },
        "ceiling": {"test": {"within": 0.9988, "whole": 0.9976}, "all": {"within": 0.9964}},
        "shared_texts": None,
        "groups": {
            "count": 4100,
            **group(0.001),
            "splits": {split: group(0.002) for split in ("train", "validation", "test")},
        },
        "words": {"mean": 13.5, "median": 12.0, "p95": 31.0, "max": 64},
        "label_source": "human",
        "licence": "MIT",
        "description": "a post",
        "published": "2014-06-01",
        "may_leave": True,
        "hub_id": None,
        "revision": None,
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
        "merged_labels": None,
        "data": "rows",
        "files": {"test.parquet": "cut"},
    }


def figures(value: float) -> dict[str, float]:
    """A figure for each metric."""
    return {
        "accuracy": value,
        "balanced_accuracy": value - 0.05,
        "macro_f1": value - 0.04,
        "auroc": min(1.0, value + 0.1),
        "log_loss": 1.2 - value,
        "brier": 0.3,
        "ece": 0.03,
        "rms_calibration_error": 0.04,
        "coverage": 1.0,
    }


def scores(value: float) -> dict[str, Any]:
    return {
        **figures(value),
        "auroc_classes": 3,
        "test_rows": 840,
        "train_rows": 2520,
        "fraction": 1.0,
        "validation_accuracy": value + 0.01,
    }


def seed(number: int, value: float) -> dict[str, Any]:
    """The figures of one training run."""
    chance = {"auroc_classes": 3, "ece_if_calibrated": 0.029, "p_calibrated": 0.4}
    return {"seed": number, **figures(value), **chance}


def intervals(value: float, source: str, seeds: list[int]) -> dict[str, Any]:
    metrics = {
        name: {"value": figure, "low": figure - 0.02, "high": figure + 0.02, "reason": None}
        for name, figure in figures(value).items()
    }
    for name in ("ece", "rms_calibration_error"):
        metrics[name] |= {"low": None, "high": None, "reason": {"code": "binned_error"}}
    return {
        "confidence": 0.95,
        "groups": 830,
        "effective_groups": 820.4,
        "ece_bins": 15,
        "score_source": source,
        "metrics": metrics,
        "seeds": [seed(number, value) for number in seeds],
        "notes": [],
        "classes": [
            {"label": label, "rows": 280, "recall_low": value - 0.05, "recall_high": value + 0.05}
            | dict.fromkeys(("precision", "recall", "f1"), value)
            for label in CLASSES
        ],
        "calibration": calibration(seeds),
        "calibration_reason": None,
        "validation_reason": None,
        "predictions": "0" * 32,
    }


def calibration(seeds: list[int]) -> dict[str, Any]:
    before = {"log_loss": 0.61, "brier": 0.32, "ece": 0.081, "rms_calibration_error": 0.074}
    after = {"log_loss": 0.52, "brier": 0.29, "ece": 0.031, "rms_calibration_error": 0.0}
    return {
        "validation_rows": 840,
        "temperatures": [{"seed": seed, "temperature": 1.31} for seed in seeds],
        "before": before | {"ece_if_calibrated": 0.029, "p_calibrated": 0.0004},
        "after": after | {"ece_if_calibrated": 0.029, "p_calibrated": 0.37},
    }


def cost(price: float, seconds: float | None, labels: int = 3360) -> dict[str, Any]:
    """Of what costs the machine's seconds, at 0.10 an hour, timed to 1%."""
    return {
        "machine_seconds_per_1000_texts": _seconds(price),
        "machine_seconds_spread": 0.01,
        **dict.fromkeys(TOKEN_COSTS),
        "train_seconds": seconds,
        "train_cost": None if seconds is None else seconds * 0.1 / 3600,
        "cost_per_1000_texts": price,
        "cost_per_million_tokens": price * 50,
        "latency_p50": 0.01,
        "latency_p95": None,
        "latency_texts": 100,
        "predict_seconds": 9.0,
        "texts_per_second": 93.0,
        "tokens_per_second": 1900.0,
        "peak_memory_gib": None,
        "model_mib": None,
        "labels": labels,
        "labelling_cost": labels * 0.1,
        "train_rows": labels - 840,
    }


def _seconds(price: float) -> float:
    """Of a machine at 0.10 an hour, for that price."""
    return price / 0.1 * 3600


SMALL = 0.00002
"""A p that any correction leaves below 0.05."""
TOKEN_COSTS = tuple(f"{kind}_cost_per_1000_texts" for kind in ("token", "list", "cached", "batch"))


def pair(a: str, b: str, values: dict[str, float] = VALUES) -> dict[str, Any]:
    """As metrics.pairs writes it, with a half-width of 0.031 and a margin of 0.02."""
    difference = values[a] - values[b]
    low, high = difference - 0.031, difference + 0.031
    return {
        "a": a,
        "b": b,
        "a_value": values[a],
        "b_value": values[b],
        "difference": difference,
        "low": low,
        "high": high,
        "variances": variances(0.031),
        "p": SMALL if low > 0 or high < 0 else 0.41,
        "p_as_good": SMALL if low > -0.02 else 0.7,
        "p_reverse_as_good": SMALL if high < 0.02 else 0.7,
        "recipe": None,
        "same": False,
        "mcnemar": [],
        "notes": [],
    }


def variances(half_width: float) -> dict[str, Any]:
    """What a 95% interval is made of, where training adds nothing."""
    return {
        "rows": {"value": (half_width / 1.959964) ** 2, "df": None, "scatter": None},
        "training": [],
        "noise": 0.0,
    }


def related(
    pair: dict[str, Any], difference: float, half_width: float, p: float, verdict: str, reverse: str
) -> None:
    """Change a pair so that, tested alone, its sides are this to each other."""
    pair.update(
        difference=difference,
        low=difference - half_width,
        high=difference + half_width,
        variances=variances(half_width),
        p=p,
        p_as_good=SMALL if verdict in ("better", "as good") else 0.8,
        p_reverse_as_good=SMALL if reverse in ("better", "as good") else 0.8,
    )


def errors(names: list[str], classes: Sequence[str] = CLASSES) -> dict[str, Any]:
    """data/errors/D.json of three rows."""
    first, second, *_ = classes
    texts = {f"r{i}": {"text": f"The text of row {i}.", "label": first} for i in range(3)}
    counts = {
        "rows": 840,
        "both_right": 600,
        "only_a": 90,
        "only_b": 80,
        "both_wrong_alike": 50,
        "both_wrong_apart": 20,
    }
    return {
        "texts": texts,
        "agree_against_label": [{"id": "r0", "prediction": second, "confidence": 0.97}],
        "agree_against_label_rows": 73,
        "confident_errors": {
            name: [{"id": "r1", "prediction": second, "confidence": 0.98}] for name in names
        },
        "disagreements": [
            {"a": a, "b": b, **counts} for i, a in enumerate(names) for b in names[i + 1 :]
        ],
        "disagreement_examples": [{"id": "r2", "predictions": dict.fromkeys(names, second)}],
    }


@dataclass
class Plots:
    """One contestant's lines of data/plots/D, below their headers."""

    confusion: list[tuple[str, str]]
    predicted: list[tuple[float, float, int]]
    scaled: list[tuple[float, float, int]]
    risk: list[tuple[float, float]]

    def write(self, root: Path, dataset: str, contestant: str) -> None:
        bins = ("confidence", "accuracy", "rows")
        for name, header, lines in (
            ("confusion", ("actual", "predicted"), self.confusion),
            ("reliability", bins, self.predicted),
            ("scaled", bins, self.scaled),
            ("risk", ("coverage", "risk"), self.risk),
        ):
            path = root / "data/plots" / dataset / name / f"{contestant}.csv"
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("w", newline="") as file:
                csv.writer(file, lineterminator="\n").writerows([header, *lines])


def plots(value: float, classes: Sequence[str] = CLASSES, rows: int = 840) -> Plots:
    """Of a contestant of that accuracy whose mistakes lie near the class, and who is a little too sure."""
    random_ = random.Random(value)
    confusion = []
    for i in range(rows):
        actual = i % len(classes)
        other = (actual + random_.choice((-1, 1, 1, 2))) % len(classes)
        confusion.append((classes[actual], classes[actual if random_.random() < value else other]))
    confusion[-1] = (confusion[-1][0], "(no valid answer)")
    levels = [(i + 0.5) / 15 for i in range(5, 15)]
    return Plots(
        confusion=confusion,
        predicted=[(level, level * 0.85, 20 + 8 * i) for i, level in enumerate(levels)],
        scaled=[(level, level * 0.99, 20 + 8 * i) for i, level in enumerate(levels)],
        risk=[(i / rows, (1 - value) * (i / rows) ** 1.5) for i in range(1, rows + 1)],
    )


def cascade(name: str) -> dict[str, Any]:
    """metrics/cascade of minilm before gemma."""
    seed = {
        "seed": 0,
        "temperature": 1.31,
        "threshold": 0.55,
        "escalated_validation": 0.04,
        "escalated_test": 0.05,
    }
    seed |= {"rows": 300}
    shares = [i / 10 for i in range(11)]
    return {
        "name": name,
        "small": "minilm",
        "large": "gemma",
        "primary": "accuracy",
        "max_cost": None,
        "rows": 300,
        "alone": None,
        "seeds": [seed | {"validation": 0.85, "small_validation": 0.84, "large_validation": 0.741}],
        "curve": [
            {
                "seed": 0,
                "threshold": None if share == 1 else 0.4 + share / 2,
                "escalated": share,
                "value": 0.842 + 0.02 * share - 0.12 * share**2,
                "cost_per_1000_texts": COSTS["minilm"] + share * COSTS["gemma"],
                "chosen": share == 0.1,
            }
            for share in shares
        ],
        "notes": [{"code": "max_cost_too_low", "small": "minilm"}],
    }


@dataclass
class Files:
    """One data set's files as values, to be changed by a test and then written."""

    audit: dict[str, Any] = field(default_factory=audit)
    scores: dict[str, dict[str, Any]] = field(
        default_factory=lambda: {
            n: scores(v) | ({"train_rows": 12, "fraction": None} if n == "gemma" else {})
            for n, v in VALUES.items()
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
        default_factory=lambda: {
            n: cost(p, None if n == "gemma" else 312.4) for n, p in COSTS.items()
        }
    )
    pairs: dict[str, Any] = field(
        default_factory=lambda: {
            "primary": "accuracy",
            "margin": 0.02,
            "confidence": 0.95,
            "seed_sd": 0.012,
            "groups": 830,
            "test_rows": 840,
            "undecidable": None,
            "notes": [],
            "pairs": [pair(a, b) for i, a in enumerate(VALUES) for b in list(VALUES)[i + 1 :]],
        }
    )

    plots: dict[str, Plots] = field(
        default_factory=lambda: {n: plots(v) for n, v in VALUES.items()}
    )
    errors: dict[str, Any] = field(default_factory=lambda: errors(list(VALUES)))
    cascades: dict[str, dict[str, Any]] = field(default_factory=dict)
    validation: dict[str, dict[str, float]] = field(default_factory=dict)
    """Contestant -> number of validation rows -> its figure, where it is not that of its scores on all 840."""

    def pair(self, a: str, b: str) -> dict[str, Any]:
        return next(row for row in self.pairs["pairs"] if (row["a"], row["b"]) == (a, b))

    def add_cascade(self, name: str, value: float, price: float) -> None:
        """A cascade, with its pairs against all others."""
        self.scores[name], self.intervals[name] = (
            scores(value),
            intervals(value, "softmax+logprob", [0]),
        )
        self.costs[name] = cost(price, 312.4)
        self.plots[name], self.cascades[name] = plots(value), cascade(name)
        self.pairs["pairs"] += [pair(other, name, {**VALUES, name: value}) for other in VALUES]

    def _seconds_follow_prices(self) -> None:
        """A test that changes the price of what is paid by the second changes its seconds."""
        for held in self.costs.values():
            price, seconds = held["cost_per_1000_texts"], held["machine_seconds_per_1000_texts"]
            if seconds is None or held["token_cost_per_1000_texts"] is not None:
                continue
            if price is None or not math.isclose(_seconds(price), seconds):
                held["machine_seconds_per_1000_texts"] = None if price is None else _seconds(price)

    def write(self, root: Path, dataset: str = "tweets") -> None:
        """Into metrics/ and data/ of `root`."""
        self._seconds_follow_prices()
        checked = {name: held["validation_accuracy"] for name, held in self.scores.items()}
        every = {name: {} if value is None else {"840": value} for name, value in checked.items()}
        self.pairs["validation"] = every | self.validation
        values = {f"audit/{dataset}": self.audit, f"pairs/{dataset}": self.pairs}
        for room, held in (
            ("scores", self.scores),
            ("intervals", self.intervals),
            ("cost", self.costs),
            ("cascade", self.cascades),
        ):
            values |= {f"{room}/{dataset}/{name}": value for name, value in held.items()}
        for name, value in values.items():
            path = root / "metrics" / f"{name}.json"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(value))
        errors = root / "data/errors" / f"{dataset}.json"
        errors.parent.mkdir(parents=True, exist_ok=True)
        errors.write_text(json.dumps(self.errors))
        for name, held in self.plots.items():
            held.write(root, dataset, name)


NOTHING: dict[str, Any] = {
    "monthly_texts": None,
    "horizon_months": None,
    "count_labels": False,
    "monthly_budget": None,
    "latency_p95": None,
}
"""The decision block that requires nothing."""
VOID = {"meta", "link", "input"}


class Balanced(HTMLParser):
    """Fails on a tag closed out of order; holds the attributes that make a browser fetch."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.fetched: list[str] = []

    def handle_starttag(self, tag, attrs) -> None:
        self.fetched += [v for k, v in attrs if k in ("src", "href", "srcset", "data", "poster")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag


def shown(html: str) -> str:
    """The page without its two programs; what its charts hold is left."""
    return re.sub(r"<script>.*?</script>", "", html, flags=re.DOTALL)


@pytest.fixture
def files() -> Files:
    return Files()


def narrowed(**chosen: Any) -> Settings:
    """The project's own params.yaml, narrowed to the one data set and what is given."""
    values = settings.read_yaml(PARAMS)
    values["study"] |= {"datasets": ["tweets"], "cascades": []} | chosen
    for name in values["study"]["datasets"]:
        values["datasets"].setdefault(name, values["datasets"]["tweets"])
    for name in values["study"]["models"]:
        values["models"].setdefault(name, values["models"]["minilm"])
    for name in values["study"]["llms"]:
        values["llms"].setdefault(name, values["llms"]["gemma"])
    return settings.validated(values, PARAMS)


@pytest.fixture
def study() -> Callable[..., Settings]:
    return narrowed
