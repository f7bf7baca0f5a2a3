"""Figures with their intervals: values against scikit-learn, intervals against closed forms, and what few rows hide."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest
from scipy import optimize, stats
from sklearn import metrics as oracle

from slingshot.metrics.estimates import estimate
from slingshot.metrics.recipes import of_recipe
from slingshot.metrics.scored import Scored, SeedRun
from slingshot.metrics.variances import Variance

Maker = Callable[..., Scored]
EVERY = ("accuracy", "balanced_accuracy", "macro_f1", "auroc", "log_loss", "brier", "coverage")


def rows(labels: Sequence[int], *runs: Sequence[int], groups: list[int] | None = None) -> Scored:
    made = tuple(
        SeedRun(seed, np.array(predictions), None) for seed, predictions in enumerate(runs)
    )
    of_group = np.arange(len(labels)) if groups is None else np.array(groups)
    return Scored(np.arange(len(labels)), np.array(labels), of_group, "none", made, {})


def test_values_are_those_of_the_metrics(contestant: Maker) -> None:
    one = contestant(200, seeds=(0, 1))
    wanted: dict[str, list[float]] = {name: [] for name in EVERY}
    for run in one.runs:
        assert run.scores is not None
        wanted["accuracy"].append(oracle.accuracy_score(one.labels, run.predictions))
        wanted["balanced_accuracy"].append(
            oracle.balanced_accuracy_score(one.labels, run.predictions)
        )
        wanted["macro_f1"].append(oracle.f1_score(one.labels, run.predictions, average="macro"))
        wanted["auroc"].append(oracle.roc_auc_score(one.labels, run.scores, multi_class="ovr"))
        wanted["log_loss"].append(oracle.log_loss(one.labels, run.scores))
        wanted["brier"].append(
            ((run.scores - np.eye(run.scores.shape[1])[one.labels]) ** 2).sum(axis=1).mean()
        )
        wanted["coverage"].append(1.0)
    for name in EVERY:
        assert estimate(name, one).value == pytest.approx(np.mean(wanted[name]), abs=1e-9), name


@pytest.mark.parametrize("name", EVERY)
def test_an_interval_holds_its_value_and_a_pair_turned_round_mirrors_it(
    contestant: Maker, name: str
) -> None:
    a, b = contestant(120, skill=4), contestant(120, skill=3, seeds=(1,))
    low, high = estimate(name, a).interval(0.95)
    assert low <= estimate(name, a).value <= high
    one, other = estimate(name, a, b), estimate(name, b, a)
    assert other.value == pytest.approx(-one.value)
    assert other.interval(0.95) == pytest.approx(
        tuple(-bound for bound in reversed(one.interval(0.95))), abs=1e-5
    )
    assert other.p_value(0.0) == pytest.approx(one.p_value(0.0), abs=1e-5)


@pytest.mark.parametrize("name", EVERY[:-1])
def test_p_is_005_where_the_interval_ends(contestant: Maker, name: str) -> None:
    found = estimate(name, contestant(150, skill=4), contestant(150, skill=1, seeds=(1,)))
    for bound in found.interval(0.95):
        assert found.p_value(bound) == pytest.approx(0.05, abs=1e-3)
    assert found.p_value(found.value) == pytest.approx(1.0)


@pytest.mark.parametrize("wrong", [0, 1, 7, 100])
def test_a_share_of_single_rows_has_clopper_and_pearsons_interval(wrong: int) -> None:
    found = estimate("accuracy", rows([0] * 100, [1] * wrong + [0] * (100 - wrong)))
    exact = stats.binomtest(100 - wrong, 100).proportion_ci(method="exact")
    assert found.interval(0.95) == pytest.approx((exact.low, exact.high), abs=1e-9)


def test_seeds_that_agree_say_no_more_than_one(contestant: Maker) -> None:
    one = contestant(300)
    same = replace(one, runs=tuple(replace(one.runs[0], seed=seed) for seed in range(3)))
    assert estimate("accuracy", same).interval(0.95) == pytest.approx(
        estimate("accuracy", one).interval(0.95)
    )
    assert estimate("macro_f1", same).interval(0.95) == pytest.approx(
        estimate("macro_f1", one).interval(0.95), abs=1e-4
    )


def test_a_rare_class_that_is_all_right_leaves_room_below() -> None:
    labels = [0] * 97 + [1] * 3
    for name in ("balanced_accuracy", "macro_f1"):
        low, high = estimate(name, rows(labels, labels)).interval(0.95)
        assert low < 0.8 and high == pytest.approx(1.0), name


def of_counts(counts: dict[tuple[int, int, int], int]) -> tuple[Scored, Scored]:
    """Two on the same rows: of each label and the two's predictions so many."""
    labels, first, second = (
        np.repeat([key[place] for key in counts], [*counts.values()]) for place in range(3)
    )
    return rows(labels, first), rows(labels, second)


