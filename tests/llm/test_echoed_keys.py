"""A server that repeats the key wherever it can: it is in no file, in no message and in no exception."""

from __future__ import annotations

import asyncio
import json
import traceback
from typing import Any

import pytest

from slingshot.llm.anthropic.api import MessagesApi
from slingshot.llm.asked.api import Ask, RejectError, RetryError, StopError
from slingshot.llm.asked.redacting import Redactor
from tests.llm.conftest import REQUESTS, Asked, outcomes
from tests.messages_api import contract

KEY = "sk-ant-api03-Secret_Key-1+/="


@pytest.fixture(
    params=["ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "key_env", "ANTHROPIC_CUSTOM_HEADERS"]
)
def echoing(few: Asked, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Asked:
    """Thirteen requests with a key from that place, to a server that repeats the key in its answers."""
    monkeypatch.delenv("ANTHROPIC_API_KEY")
    if request.param == "key_env":
        few.llm(key_env="MY_KEY")
        monkeypatch.setenv("MY_KEY", KEY)
    elif request.param == "ANTHROPIC_CUSTOM_HEADERS":
        monkeypatch.setenv("ANTHROPIC_API_KEY", "another-key")
        monkeypatch.setenv(request.param, f"Authorization: Bearer {KEY}")
    else:
        monkeypatch.setenv(request.param, KEY)
    server, message = few.server, few.server.message

    def echo(body: dict[str, Any], tier: str) -> dict[str, Any]:
        reply = message(body, tier)
        label = json.loads(reply["content"][0]["text"])["label"]
        reply["content"][0]["text"] = json.dumps({"label": label, "why": f"as {KEY} says"})
        reply["id"] = reply["model"] = KEY
        return reply | {
            "echo": [{KEY: f"Bearer {KEY}"}, [KEY]],
            KEY: {"deep": [[{"a": KEY.upper()}]]},
        }

    monkeypatch.setattr(
        contract, "_extra", lambda *_: ()
    )  # so that the server sends only the API's own fields
    server.keys = {KEY}
    monkeypatch.setattr(server, "message", echo)
    monkeypatch.setattr(server, "headers", lambda *_: {"request-id": f"req {KEY}"})
    return few


def nowhere(asked: Asked, *texts: str) -> bool:
    """Whether the key is in none of the texts, and in no file of the project and its state folder."""
    files = [path for path in asked.root.rglob("*") if path.is_file()]
    assert {"ledger.sqlite", "params.yaml"} <= {path.name for path in files}
    leaks = [path for path in files if KEY.lower().encode() in path.read_bytes().lower()]
    return not leaks and not any(KEY.lower() in text.lower() for text in texts)


@pytest.mark.parametrize("mode", ["sync", "batch"])
def test_what_an_answer_repeats_is_kept_without_the_key(echoing, capfd, mode):
    echoing.change({"run.mode": mode, "run.concurrency": 1})
    output = echoing.run().output
    assert nowhere(echoing, output, *capfd.readouterr())
    assert len(echoing.server.billed) == REQUESTS and set(echoing.predictions()["status"]) == {"ok"}
    record = json.loads(echoing.answers()["record"][0])
    assert record["response"]["echo"] == [{"[key]": "Bearer [key]"}, ["[key]"]]
    assert (
        record["response"]["[key]"] == {"deep": [[{"a": "[key]"}]]}
        and record["response"]["model"] == "[key]"
    )
    assert record["request_id"] == "req [key]" or mode == "batch"


@pytest.mark.parametrize("echoing", ["ANTHROPIC_API_KEY"], indirect=True)
def test_what_a_batch_repeats_is_told_without_the_key(echoing, monkeypatch, capfd):
    """The key is in the batch's id, so that it can't be collected, and in the errors among its results."""
    server, error = echoing.server, {"type": "api_error", "message": f"no {KEY}"}
    monkeypatch.setattr(
        server,
        "_result",
        lambda *_: {
            "type": "errored",
            "error": {"type": "error", "error": error, "request_id": KEY},
        },
    )
    echoing.change({"run.mode": "batch", "run.attempts": 1})
    first = echoing.run(code=1).output
    assert "the last with: api_error: no [key]" in first
    new = server.new
    monkeypatch.setattr(server, "new", lambda kind: f"{new(kind)}_{KEY}")
    second = echoing.run(code=1).output
    assert "_[key]: the API does not know the batch" in second and outcomes(echoing) == {
        "unbilled": 13,
        "unknown": 13,
    }
    assert nowhere(echoing, first, second, *capfd.readouterr())


async def trouble(api: MessagesApi, kind: str) -> Exception:
    """The error that a request to this API raises."""
    body = api.body("Label.", [], "lovely", {"type": "object", "properties": {}})
    try:
        if kind == "results":
            await anext(api.results("msgbatch_1"))
        elif kind == "recent":
            await anext(api.recent())
        else:
            of: Any = {
                "send": body,
                "count": body,
                "submit": [Ask("r", body)],
                "look": "msgbatch_1",
            }
            await getattr(api, kind)(of[kind])
    except (RetryError, RejectError, StopError) as error:
        return error
    finally:
        await api.close()
    raise AssertionError("nothing went wrong")


@pytest.mark.parametrize("kind", ["send", "count", "submit", "look", "recent", "results"])
@pytest.mark.parametrize("status", [307, 400, 401, 402, 403, 404, 408, 413, 429, 500, 529])
def test_what_errors_repeat_is_told_without_the_key(saying, monkeypatch, status, kind):
    """The key stands in JSON, in other text, and in headers."""
    monkeypatch.setenv("OTHER_KEY", KEY)
    words = f"no {KEY}, {KEY.lower()}"
    inner = {"type": KEY, "message": words}
    for reply in (
        f"<p>{words}".encode(),
        {"type": "error", "error": inner},
        {"error": words},
        [words],
    ):
        headers = {
            "Location": f"https://{KEY.replace('/', '.')}/{KEY}",
            "request-id": KEY,
            "retry-after": "1",
        }
        error = asyncio.run(trouble(saying(reply, status, key_env="OTHER_KEY", **headers), kind))
        assert KEY.lower() not in "".join(traceback.format_exception(error)).lower()


def test_what_is_short_is_no_secret_so_that_answers_stay_what_they_are():
    redacted = Redactor()
    redacted.learn({"authorization": "Bearer none", "x-api-key": "good"})
    assert redacted.json({"label": "good", "none": 1}) == {"label": "good", "none": 1}
    redacted.learn({"authorization": "Bearer long-enough"})
    assert redacted.json([1, None, "a LONG-enough b", {"long-enough": True}]) == [
        1,
        None,
        "a [key] b",
        {"[key]": True},
    ]
