"""A server that claims more tokens than a request can use: the claim is bounded and told, and the answer is kept."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from typing import Any

import pytest
from click.testing import CliRunner

from slingshot import cli
from slingshot.files.answers import write_answers
from slingshot.llm.asked import ledger_tables
from slingshot.llm.asked.wallet import Wallet, size
from slingshot.money.prices import OVERHEAD, TOKEN_KINDS, believed, bill
from slingshot.settings import load
from tests.llm.conftest import REQUESTS, Asked, attempts, outcomes, right_label
from tests.messages_api import server as messages_api
from tests.messages_api.script import Reply

CLAIMS = [10**8, 10**22, 10**400]
INPUTS = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
MODES = pytest.mark.parametrize("mode", ["sync", "batch"])


def claim(asked: Asked, monkeypatch: pytest.MonkeyPatch, output: int = 2, **usage: int) -> None:
    """Let each answer claim so many tokens."""
    message = asked.server.message

    def claiming(body: dict[str, Any], tier: str) -> dict[str, Any]:
        reply = message(body, tier)
        return reply | {"usage": reply["usage"] | {"output_tokens": output} | usage}

    monkeypatch.setattr(asked.server, "message", claiming)


def most(asked: Asked, mode: str) -> list[float]:
    """The amount that each request reserves."""
    requests = [r.body for r in asked.server.requests if r.method == "POST"]
    bodies = (
        requests
        if mode == "sync"
        else [request["params"] for body in requests for request in body["requests"]]
    )
    wallet = Wallet.of("claude", load())
    return sorted(wallet.most(body, 512, batch=mode == "batch") for body in bodies)


def bounded(asked: Asked) -> bool:
    """Whether every figure in the cell's files is within what its requests can use."""
    frame, usage, records = asked.predictions(), asked.usage(), asked.answers()["record"]
    kinds = [usage.llm_tokens, usage.batch_tokens or {}]
    total = sum(of.get(kind, 0) for of in kinds for kind in TOKEN_KINDS)
    assert (
        total == frame["input_tokens"].sum() + frame["output_tokens"].sum()
        and len(records) == REQUESTS
    )
    longest = max(size(r.body) for r in asked.server.requests if r.body)
    return frame["output_tokens"].max() <= 512 and frame["input_tokens"].max() <= longest + OVERHEAD


# --- a priced LLM --------------------------------------------------------------------------------


@MODES
@pytest.mark.parametrize("claimed", CLAIMS)
def test_it_is_booked_at_the_reservation_and_stops_the_run_with_one_message(
    few, monkeypatch, mode, claimed
):
    few.change({"run.mode": mode, "run.concurrency": 1})
    with monkeypatch.context() as lying:
        claim(few, lying, claimed)
        output = few.run(code=1).output
    assert output.count("Error:") == 1 and "Traceback" not in output
    kept = {"sync": 1, "batch": REQUESTS}[mode]
    claimants = "an answer claims" if kept == 1 else "13 answers claim"
    assert f"toy-claude: stopped: {claimants} more tokens than a request can use" in output
    assert (
        f"{min(claimed, 2**63 - 1):,} output and" in output
        and "with max_tokens 512; EUR 0.00" in output
    )
    assert (
        f"{kept} of 13 requests are answered and kept" in output
        and "before you run this again" in output
    )
    assert sorted(attempt["amount"] for attempt in attempts(few)) == pytest.approx(most(few, mode))
    assert (
        "0 asked for" in few.run().stdout
        if kept == REQUESTS
        else "12 asked for" in few.run().stdout
    )
    assert outcomes(few) == {"answered": REQUESTS} and len(set(few.server.billed)) == REQUESTS
    assert set(few.predictions()["status"]) == {"ok"} and bounded(few)


@MODES
def test_one_that_costs_less_than_its_reservation_stops_the_run_too_and_is_billed_as_it_is_counted(
    few, monkeypatch, mode
):
    few.change({"run.mode": mode, "run.concurrency": 1})
    with monkeypatch.context() as lying:
        claim(few, lying, 600)
        output = few.run(code=1).output
    assert "more tokens than a request can use" in output and "600 output and" in output
    few.run()
    wallet, batch = Wallet.of("claude", load()), mode == "batch"
    booked, usage = sum(attempt["amount"] for attempt in attempts(few)), few.usage()
    counted = usage.batch_tokens if batch else usage.llm_tokens
    assert booked == pytest.approx(bill(counted, wallet.price, batch=batch)) and bounded(few)


@pytest.mark.parametrize("kind", INPUTS)
def test_input_is_held_to_the_bytes_of_the_request(few, monkeypatch, kind):
    few.set("run.concurrency", 1)
    with monkeypatch.context() as lying:
        claim(few, lying, **{kind: 10**12})
        assert "1,000,000,000" in few.run(code=1).output
    few.run()
    assert bounded(few)