def test_hidden_rows_of_a_rare_class_are_counted_in_macro_f1_though_its_slopes_change_fast() -> (
    None
):
    # What one wrong row costs the class of ten falls with each that comes: derivatives alone lead too far, and back.
    right = {(0, 0, 0): 496, (1, 1, 1): 245, (2, 2, 2): 76, (3, 3, 3): 10}
    wrong = {(1, 0, 1): 3, (0, 1, 0): 2, (1, 1, 0): 2, (2, 0, 0): 2}
    wrong |= dict.fromkeys([(0, 0, 2), (0, 2, 0), (2, 2, 1), (2, 1, 2)], 1)
    found = estimate("macro_f1", *of_counts(right | wrong))
    low, high = found.interval(0.95)
    assert low < -0.04 and high > 0.04, (
        "three wrong rows of ten cost F1 0.18, its mean over four classes 0.044"
    )
    assert found.p_value(-0.02) > 0.1


def test_p_and_interval_of_macro_f1_agree_where_a_class_has_one_row() -> None:
    moved = {
        (0, 0, 0): 39,
        (0, 1, 0): 13,
        (0, 0, 1): 4,
        (0, 1, 1): 4,
        (1, 1, 1): 27,
        (1, 0, 1): 11,
        (1, 0, 0): 1,
    }
    found = estimate("macro_f1", *of_counts(moved | {(2, 2, 2): 1}))
    low, high = found.interval(0.95)
    for value in (
        low - 0.1,
        low - 0.01,
        low + 0.01,
        -0.1,
        -0.02,
        0.0,
        0.02,
        0.1,
        high - 0.01,
        high + 0.01,
    ):
        assert (found.p_value(value) >= 0.05) == (low <= value <= high), value


def sure(wrong: int, rows: int) -> Scored:
    """Votes that are all for one class, of which so many are wrong."""
    predictions = (np.arange(rows) < wrong).astype(int)
    run = SeedRun(-1, predictions, np.eye(2)[predictions])
    return Scored(np.arange(rows), np.zeros(rows, dtype=int), np.arange(rows), "vote", (run,), {})


@pytest.mark.parametrize(("name", "worst"), [("brier", 2.0), ("log_loss", -np.log(1e-6))])
def test_losses_of_few_wrong_rows_leave_the_room_of_a_share(name: str, worst: float) -> None:
    z = stats.norm.isf(0.025)
    low, high = estimate(name, sure(0, 100)).interval(0.95)
    assert low == pytest.approx(0, abs=1e-6)
    assert high == pytest.approx(worst * z**2 / (99 + z**2), abs=1e-4), (
        "Wilson's, with rows - 1 in the variance"
    )
    low, high = estimate(name, sure(3, 100)).interval(0.95)
    assert low == pytest.approx(worst * (0.03 - z * np.sqrt(0.03 * 0.97 / 99))), (
        "the plain one, farther than Wilson's"
    )
    assert high > worst * 0.08


def test_losses_of_many_wrong_rows_have_the_plain_interval(contestant: Maker) -> None:
    one, other = contestant(2_000, skill=2), contestant(2_000, skill=1, seeds=(1,))
    rows = np.arange(2_000)
    losses = [
        -np.log(np.maximum(side.runs[0].scores[rows, side.labels], 1e-6)) for side in (one, other)
    ]
    for told, values in (
        (estimate("log_loss", one), losses[0]),
        (estimate("log_loss", one, other), losses[0] - losses[1]),
    ):
        low, high = told.interval(0.95)
        assert told.value == pytest.approx(values.mean())
        assert high - low == pytest.approx(2 * stats.norm.isf(0.025) * stats.sem(values), rel=0.2)
        assert told.p_value(low) == pytest.approx(0.05, abs=0.005)


def test_two_that_never_differ_may_still_differ(contestant: Maker) -> None:
    one = contestant(60)
    for name in ("accuracy", "balanced_accuracy", "macro_f1", "log_loss", "brier"):
        low, high = estimate(name, one, one).interval(0.95)
        assert low < -0.01 and high > 0.01, name
    assert estimate("accuracy", one, one).p_value(0.0) == 1


