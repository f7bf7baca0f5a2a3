"""Which server is asked: Anthropic's, the one that `base_url` names, or the one that the environment does."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from slingshot import cli
from slingshot.files.storage.json_files import write_text
from slingshot.llm.anthropic.api import connect
from slingshot.settings import AnthropicSettings, load
from tests.conftest import ROOT
from tests.llm.conftest import Asked, write_texts
from tests.messages_api.server import MessagesServer

VARIABLE = "ANTHROPIC_BASE_URL"
LLM = {"provider": "anthropic", "title": "Claude", "model": "m", "price": "p"}
SCHEMA = {"type": "object", "properties": {}, "additionalProperties": False}


def digest(**changes: str) -> str:
    api = connect(AnthropicSettings(**LLM | changes), load(ROOT / "params.yaml"))
    return api.digest(api.body("Label.", [("a", "b")], "<text>\nlovely\n</text>", SCHEMA), 0)


def slingshot(*words: str, code: int = 0) -> Result:
    write_text(Path("data/raw/toy/toy.csv"), "")
    done = CliRunner().invoke(cli.main, words)
    assert done.exit_code == code, (done.output, done.exception)
    return done


@pytest.fixture
def named(asked: Asked, monkeypatch: pytest.MonkeyPatch):
    """Another server, named by an environment that also holds everything for Anthropic's."""
    write_texts(asked.root, ["lovely", "superb"])
    monkeypatch.setenv("ANTHROPIC_AUTH_TOKEN", "my-own-token")
    monkeypatch.setenv(
        "ANTHROPIC_CUSTOM_HEADERS", "x-gateway: my-header\nAuthorization: Bearer my-own-token"
    )
    with MessagesServer() as server:
        server.keys = {"none", "other-key"}
        server.answer = asked.server.answer
        monkeypatch.setenv(VARIABLE, f"{server.url}/")
        yield server
        assert server.problems == []
    assert asked.server.requests == []


# --- the digest ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value", [None, "", " ", "https://api.anthropic.com", "https://api.anthropic.com/"]
)
def test_at_anthropics_own_address_a_question_is_what_it_always_was(monkeypatch, value):
    monkeypatch.delenv(VARIABLE, raising=False)
    if value is not None:
        monkeypatch.setenv(VARIABLE, value)
    assert digest() == "f62e8a8c257d498be8439668fe889a326f4ba4ba7fb432b5768d1157a14669e2"
    assert AnthropicSettings(**LLM).remote


def test_the_variable_asks_the_same_as_base_url_does(monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    written = digest(base_url="http://127.0.0.1:8080/")
    assert written == "6ab13f05135163ff9a02d9d0f5d3a359e4474b1486768ba4896d2be9ebc8d448"
    monkeypatch.setenv(VARIABLE, "http://127.0.0.1:8080/")
    assert digest() == written
    assert digest(base_url="http://127.0.0.1:9090") != written, "params.yaml comes first"


def test_a_blank_variable_sends_to_anthropic(monkeypatch):
    monkeypatch.setenv(VARIABLE, "")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "test-key")
    assert str(
        connect(AnthropicSettings(**LLM), load(ROOT / "params.yaml"))._connected().base_url
    ) == ("https://api.anthropic.com")


# --- what is sent, and where ---------------------------------------------------------------------


def test_the_server_of_the_environment_gets_no_key_and_no_header_of_yours(asked, named):
    asked.run()
    assert len(named.requests) == 3
    assert {request.headers["authorization"] for request in named.requests} == {"Bearer none"}
    sent = json.dumps([request.headers for request in named.requests])
    assert not any(secret in sent for secret in ("test-key", "my-own-token", "my-header"))
    assert asked.usage().hardware["device"] == "server"


def test_it_gets_the_key_that_key_env_names(asked, named, monkeypatch):
    asked.llm(key_env="OTHER_KEY")
    monkeypatch.setenv("OTHER_KEY", "other-key")
    asked.run()
    assert {request.headers["authorization"] for request in named.requests} == {"Bearer other-key"}


def test_where_it_wants_a_key_it_is_said_why_yours_was_not_sent(asked, named):
    named.keys = {"other-key"}
    output = asked.run(code=1).output
    assert (
        "write the name of the key's variable as key_env; ANTHROPIC_BASE_URL names this server"
        in output
    )


def test_on_this_machine_it_needs_no_leave_and_check_and_quote_agree(asked, named):
    asked.set("datasets.toy.may_leave", False)
    assert json.loads(slingshot("check", "--json").stdout)["warnings"] == []
    [quote] = json.loads(slingshot("quote", "--json").stdout)["quotes"]
    assert quote["counted"] and quote["to_send"] == 3
    asked.run()
    assert len(named.billed) == 3


def test_elsewhere_it_needs_leave_and_check_and_quote_agree(asked, named, monkeypatch):
    asked.set("datasets.toy.may_leave", False)
    monkeypatch.setenv(VARIABLE, "http://192.0.2.1:8080")
    assert "no text of toy is sent to claude, as may_leave is not true" in slingshot("check").output
    [quote] = json.loads(slingshot("quote", "--json").stdout)["quotes"]
    assert not quote["counted"] and "may_leave is not true" in quote["why"]
    assert "may_leave is not true" in asked.run(code=1).output
    asked.set("datasets.toy.may_leave", True)
    [quote] = json.loads(slingshot("quote", "--json").stdout)["quotes"]
    assert quote["why"] == "no key is set", "yours is for another server"
    assert not named.requests


def test_batches_that_it_lacks_are_told_as_those_of_base_url_are(asked, named, monkeypatch):
    monkeypatch.setenv(VARIABLE, f"{named.url}/nowhere")
    asked.set("run.mode", "batch")
    assert "the server has no batches: set run.mode: sync" in asked.run(code=1).output
    named.problems.clear()


@pytest.mark.parametrize(
    "value", ["localhost:80", "https://me:secret@host", "me:secret@host", "http://host:99999"]
)
def test_a_variable_that_holds_no_address_is_named_where_it_matters(asked, monkeypatch, value):
    monkeypatch.setenv(VARIABLE, value)
    output = asked.run(code=1).output
    assert f"Error: the environment variable {VARIABLE}" in output and "secret" not in output
    asked.set("study.llms", [])
    slingshot("check")


def test_whether_params_yaml_is_valid_hangs_on_nothing_else(asked, named):
    asked.llm(price=None)
    assert "price is missing" in slingshot("check", code=1).output
