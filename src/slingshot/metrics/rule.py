"""What may be claimed of pairs of contestants: who is better, and who is as good.

Three claims are tested of a pair: that the two differ (`p`), and that either is not worse than the other by the margin
(`p_as_good`, `p_reverse_as_good`: one-sided, doubled, so that all three are read from one interval). The pairs that
decide are tested one after the other, each at the full level, as they were fixed before the test rows were seen. All
claims of the other pairs are corrected together.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import product
from typing import Any

import numpy as np

from slingshot.metrics.variances import Variance, error, quantile

CLAIMS = ("p", "p_as_good", "p_reverse_as_good")
JUDGED = ("p_corrected", "verdict", "reverse_verdict", "rows_to_resolve")
POWER = 0.8
"""Chance of a claim at which test rows are called enough."""
MOST_ROWS = 10**9
STUDIES = 16
"""In which a variance that is estimated comes out differently, when rows are advised."""
MOST_NOISE = 0.4
"""How much of what seeds differ by is taken for chance of the rows, at most: a few seeds may chance to differ by no
more than that, though training varies too (bench/coverage/seeds.py)."""
NOTHING = 1e-18
"""A variance that is none: no two rows came out differently."""
STEP = 1.1
"""By which numbers of rows are tried."""
UNRESOLVED = "not resolved"


def judged(result: Mapping[str, Any], deciding: Sequence[tuple[str, str]] = ()) -> dict[str, Any]:
    """The contents of metrics/pairs, each pair with `p_corrected`, `verdict`, `reverse_verdict` and `rows_to_resolve`,
    and the same of its recipes where it has `recipe`.

    `deciding` are the pairs that are not corrected, by their contestants' names. Contestants with the same predictions
    count once: what is said of one is said of the other. That they are as good is a claim too: on few rows two may be
    alike by chance. Claims of trained models and those of recipes are two families, each of which is corrected alone.
    """
    found = _judged(result, deciding)
    recipes = {
        **result,
        "pairs": [{**pair, **(pair.get("recipe") or {})} for pair in result["pairs"]],
    }
    for pair, recipe in zip(found["pairs"], _judged(recipes, deciding)["pairs"], strict=True):
        if pair.get("recipe"):
            pair["recipe"] = {**pair["recipe"], **{key: recipe[key] for key in JUDGED}}
    return found


def _judged(result: Mapping[str, Any], deciding: Sequence[tuple[str, str]]) -> dict[str, Any]:
    level = round(1 - result["confidence"], 12)
    pairs = [dict(pair) for pair in result["pairs"]]
    twins = _twins(pairs)
    of = {frozenset((pair["a"], pair["b"])): place for place, pair in enumerate(pairs)}
    first = {
        of[key] for a, b in deciding if (key := frozenset((twins.get(a, a), twins.get(b, b)))) in of
    }
    others = []
    for place, pair in enumerate(pairs):
        once = pair.get("same") or not twins.keys() & {pair["a"], pair["b"]}
        if place not in first and once and pair["p"] is not None:
            others.append(place)
    adjusted = dict(zip(others, corrected([pairs[place] for place in others]), strict=True))
    for place, pair in enumerate(pairs):
        a, b = (twins.get(name, name) for name in (pair["a"], pair["b"]))
        source = of.get(frozenset((a, b)), place)
        held = adjusted.get(source, {claim: pairs[source][claim] for claim in CLAIMS})
        if pairs[source]["a"] != a:
            held = {
                claim: held[other]
                for claim, other in zip(CLAIMS, (CLAIMS[0], *CLAIMS[:0:-1]), strict=True)
            }
        tested = 1 if source in first else max(1, len(others))
        pair["p_corrected"] = held["p"]
        told = verdicts(pair["difference"], held, level)
        if result.get("undecidable"):
            pair |= {"verdict": UNRESOLVED, "reverse_verdict": UNRESOLVED, "rows_to_resolve": None}
            continue
        pair["verdict"], pair["reverse_verdict"] = told
        pair["rows_to_resolve"] = rows_to_resolve(
            pair, result["test_rows"], result["margin"], level, tested
        )
    return {**result, "pairs": pairs}


def _twins(pairs: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Contestant -> the first one with the same predictions, of those that have one before them."""
    twins: dict[str, str] = {}
    for pair in pairs:
        if pair.get("same"):
            twins.setdefault(pair["b"], twins.get(pair["a"], pair["a"]))
    return twins


def corrected(pairs: Sequence[Mapping[str, float | None]]) -> list[dict[str, float]]:
    """The adjusted p-values of all claims of the pairs, step-down: Holm's procedure (1979) with the multiplier of
    Shaffer (1986, section 2), the most hypotheses that may still be true. Of a pair at most one is: two that do not
    differ are not apart by the margin. So it is the number of pairs that still have an open claim."""
    order = sorted(
        (_p(pair, claim), place, claim) for place, pair in enumerate(pairs) for claim in CLAIMS
    )
    open_claims = [len(CLAIMS)] * len(pairs)
    adjusted: list[dict[str, float]] = [{} for _ in pairs]
    running = 0.0
    for p, place, claim in order:
        running = max(running, min(1.0, sum(number > 0 for number in open_claims) * p))
        adjusted[place][claim] = running
        open_claims[place] -= 1
    return adjusted


