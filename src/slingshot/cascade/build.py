"""A cascade: the small model answers where its calibrated confidence reaches a threshold, else the LLM does.

Chosen for each training seed on validation rows alone: the temperature on all that the small model predicts, the
threshold, a quantile of the confidences, on those that the LLM predicts too (Chen et al., 2023, FrugalGPT, section 3,
arXiv:2305.05176; here with one step), by the rule of metrics/threshold.py. Test rows choose nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from slingshot.cascade import threshold as thresholds
from slingshot.metrics import calibration
from slingshot.metrics.estimates import value_of
from slingshot.metrics.scored import Scored, SeedRun
from slingshot.settings import CascadeSettings, UserError


@dataclass(frozen=True)
class Rows:
    """The rows of one split that both sides predict, in one order."""

    small: pd.DataFrame
    """Of one seed, its scores scaled by the temperature."""
    large: pd.DataFrame
    confidence: np.ndarray
    """The small model's, calibrated; shape (rows,)."""

    def escalated(self, threshold: float | None) -> np.ndarray:
        """Which rows the LLM answers: those under the threshold, or all; shape (rows,)."""
        return np.ones(len(self.small), bool) if threshold is None else self.confidence < threshold

    def answered(self, threshold: float | None) -> pd.DataFrame:
        """Predictions of the cascade. What it reads of an escalated row is what both read."""
        up = self.escalated(threshold)
        rows = self.small.copy()
        for column in ("prediction", "scores", "score_source", "status", "output_tokens"):
            rows[column] = self.large[column].where(up, self.small[column])
        rows["input_tokens"] = self.small["input_tokens"] + self.large["input_tokens"].where(up, 0)
        if threshold is None:
            rows["input_tokens"] = self.large["input_tokens"]
        return rows

    def asked(self, threshold: float | None) -> Escalation:
        tokens = (self.large["input_tokens"] + self.large["output_tokens"]).to_numpy(dtype=float)
        weights = tokens if tokens.sum() else np.ones(len(tokens))
        up = self.escalated(threshold)
        return Escalation(
            float(up.mean()), float(weights[up].sum() / weights.sum()), threshold is not None
        )


@dataclass(frozen=True)
class Escalation:
    """What of some rows the LLM is asked."""

    rows: float
    """Their share."""
    tokens: float
    """Of the LLM's tokens on all these rows, those of the escalated ones: what is paid of its bill for them all."""
    small_reads: bool
    """Whether the small model reads every text: not where the LLM always answers."""


@dataclass(frozen=True)
class Prices:
    """Of 1,000 texts, in `currency`; None where it is unknown."""

    small: float | None
    large: float | None
    currency: str

    def of(self, rows: Rows, threshold: float | None) -> float | None:
        """The small model reads every text unless the LLM always answers."""
        if self.small is None or self.large is None:
            return None
        return (
            self.large
            if threshold is None
            else self.small + rows.asked(threshold).tokens * self.large
        )


@dataclass(frozen=True)
class Cascade:
    predictions: pd.DataFrame
    """Test, and the validation rows that both sides predict, under every seed."""
    asked: dict[int, Escalation]
    """By training seed, how much of the test rows the LLM is asked."""
    report: dict[str, Any]
    """The contents of metrics/cascade/D/NAME.json."""


def build(
    settings: CascadeSettings,
    small: pd.DataFrame,
    large: pd.DataFrame,
    primary: str,
    classes: int,
    prices: Prices,
) -> Cascade:
    """The cascade of two predictions frames. Raises UserError where the small model has no scores, the two share no
    validation row, or what chooses the threshold is unknown."""
    _check(settings, small, large, primary, prices)
    made = [
        _of_seed(settings, small[small["seed"] == seed], large, primary, classes, prices)
        for seed in sorted(set(small["seed"].tolist()))
    ]
    seeds = [one.report for one in made]
    report = {
        **settings.model_dump(),
        "primary": primary,
        "target": _target(settings, primary, prices.currency),
        "alone": _alone([one.asked for one in made]),
        "rows": seeds[0]["rows"],
        "seeds": seeds,
        "curve": [point for one in made for point in one.curve],
        "notes": _notes(settings, primary, seeds[0], prices),
    }
    predictions = pd.concat([part for one in made for part in one.predictions], ignore_index=True)
    return Cascade(predictions, {one.report["seed"]: one.asked for one in made}, report)


@dataclass(frozen=True)
class _Seed:
    predictions: list[pd.DataFrame]
    asked: Escalation
    report: dict[str, Any]
    curve: list[dict[str, Any]]


def _of_seed(
    settings: CascadeSettings,
    own: pd.DataFrame,
    large: pd.DataFrame,
    primary: str,
    classes: int,
    prices: Prices,
) -> _Seed:
    """The cascade of one training run."""
    validation, test, found = _scaled(own, large)
    seed = int(own["seed"].iloc[0])
    tried = [*thresholds.candidates(validation.confidence), None]
    place = _place(settings, validation, tried, primary, classes, prices)
    chosen = tried[place]
    return _Seed(
        predictions=[validation.answered(chosen), test.answered(chosen)],
        asked=test.asked(chosen),
        report={
            "seed": seed,
            "temperature": found,
            "threshold": chosen,
            "rows": len(validation.small),
            "escalated_validation": validation.asked(chosen).rows,
            "escalated_test": test.asked(chosen).rows,
            "validation": primary_value(validation.answered(chosen), primary, classes),
            "small_validation": primary_value(validation.small, primary, classes),
            "large_validation": primary_value(validation.large, primary, classes),
        },
        curve=[
            {
                "seed": seed,
                "threshold": t,
                "escalated": test.asked(t).rows,
                "value": primary_value(test.answered(t), primary, classes),
                "cost_per_1000_texts": prices.of(test, t),
                "chosen": t == chosen,
            }
            for t in tried
        ],
    )


