"""The budget: reserving, settling, and that spending never passes the limit."""

from __future__ import annotations

import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slingshot.llm.asked.entries import Hold
from slingshot.llm.asked.ledger import Ledger
from slingshot.llm.asked.wallet import Wallet, size
from slingshot.money.prices import TOKEN_KINDS, bill, reservation
from slingshot.settings import LlmPrice, load
from tests.conftest import make_rows, set_param, write_toy
from tests.llm.conftest import CLAUDE, REQUESTS, attempts
from tests.messages_api.contract import request_key
from tests.messages_api.script import Fault, Reply

PRICE = {
    "input": 1.0,
    "output": 5.0,
    "cache_write": 1.25,
    "cache_read": 0.1,
    "date": "2026-11-01",
    "source": "a test",
}


@pytest.fixture
def few(few):
    """Thirteen requests at a price of their own."""
    llm = CLAUDE | {"price": "test", "max_tokens": 100}
    few.change(
        {
            "cost.llm_prices.test": PRICE | {"currency": "EUR"},
            "llms.claude": llm,
            "run.concurrency": 2,
        }
    )
    return few


def most(asked, batch: bool = False) -> float:
    """About what one request of the project reserves."""
    wallet = Wallet.of("claude", load())
    body = asked.sent[-1] if asked.sent else asked.server.requests[-1].body["requests"][0]["params"]
    return wallet.most(body, 100, batch=batch)


def standing(asked) -> tuple[float, float]:
    with asked.ledger() as ledger:
        account = Wallet.of("claude", load()).standing(ledger)
    return account.billed, account.reserved


# --- never beyond --------------------------------------------------------------------------------

AMOUNTS = st.integers(0, 400).map(lambda cents: cents / 100)
STEPS = st.one_of(
    st.tuples(
        st.just("reserve"),
        st.lists(AMOUNTS, min_size=1, max_size=5),
        st.sampled_from(["USD", "EUR"]),
    ),
    st.tuples(
        st.just("settle"),
        st.integers(0, 50),
        st.sampled_from(["answered", "unbilled", "unknown"]),
        st.floats(0, 1),
    ),
)


@settings(deadline=None, max_examples=150)
@given(st.lists(STEPS, max_size=40), st.sampled_from([0.0, 1.0, 7.5]))
def test_no_course_of_events_passes_the_limit_and_the_totals_are_the_sum_of_the_attempts(
    steps, limit
):
    worth = {"USD": 0.5, "EUR": 2.0}  # of the other currency
    entered: list[tuple[int, float, str]] = []
    with TemporaryDirectory() as folder, Ledger(Path(folder, "ledger.sqlite")) as ledger:
        for number, (kind, *step) in enumerate(steps):
            if kind == "reserve":
                amounts, currency = step
                wanted = {f"{number}-{place}": amount for place, amount in enumerate(amounts)}
                other = "EUR" if currency == "USD" else "USD"
                bound = limit if currency == "USD" else limit * 0.5
                hold = Hold("claude", currency, bound, {other: worth[other]})
                reservation = ledger.reserve(wanted, hold)
                entered += [
                    (attempt, wanted[request], currency)
                    for request, attempt in reservation.entered.items()
                ]
                assert reservation.over == (len(reservation.entered) < len(wanted))
            elif entered:
                place, outcome, share = step
                attempt, amount, _ = entered[place % len(entered)]
                bills = {"answered": amount * share, "unbilled": 0.0, "unknown": None}
                ledger.settle(attempt, outcome, bills[outcome])
            sums = {
                spent.currency: spent.billed + spent.reserved for spent in ledger.spent("claude")
            }
            assert sums.get("USD", 0) + 2 * sums.get("EUR", 0) <= limit + 1e-9
            totals = dict(ledger._db.execute("SELECT currency, amount FROM totals"))
            assert totals == pytest.approx({**dict.fromkeys(totals, 0), **sums})


