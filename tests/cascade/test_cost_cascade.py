"""What a cascade uses, by hand-made sides."""

from dataclasses import replace

import pytest

from slingshot.cascade import usage as cascade
from slingshot.cascade.rows import Escalation
from slingshot.files.usage import TimedRun, Usage
from slingshot.money.figures import figures
from tests.money.test_cost_figures import COST, LLM, MODEL, SECOND

SMALL = replace(
    MODEL, train=(TimedRun(0, 10_000, 500, 40.0),), predict=(TimedRun(0, 4_000, 200, 1.0),)
)
LARGE = replace(
    LLM, predict=(TimedRun(-1, 20_000, 400, 200.0),), latency={"p50": 0.5, "p95": 1.0, "texts": 20}
)


def made(share: float, *, read: bool = True, priced: bool = False, large: Usage = LARGE) -> Usage:
    return cascade.usage(
        "both", SMALL, large, {0: Escalation(share, share, read)}, 100, priced=priced
    )


def test_a_local_cascade_costs_the_small_model_on_all_texts_and_the_llm_on_its_share() -> None:
    found = made(0.25)
    [run] = found.predict
    assert (run.texts, run.seconds) == (100, pytest.approx(0.5 + 25 * 0.5))
    assert run.tokens == 100 * 20 + 25 * 50
    assert found.requests == 25
    costs = figures(found, COST)
    small, large = (figures(side, COST).cost_per_1000_texts for side in (SMALL, LARGE))
    assert costs.cost_per_1000_texts == pytest.approx(small + 0.25 * large)
    assert costs.machine_seconds_per_1000_texts == pytest.approx(130)
    assert costs.train_cost == pytest.approx(40 * SECOND)
    assert costs.labels == 600, "the LLM's shots and validation rows are among the small model's"


def test_a_cascade_with_a_priced_llm_costs_seconds_and_tokens() -> None:
    price = COST.llm_prices["claude_3_opus"]
    costs = figures(made(0.25, priced=True), COST, price)
    small, large = figures(SMALL, COST), figures(LARGE, COST, price)
    assert costs.machine_seconds_per_1000_texts == pytest.approx(
        small.machine_seconds_per_1000_texts
    )
    # Tokens are whole numbers, so the sums are a little off.
    escalated = pytest.approx(0.25 * large.cost_per_1000_texts, rel=1e-3)
    assert costs.token_cost_per_1000_texts == escalated
    assert costs.cost_per_1000_texts - small.cost_per_1000_texts == escalated
    assert costs.list_cost_per_1000_texts == pytest.approx(
        0.25 * large.list_cost_per_1000_texts, rel=1e-3
    )
    assert costs.texts_per_second is None, "its seconds are those of the small model alone"
    assert large.machine_seconds_per_1000_texts is None


def test_with_an_unpriced_llm_on_another_server_the_cost_is_unknown_once_it_is_asked() -> None:
    remote = replace(LARGE, hardware={"device": "remote"})
    assert figures(made(0.25, large=remote), COST).cost_per_1000_texts is None
    assert figures(made(0.0, large=remote), COST).cost_per_1000_texts == pytest.approx(5 * SECOND)


def test_one_that_always_asks_the_llm_does_not_run_the_small_model() -> None:
    [run] = made(1.0, read=False).predict
    assert run.seconds == pytest.approx(50)
    assert run.tokens == 5_000
    price = COST.llm_prices["claude_3_opus"]
    paid = figures(made(1.0, read=False, priced=True), COST, price)
    assert paid.cost_per_1000_texts == pytest.approx(
        figures(LARGE, COST, price).cost_per_1000_texts, rel=1e-3
    )
    assert paid.machine_seconds_per_1000_texts is None


def test_the_bill_follows_tokens_and_the_latency_the_number_of_texts() -> None:
    few_but_long = cascade.usage(
        "both", SMALL, LARGE, {0: Escalation(0.04, 0.3, True)}, 100, priced=False
    )
    assert few_but_long.predict[0].seconds == pytest.approx(0.5 + 30 * 0.5)
    assert few_but_long.requests == 4
    assert few_but_long.latency["p95"] == 0.02


@pytest.mark.parametrize(
    ("share", "read", "p50", "p95"),
    [
        (0.01, True, 0.01, 0.02),
        (0.2, True, 0.01, 1.02),
        (0.7, True, 0.51, 1.02),
        (1.0, False, 0.5, 1.0),
    ],
)
def test_a_text_that_is_escalated_waits_for_both(
    share: float, read: bool, p50: float, p95: float
) -> None:
    texts = 20 if share > 0.05 else 100
    assert made(share, read=read).latency == {
        "p50": pytest.approx(p50),
        "p95": pytest.approx(p95),
        "texts": texts,
    }


def test_an_unknown_latency_stays_unknown_only_where_it_matters() -> None:
    batch = replace(LARGE, latency={})
    assert made(0.01, large=batch).latency == {"p50": 0.01, "p95": 0.02, "texts": 100}
    assert made(0.2, large=batch).latency == {"p50": 0.01, "texts": 100}


def test_the_errors_of_both_sides_add_up_by_their_share_and_one_unknown_makes_all_unknown() -> None:
    small = replace(SMALL, predict=(replace(SMALL.predict[0], error=0.04),))
    large = replace(LARGE, predict=(replace(LARGE.predict[0], error=2.0),))

    def error(
        side: Usage, share: float = 0.25, *, read: bool = True, priced: bool = False
    ) -> float | None:
        found = cascade.usage(
            "both", small, side, {0: Escalation(share, share, read)}, 100, priced=priced
        )
        return found.predict[0].error

    assert error(large) == pytest.approx((0.02**2 + (25 / 400 * 2) ** 2) ** 0.5)
    assert error(LARGE) is None
    assert error(LARGE, priced=True) == error(LARGE, 0.0) == pytest.approx(0.02), (
        "the LLM takes no paid second"
    )
    assert error(large, 1.0, read=False) == pytest.approx(0.5)


def test_several_seeds_add_up_and_the_mean_is_the_cost() -> None:
    two = cascade.usage(
        "both",
        SMALL,
        LARGE,
        {0: Escalation(0.0, 0.0, True), 1: Escalation(0.5, 0.5, True)},
        100,
        priced=False,
    )
    assert [run.seconds for run in two.predict] == [pytest.approx(0.5), pytest.approx(25.5)]
    small, large = (figures(side, COST).cost_per_1000_texts for side in (SMALL, LARGE))
    assert figures(two, COST).cost_per_1000_texts == pytest.approx(small + 0.25 * large)