def headline(report: dict[str, Any]) -> str:
    """E.g. `12.0% of the test rows go to gemma`."""
    share = float(np.mean([row["escalated_test"] for row in report["seeds"]]))
    alone = [f"it is {report[report['alone']]} alone"] if report["alone"] else []
    return "; ".join(
        [f"{share:.1%} of the test rows go to {report['large']}", *alone, *report["notes"]]
    )


def primary_value(frame: pd.DataFrame, primary: str, classes: int) -> float | None:
    """The primary metric of a frame's rows; None where it is undefined."""
    run = SeedRun(0, frame["prediction"].to_numpy(), None)
    if primary == "auroc":
        held = [np.full(classes, 1 / classes) if row is None else row for row in frame["scores"]]
        run = SeedRun(0, run.predictions, np.stack(held))
    rows = np.arange(len(frame))
    return value_of(
        primary, Scored(frame["id"].to_numpy(), frame["label"].to_numpy(), rows, "any", (run,), {})
    )


def _scaled(own: pd.DataFrame, large: pd.DataFrame) -> tuple[Rows, Rows, float]:
    """The rows that both predict, of validation and test, and the temperature of the small model's scores."""
    held = own[own["split"] == "validation"]
    found = calibration.temperature(np.stack(held["scores"].to_list()), held["label"].to_numpy())
    parts = []
    for split in ("validation", "test"):
        ours, theirs = (
            side[side["split"] == split].set_index("id").sort_index() for side in (own, large)
        )
        ours = ours.loc[theirs.index]
        scores = calibration.scaled(np.stack(ours["scores"].to_list()), found)
        ours["scores"] = pd.Series(list(scores), index=ours.index, dtype=object)
        confidence = calibration.confidence(SeedRun(0, ours["prediction"].to_numpy(), scores))
        parts.append(Rows(ours.reset_index(), theirs.reset_index(), confidence))
    return parts[0], parts[1], found


def _place(
    settings: CascadeSettings,
    rows: Rows,
    tried: Sequence[float | None],
    primary: str,
    classes: int,
    prices: Prices,
) -> int:
    """Which of what was tried is taken: the small model alone, the first, where the rows can choose nothing."""
    block = thresholds.deal(rows.small["group"].tolist())
    left = [block != one for one in range(block.max() + 1)]
    parts = [np.ones(len(block), bool), *(part for part in left if part.any())]
    answered = [rows.answered(t) for t in tried]
    figures = np.array(
        [[primary_value(one[part], primary, classes) for part in parts] for one in answered], float
    )
    most = settings.max_cost
    costs = [prices.of(rows, t) for t in tried]
    within = np.array([most is None or (cost is not None and cost <= most) for cost in costs])
    return thresholds.choose(figures[:, 0], figures[:, 1:], within) or 0


def _alone(asked: Sequence[Escalation]) -> str | None:
    """Which side the cascade is on the test rows, under every seed: `small`, `large`, or None where it is both."""
    return (
        {0.0: "small", 1.0: "large"}.get(asked[0].rows)
        if len({one.rows for one in asked}) == 1
        else None
    )


def _target(settings: CascadeSettings, primary: str, currency: str) -> str:
    within = (
        ""
        if settings.max_cost is None
        else f", at most {currency} {settings.max_cost:g} per 1,000 texts"
    )
    return (
        f"the highest lead in validation {primary} over the better of {settings.small} and {settings.large}, less one "
        f"standard error of that lead; without a lead, the better of the two alone{within}"
    )


def _notes(
    settings: CascadeSettings, primary: str, seed: dict[str, Any], prices: Prices
) -> list[str]:
    """Why nothing could be chosen: alike for all seeds, as labels and prices are."""
    if seed["large_validation"] is None:
        return [
            f"{primary} is undefined on the {seed['rows']} validation rows, as they are of one class, so no "
            f"threshold could be chosen: {settings.small} always answers"
        ]
    costs = [cost for cost in (prices.small, prices.large) if cost is not None]
    if settings.max_cost is not None and min(costs) > settings.max_cost:
        return [f"max_cost does not pay even for {settings.small} alone, which then always answers"]
    return []


def _check(
    settings: CascadeSettings,
    small: pd.DataFrame,
    large: pd.DataFrame,
    primary: str,
    prices: Prices,
) -> None:
    key = f"params.yaml: study.cascades: '{settings.name}'"
    if small["scores"].isna().any():
        raise UserError(
            f"{key}: {settings.small} has rows without scores, so no confidence; name another as small"
        )
    ids = [set(side.loc[side["split"] == "validation", "id"]) for side in (small, large)]
    if not ids[1] or not ids[1] <= ids[0]:
        raise UserError(
            f"{key}: {settings.large} predicts no validation row that {settings.small} does too"
        )
    if primary == "auroc" and (large["score_source"] == "none").all():
        raise UserError(
            f"{key}: metrics.primary is auroc, and {settings.large} has no scores; leave the cascade out"
        )
    if settings.max_cost is not None and None in (prices.small, prices.large):
        raise UserError(
            f"{key}: max_cost needs what both sides cost per 1,000 texts, and one is unknown"
        )
