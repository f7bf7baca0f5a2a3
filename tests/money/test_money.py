import pytest

from slingshot.money import prices as money
from slingshot.settings import CostSettings, LlmPrice, Rate, UserError

DAY = "2026-01-01"
PRICE = LlmPrice(
    currency="USD",
    input=15,
    output=75,
    cache_write=18.75,
    cache_read=1.5,
    batch_discount=0.5,
    date=DAY,
    source="list",
)
COST = CostSettings(
    currency="EUR",
    rates={"USD": Rate(rate=0.8, date=DAY, source="bank")},
    hourly_price=5,
    hourly_price_source="a bill",
    utilisation=1,
    llm_prices={"big": PRICE},
    label_price=0.1,
)


def test_published_arithmetic_of_the_study() -> None:
    small = money.per_million_tokens(5, 50_000)
    assert round(small, 4) == 0.0278
    assert 7 / small == pytest.approx(252)


def test_idle_hours_are_paid_too() -> None:
    assert money.per_million_tokens(5, 50_000, 0.25) == pytest.approx(
        4 * money.per_million_tokens(5, 50_000)
    )
    assert money.per_second(3600) == 1


def test_conversion_uses_the_dated_rate_and_leaves_the_own_currency_alone() -> None:
    assert money.convert(10, "USD", COST) == 8
    assert money.convert(10, "EUR", COST) == 10


def test_a_currency_without_a_rate_is_an_error_that_names_the_key() -> None:
    with pytest.raises(UserError, match=r"cost.rates.*GBP"):
        money.convert(1, "GBP", COST)


def test_each_kind_of_token_has_its_price() -> None:
    tokens = {
        "input": 1_000_000,
        "output": 200_000,
        "cache_write": 400_000,
        "cache_read": 2_000_000,
    }
    dollars = 15 + 15 + 7.5 + 3
    assert money.llm_cost(tokens, PRICE, COST) == pytest.approx(dollars * 0.8)
    assert money.llm_cost(tokens, PRICE, COST, batch=True) == pytest.approx(dollars * 0.8 * 0.5)
