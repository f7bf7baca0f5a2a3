"""Simulated contests for bench.coverage.decision: contestants on the same single rows, their metrics/pairs, and the
report's decision.

On single rows without training seeds, a pair's p-values need three numbers: the rows that only the first has right, the
rows that only the second has right, and all rows. The score statistic, which the library finds by iteration, is then
Tango's, which has a closed form. tests/bench/test_coverage.py compares the two.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import ndtr, ndtri
from scipy.stats import binomtest

from slingshot.files.cascade import CascadeReport
from slingshot.files.codes import NO_SEED
from slingshot.files.cost import Cost
from slingshot.files.notes.verdicts import Kind
from slingshot.files.pairs import Difference, Pairs
from slingshot.files.verdict import Verdict
from slingshot.metrics.scored import Scored, SeedRun
from slingshot.metrics.significance import EXACT_BELOW
from slingshot.report import total
from slingshot.report.inputs import Contestant, Results
from slingshot.report.verdict import decide, judged
from slingshot.settings import Settings, read_yaml, validated

PARAMS = Path(__file__).parents[2] / "params.yaml"
SHARED = 0.5
"""How much of a row's difficulty all contestants share."""
UNKNOWN = Cost(
    **dict.fromkeys(Cost.model_fields.keys() - {"labels", "labelling_cost", "train_rows"}),
    labels=0,
    labelling_cost=0.0,
    train_rows=0,
)
"""A cost without measurements."""
SMALL, LARGE, CASCADE = "small", "large", "cascade"
REPORT = CascadeReport(
    name=CASCADE,
    small=SMALL,
    large=LARGE,
    max_cost=None,
    primary="accuracy",
    alone=None,
    rows=0,
    seeds=(),
    curve=(),
    notes=(),
)
UNREAD: Any = None
"""Replaces scores, intervals and audits, which the decision does not read here."""
NO_INTERVAL: dict[str, Any] = {
    **dict.fromkeys(("a_value", "b_value", "low", "high", "variances", "recipe")),
    "mcnemar": (),
    "notes": (),
}
"""Fields that a simulated pair does not have."""
CHEAP, TIMES = 0.0015, 20
"""Cost of a model per 1,000 texts, and the factor from it to the LLM's cost."""
ASKED = 0.3
"""Share of the rows about which a cascade asks its LLM."""


@dataclass(frozen=True)
class Contest:
    """True accuracies. `small` and `large` were chosen on validation rows; `others` are further models."""

    rows: int
    small: float
    large: float
    others: tuple[float, ...] = ()
    cascade: float | None = None
    asked: float = ASKED
    cheaper: str | None = SMALL
    """`small` or `large`; None if no price is known."""

    @property
    def true(self) -> dict[str, float]:
        """Contestant -> true accuracy, in the order of a study: models, LLM, cascade."""
        cascades = {} if self.cascade is None else {CASCADE: self.cascade}
        models = {f"model {place}": value for place, value in enumerate(self.others)}
        return {**models, SMALL: self.small, LARGE: self.large, **cascades}


def draw(generator: np.random.Generator, contest: Contest) -> np.ndarray:
    """Which contestant has which row right, shape (contestants, rows): a row is right if its difficulty, a normal
    variable that all partly share, is under a threshold. The cascade takes the difficulty of the side that answers,
    drawn by chance, but has its own threshold, so that its true accuracy is known."""
    names = list(contest.true)
    own = generator.normal(size=(len(names), contest.rows))
    hard = np.sqrt(SHARED) * generator.normal(size=contest.rows) + np.sqrt(1 - SHARED) * own
    if contest.cascade is not None:
        asks = generator.random(contest.rows) < contest.asked
        hard[-1] = np.where(asks, hard[names.index(LARGE)], hard[names.index(SMALL)])
    return np.asarray(hard < ndtri(list(contest.true.values()))[:, None])


def scored(names: Sequence[str], right: np.ndarray) -> dict[str, Scored]:
    """The same rows in the form that the metrics read."""
    rows = np.arange(right.shape[1])
    runs = {
        name: SeedRun(NO_SEED, np.where(hits, 0, -1), None)
        for name, hits in zip(names, right, strict=True)
    }
    return {
        name: Scored(rows, np.zeros_like(rows), rows, "none", (run,), {})
        for name, run in runs.items()
    }


