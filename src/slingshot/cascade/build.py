"""A cascade: the small model answers where its calibrated confidence reaches a threshold, and the LLM elsewhere.

This is FrugalGPT with one step (Chen et al., 2023, section 3, arXiv:2305.05176). Temperature and threshold are chosen
for each training seed on validation rows alone. The temperature is fitted on all validation rows that the small model
predicts. The threshold is a quantile of the confidences on the rows that the LLM predicts too, and threshold.py has the
rule that chooses it. Test rows choose nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from slingshot.cascade import threshold as thresholds
from slingshot.cascade.rows import Escalation, Prices, Rows, Scoring
from slingshot.files.cascade import CascadePoint, CascadeReport, CascadeSeed
from slingshot.files.notes.cascades import MaxCostTooLow, NoThreshold, OfCascade
from slingshot.metrics import calibration
from slingshot.settings import PARAMS, CascadeSettings, UserError


@dataclass(frozen=True)
class Cascade:
    """A built cascade."""

    predictions: pd.DataFrame
    """For every seed, the test rows and the validation rows that both sides predict."""
    escalations: dict[int, Escalation]
    """Training seed -> the escalation of the test rows."""
    report: CascadeReport


@dataclass(frozen=True)
class _SeedCascade:
    """The cascade of one training run of the small model."""

    predictions: tuple[pd.DataFrame, pd.DataFrame]
    """The predictions of validation and of test rows."""
    escalation: Escalation
    """The escalation of the test rows."""
    report: CascadeSeed
    curve: list[CascadePoint]


def build(
    settings: CascadeSettings,
    small: pd.DataFrame,
    large: pd.DataFrame,
    primary: str,
    classes: int,
    prices: Prices,
) -> Cascade:
    """The cascade of two contestants' predictions, with the columns of data/predictions. `classes` is their number.

    Raises UserError where the small model has no scores, the two sides share no validation row, or a cost or a score
    that the threshold is chosen by is unknown.
    """
    _check(settings, small, large, primary, prices)
    scoring = Scoring(primary, classes)
    cascades = [
        _of_seed(settings, small[small["seed"] == seed], large, scoring, prices)
        for seed in sorted(set(small["seed"].tolist()))
    ]
    seeds = tuple(cascade.report for cascade in cascades)
    report = CascadeReport(
        name=settings.name,
        small=settings.small,
        large=settings.large,
        max_cost=settings.max_cost,
        primary=primary,
        alone=_alone(seeds),
        rows=seeds[0].rows,
        seeds=seeds,
        curve=tuple(point for cascade in cascades for point in cascade.curve),
        notes=_notes(settings, primary, seeds[0], prices),
    )
    parts = [part for cascade in cascades for part in cascade.predictions]
    escalations = {cascade.report.seed: cascade.escalation for cascade in cascades}
    return Cascade(pd.concat(parts, ignore_index=True), escalations, report)


def headline(report: CascadeReport) -> str:
    """E.g. `gemma answers 12.0% of the test rows`."""
    share = f"{report.large} answers {report.escalated:.1%} of the test rows"
    alone = [f"the cascade is the same as {report.alone_as} alone"] if report.alone else []
    return "; ".join([share, *alone, *(note.words for note in report.notes)])


def _of_seed(
    settings: CascadeSettings,
    small: pd.DataFrame,
    large: pd.DataFrame,
    scoring: Scoring,
    prices: Prices,
) -> _SeedCascade:
    """The cascade of one seed; `small` has the predictions of this seed alone."""
    seed, temperature = int(small["seed"].iloc[0]), _temperature(small)
    validation, test = (
        Rows.of(split, small, large, temperature) for split in ("validation", "test")
    )
    candidates = [*thresholds.candidates(validation.confidence), None]
    threshold = candidates[_choose(settings, validation, candidates, scoring, prices)]
    predictions = (validation.predictions(threshold), test.predictions(threshold))
    report = CascadeSeed(
        seed=seed,
        temperature=temperature,
        threshold=threshold,
        rows=len(validation.small),
        escalated_validation=validation.escalation(threshold).rows,
        escalated_test=test.escalation(threshold).rows,
        validation=scoring.value(predictions[0]),
        small_validation=scoring.value(validation.small),
        large_validation=scoring.value(validation.large),
    )
    curve = [
        CascadePoint(
            seed=seed,
            threshold=candidate,
            escalated=test.escalation(candidate).rows,
            value=scoring.value(test.predictions(candidate)),
            cost_per_1000_texts=prices.of(test, candidate),
            chosen=candidate == threshold,
        )
        for candidate in candidates
    ]
    return _SeedCascade(predictions, test.escalation(threshold), report, curve)


def _temperature(small: pd.DataFrame) -> float:
    """The temperature that fits all validation rows of the small model, also those that the LLM does not predict."""
    rows = small[small["split"] == "validation"]
    return calibration.temperature(np.stack(rows["scores"].to_list()), rows["label"].to_numpy())


def _choose(
    settings: CascadeSettings,
    rows: Rows,
    candidates: Sequence[float | None],
    scoring: Scoring,
    prices: Prices,
) -> int:
    """The index of the chosen candidate. It is 0, the small model alone, where no candidate can be chosen."""
    block = thresholds.deal(rows.small["group"].tolist())
    # The first part has all rows; each other part lacks one block.
    without = [block != number for number in range(block.max() + 1)]
    parts = [np.ones(len(block), bool), *(part for part in without if part.any())]
    predictions = [rows.predictions(candidate) for candidate in candidates]
    values = [scoring.values(frame, parts) for frame in predictions]
    figures = np.array(values, float)
    most = settings.max_cost
    costs = [prices.of(rows, candidate) for candidate in candidates]
    within = np.array([most is None or (cost is not None and cost <= most) for cost in costs])
    return thresholds.choose(figures[:, 0], figures[:, 1:], within) or 0


def _alone(seeds: Sequence[CascadeSeed]) -> Literal["small", "large"] | None:
    """The side that answers every test row under every seed; None where both sides answer some."""
    shares = {seed.escalated_test for seed in seeds}
    if shares == {0.0}:
        return "small"
    return "large" if shares == {1.0} else None


def _notes(
    settings: CascadeSettings, primary: str, seed: CascadeSeed, prices: Prices
) -> tuple[OfCascade, ...]:
    """Why no threshold could be chosen. The reason is the same for all seeds, because labels and prices are."""
    if seed.large_validation is None:
        return (NoThreshold(metric=primary, rows=seed.rows, small=settings.small),)
    costs = [cost for cost in (prices.small, prices.large) if cost is not None]
    if settings.max_cost is not None and min(costs) > settings.max_cost:
        return (MaxCostTooLow(small=settings.small),)
    return ()


def _check(
    settings: CascadeSettings,
    small: pd.DataFrame,
    large: pd.DataFrame,
    primary: str,
    prices: Prices,
) -> None:
    """Raises UserError where the cascade can't be built: see `build`."""
    key = f"{PARAMS}: study.cascades: '{settings.name}'"
    if small["scores"].isna().any():
        raise UserError(
            f"{key}: {settings.small} has rows without scores, so no confidence; name another model as small"
        )
    small_ids, large_ids = (
        set(side.loc[side["split"] == "validation", "id"]) for side in (small, large)
    )
    if not large_ids or not large_ids <= small_ids:
        raise UserError(
            f"{key}: {settings.large} predicts no validation row that {settings.small} predicts too"
        )
    if primary == "auroc" and (large["score_source"] == "none").all():
        raise UserError(
            f"{key}: metrics.primary is auroc, and {settings.large} has no scores; leave the cascade out"
        )
    if settings.max_cost is not None and None in (prices.small, prices.large):
        raise UserError(
            f"{key}: max_cost needs the cost of both sides per 1,000 texts, and one cost is not known"
        )
