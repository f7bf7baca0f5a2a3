"""Paired comparisons: the rule, its parts against known values, and what decides nothing."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from slingshot.files.notes import figures
from slingshot.files.notes.figures import NeedsScores, OneClass
from slingshot.files.notes.pairs import NoRowDiffers, ScoreSources, UndefinedFigure
from slingshot.files.pairs import Claims, Difference, Pairs, VarianceFigures
from slingshot.machine.console import terminal
from slingshot.metrics import pairs, rule, summary
from slingshot.metrics.scored import Scored, SeedRun
from slingshot.settings import MetricsSettings, UserError

Maker = Callable[..., Scored]
OPTIONS = MetricsSettings(
    primary="accuracy", margin=0.02, confidence=0.95, seed_sd=0.012, ece_bins=15
)
DATASET = "toy"


def only_pair(a: Scored, b: Scored, **options: Any) -> Difference:
    result = pairs.compare({"a": a, "b": b}, DATASET, OPTIONS.model_copy(update=options))
    text = json.dumps(result.as_json(), allow_nan=False)
    assert Pairs.parse(text, "file", "") == result
    [pair] = rule.judged(result).pairs
    return pair


def right_on(scored: Scored, shares: dict[int, float]) -> Scored:
    """The same rows, with runs that are right on the first share of them: {seed: share}."""
    order = np.arange(len(scored.labels)) / len(scored.labels)
    wrong = (scored.labels + 1) % 3
    runs = [
        SeedRun(seed, np.where(order < share, scored.labels, wrong), None)
        for seed, share in shares.items()
    ]
    return replace(scored, runs=tuple(runs), score_source="none")


def test_a_clear_difference_is_better_one_way_and_worse_the_other(contestant: Maker) -> None:
    pair = only_pair(contestant(300, skill=12), contestant(300, skill=1))
    assert pair.a_value - pair.b_value == pair.difference
    assert 0 < pair.low < pair.difference < pair.high
    assert pair.p == pair.p_corrected < 1e-6
    assert (pair.verdict, pair.reverse_verdict) == ("better", "worse")


def test_swapping_sides_mirrors_everything(contestant: Maker) -> None:
    a, b = contestant(100, skill=4), contestant(100, skill=3, seeds=(1,))
    one, other = only_pair(a, b), only_pair(b, a)
    assert other.difference == -one.difference
    assert other.p == one.p
    assert (other.low, other.high) == pytest.approx((-one.high, -one.low), abs=1e-12)


def test_equal_contestants_are_as_good_as_each_other(contestant: Maker) -> None:
    a = contestant(600)
    pair = only_pair(a, a)
    assert pair.low == -pair.high < -0.005, "so few rows may hide a difference"
    assert pair.same
    assert (pair.verdict, pair.reverse_verdict) == ("as good", "as good")


def test_recipes_that_chance_to_predict_the_same_are_not_the_same(contestant: Maker) -> None:
    trained = contestant(600, seeds=(0,))
    by_rule, cascade = replace(trained, runs=(replace(trained.runs[0], seed=-1),)), trained
    held = {
        "rule": by_rule,
        "trained": trained,
        "cascade": cascade,
        "other": right_on(trained, {-1: 0.05}),
    }
    told = pairs.compare(held, DATASET, OPTIONS)
    same = {(pair.a, pair.b): (pair.same, pair.recipe and pair.recipe.same) for pair in told.pairs}
    assert same["rule", "trained"] == (True, False)
    assert same["trained", "cascade"] == (True, True)
    assert same["trained", "other"] == (False, False)
    judged = {(pair.a, pair.b): pair for pair in rule.judged(told).pairs}
    assert judged["rule", "other"].p_corrected == judged["trained", "other"].p_corrected
    recipes = [judged[one, "other"].recipe.p_corrected for one in ("trained", "cascade")]
    assert recipes[0] == recipes[1] > judged["rule", "other"].p_corrected


@pytest.mark.parametrize(("count", "per_group"), [(19, 1), (200, 20)])
def test_a_handful_of_groups_resolves_nothing(
    contestant: Maker, count: int, per_group: int
) -> None:
    rows = contestant(count, per_group=per_group)
    both = {"a": right_on(rows, {-1: 1.0}), "b": right_on(rows, {-1: 0.0})}
    result = pairs.compare(both, DATASET, OPTIONS)
    [pair] = rule.judged(result).pairs
    assert pair.difference == 1
    assert pair.low is pair.high is pair.p is None
    assert (pair.verdict, pair.reverse_verdict) == ("not resolved", "not resolved")
    assert any("too few to resolve a difference" in note.words for note in result.notes)


def test_the_sign_test_over_groups_takes_part_where_few_of_them_differ() -> None:
    few = only_pair(*sides(5, 0))
    assert few.p == few.mcnemar[0].p == pytest.approx(2 * 0.5**5)
    grouped = only_pair(*sides(6, 0, per_group=2))  # of three groups, each one mistake in two rows
    assert grouped.p == pytest.approx(2 * 0.5**3)
    assert grouped.mcnemar[0].p == pytest.approx(2 * 0.5**6)
    many = only_pair(*sides(40, 10))  # then the score test is right by itself
    assert many.p < many.mcnemar[0].p


@pytest.mark.parametrize("differing", [0, 1, 2, 3])
def test_what_few_differing_rows_hide_is_inside_the_interval(differing: int) -> None:
    pair = only_pair(*sides(differing, 0))
    assert pair.low < -0.005 and pair.high > differing / 100 + 0.03
    assert pair.reverse_verdict == "not resolved", "a hundred rows may be alike by chance"
    assert pair.notes == (() if differing else (NoRowDiffers(),))


def test_pairing_is_what_resolves_a_small_difference(contestant: Maker) -> None:
    # 3 points apart on the very same rows: each alone has an interval of 8 points.
    rows = contestant(600)
    pair = only_pair(right_on(rows, {-1: 0.53}), right_on(rows, {-1: 0.5}))
    assert pair.high - pair.low < 0.04
    assert pair.verdict == "better"


def sides(only_a: int, only_b: int, per_group: int = 1) -> tuple[Scored, Scored]:
    """Two on the same 100 rows, of which so many only one of them has right."""
    count = 100
    labels = np.zeros(count, dtype=np.int64)
    a, b = labels.copy(), labels.copy()
    b[:only_a], a[only_a : only_a + only_b] = 1, 1
    rows = Scored(np.arange(count), labels, np.arange(count) // per_group, "none", (), {})
    left, right = (replace(rows, runs=(SeedRun(-1, predictions, None),)) for predictions in (a, b))
    return left, right


def test_three_seeds_bring_training_variance_into_the_interval(contestant: Maker) -> None:
    rows = contestant(400)
    llm = right_on(rows, {-1: 0.5})
    few, many = (right_on(rows, dict(zip(range(n), (0.4, 0.6, 0.5), strict=False))) for n in (2, 3))
    narrow, wide = only_pair(few, llm), only_pair(many, llm)
    assert wide.high - wide.low > 1.5 * (narrow.high - narrow.low)
    assert narrow.recipe and not wide.recipe
    assert narrow.variances.training == ()
    [training] = wide.variances.training
    assert training == VarianceFigures(value=training.value, df=2)
    assert training.value == pytest.approx(np.var((0.4, 0.6, 0.5), ddof=1) / 3)
    of_rows = wide.variances.rows
    assert of_rows.value < narrow.variances.rows.value * 1.01, "training is none of it"
    assert of_rows.df is None


def test_with_few_seeds_a_claim_of_the_recipe_is_widened_by_what_a_seed_varies(
    contestant: Maker,
) -> None:
    rows = contestant(400)
    llm, one, two = (
        right_on(rows, {-1: 0.5}),
        right_on(rows, {0: 0.6}),
        right_on(rows, {0: 0.7, 1: 0.66}),
    )
    for trained, other, variance in ((one, llm, 1), (two, llm, 1 / 2), (one, two, 1 + 1 / 2)):
        pair = only_pair(trained, other)
        above, wider = (
            pair.high - pair.difference,
            pair.recipe.high - pair.difference,
        )
        assert wider == pytest.approx(np.hypot(above, 1.96 * 0.012 * variance**0.5), rel=1e-3)
        assert pair.recipe.p > pair.p
        of_training = sum(part.value for part in pair.recipe.variances.training)
        assert of_training == pytest.approx(0.012**2 * variance)
    assert only_pair(one, llm, seed_sd=0.0).recipe.high == only_pair(one, llm).high
    assert only_pair(llm, right_on(rows, {-1: 0.6})).recipe is None


def test_a_trained_model_may_be_better_where_its_recipe_is_not_resolved(contestant: Maker) -> None:
    rows = contestant(2000)
    pair = only_pair(right_on(rows, {0: 0.52}), right_on(rows, {-1: 0.5}), margin=0.001)
    assert (pair.verdict, pair.reverse_verdict) == ("better", "worse")
    assert (pair.recipe.verdict, pair.recipe.reverse_verdict) == (
        "not resolved",
        "not resolved",
    )
    assert pair.recipe.p_corrected == pair.recipe.p


def test_without_scores_auroc_pairs_are_null_with_a_note_and_are_not_counted(
    contestant: Maker,
) -> None:
    options = OPTIONS.model_copy(update={"primary": "auroc"})
    sides = {"a": contestant(skill=12), "b": contestant(source="none"), "c": contestant(skill=1)}
    first, second, third = rule.judged(pairs.compare(sides, DATASET, options)).pairs
    assert (first.b_value, first.difference) == (None, None)
    assert Claims(**{key: getattr(first, key) for key in Claims.model_fields}) == Claims(
        low=None,
        high=None,
        variances=None,
        p=None,
        p_as_good=None,
        p_reverse_as_good=None,
        same=False,
        verdict="not resolved",
        reverse_verdict="not resolved",
    )
    assert first.a_value is not None
    assert first.notes == (UndefinedFigure(contestant="b", reason=NeedsScores(metric="auroc")),)
    assert first.notes[0].words == "b: AUROC needs scores, and this contestant gives none"
    assert first.verdict == third.verdict == "not resolved"
    assert second.p_corrected == second.p


def test_of_test_rows_of_one_class_no_auroc_is_compared_and_the_reason_stands_once(
    contestant: Maker,
) -> None:
    one = {name: contestant(30, 1, seeds=(seed,)) for seed, name in enumerate("ab")}
    result = pairs.compare(one, DATASET, OPTIONS.model_copy(update={"primary": "auroc"}))
    reason = UndefinedFigure(contestant=None, reason=OneClass(metric="auroc"))
    assert result.pairs[0].notes == (reason,)
    assert summary.headline(result) == f"0 pairs compared on AUROC; 1 undefined: {reason.words}"


def test_of_two_without_scores_each_has_its_reason(contestant: Maker) -> None:
    both = {"a": contestant(source="none"), "b": contestant(source="none")}
    result = pairs.compare(both, DATASET, OPTIONS.model_copy(update={"primary": "auroc"}))
    assert [note.contestant for note in result.pairs[0].notes] == ["a", "b"]


def test_the_headline_leaves_who_is_better_to_the_corrected_claims(contestant: Maker) -> None:
    sides = {name: contestant(seeds=(seed,)) for seed, name in enumerate("abc")}
    said = "3 pairs compared on accuracy; `slingshot show` says who is better"
    assert summary.headline(pairs.compare(sides, DATASET, OPTIONS)) == said


def test_a_difference_without_an_interval_is_not_called_undefined(contestant: Maker) -> None:
    out = terminal()
    with out.capture() as captured:
        out.print(
            summary.table(
                pairs.compare({"a": contestant(12), "b": contestant(12, skill=1)}, DATASET, OPTIONS)
            )
        )
    assert "undefined" not in captured.get() and "none" in captured.get()


def test_every_pair_in_the_order_of_the_study(contestant: Maker) -> None:
    sides = {name: contestant(seeds=(seed,)) for seed, name in enumerate("zaq")}
    result = pairs.compare(sides, DATASET, OPTIONS)
    assert [(p.a, p.b) for p in result.pairs] == [("z", "a"), ("z", "q"), ("a", "q")]
    assert all(p.p_corrected >= p.p for p in rule.judged(result).pairs)
    assert result.notes == (figures.TestGroups(groups=60, effective=60.0),)


def test_contestants_on_different_rows_or_none_at_all_are_refused(contestant: Maker) -> None:
    with pytest.raises(
        UserError, match=r"data/predictions/toy/b\.parquet: its test rows are not those of a"
    ):
        pairs.compare({"a": contestant(60), "b": contestant(61)}, DATASET, OPTIONS)
    with pytest.raises(UserError, match="study names no contestant"):
        pairs.compare({}, DATASET, OPTIONS)


@pytest.mark.parametrize(
    ("primary", "source", "said"),
    [("auroc", "vote", 1), ("auroc", "softmax", 0), ("accuracy", "vote", 0)],
)
def test_aurocs_of_different_score_sources_are_not_compared_without_saying_so(
    contestant, primary, source, said
) -> None:
    sides = {"small": contestant(), "large": contestant(source=source, skill=2)}
    result = pairs.compare(sides, DATASET, OPTIONS.model_copy(update={"primary": primary}))
    sources = ScoreSources(sources={"small": "softmax", "large": "vote"})
    assert (sources in result.notes) == bool(said)
    assert (sources.words in str(summary.table(result).caption)) == bool(said)
