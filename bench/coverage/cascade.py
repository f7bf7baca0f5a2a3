"""How far a cascade's threshold, chosen on validation rows, falls below the better side, and below the best threshold.

Each text has a probability that the small model is right; its confidence is that probability, distorted and noisy. Each
case states how far the same texts are hard for the LLM. Thresholds are chosen on drawn validation rows. Their true
accuracy is known, because the population is known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit, logit
from scipy.stats import norm

from bench.coverage import Figure, Simulations, stream
from slingshot.cascade import threshold

POPULATION = 400_000
MARGIN = 0.02
"""metrics.margin in params.yaml."""
LEAST = 0.34
"""About the accuracy of guessing among three classes."""
SPREAD, DISTORTION, NOISE = 1.5, 1.3, 0.4
"""Deviation of the small model's log odds, the factor by which its confidence exaggerates them, and its noise."""
BEYOND = 0.05
"""The highest share of cascades that may be more than the margin below the better side."""
SIZES = (150, 300, 1000)
MIDDLE = 300
"""The number of validation rows for which all rules are shown."""


@dataclass(frozen=True)
class Case:
    name: str
    small: float
    large: float
    """Accuracies."""
    shared: float
    """How much of a text's difficulty for the small model is shared by the LLM."""


CASES = (
    Case("LLM 8 points better", 0.80, 0.88, 0.3),
    Case("LLM as good", 0.80, 0.80, 0.3),
    Case("LLM 4 points better", 0.80, 0.84, 0.3),
    Case("LLM 10 points worse", 0.80, 0.70, 0.3),
    Case("LLM 35 points worse", 0.85, 0.50, 0.2),
    Case("LLM 8 points better, the same texts hard", 0.80, 0.88, 0.9),
    Case("LLM 5 points better, the same texts hard", 0.80, 0.85, 0.9),
)


@dataclass(frozen=True)
class Population:
    """Texts in the order of rising confidence."""

    confidence: np.ndarray
    small: np.ndarray
    large: np.ndarray
    """The probability that each is right; shape (texts,)."""
    worth: np.ndarray
    """The accuracy if the first n texts, which are the least confident, go to the LLM; shape (texts + 1,)."""

    @property
    def better(self) -> float:
        """The accuracy of the better side."""
        return float(max(self.worth[0], self.worth[-1]))


@lru_cache(maxsize=2)
def population(case: Case) -> Population:
    generator = np.random.default_rng(7)
    odds, noise = generator.normal(size=(2, POPULATION))

    def small(middle: float) -> np.ndarray:
        return np.asarray(np.maximum(expit(middle + SPREAD * odds), LEAST))

    own = small(brentq(lambda middle: small(middle).mean() - case.small, -5, 8))
    hard = case.shared * logit(own)
    large = expit(brentq(lambda middle: expit(middle + hard).mean() - case.large, -8, 8) + hard)
    confidence = expit(DISTORTION * logit(own) + NOISE * noise)
    order = np.argsort(confidence)
    confidence, own, large = confidence[order], own[order], large[order]
    gained = np.concatenate([[0.0], np.cumsum(large - own)]) / POPULATION
    return Population(confidence, own, large, own.mean() + gained)


def reaches(values: np.ndarray, without: np.ndarray) -> int:
    """Slingshot's old rule: the fewest escalations that reach the LLM's figure."""
    enough = np.flatnonzero(values[:-1] >= values[-1] - 1e-12)
    return int(enough[0]) if len(enough) else len(values) - 1


def best(values: np.ndarray, without: np.ndarray) -> int:
    return int(np.argmax(np.round(values, 12)))


def near_the_best(values: np.ndarray, without: np.ndarray) -> int:
    """The usual one-standard-error rule: the fewest escalations within one standard error of the best."""
    errors = threshold.standard_errors(without - without[best(values, without)])
    return int(np.flatnonzero(np.round(values - values.max() + errors, 12) >= 0)[0])


def side(values: np.ndarray, without: np.ndarray) -> int:
    """No cascade: the better of the two sides."""
    return 0 if values[0] >= values[-1] else len(values) - 1


def lead(values: np.ndarray, without: np.ndarray) -> int:
    """Slingshot's rule: the highest lead minus its standard error."""
    chosen = threshold.choose(values, without, np.ones(len(values), bool))
    return 0 if chosen is None else chosen


Rule = Callable[[np.ndarray, np.ndarray], int]
RULES: dict[str, Rule] = {
    "lead": lead,
    "reaches the LLM": reaches,
    "best": best,
    "near the best": near_the_best,
    "better side": side,
}


def simulate(case: Case, rows: int, number: int) -> list[int]:
    """For each rule, the number of texts in the population that go to the LLM."""
    texts = population(case)
    generator = stream(f"{case.name}; {rows} rows", number)
    drawn = generator.integers(0, POPULATION, rows)
    confidence = texts.confidence[drawn]
    right = [generator.random(rows) < chances[drawn] for chances in (texts.small, texts.large)]
    tried = [*threshold.candidates(confidence), np.inf]
    answered = np.where(confidence < np.array(tried)[:, None], right[1], right[0]).astype(float)
    parts = np.eye(threshold.BLOCKS)[threshold.deal([f"{row:05d}" for row in range(rows)])]
    without = (answered @ (1 - parts)) / (1 - parts).sum(axis=0)
    values = answered.mean(axis=1)
    return [
        int(np.searchsorted(texts.confidence, tried[rule(values, without)]))
        for rule in RULES.values()
    ]


def told_apart(texts: Population, rows: int) -> bool:
    """Whether `rows` rows show which side is better, or it does not matter. Otherwise no rule can keep the bound."""
    lead = abs(texts.worth[-1] - texts.worth[0])
    differ = np.mean(texts.small * (1 - texts.large) + texts.large * (1 - texts.small))
    return bool(lead <= MARGIN or norm.sf(lead / np.sqrt((differ - lead**2) / rows)) < BEYOND / 2)


def figures(run: Simulations) -> Iterator[Figure]:
    for case in CASES[:2] if run.quick else CASES:
        for rows in (MIDDLE,) if run.quick else SIZES:
            escalated = run.each(simulate, case, rows)
            for name, asked in zip(RULES, escalated.T, strict=True):
                if rows == MIDDLE or name not in ("best", "near the best"):
                    yield from _of_rule(
                        f"{case.name}; {rows} rows", name, rows, population(case), asked
                    )


def _of_rule(
    case: str, rule: str, rows: int, texts: Population, asked: np.ndarray
) -> Iterator[Figure]:
    worth = texts.worth[asked]
    most = BEYOND if rule == "lead" and told_apart(texts, rows) else np.inf
    loss = MARGIN if rule == "lead" else np.inf
    yield Figure(case, f"{rule}: under the LLM", float(np.mean(worth < texts.worth[-1] - 1e-12)))
    yield Figure(
        case, f"{rule}: margin under the LLM", float(np.mean(worth < texts.worth[-1] - MARGIN))
    )
    yield Figure(
        case,
        f"{rule}: margin under the better",
        float(np.mean(worth < texts.better - MARGIN)),
        most=most,
    )
    yield Figure(
        case, f"{rule}: under the best, mean", float(texts.worth.max() - worth.mean()), most=loss
    )
    yield Figure(case, f"{rule}: asked of the LLM, mean", float(asked.mean() / POPULATION))