@given(
    st.text(max_size=200),
    st.lists(st.floats(0, 1), min_size=4, max_size=4),
    st.integers(1, 4000),
    st.tuples(*[st.floats(0, 100)] * 4),
    st.booleans(),
)
def test_no_bill_is_above_what_was_reserved(text, shares, max_tokens, prices, batch):
    """This holds for input tokens of any kind, as long as they are at most the bytes and the API's own 1,000."""
    body = {"messages": [{"role": "user", "content": text}]}
    names = ("input", "output", "cache_write", "cache_read")
    fields = dict(zip(names, prices, strict=True))
    price = LlmPrice(currency="USD", date=PRICE["date"], source="a test", **fields)
    price = price.model_copy(update={"cache_read": min(price.cache_read, price.input)})
    room, kinds = size(body) + 1000, [kind for kind in TOKEN_KINDS if kind != "output"]
    total = sum(shares) or 1.0
    tokens = {kind: int(room * share / total) for kind, share in zip(kinds, shares, strict=True)}
    most_tokens = tokens | {"output": max_tokens}
    assert bill(most_tokens, price, batch=batch) <= reservation(
        size(body), max_tokens, price, batch=batch
    ) * (1 + 1e-9)


def test_each_answer_of_the_server_costs_less_than_was_reserved_for_it(few):
    few.server.models["claude-test-1"] = 1
    few.llm(price="test", max_tokens=100, cache_from=1)
    few.server.answer = lambda body: Reply(
        [{"type": "text", "text": "{}"}], "max_tokens", output_tokens=100
    )
    few.run()
    wallet = Wallet.of("claude", load())
    bodies = {request_key(body): body for body in few.sent}
    bills = [attempt["amount"] for attempt in attempts(few)]
    assert len(bills) == len(bodies) == REQUESTS and min(bills) > 0
    assert max(bills) < min(wallet.most(body, 100) for body in bodies.values())
    assert few.usage().llm_tokens["cache_write"] > 0


def test_the_whole_request_is_counted_in_bytes_its_schema_included(few):
    few.run()
    body = few.sent[0]
    lone = dict(body) | {"output_config": {}}
    price = Wallet.of("claude", load()).price
    assert size(body) > size(lone) + 100
    expected = (size(body) + 1000) * 2 * 1.0 / 1e6 + 100 * 5.0 / 1e6
    assert reservation(size(body), 100, price) == pytest.approx(expected), (
        "an hour's cache writes are the dearest"
    )


# --- reached -------------------------------------------------------------------------------------


def test_at_the_budget_the_stage_stops_and_says_what_is_done_and_how_to_go_on(few):
    few.set("cost.llm_prices.test", PRICE | {"currency": "EUR", "output": 200.0})
    few.server.answer = lambda body: Reply(
        [{"type": "text", "text": '{"label": "bad"}'}], output_tokens=90
    )
    few.run()
    dearest = most(few)
    few.llm(price="test", max_tokens=101)  # another request each
    few.server.requests.clear()
    spent = sum(standing(few))
    few.set("run.budget.claude", spent + 3.5 * dearest)
    output = few.run(code=1).output
    done = len(few.sent)
    assert 1 <= done < REQUESTS
    assert (
        f"toy-claude: stopped: the budget is reached. {done} of {REQUESTS} requests are answered"
        in output
    )
    assert f"{REQUESTS - done} are missing" in output and "of its budget of EUR" in output
    assert "raise run.budget.claude in params.yaml" in output and "slingshot quote" in output
    assert sum(standing(few)) <= spent + 3.5 * dearest
    few.set("run.budget.claude", 1.0)
    few.run()
    assert len(few.sent) == REQUESTS == len(set(map(request_key, few.sent)))


@pytest.mark.parametrize("mode", ["sync", "batch"])
def test_with_no_budget_left_nothing_is_sent(few, mode):
    few.set("run.mode", mode)
    few.set("run.budget.claude", 0)
    assert f"0 of {REQUESTS} requests are answered and kept" in few.run(code=1).output
    assert not few.server.requests


def test_what_faults_may_have_cost_is_within_the_budget(few):
    """Attempts that the server billed and whose answers were lost are paid from the budget."""
    few.run()
    dearest = most(few)
    few.llm(price="test", max_tokens=101)
    few.server.billed.clear()
    before = sum(standing(few))
    few.set("run.budget.claude", before + 4 * dearest)
    few.server.script(*[Fault.drop(billed=True), Fault.cut(billed=True), Fault.status(500)] * 10)
    few.run(code=1)
    billed, reserved = standing(few)
    assert billed + reserved <= before + 4 * dearest
    since = [attempt for attempt in attempts(few) if attempt["id"] > REQUESTS]
    outcomes = Counter(attempt["outcome"] for attempt in since)
    assert outcomes["unknown"] == 3, "a fourth would have had no room"
    assert len(few.server.billed) == outcomes["unknown"] + outcomes["answered"]