def only(right: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """The number, or weight, of rows that one has right and another wrong; shape (contestants, contestants)."""
    hits = right.astype(np.float64)
    return np.asarray((hits if weights is None else hits * weights) @ (1 - hits).T)


def claims(
    only_a: np.ndarray, only_b: np.ndarray, rows: int, margin: float
) -> dict[str, np.ndarray]:
    """The p of each claim as in metrics.pairs, with the shape of `only_a`."""
    lead = (only_a - only_b) / rows

    def p_value(value: float) -> np.ndarray:
        # Tango (Statistics in Medicine 17, 1998): the likeliest share of `only_b` if the lead is `value`.
        linear = (2 * rows - only_a + only_b) * value - only_a - only_b
        product = -8 * rows * only_b * value * (1 - value)
        share = (np.sqrt(np.maximum(linear**2 - product, 0.0)) - linear) / (4 * rows)
        error = np.sqrt((2 * share + value * (1 - value)) / (rows - 1))
        apart = np.abs(lead - value)
        far = np.divide(apart, error, out=np.where(apart > 1e-12, np.inf, 0.0), where=error > 0)
        return np.asarray(2 * ndtr(-far))

    p = p_value(0.0)
    for place in np.flatnonzero(only_a + only_b < EXACT_BELOW):
        a, b = int(only_a[place]), int(only_b[place])
        p[place] = max(p[place], binomtest(a, a + b).pvalue if a + b else 1.0)
    return {
        "p": p,
        "p_as_good": np.where(lead > -margin, p_value(-margin), 1.0),
        "p_reverse_as_good": np.where(lead < margin, p_value(margin), 1.0),
    }


def pairs(names: Sequence[str], counts: np.ndarray, rows: int) -> Pairs:
    """The contents of metrics/pairs without intervals, from the result of `only`."""
    metrics = settings().metrics
    first, second = np.triu_indices(len(names), 1)
    a, b = counts[first, second], counts[second, first]
    ps = {key: values.tolist() for key, values in claims(a, b, rows, metrics.margin).items()}
    leads, same = ((a - b) / rows).tolist(), (a + b == 0).tolist()
    # Not validated, because thousands of studies are simulated, and this module makes all values.
    differences = [
        Difference.model_construct(
            **NO_INTERVAL,
            a=left,
            b=right,
            difference=leads[place],
            same=same[place],
            p=ps["p"][place],
            p_as_good=ps["p_as_good"][place],
            p_reverse_as_good=ps["p_reverse_as_good"][place],
        )
        for place, (left, right) in enumerate(combinations(names, 2))
    ]
    return Pairs.model_construct(
        primary=metrics.primary,
        margin=metrics.margin,
        confidence=metrics.confidence,
        seed_sd=metrics.seed_sd,
        groups=rows,
        test_rows=rows,
        undecidable=None,
        notes=(),
        pairs=tuple(differences),
        validation={},
    )


@lru_cache
def settings() -> Settings:
    """The project's own params.yaml."""
    return validated(read_yaml(PARAMS), PARAMS)


@lru_cache
def contestants(
    names: tuple[str, ...], cheaper: str | None, asked: float
) -> tuple[Contestant, ...]:
    """The contestants in the form that the report reads. Of `small` and `large`, one costs TIMES as much as the
    `cheaper` one."""
    prices = {
        LARGE: CHEAP * (1 if cheaper == LARGE else TIMES),
        SMALL: CHEAP * (TIMES if cheaper == LARGE else 1),
    }
    prices[CASCADE] = prices[SMALL] + asked * prices[LARGE]
    kinds: dict[str, Kind] = {LARGE: "llm", CASCADE: "cascade"}
    taking_part = []
    for name in names:
        seconds = prices.get(name, CHEAP) / settings().cost.hourly_price * 3600
        cost = UNKNOWN
        if cheaper:
            timing = {"machine_seconds_per_1000_texts": seconds, "machine_seconds_spread": 0.01}
            cost = UNKNOWN.model_copy(update=timing)
        alone = "small" if name == CASCADE and not asked else None
        report = REPORT.model_copy(update={"alone": alone})
        chosen = {1: float(name in kinds or name == SMALL)}
        taking_part.append(
            Contestant(
                name,
                name,
                kinds.get(name, "model"),
                UNREAD,
                UNREAD,
                cost,
                cascade=report if name == CASCADE else None,
                total=total.of(cost, settings()),
                validation=chosen,
            )
        )
    return tuple(taking_part)


def decided(
    pairs: Pairs, names: Sequence[str], cheaper: str | None, asked: float
) -> tuple[Verdict, Pairs]:
    """The decision, and the pairs as judged for it."""
    taking_part = contestants(tuple(names), cheaper, asked)
    results = Results("simulated", UNREAD, taking_part, pairs)
    decision = decide(results, settings())
    return decision, judged(results, decision).pairs
