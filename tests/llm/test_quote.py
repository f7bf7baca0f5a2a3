"""`slingshot quote` as people run it: what is missing, what it costs, and what is left of the budget."""

from __future__ import annotations

import json
import shutil
from typing import Any

import pytest
from click.testing import CliRunner, Result

from slingshot import cli
from slingshot.llm.asked.wallet import size
from slingshot.settings import load
from tests.llm.conftest import CLAUDE, ROWS
from tests.messages_api.script import Fault

PRICE = {"input": 0.10, "output": 0.50, "cache_write": 0.125, "cache_read": 0.01}
RATE = 0.8532


def run(*arguments: str, code: int = 0) -> Result:
    done = CliRunner().invoke(cli.main, ["quote", *arguments])
    assert done.exit_code == code, (done.output, done.exception)
    return done


def quoted(*arguments: str) -> tuple[dict[str, Any], dict[str, Any]]:
    value = json.loads(run("--json", *arguments).stdout)
    [quote], [account] = value["quotes"], value["accounts"]
    return quote, account


def test_what_is_quoted_at_list_is_what_the_run_then_costs(asked):
    asked.llm(cache_from=None)
    before, _ = quoted()
    assert (before["requests"], before["stored"], before["to_send"]) == (ROWS, 0, ROWS)
    assert before["counted"] and not asked.sent, (
        "tokens are counted by the API, and nothing is asked"
    )
    asked.run()
    usage = asked.usage()
    assert before["input_tokens"] == pytest.approx(usage.llm_tokens["input"], rel=0.01)
    paid = before["input_tokens"] * PRICE["input"] + before["output_tokens"] * PRICE["output"]
    assert before["cost"] == pytest.approx(paid / 1e6 * RATE)
    assert before["cost_batch"] == pytest.approx(before["cost"] / 2)
    after, account = quoted()
    assert (after["stored"], after["to_send"], after["cost"]) == (ROWS, 0, 0)
    assert account["spent"] > 0 and account["reserved"] == 0
    assert account["left"] == pytest.approx(account["budget"] - account["spent"])


def test_the_cache_is_quoted_where_the_beginning_is_long_enough(asked):
    asked.llm(cache_from=64, shots=3)
    quote, _ = quoted()
    once = quote["cacheable_tokens"] / ROWS
    assert 64 <= once < quote["input_tokens"] / ROWS
    rest = quote["input_tokens"] - quote["cacheable_tokens"]
    dear = rest * PRICE["input"] + quote["output_tokens"] * PRICE["output"]
    cached = dear + once * PRICE["cache_write"] + once * (ROWS - 1) * PRICE["cache_read"]
    assert quote["cost_cached"] == pytest.approx(cached / 1e6 * RATE, rel=1e-3)
    batch = dear + once * 2 * PRICE["input"] + once * (ROWS - 1) * PRICE["cache_read"]
    assert quote["cost_batch"] == pytest.approx(batch / 2 / 1e6 * RATE, rel=1e-3)
    asked.run()
    usage = asked.usage()
    assert usage.llm_tokens["cache_write"] == pytest.approx(once, rel=0.35), (
        "bytes stand for tokens here"
    )


@pytest.mark.parametrize("why", ["no key is set", "may_leave is not true"])
def test_without_a_key_or_leave_tokens_are_estimated_and_nothing_is_sent(asked, monkeypatch, why):
    if why == "no key is set":
        monkeypatch.delenv("ANTHROPIC_API_KEY")
    else:
        asked.set("datasets.toy.may_leave", False)
    quote, _ = quoted()
    assert not quote["counted"] and why in quote["why"]
    assert not asked.server.requests
    assert why in run().stdout and "~" in run().stdout


def test_an_api_that_does_not_serve_the_model_is_named_and_tokens_are_estimated(asked):
    asked.llm(model="claude-3-opus-20240229")
    quote, _ = quoted()
    assert not quote["counted"] and "claude-3-opus-20240229" in quote["why"]


def test_the_table_names_budgets_and_what_is_missing(asked):
    shown = run().stdout
    assert "toy" in shown and "claude" in shown and f"{ROWS}" in shown and "Budget" in shown
    assert "Another `seed` is another test set" in shown


def test_an_llm_out_of_the_study_is_quoted_without_a_budget(asked):
    asked.set("study.llms", [])
    asked.set("run.budget", {})
    quote, account = quoted("claude")
    assert quote["to_send"] == ROWS and account["budget"] is None
    assert "run.budget.claude" in run("claude").stdout
    assert "name one" in run(code=1).output


def test_what_is_reserved_is_neither_spent_nor_left(asked):
    asked.change(
        {"run.attempts": 1, "run.concurrency": 1, "llms.claude": CLAUDE | {"max_errors": 1}}
    )
    asked.server.script(Fault.drop(billed=True))
    asked.run()
    _, account = quoted()
    assert account["reserved"] > account["spent"] / ROWS > 0
    assert account["left"] == pytest.approx(
        account["budget"] - account["spent"] - account["reserved"]
    )


def test_each_data_set_has_a_line_and_one_that_is_not_prepared_is_named(asked):
    asked.change(
        {"study.datasets": ["toy", "tweets"], "datasets.tweets": load().dataset("toy").model_dump()}
    )
    assert (
        "data set 'tweets' is not prepared: run `dvc repro shots`, which asks no LLM"
        in run(code=1).output
    )
    for folder in ("prepared", "shots"):
        source, target = (asked.root / "data" / folder / name for name in ("toy", "tweets"))
        shutil.copytree(source, target) if source.is_dir() else shutil.copy(
            f"{source}.parquet", f"{target}.parquet"
        )
    value = json.loads(run("--json").stdout)
    assert [quote["dataset"] for quote in value["quotes"]] == ["toy", "tweets"] and len(
        value["accounts"]
    ) == 1
    assert value["quotes"][1]["to_send"] == ROWS


def test_what_can_t_be_quoted_is_said(asked):
    assert "did you mean 'claude'" in run("claud", code=1).output
    asked.set("llms.lm", {"provider": "causal_lm", "title": "Local", "checkpoint": "x/y"})
    assert "has no quote" in run("lm", code=1).output


def test_the_size_of_a_request_is_that_of_its_utf8_json():
    assert size({"text": "é"}) == len('{"text": "é"}'.encode())