def test_groups_widen(contestant: Maker) -> None:
    one = contestant(200)
    copies = np.repeat(np.arange(200), 2)
    run = one.runs[0]
    assert run.scores is not None
    twice = replace(
        one,
        ids=np.arange(400),
        labels=one.labels[copies],
        groups=copies,
        runs=(replace(run, predictions=run.predictions[copies], scores=run.scores[copies]),),
    )
    for name in EVERY[:-1]:
        single, double = (np.ptp(estimate(name, held).interval(0.95)) for held in (one, twice))
        assert double == pytest.approx(single, rel=0.06), name


def test_predictions_of_absent_classes_and_failures_only_lose_recall() -> None:
    one = rows([0, 0, 1, 1] * 10, [0, -1, 1, 4] * 10)
    assert estimate("macro_f1", one).value == pytest.approx(2 / 3)
    assert estimate("coverage", one).value == pytest.approx(0.75)
    low, high = estimate("macro_f1", one).interval(0.95)
    assert 0.4 < low < 2 / 3 < high < 0.9


@pytest.mark.parametrize("right", [True, False])
@pytest.mark.parametrize("groups", [[0] * 30, [0] * 20 + [1] * 10])
def test_few_groups_that_are_all_alike_leave_what_is_possible(
    right: bool, groups: list[int]
) -> None:
    labels = [0, 1] * 15
    one = rows(labels, labels if right else [1 - label for label in labels], groups=groups)
    for name in ("accuracy", "balanced_accuracy", "macro_f1", "coverage"):
        low, high = estimate(name, one).interval(0.95)
        assert low + 1e-9 >= 0 and high <= 1 + 1e-9 and high - low > 0.5, name
        assert estimate(name, one, one).p_value(0.0) == 1, name
        low, high = estimate(name, one, one).interval(0.95)
        assert -1 <= low + 1e-9 < -0.4 and 0.4 < high <= 1 + 1e-9, name


@pytest.mark.parametrize("seeds", [1, 2, 3])
def test_seeds_that_never_differ_from_the_others_leave_room(seeds: int) -> None:
    generator = np.random.default_rng(2)
    labels = generator.integers(0, 3, size=40)
    drawn = [
        np.where(generator.random(40) < 0.6, labels, generator.integers(0, 3, size=40))
        for _ in range(seeds)
    ]
    one = rows(labels.tolist(), *(run.tolist() for run in drawn))
    found = estimate("macro_f1", one, one)
    low, high = found.interval(0.95)
    assert low < -0.02 and high > 0.02
    assert found.p_value(0.0) == 1
    assert low == pytest.approx(-high, abs=1e-5)


@pytest.mark.parametrize("name", ["auroc", "log_loss", "brier"])
def test_the_same_seeds_in_another_order_do_not_differ(contestant: Maker, name: str) -> None:
    one = contestant(70, skill=2, seeds=(0, 1, 2, 3, 4))
    other = replace(one, runs=tuple(one.runs[place] for place in (3, 1, 4, 0, 2)))
    found = estimate(name, one, other)
    assert abs(found.value) < 1e-12
    assert found.p_value(0.0) == 1


def level(parts: Sequence[tuple[float, float]], apart: float) -> float:
    """Cochran's p: that at which the quantiles, weighted by their variances, are the distance."""
    total = sum(variance for variance, _ in parts)

    def beyond(p: float) -> float:
        quantiles = [
            stats.t.isf(p / 2, df) if np.isfinite(df) else stats.norm.isf(p / 2) for _, df in parts
        ]
        weighted = sum(
            variance * quantile for (variance, _), quantile in zip(parts, quantiles, strict=True)
        )
        return float(weighted / total - apart / np.sqrt(total))

    return float(optimize.brentq(beyond, 1e-12, 1.0))


@pytest.mark.parametrize("seeds", [3, 5])
def test_seeds_add_a_variance_with_its_own_quantile(seeds: int) -> None:
    generator = np.random.default_rng(seeds)
    labels = generator.integers(0, 3, size=900)
    runs = [
        np.where(generator.random(900) < 0.7 + 0.03 * run, labels, 3).tolist()
        for run in range(seeds)
    ]
    one = rows(labels.tolist(), *runs)
    found, trained = of_recipe("accuracy", one), np.array([np.mean(labels == run) for run in runs])
    [training] = found.training
    assert training == Variance(pytest.approx(trained.var(ddof=1) / seeds), seeds - 1)
    for bound, alone in zip(
        found.interval(0.95), estimate("accuracy", one).interval(0.95), strict=True
    ):
        of_rows = ((alone - found.value) / stats.norm.isf(0.025)) ** 2
        parts = [(of_rows, np.inf), (training.value, training.df)]
        assert level(parts, abs(bound - found.value)) == pytest.approx(0.05)
    assert found.p_value(found.value - 0.1) > estimate("accuracy", one).p_value(found.value - 0.1)


