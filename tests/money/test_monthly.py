"""A month's money against hand-made cases. One machine hour is 3,600 working seconds."""

from dataclasses import replace

import pytest

from slingshot.money import month as monthly
from slingshot.money.month import Terms, Work

TERMS = Terms(texts=100_000, hourly_price=2.0, utilisation=0.5, label_price=0.1, months=10)
SMALL = Work(train_seconds=1800, labels=500, seconds=36.0)
LOCAL = Work(train_seconds=0, labels=10, llm_seconds=360.0)
API = Work(
    train_seconds=0, labels=0, tokens={"billed": 0.4, "list": 0.8, "cached": None, "batch": 0.2}
)


def test_a_month_by_use_pays_idle_hours_with_the_used_ones():
    month = monthly.month(SMALL, TERMS)
    assert month.machine == pytest.approx(4.0), (
        "100 x 36 s are one hour, two at half the use, at 2 an hour"
    )
    assert month.training == pytest.approx(0.2), (
        "half an hour, one at half the use, over ten months"
    )
    assert month.labels == pytest.approx(5.0)
    assert month.tokens == 0
    assert month.total == pytest.approx(9.2)


def test_always_on_pays_whole_machines_all_month_and_as_many_as_needed():
    always = replace(TERMS, always_on=True)
    assert monthly.month(SMALL, always).machine == 1460.0
    full = monthly.capacity(SMALL, always)
    assert full == pytest.approx(36_500_000), "365 working hours of 3,600 s at 36 s per 1,000"
    assert monthly.machines(SMALL, replace(always, texts=full - 1)) == 1
    assert monthly.month(SMALL, replace(always, texts=full + 1)).machine == 2920.0
    assert monthly.month(API, always).machine == 0, "an API needs no machine"


def test_an_api_pays_its_tokens_by_its_billing_and_a_missing_price_is_none():
    assert monthly.month(API, TERMS).tokens == pytest.approx(40)
    assert monthly.month(
        API, replace(TERMS, billing="batch", llm_factor=3)
    ).tokens == pytest.approx(60)
    assert monthly.month(API, replace(TERMS, billing="cached")) is None
    assert monthly.month(SMALL, replace(TERMS, billing="cached")).tokens == 0, (
        "no tokens are billed at any price"
    )


def test_the_factor_multiplies_a_local_llms_seconds_and_no_models():
    dearer = replace(TERMS, llm_factor=10)
    assert monthly.month(LOCAL, dearer).machine == pytest.approx(
        10 * monthly.month(LOCAL, TERMS).machine
    )
    assert monthly.month(SMALL, dearer) == monthly.month(SMALL, TERMS)


@pytest.mark.parametrize("always_on", [False, True])
def test_two_cost_the_same_at_their_break_even(always_on):
    terms = replace(TERMS, always_on=always_on)
    texts = monthly.break_even(SMALL, API, terms)
    assert texts == monthly.break_even(API, SMALL, terms)
    at = replace(terms, texts=texts)
    assert monthly.month(SMALL, at).total == pytest.approx(monthly.month(API, at).total)
    more = replace(terms, texts=texts * 1.01)
    assert monthly.month(SMALL, more).total < monthly.month(API, more).total


def test_no_break_even_where_one_is_always_cheaper_or_a_second_machine_comes_first():
    assert monthly.break_even(SMALL, replace(SMALL, seconds=72), TERMS) is None
    assert monthly.break_even(SMALL, SMALL, TERMS) is None
    always = replace(TERMS, always_on=True)
    slow = replace(SMALL, seconds=36_000.0)
    assert monthly.capacity(slow, always) < (1460 + 5.2) / 0.0004
    assert monthly.break_even(slow, API, always) is None
    assert monthly.break_even(SMALL, API, replace(TERMS, billing="cached")) is None


def test_break_even_in_all_is_that_by_the_month_times_the_months():
    once = 500 * 0.1 + 1800 * 2 / 3600 / 0.5
    per_text = 0.4 / 1000 - 36 * 2 / 3600 / 0.5 / 1000
    assert monthly.break_even(SMALL, API, TERMS) * TERMS.months == pytest.approx(once / per_text)


@pytest.mark.parametrize("large", [LOCAL, API])
def test_at_the_flip_price_both_cost_the_same_and_below_it_the_large_is_cheaper(large):
    price = monthly.flip_price(SMALL, large, TERMS)
    once = monthly.month(large, TERMS).once
    small = monthly.month(SMALL, TERMS).total
    assert price * 100 + once == pytest.approx(small)
    assert price * 0.99 * 100 + once < small


def test_no_price_makes_a_large_cheaper_whose_labels_alone_cost_more():
    assert monthly.flip_price(SMALL, replace(LOCAL, labels=10_000), TERMS) is None
    assert monthly.flip_price(API, LOCAL, replace(TERMS, billing="cached")) is None
