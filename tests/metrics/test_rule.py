"""The rule: what may be claimed of pairs, by their p-values, and how many rows would be enough."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from slingshot.files.pairs import (
    Claims,
    Difference,
    Pairs,
    RowsVariance,
    VarianceFigures,
    Variances,
)
from slingshot.metrics import rule
from slingshot.metrics.claims import none

MARGIN, LEVEL = 0.02, 0.05
P = st.floats(0, 1)


def variances(
    rows: float,
    training: float = 0.0,
    df: int | None = None,
    noise: float = 0.0,
    scatter: float | None = None,
) -> Variances:
    """Of known test rows, and of training that was estimated with `df` degrees of freedom."""
    of_training = (VarianceFigures(value=training, df=df),) if training else ()
    of_rows = RowsVariance(value=rows, df=None, scatter=scatter)
    return Variances(rows=of_rows, training=of_training, noise=noise)


def pair(a: str, b: str, **fields: Any) -> Difference:
    known = {
        "a_value": 0.85,
        "b_value": 0.8,
        "difference": 0.05,
        "low": 0.01,
        "high": 0.09,
        "p": 0.01,
        "p_as_good": 0.001,
        "p_reverse_as_good": 0.9,
        "variances": variances(0.02**2),
        "same": False,
        "recipe": None,
        "mcnemar": (),
        "notes": (),
    }
    return Difference(a=a, b=b, **(known | fields))


def result(*pairs: Difference) -> Pairs:
    return Pairs(
        primary="accuracy",
        margin=MARGIN,
        confidence=0.95,
        seed_sd=0.0,
        groups=400,
        test_rows=400,
        undecidable=None,
        notes=(),
        pairs=pairs,
        validation={},
    )


def claims(p: float, p_as_good: float, p_reverse_as_good: float) -> Claims:
    return none(same=False).model_copy(
        update={"p": p, "p_as_good": p_as_good, "p_reverse_as_good": p_reverse_as_good}
    )


@pytest.mark.parametrize(
    ("difference", "ps", "expected"),
    [
        (0.05, (0.03, 0.001, 0.9), ("better", "worse")),
        (-0.05, (0.03, 0.9, 0.001), ("worse", "better")),
        (0.05, (0.06, 0.01, 0.9), ("as good", "not resolved")),
        (-0.005, (0.5, 0.01, 0.02), ("as good", "as good")),
        (0.0, (1.0, 0.2, 0.2), ("not resolved", "not resolved")),
        (
            -0.004,
            (0.001, 0.001, 0.001),
            ("as good", "better"),
        ),  # sure to be behind, by less than the margin
        (
            0.05,
            (0.05, 0.05, 0.9),
            ("not resolved", "not resolved"),
        ),  # just the level is not below it
        (None, (None, None, None), ("not resolved", "not resolved")),
    ],
)
def test_the_words(difference, ps, expected) -> None:
    assert rule.verdicts(difference, dict(zip(rule.CLAIMS, ps, strict=True)), LEVEL) == expected


@given(st.lists(st.tuples(P, P, P), min_size=1, max_size=6))
def test_correction_is_never_weaker_than_none_nor_stricter_than_bonferroni(drawn) -> None:
    pairs = [claims(*ps) for ps in drawn]
    for measured, adjusted in zip(pairs, rule.corrected(pairs), strict=True):
        for claim, p in rule.p_values(measured).items():
            assert p <= adjusted[claim] <= 1
    smallest = min(min(rule.p_values(measured).values()) for measured in pairs)
    found = min(min(adjusted.values()) for adjusted in rule.corrected(pairs))
    assert found == pytest.approx(min(1, len(pairs) * smallest))


def test_the_multiplier_is_the_number_of_pairs_with_an_open_claim() -> None:
    first, second = rule.corrected([claims(0.001, 0.001, 0.001), claims(0.04, 0.02, 0.9)])
    assert first == dict.fromkeys(rule.CLAIMS, 0.002)
    assert second == {"p": 0.04, "p_as_good": 0.02, "p_reverse_as_good": 0.9}


def test_pairs_that_decide_keep_their_p_and_the_others_share_the_level() -> None:
    three = result(pair("a", "b"), pair("a", "c"), pair("b", "c"))
    judged = rule.judged(three, [("b", "a")]).pairs
    assert [one.p_corrected for one in judged] == [0.01, 0.02, 0.02]


def test_contestants_with_the_same_predictions_count_once() -> None:
    alike = pair(
        "b",
        "c",
        difference=0.0,
        low=-0.03,
        high=0.03,
        p=1.0,
        p_as_good=0.2,
        p_reverse_as_good=0.2,
        same=True,
    )
    turned = {
        "difference": -0.05,
        "low": -0.09,
        "high": -0.01,
        "p_as_good": 0.9,
        "p_reverse_as_good": 0.001,
    }
    pairs = [
        pair("a", "b"),
        pair("a", "c"),
        pair("a", "d", p=0.3),
        alike,
        pair("b", "d", **turned),
        pair("c", "d", **turned),
    ]
    judged = {(one.a, one.b): one for one in rule.judged(result(*pairs)).pairs}
    assert judged["a", "b"].p_corrected == judged["a", "c"].p_corrected == pytest.approx(0.04), (
        "four pairs, not six"
    )
    assert (judged["b", "c"].verdict, judged["b", "c"].reverse_verdict) == (
        "not resolved",
        "not resolved",
    )
    assert judged["c", "d"].verdict == judged["b", "d"].verdict == "worse"
    deciding = rule.judged(result(*pairs), [("c", "a")]).pairs
    assert [deciding[0].p_corrected, deciding[1].p_corrected] == [0.01, 0.01]


def undecided(difference: float, of: Variances) -> Difference:
    words = {"verdict": "not resolved", "reverse_verdict": "not resolved"}
    return pair("a", "b", difference=difference, variances=of, **words)


@pytest.mark.parametrize("difference", [0.0, 0.005, 0.03])
def test_rows_that_resolve_do_so_in_80_of_100_studies(difference: float) -> None:
    judged = undecided(difference, variances(0.0255**2))
    rows = rule.rows_to_resolve(judged, 400, MARGIN, LEVEL)
    assert rows is not None
    se = 0.0255 * (400 / rows) ** 0.5
    found = difference + se * np.random.default_rng(0).normal(size=20_000)
    reach = 1.959964 * se
    resolved = (np.abs(found) > reach) | (np.abs(found) + reach < MARGIN)
    assert resolved.mean() == pytest.approx(0.8, abs=0.01)
    more = rule.rows_to_resolve(judged, 400, MARGIN, LEVEL, tested=6)
    assert more is not None and more > rows
    assert (
        rule.rows_to_resolve(
            judged.model_copy(update={"verdict": "as good", "reverse_verdict": "as good"}),
            400,
            MARGIN,
            LEVEL,
        )
        is None
    )


@pytest.mark.parametrize(("df", "noise"), [(None, 0.0), (2, 0.0), (2, 0.5)])
def test_more_test_rows_tell_nothing_of_training(df: int | None, noise: float) -> None:
    training = 0.002**2
    judged = undecided(0.02, variances(0.02**2, training, df, noise * training))
    rows = rule.rows_to_resolve(judged, 400, MARGIN, LEVEL)
    assert rows is not None
    of_rows = 0.02**2 * 400 / rows
    generator = np.random.default_rng(0)
    seen = training * (1 - noise + noise * 400 / rows)
    seen *= np.ones(20_000) if df is None else generator.chisquare(df, 20_000) / df
    share = seen / (of_rows + seen)
    quantile = (1 - share) * stats.norm.isf(0.025) + share * (
        stats.norm if df is None else stats.t(df)
    ).isf(0.025)
    reach = quantile * np.sqrt(of_rows + seen)
    found = 0.02 + np.sqrt(of_rows + training * (1 - noise)) * generator.normal(size=20_000)
    resolved = (np.abs(found) > reach) | (np.abs(found) + reach < MARGIN)
    assert resolved.mean() == pytest.approx(0.8, abs=0.015)


def test_what_seeds_differ_by_is_never_all_chance_of_the_rows() -> None:
    training = 0.004**2
    found = [
        rule.rows_to_resolve(
            undecided(0.02, variances(0.02**2, training, 2, noise * training)), 400, MARGIN, LEVEL
        )
        for noise in (0.0, 0.5, 1.0)
    ]
    assert found[0] is None or found[0] > found[1]
    assert found[1] == found[2]


def test_what_few_rows_may_hide_falls_with_the_square_of_their_number() -> None:
    wide = variances(0.06**2, scatter=0.02**2)
    all_alike, told = (undecided(0.0, of) for of in (variances(0.06**2), wide))
    least = rule.rows_to_resolve(undecided(0.0, variances(0.02**2)), 65, MARGIN, LEVEL)
    most = rule.rows_to_resolve(all_alike, 65, MARGIN, LEVEL)
    rows = rule.rows_to_resolve(told, 65, MARGIN, LEVEL)
    assert least is not None and most is not None and rows is not None
    assert least < rows < most / 4
    reach = 1.959964 * np.sqrt(0.02**2 * 65 / rows + (0.06**2 - 0.02**2) * (65 / rows) ** 2)
    se = 0.02 * np.sqrt(65 / rows)
    resolved = 1 - 2 * stats.norm.sf((MARGIN - reach) / se) + 2 * stats.norm.sf(reach / se)
    assert resolved == pytest.approx(0.8, abs=0.01), "as good, or by chance better or worse"


def test_no_rows_are_advised_where_none_would_tell_more() -> None:
    judged = undecided(0.02, variances(0.0, 0.01**2, 2))
    assert rule.rows_to_resolve(judged, 400, MARGIN, LEVEL) is None
    assert rule.rows_to_decide(judged, 400, MARGIN, LEVEL, None) is None


@pytest.mark.parametrize("df", [2, None])
def test_no_number_of_rows_resolves_what_training_hides(df: int | None) -> None:
    judged = undecided(0.005, variances(0.02**2, 0.012**2, df))
    assert rule.rows_to_resolve(judged, 400, MARGIN, LEVEL) is None
    assert rule.rows_to_decide(judged, 400, MARGIN, LEVEL, None) is None
    assert (
        rule.rows_to_resolve(undecided(0.005, variances(0.02**2)), 400, MARGIN, LEVEL) is not None
    )
