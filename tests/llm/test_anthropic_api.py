"""The provider of Anthropic's Messages API over real HTTP: whose server, whose key, and what a server may say."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.llm.conftest import CLAUDE, Asked, write_texts
from tests.messages_api.script import Fault
from tests.messages_api.server import MessagesServer

SECRETS = ("test-key", "my-own-token", "my-header")


@pytest.fixture
def other(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> Iterator[MessagesServer]:
    """Another server, named by `base_url`, in an environment that holds everything for Anthropic's."""
    monkeypatch.setenv("ANTHROPIC_AUTH_TOKEN", "my-own-token")
    monkeypatch.setenv(
        "ANTHROPIC_CUSTOM_HEADERS", "x-gateway: my-header\nAuthorization: Bearer my-own-token"
    )
    write_texts(asked.root, ["lovely", "superb"])
    with MessagesServer() as server:
        server.keys = {"none", "other-key"}
        server.answer = asked.server.answer
        asked.llm(base_url=server.url, price=None)
        yield server
        assert server.problems == []


def sent_keys(server: MessagesServer) -> set[str]:
    """Checks that no secret of the other server went to this one."""
    assert not any(
        secret in json.dumps(request.headers) for request in server.requests for secret in SECRETS
    )
    return {request.headers["authorization"] for request in server.requests}


# --- another server ------------------------------------------------------------------------------


def test_base_url_names_another_server_which_gets_no_key_and_no_header_of_yours(asked, other):
    asked.run()
    assert len(other.requests) == 3 and asked.server.requests == []
    assert sent_keys(other) == {"Bearer none"}
    assert asked.usage().hardware["device"] == "server"


def test_key_env_names_the_key_for_it_and_no_other_is_sent(asked, other, monkeypatch):
    asked.llm(base_url=other.url, price=None, key_env="OTHER_KEY")
    assert "OTHER_KEY (llms.key_env) is not set" in asked.run(code=1).output
    assert other.requests == []
    monkeypatch.setenv("OTHER_KEY", "other-key")
    asked.run()
    assert sent_keys(other) == {"Bearer other-key"}


def test_your_own_headers_still_go_where_your_key_goes(asked, monkeypatch):
    monkeypatch.setenv("ANTHROPIC_CUSTOM_HEADERS", "x-gateway: my-header")
    write_texts(asked.root, ["lovely"])
    asked.run()
    assert {request.headers["x-gateway"] for request in asked.server.requests} == {"my-header"}
    assert {request.headers["authorization"] for request in asked.server.requests} == {
        "Bearer test-key"
    }


def test_a_server_on_this_machine_is_not_remote_so_its_texts_need_no_leave(asked, other):
    asked.set("datasets.toy.may_leave", False)
    asked.run()
    assert len(other.requests) == 3


@pytest.mark.parametrize(
    "url", ["http://192.0.2.1:8080", "https://localhost.example.org", "http://0.0.0.0:1"]
)
def test_a_server_elsewhere_is_remote_and_gets_nothing_without_leave(asked, url):
    asked.llm(base_url=url, price=None)
    asked.set("datasets.toy.may_leave", False)
    assert "may_leave is not true" in asked.run(code=1).output


def test_texts_for_this_machine_go_through_no_proxy(asked, other, monkeypatch):
    with MessagesServer() as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        asked.run()
        assert proxy.requests == [] and len(other.requests) == 3


def test_another_server_is_another_question(asked, other, monkeypatch):
    monkeypatch.delenv("ANTHROPIC_CUSTOM_HEADERS")
    asked.run()
    asked.llm()
    asked.run()
    assert len(asked.sent) == len(other.requests) == 3


def test_a_server_that_wants_a_key_is_told_apart_from_a_refused_key(asked, other):
    other.keys = {"other-key"}
    assert "write the name of the key's variable as key_env" in asked.run(code=1).output


# --- what can go wrong ---------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["sync", "batch"])
@pytest.mark.parametrize(
    ("model", "named"),
    [("claude-3-opus-20240229", "claude-3-opus-20240229"), ("claude-haiku-9", "claude-haiku-9")],
)
def test_a_retired_or_unknown_model_is_one_error_with_what_the_api_said_and_replacements(
    asked, mode, model, named
):
    write_texts(asked.root, [f"lovely {n}" for n in range(9)])
    asked.set("run.mode", mode)
    asked.set("llms.newer", {**CLAUDE, "title": "Newer", "model": "claude-haiku-5-5"})
    asked.set(
        "llms.older", {**CLAUDE, "title": "Older", "model": "claude-2", "retired": "2025-01-01"}
    )
    asked.llm(model=model)
    output = asked.run(code=1).output
    assert f"does not serve the model '{model}'" in output and f"model: {named}" in output
    assert "newer (claude-haiku-5-5)" in output and "claude-2" not in output
    assert "Traceback" not in output and output.count("Error:") == 1
    assert asked.server.billed == []
    if mode == "sync":
        assert len(asked.sent) <= 8, "no more than those at a time"


@pytest.mark.parametrize(
    "fault", [Fault.status(401), Fault.status(402), Fault.status(403), Fault.spend_limit()]
)
def test_where_nothing_will_be_taken_the_run_stops_at_once_and_says_what_to_do(asked, fault):
    asked.set("run.concurrency", 1)
    asked.server.script(fault)
    output = asked.run(code=1).output
    assert len(asked.sent) == 1 and str(fault.code) in output
    assert any(word in output for word in ("ANTHROPIC_API_KEY", "billing", "permissions", "limits"))


def test_a_key_that_the_server_repeats_is_in_no_message_and_in_no_file(asked):
    write_texts(asked.root, ["lovely"])
    asked.server.script(Fault.echo_key())
    asked.set("run.concurrency", 1)
    assert "[key]" in (output := asked.run(code=1).output) and "test-key" not in output
    asked.run()
    files = [
        path for path in asked.root.rglob("*") if path.is_file() and path.name != "params.yaml"
    ]
    assert not [path for path in files if b"test-key" in path.read_bytes()]


def test_without_a_key_nothing_is_sent_and_the_variable_is_named(asked, monkeypatch):
    monkeypatch.delenv("ANTHROPIC_API_KEY")
    monkeypatch.setenv("HOME", str(asked.root))  # where the SDK would look for a profile
    assert "set ANTHROPIC_API_KEY in the environment" in asked.run(code=1).output
    assert asked.server.requests == []