def test_what_answers_claim_is_said_whenever_they_are_used(few, monkeypatch):
    few.set("run.concurrency", 1)
    with monkeypatch.context() as lying:
        claim(few, lying, 10**8)
        few.run(code=1)
    assert "; 1 claim more tokens than a request can use" in few.run().stdout
    assert "; 1 claim more tokens than a request can use" in few.run().stdout
    records = [json.loads(record) for record in few.answers()["record"]]
    assert max(record["response"]["usage"]["output_tokens"] for record in records) == 10**8, (
        "what was said is kept"
    )


def test_what_a_request_may_use_is_believed(few):
    few.server.answer = lambda body: Reply(
        [{"type": "text", "text": f'{{"label": "{right_label(body)}"}}'}], "end_turn", 512
    )
    assert "claim" not in few.run().output
    assert set(few.predictions()["output_tokens"]) == {512}


def test_a_budget_of_one_is_never_passed_by_claims(few, monkeypatch):
    few.set("run.concurrency", 1)
    claim(few, monkeypatch, 10**8)
    for _ in range(3):
        few.run(code=1)
    assert len(few.sent) == 3
    with few.ledger() as ledger:
        standing = Wallet.of("claude", load()).standing(ledger)
    assert standing.billed + standing.reserved < 0.1


# --- an LLM without a price ----------------------------------------------------------------------


@MODES
@pytest.mark.parametrize("claimed", CLAIMS)
def test_without_a_price_its_tokens_overflow_nothing(few, monkeypatch, mode, claimed):
    few.llm(price=None, base_url=few.server.url, key_env="ANTHROPIC_API_KEY")
    few.set("run.mode", mode)
    claim(few, monkeypatch, claimed, input_tokens=claimed, cache_read_input_tokens=claimed)
    assert "; 13 claim more tokens than a request can use" in few.run().stdout
    assert bounded(few)
    assert "13 answers replayed" in few.run().stdout


# --- what is here already ------------------------------------------------------------------------


@pytest.mark.parametrize("claimed", CLAIMS)
@pytest.mark.parametrize("where", ["the ledger", "data/answers"])
def test_what_an_earlier_version_believed_is_replayed_within_bounds(few, where, claimed):
    few.run()
    shutil.rmtree(few.root / "data/predictions")
    if where == "the ledger":
        shutil.rmtree(few.root / "data/answers")
        with closing(sqlite3.connect(few.root / "state/ledger.sqlite")) as connection:
            for request, response in connection.execute(
                "SELECT request, response FROM answers"
            ).fetchall():
                lied = json.loads(response)
                lied["usage"]["output_tokens"] = claimed
                connection.execute(
                    "UPDATE answers SET response = ? WHERE request = ?", (json.dumps(lied), request)
                )
            connection.create_function("digest_of", 7, ledger_tables.digest)
            connection.execute(f"UPDATE answers SET digest = {ledger_tables.DIGEST}")
            connection.commit()
    else:
        path, answers = few.root / "data/answers/toy/claude.parquet", few.answers()
        shutil.rmtree(few.root / "state")
        lied = [json.loads(record) for record in answers["record"]]
        for record in lied:
            record["response"]["usage"] |= {"input_tokens": claimed, "output_tokens": claimed}
        write_answers(path, answers.assign(record=[json.dumps(record) for record in lied]))
    assert "13 answers replayed, 0 asked for" in few.run().stdout
    assert few.predictions()["output_tokens"].tolist() == [512] * REQUESTS
    assert few.usage().llm_tokens["output"] == 512 * REQUESTS
    assert CliRunner().invoke(cli.main, ["quote", "--json"]).exit_code == 0


# --- the bound -----------------------------------------------------------------------------------


def test_tokens_of_all_kinds_share_one_bound():
    claimed = {
        "input": 700,
        "output": 50,
        "cache_write": 900,
        "cache_write_1h": 0,
        "cache_read": 10**400,
    }
    tokens = believed(claimed, 1000, 512)
    assert tokens == {
        "input": 700,
        "output": 50,
        "cache_write": 900,
        "cache_write_1h": 0,
        "cache_read": 400,
    }
    assert believed(tokens, 1000, 512) == tokens
    assert believed({"output": 513}, 0, 512) == dict.fromkeys(TOKEN_KINDS, 0) | {"output": 512}


@pytest.mark.parametrize("claimed", CLAIMS)
def test_a_quote_believes_no_more_than_a_request_can_hold(few, monkeypatch, claimed):
    monkeypatch.setattr(messages_api, "_sizes", lambda _: [claimed])
    done = CliRunner().invoke(cli.main, ["quote", "--json"])
    [quote] = json.loads(done.stdout)["quotes"]
    longest = max(size(r.body) for r in few.server.requests)
    assert quote["counted"] and quote["input_tokens"] <= REQUESTS * (longest + 20 + OVERHEAD)
