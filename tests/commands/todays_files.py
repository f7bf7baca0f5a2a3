"""Files of metrics/ in today's form, for tests that state only some of what they hold."""

from __future__ import annotations

from typing import Any

from slingshot.files.audit import Audit
from slingshot.files.cost import Cost
from slingshot.files.intervals import Intervals
from slingshot.files.scores import Scores
from slingshot.settings.catalogue import METRICS

NO_FIGURES: dict[str, Any] = dict.fromkeys(METRICS)
NO_INTERVAL = dict.fromkeys(("value", "low", "high", "reason"))


def scores(**values: Any) -> dict[str, Any]:
    """Of metrics/scores/D/C.json."""
    facts = {"train_rows": 9, "test_rows": 9, "fraction": 1.0, "auroc_classes": None}
    content = NO_FIGURES | facts | {"validation_accuracy": None} | values
    return Scores.model_validate(content).as_json()


def seed(number: int, **figures: float) -> dict[str, Any]:
    """One training run of `intervals`."""
    facts = dict.fromkeys(("auroc_classes", "ece_if_calibrated", "p_calibrated"))
    return NO_FIGURES | facts | {"seed": number} | figures


def intervals(seeds: list[dict[str, Any]], **values: Any) -> dict[str, Any]:
    """Of metrics/intervals/D/C.json."""
    content = {
        "metrics": dict.fromkeys(METRICS, NO_INTERVAL),
        "confidence": 0.95,
        "groups": 9,
        "effective_groups": 9.0,
        "ece_bins": 15,
        "score_source": "softmax",
        "seeds": tuple(seeds),
        "classes": (),
        "calibration": None,
        "calibration_reason": None,
        "validation_reason": None,
        "notes": (),
        "predictions": "0" * 32,
    }
    return Intervals.model_validate(content | values).as_json()


def cost(**values: Any) -> dict[str, Any]:
    """Of metrics/cost/D/C.json."""
    facts = {"labels": 9, "train_rows": 9, "labelling_cost": 0.0}
    return Cost.model_validate(dict.fromkeys(Cost.model_fields) | facts | values).as_json()


def audit(**values: Any) -> dict[str, Any]:
    """Of metrics/audit/D.json."""
    rows = {"train": 5, "validation": 2, "test": 2}
    duplicates = ("distinct_texts", "exact_rows", "near_groups", "near_rows", "conflicting_texts")
    figures = ("accuracy", "balanced_accuracy", "macro_f1", "log_loss", "brier")
    largest = {"largest_rows": 1, "largest_share": 0.1, "largest_text": "good"}
    content = {
        "rows": {"source": 9, "used": 9, **rows},
        "wanted_rows": rows,
        "excluded": {},
        "classes": {"bad": rows, "good": rows},
        "duplicates": dict.fromkeys((*duplicates, "conflicting_groups", "short_not_joined"), 0),
        "ceiling": {"test": {"within": 1.0, "whole": 1.0}, "all": {"within": 1.0}},
        "shared_texts": None,
        "groups": {"count": 9, "splits": {}, **largest},
        "words": {"mean": 1.0, "median": 1.0, "p95": 1.0, "max": 1},
        "label_source": "human",
        "licence": "MIT",
        "description": "text",
        "published": None,
        "may_leave": False,
        "hub_id": None,
        "revision": None,
        "majority": {"label": "good", "auroc": None, **dict.fromkeys(figures, 0.5)},
        "warnings": (),
        "merged_labels": None,
        "data": "d" * 64,
        "files": {},
    }
    return Audit.model_validate(content | values).as_json()
