"""The `llms:` block of params.yaml and what of `run:` and `datasets:` belongs to it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from slingshot import cli, settings
from tests.conftest import ROOT, set_param, write_params

CLAUDE = {
    "provider": "anthropic",
    "title": "Claude",
    "model": "claude-x",
    "price": "claude_haiku_5_5",
}
LOCAL = {
    "provider": "anthropic",
    "title": "Local",
    "model": "any",
    "base_url": "http://127.0.0.1:8080",
}


def load(claude: dict[str, Any], **run: Any) -> settings.Settings:
    values = settings.read_yaml(ROOT / "params.yaml")
    values["llms"]["claude"] = claude
    values["study"] |= {"llms": ["claude"], "cascades": []}
    values["run"] |= {"budget": {"claude": 1.0}} | run
    return settings.validated(values, Path("params.yaml"))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"price": None}, "llms.claude: price is missing: name the entry of cost.llm_prices"),
        ({"price": "claude_haiku"}, "did you mean 'claude_haiku_5_5'?"),
        ({"selection": "nearest"}, "selection: nearest and encoder go together"),
        ({"encoder": {"checkpoint": "a/b"}}, "selection: nearest and encoder go together"),
        ({"scores": "votes"}, "scores: votes and samples above 1 go together"),
        ({"samples": 3}, "scores: votes and samples above 1 go together"),
        ({"api_key": "secret"}, "llms.claude: unknown key 'api_key'"),
        ({"base_url": "localhost:80"}, "llms.claude.base_url: 'localhost:80' is not an address"),
        ({"base_url": "https://me:secret@host"}, "an address must have no user or password"),
        ({"key_env": "my key"}, "llms.claude.key_env"),
        ({"prompt": "clasification"}, "llms.claude.prompt"),
        ({"shots": -1}, "llms.claude.shots"),
    ],
)
def test_one_wrong_thing_is_named_by_its_key(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(settings.UserError) as error:
        load(CLAUDE | changes)
    assert message in error.value.message


@pytest.mark.parametrize(
    ("llm", "remote", "paid"),
    [
        (CLAUDE, True, True),
        (LOCAL, False, False),
        (LOCAL | {"base_url": "http://localhost:1"}, False, False),
        (LOCAL | {"base_url": "http://[::1]:1"}, False, False),
        (LOCAL | {"base_url": "http://10.0.0.2:1"}, True, False),
        (LOCAL | {"base_url": "https://localhost.example.org"}, True, False),
        (LOCAL | {"price": "claude_haiku_5_5"}, False, True),
    ],
)
def test_only_a_loopback_server_keeps_texts_here(
    llm: dict[str, Any], remote: bool, paid: bool
) -> None:
    found = load(llm).llms["claude"]
    assert (found.remote, found.paid) == (remote, paid)


def test_an_llm_that_is_paid_for_needs_a_budget_once_it_takes_part() -> None:
    with pytest.raises(
        settings.UserError,
        match=r"run\.budget\.claude: is missing; write the most that 'claude' may ever cost, in EUR",
    ):
        load(CLAUDE, budget={})
    assert load(LOCAL, budget={}).run.budget == {}
    with pytest.raises(
        settings.UserError, match="'claud' has no definition under llms, did you mean"
    ):
        load(CLAUDE, budget={"claude": 1.0, "claud": 1.0})


def test_a_price_in_a_currency_without_a_rate_is_refused() -> None:
    values = settings.read_yaml(ROOT / "params.yaml")
    values["cost"]["rates"] = {}
    with pytest.raises(settings.UserError, match=r"add rates\.USD"):
        settings.validated(values, Path("params.yaml"))


def test_descriptions_are_of_labels() -> None:
    values = settings.read_yaml(ROOT / "params.yaml")
    words = {"text": "Tweet", "label": "Sentiment", "descriptions": {"negativ": "bad"}}
    values["datasets"]["tweets"]["prompt"] = words
    with pytest.raises(
        settings.UserError, match="'negativ' is not a label, did you mean 'negative'"
    ):
        settings.validated(values, Path("params.yaml"))


def test_check_refuses_an_llm_without_a_budget_and_warns_of_texts_that_may_not_leave(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_params(tmp_path, {"study": {"llms": ["claude_haiku_5_5"], "cascades": []}})
    refused = CliRunner().invoke(cli.main, ["check"])
    assert refused.exit_code == 1 and "run.budget.claude_haiku_5_5" in refused.output
    set_param(tmp_path, "run.budget", {"claude_haiku_5_5": 2.0})
    assert "Warning" not in CliRunner().invoke(cli.main, ["check"]).output
    set_param(tmp_path, "datasets.tweets.may_leave", False)
    warned = CliRunner().invoke(cli.main, ["check"])
    assert (
        warned.exit_code == 0 and "no text of tweets is sent to claude_haiku_5_5" in warned.output
    )