def test_what_is_in_flight_is_waited_for_before_the_budget_is_called_reached(few):
    few.server.latency = 0.02
    few.run()
    dearest = most(few)
    few.llm(price="test", max_tokens=101)
    few.set("run.concurrency", 8)
    few.set("run.budget.claude", sum(standing(few)) + 4 * dearest)
    few.run()  # eight at once have no room, but each answer costs less than it reserved


# --- currencies and prices -----------------------------------------------------------------------


def test_the_budget_is_in_the_study_s_currency_at_the_dated_rate(few):
    few.set("cost.rates.USD", {"rate": 0.5, "date": "2026-11-01", "source": "a test"})
    few.set("cost.llm_prices.test", PRICE | {"currency": "USD"})
    few.run()
    dearest = most(few)
    few.llm(price="test", max_tokens=101)
    spent = sum(standing(few))  # EUR
    with few.ledger() as ledger:
        assert ledger.spent("claude")[0].currency == "USD"
        assert ledger.spent("claude")[0].billed == pytest.approx(2 * spent)
    few.server.requests.clear()
    few.set("run.budget.claude", spent + 0.5 * 0.9 * dearest)
    assert "stopped: the budget is reached" in few.run(code=1).output and not few.sent
    few.set("run.budget.claude", spent + 0.5 * 1.1 * dearest)
    few.run(code=1)
    assert few.sent


def test_what_was_paid_in_a_currency_without_a_rate_is_an_error_before_anything_is_sent(few):
    few.set("cost.rates.CHF", {"rate": 1.1, "date": "2026-11-01", "source": "a test"})
    few.set("cost.llm_prices.test", PRICE | {"currency": "CHF"})
    few.run()
    few.set("cost.llm_prices.test", PRICE | {"currency": "EUR"})
    few.llm(price="test", max_tokens=101)
    few.set("cost.rates", {"USD": {"rate": 0.9, "date": "2026-11-01", "source": "a test"}})
    few.server.requests.clear()
    assert "cost.rates: no rate for CHF" in few.run(code=1).output
    assert not few.server.requests


def test_a_new_price_holds_for_what_is_asked_from_then_on(few):
    few.server.answer = lambda body: Reply(
        [{"type": "text", "text": '{"label": "bad"}'}], output_tokens=50
    )
    write_toy(few.root, "test", make_rows(REQUESTS // 2, 3, "e"))
    few.run()
    set_param(
        few.root,
        "cost.llm_prices.test",
        PRICE | {"currency": "EUR", "output": 500.0, "date": "2026-12-01"},
    )
    write_toy(few.root, "test", make_rows(REQUESTS - 1, 3, "e"))
    few.run()
    bills = [attempt["amount"] for attempt in attempts(few)]
    assert len(bills) == REQUESTS
    assert max(bills[: REQUESTS // 2 + 1]) * 10 < min(bills[REQUESTS // 2 + 1 :])
    assert few.usage().details["prices"] == ["test 2026-11-01", "test 2026-12-01"]


def test_each_llm_has_a_budget_of_its_own(few):
    few.run()
    spent = sum(standing(few))
    with closing(sqlite3.connect(few.root / "state/ledger.sqlite")) as connection:
        connection.execute("UPDATE totals SET llm = 'another'")
        connection.execute("UPDATE attempts SET llm = 'another'")
        connection.commit()
    assert standing(few) == (0, 0) and spent > 0
    few.run()
    assert len(few.sent) == REQUESTS, "its answers are everyone's"


def test_a_request_that_may_be_longer_than_its_price_holds_for_is_not_sent(few):
    few.set("cost.llm_prices.test.up_to", 1500)
    output = few.run(code=1).output
    assert (
        "the price test 2026-11-01 is valid for up to 1,500 input tokens" in output
        and "max_characters" in output
    )
    assert not few.server.requests
    few.set("cost.llm_prices.test.up_to", 10_000)
    few.run()