def verdicts(
    difference: float | None, ps: Mapping[str, float | None], level: float
) -> tuple[str, str]:
    """What a is against b, and b against a: better, as good, worse or not resolved. `difference` is a - b.

    A loss that is sure to be smaller than the margin is as good.
    """
    if difference is None or ps["p"] is None:
        return UNRESOLVED, UNRESOLVED
    differ, *as_good = (_p(ps, claim) < level for claim in CLAIMS)
    found = []
    for ahead, good in zip((difference > 0, difference < 0), as_good, strict=True):
        behind = differ and difference and not ahead
        found.append(
            "better"
            if differ and ahead
            else "as good"
            if good
            else "worse"
            if behind
            else UNRESOLVED
        )
    return found[0], found[1]


def _p(ps: Mapping[str, float | None], claim: str) -> float:
    """Of a claim; 1 where there is none, as what was not tested is not shown."""
    p = ps[claim]
    return 1.0 if p is None else p


def rows_to_resolve(
    pair: Mapping[str, Any], rows: int, margin: float, level: float, tested: int = 1
) -> int | None:
    """Test rows with which, were the difference truly as measured, neither would be left unresolved in POWER of 100
    studies; None where the pair is resolved, or has no interval, or no number would do.

    `tested` pairs share the level.
    """
    if not _varies(pair) or UNRESOLVED not in (pair["verdict"], pair["reverse_verdict"]):
        return None

    def power(number: int) -> float:
        se, reach = _error_and_reach(pair["variances"], number / rows, level / tested)
        # One is better beyond `reach`; within margin - reach both are as good.
        return _outside(pair["difference"], se, -reach, reach) + _inside(
            pair["difference"], se, margin - reach, reach
        )

    return _least(power, rows)


def rows_to_decide(
    pair: Mapping[str, Any], rows: int, margin: float, level: float, first_is_cheaper: bool | None
) -> int | None:
    """Test rows with which the pair would decide in POWER of 100 studies: one is better, or the cheaper one as good."""
    if not _varies(pair):
        return None

    def power(number: int) -> float:
        se, reach = _error_and_reach(pair["variances"], number / rows, level)
        low = -reach if first_is_cheaper is not False else np.maximum(-reach, margin - reach)
        high = reach if not first_is_cheaper else np.minimum(reach, reach - margin)
        return _outside(pair["difference"], se, low, high)

    return _least(power, rows)


def _varies(pair: Mapping[str, Any]) -> bool:
    """Whether its interval is there, and made of something that more rows reduce."""
    return bool(pair.get("variances")) and pair["variances"]["rows"]["value"] > 0


def _error_and_reach(
    variances: Mapping[str, Any], more: float, level: float
) -> tuple[float, np.ndarray]:
    """The true standard error of the difference with so many times the test rows, and half the width of the interval at
    that level, in each of some studies that are equally likely.

    More rows tell nothing of training: only what rows add falls with them, and what few rows may hide falls with their
    square. What as few seeds say of training differs from study to study, as a chi-square figure does.
    """
    training = [_variance(part) for part in variances["training"]]
    rows, scatter = _variance(variances["rows"]), variances["rows"].get("scatter")
    scatter = rows.value if scatter is None else min(scatter, rows.value)
    rows = Variance(scatter / more + (rows.value - scatter) / more**2, rows.df * more)
    estimated = sum(part.value for part in training if math.isfinite(part.df))
    noise = min(MOST_NOISE, variances["noise"] / estimated) if estimated else 0.0
    true, seen = [], []
    for part in training:
        of_rows = 0.0 if math.isinf(part.df) else noise * part.value
        true.append(replace(part, value=part.value - of_rows))
        seen.append(replace(part, value=part.value - of_rows + of_rows / more))
    reach = []
    for factors in product(*(_factors(part.df) for part in seen)):
        found = [
            rows,
            *(replace(part, value=part.value * f) for part, f in zip(seen, factors, strict=True)),
        ]
        reach.append(quantile(level, found) * error(found))
    scattered = Variance(max(scatter / more, NOTHING), rows.df)
    return error([scattered, *true]), np.array(reach)


def _variance(told: Mapping[str, Any]) -> Variance:
    return Variance(told["value"], math.inf if told["df"] is None else told["df"])


@lru_cache
def _factors(df: float) -> tuple[float, ...]:
    """How a variance that is estimated may come out, in shares of the true one, each as likely."""
    from scipy.stats import chi2

    return (
        (1.0,) if math.isinf(df) else tuple(chi2.ppf((np.arange(STUDIES) + 0.5) / STUDIES, df) / df)
    )


def _outside(middle: float, se: float, low: np.ndarray, high: np.ndarray) -> float:
    """Chance that a normal figure is under `low` or above `high`; 1 where these leave no room. The mean over both."""
    from scipy.stats import norm

    found = norm.cdf((low - middle) / se) + norm.sf((high - middle) / se)
    return float(np.where(low >= high, 1.0, found).mean())


def _inside(middle: float, se: float, bound: np.ndarray, reach: np.ndarray) -> float:
    """Chance that a normal figure lies within +-bound, and within +-reach, beyond which it was counted; the mean."""
    from scipy.stats import norm

    bound = np.minimum(bound, reach)
    found = norm.cdf((bound - middle) / se) - norm.cdf((-bound - middle) / se)
    return float(np.where(bound > 0, found, 0.0).mean())


def _least(power: Any, rows: int) -> int | None:
    """The fewest rows, more than there are, with POWER; None where MOST_ROWS are not enough.

    With a few training seeds still more rows may have a little less: what these say then weighs most, and has the
    larger quantile.
    """
    low, high = rows, rows + 1
    while power(high) < POWER:
        low, high = high, math.ceil(STEP * high)
        if high > MOST_ROWS:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if power(middle) >= POWER else (middle, high)
    return high