def trainings(rng: int, seeds: int = 4, rows: int = 600) -> Scored:
    """Of one quality: what tells them apart is which rows are hard for each, beside those that are for all."""
    generator, labels = np.random.default_rng(rng), np.arange(rows) % 3
    hard, runs = generator.normal(size=(rows, 3)), []
    for seed in range(seeds):
        raised = np.exp(2 * np.eye(3)[labels] + hard + generator.normal(size=(rows, 3)))
        runs.append(
            SeedRun(seed, raised.argmax(axis=1), raised / raised.sum(axis=1, keepdims=True))
        )
    return Scored(np.arange(rows), labels, np.arange(rows) // 2, "softmax", tuple(runs), {})


@pytest.mark.parametrize("metric", ["accuracy", "macro_f1", "auroc", "log_loss"])
def test_what_seeds_differ_by_on_each_row_alone_is_chance_of_the_rows(metric: str) -> None:
    found = [of_recipe(metric, trainings(rng)) for rng in range(60)]
    told = np.mean([part.value for one in found for part in one.training])
    assert np.mean([one.noise for one in found]) == pytest.approx(told, rel=0.2), (
        "nothing else makes these differ"
    )
    one = trainings(0)
    alike = replace(one, runs=tuple(replace(one.runs[0], seed=seed) for seed in range(3)))
    assert of_recipe(metric, alike).noise == pytest.approx(0, abs=1e-12)
    assert of_recipe(metric, replace(one, runs=one.runs[:2])).noise == 0, "too few to tell"


def test_the_rows_own_scatter_is_told_from_what_few_of_them_may_hide() -> None:
    labels, wrong = [0] * 65, [1] + [0] * 64
    found = estimate("accuracy", rows(labels, wrong), rows(labels, wrong[::-1]))
    assert found.scatter == pytest.approx(2 / 65**2)
    assert found.rows(0.95).value > 2 * found.scatter
    many = estimate("accuracy", rows(labels * 20, wrong * 20), rows(labels * 20, wrong[::-1] * 20))
    assert many.rows(0.95).value == pytest.approx(many.scatter, rel=0.2)


def test_two_trained_under_the_same_seeds_differ_only_where_they_do() -> None:
    one, other = trainings(0), trainings(1)
    follows = replace(
        one,
        runs=tuple(
            replace(run, predictions=np.append(run.predictions[:-1], 2)) for run in one.runs
        ),
    )
    alone = of_recipe("accuracy", one).noise
    assert of_recipe("accuracy", one, follows).noise < alone / 50, "a cascade that asks of one row"
    both = alone + of_recipe("accuracy", other).noise
    assert of_recipe("accuracy", one, other).noise == pytest.approx(both, rel=0.3)


def test_trainings_that_are_assumed_have_the_normal_quantile(contestant: Maker) -> None:
    one = contestant(400, skill=2, seeds=(0, 1))
    found, alone = of_recipe("accuracy", one, seed_sd=0.03), estimate("accuracy", one)
    assert found.training == (Variance(pytest.approx(0.03**2 / 2), np.inf),)
    value = alone.value - 0.07
    of_rows = 0.07 / alone.statistic(value)
    assert found.p_value(value) == pytest.approx(
        2 * stats.norm.sf(0.07 / np.hypot(of_rows, 0.03 / np.sqrt(2)))
    )


def test_an_area_of_few_levels_reaches_past_the_score_interval() -> None:
    labels = np.repeat([0, 1], 50)
    predictions = labels.copy()
    predictions[:3] = 1
    scores = np.where(np.eye(2)[predictions] == 1, 0.95, 0.05)
    one = Scored(
        np.arange(100), labels, np.arange(100), "stated", (SeedRun(-1, predictions, scores),), {}
    )
    low, high = estimate("auroc", one).interval(0.95)
    assert low < 0.92 and high > 0.99, "three of a hundred wrong: 0.99 is no surprise"
    assert estimate("auroc", one).p_value(0.99) > 0.05
