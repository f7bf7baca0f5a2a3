"""What contestants cost over the months of the decision, and when one of two is cheaper."""

from dataclasses import replace

import pytest

from slingshot.files.cost import Cost
from slingshot.money import month as monthly
from slingshot.report import inputs, total
from slingshot.report.pay_back import pay_back
from slingshot.settings import DecisionSettings
from tests.report.conftest import NOTHING, cost

API = {
    "machine_seconds_per_1000_texts": None,
    "machine_seconds_spread": None,
    "train_seconds": None,
}


@pytest.fixture
def settings(study):
    def made(*, always_on=False, **decision):
        held = study()
        prices = held.cost.model_copy(update={"always_on": always_on})
        return held.model_copy(
            update={"decision": DecisionSettings(**NOTHING | decision), "cost": prices}
        )

    return made


def timed(price, spread, seconds=None, labels=3360):
    return Cost(**cost(price, seconds, labels) | {"machine_seconds_spread": spread})


def api(price, labels=312):
    billed = {"token_cost_per_1000_texts": price, "cost_per_1000_texts": price}
    return Cost(**cost(price, None, labels) | API | billed)


def unpriced():
    unknown = {"token_cost_per_1000_texts": None, "cost_per_1000_texts": None}
    return api(0.001).model_copy(update=unknown)


@pytest.mark.parametrize(
    ("a", "b", "spread", "first"),
    [
        (0.0010, 0.0013, 0.001, None),  # one timing is shorter, but within what a run does not see
        (0.0010, 0.0014, 0.001, True),
        (0.0014, 0.0010, 0.001, False),
        (0.0010, 0.0012, 0.05, None),  # the timings overlap
        (0.0010, 0.0020, 0.05, True),
        (0.0010, 0.0020, None, None),  # the spread was not measured
        (0.0010, 0.0010, 0.0, None),
    ],
)
def test_cheaper_only_beyond_what_the_timing_says(settings, a, b, spread, first) -> None:
    held = settings()
    totals = [total.of(timed(price, spread), held) for price in (a, b)]
    assert total.cheaper(*totals) is first
    said = total.why_neither(*totals).words
    unknown = "which of the two costs less is not known, because the spread of their timing is not"
    assert said == (unknown if spread is None else "their costs can't be told apart")


def test_a_bill_is_exact_but_no_one_chooses_by_a_hundredth(settings) -> None:
    held = settings()
    assert total.of(api(1.0), held).noise == 0
    assert total.cheaper(total.of(api(1.0), held), total.of(api(1.02), held)) is True
    assert total.cheaper(total.of(api(1.0), held), total.of(api(1.005), held)) is None


def test_cheaper_by_the_text_is_dearer_in_all_where_labels_count(settings) -> None:
    small, large = timed(0.001, 0.01, 300.0), timed(0.03, 0.01, labels=312)
    for counts, first in ((False, True), (True, False)):
        held = settings(count_labels=counts)
        assert total.cheaper(total.of(small, held), total.of(large, held)) is first
        found = total.of(small, held)
        assert found.without_labels == pytest.approx(1.2 + 300 * 0.1 / 3600)
        assert found.with_labels == pytest.approx(found.without_labels + 336), (
            "both totals stand there, whoever decides"
        )


def test_cheaper_by_the_text_is_dearer_in_all_where_training_is_dear_and_texts_are_few(
    settings,
) -> None:
    small, large = timed(0.001, 0.01, 3600.0), timed(0.03, 0.01)
    few, many = settings(monthly_texts=100), settings(monthly_texts=100_000)
    assert total.cheaper(total.of(small, few), total.of(large, few)) is False
    assert total.cheaper(total.of(small, many), total.of(large, many)) is True


def test_the_total_is_that_of_so_many_months(settings) -> None:
    held = settings(monthly_texts=5000, horizon_months=24)
    assert total.of(timed(0.001, 0.01), held).prediction == pytest.approx(24 * 5 * 0.001)
    always = settings(monthly_texts=5000, horizon_months=24, always_on=True)
    assert total.of(timed(0.001, 0.01), always).prediction == pytest.approx(
        24 * monthly.HOURS * 0.1
    )
    assert (
        total.cheaper(*(total.of(timed(price, 0.01), always) for price in (0.001, 0.03))) is None
    ), "one machine each"
    assert total.cheaper(total.of(api(1.0), always), total.of(timed(0.001, 0.01), always)) is True


def test_a_second_machine_that_the_timing_leaves_open_is_noise(settings) -> None:
    full = monthly.capacity(total.work(timed(0.03, 0.01)), total.terms(settings(always_on=True)))
    near, far = (settings(always_on=True, monthly_texts=int(full * share)) for share in (0.95, 0.5))
    assert total.of(timed(0.03, 0.01), near).noise == pytest.approx(12 * monthly.HOURS * 0.1)
    assert total.of(timed(0.03, 0.01), far).noise == 0


@pytest.mark.parametrize(
    ("decision", "said"),
    [
        ({}, "12 months (assumed) of 100,000 texts (assumed)"),
        ({"monthly_texts": 5000}, "12 months (assumed) of 5,000 texts"),
        ({"horizon_months": 24}, "24 months of 100,000 texts (assumed)"),
        ({"monthly_texts": 5000, "horizon_months": 24}, "24 months of 5,000 texts"),
    ],
)
def test_what_is_assumed_is_marked(settings, decision, said) -> None:
    assert total.horizon_words(settings(**decision).decision) == said


def test_what_is_not_known_stays_unknown(settings) -> None:
    held = settings()
    assert total.of(unpriced(), held) is None
    found = total.of(timed(0.001, 0.01), held)
    assert total.cheaper(None, found) is None
    assert total.why_neither(None, found).words == "which of the two costs less is not known"


def contestants(settings, first, second):
    empty = {"scores": None, "intervals": None}  # pay_back reads costs alone
    return [
        inputs.Contestant(name, name, "model", cost=cost, total=total.of(cost, settings), **empty)
        for name, cost in (("a", first), ("b", second))
    ]


@pytest.mark.parametrize("always_on", [False, True])
def test_where_a_dearer_start_has_paid_for_itself_both_have_cost_the_same(
    settings, always_on
) -> None:
    held = settings(always_on=always_on)
    a, b = contestants(held, timed(0.001, 0.01, 300.0), api(1.0))
    found = pay_back(b, a, held)
    assert (found.dearer, found.other) == ("a", "b")
    assert found.more == pytest.approx(336 + 300 * 0.1 / 3600 - 31.2)
    terms = replace(total.with_labels(held), texts=found.texts / 12)
    months = [monthly.month(total.work(c.cost), terms).total for c in (a, b)]
    assert months[0] == pytest.approx(months[1])


def test_no_pay_back_is_made_up(settings) -> None:
    held = settings()
    a, b = contestants(held, timed(0.0011, 0.01), timed(0.001, 0.01, labels=312))
    assert pay_back(a, b, held).texts is None, "their texts can't be told apart"
    a, b = contestants(held, timed(0.01, 0.01), timed(0.001, 0.01, labels=312))
    assert pay_back(a, b, held).texts is None, "its texts are dearer too"
    a, b = contestants(held, timed(0.01, 0.01), timed(0.001, 0.01))
    assert pay_back(a, b, held) is None, "neither starts dearer"
    a, b = contestants(held, unpriced(), timed(0.001, 0.01))
    assert pay_back(a, b, held) is None
