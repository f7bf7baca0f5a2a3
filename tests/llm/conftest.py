"""The fixture `asked`: the toy project with an LLM behind a loopback Messages API, in place of Anthropic's."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from click.testing import CliRunner, Result

from slingshot.files.answers import read_answers
from slingshot.files.predictions import read_predictions
from slingshot.files.usage import Usage
from slingshot.llm.anthropic.api import MessagesApi, connect
from slingshot.llm.asked.ledger import Ledger
from slingshot.llm.asked.wallet import Wallet
from slingshot.settings import AnthropicSettings, Settings, llms, load
from tests.conftest import NAMES, ROOT, WORDS, make_rows, set_params, write_toy
from tests.llm.saying import Saying
from tests.messages_api.server import MessagesServer

CLAUDE = {
    "provider": "anthropic",
    "title": "Claude",
    "model": "claude-test-1",
    "price": "claude_haiku_5_5",
    "shots": 1,
    "max_validation": 24,
}
ROWS = 24 + 60
"""Validation and test rows that are labelled."""
REQUESTS = 13
"""The number of requests in the fixture `few`."""


@dataclass
class Asked:
    """The project, the server, and the stage as people run it."""

    root: Path
    server: MessagesServer

    def set(self, key: str, value: Any) -> None:
        self.change({key: value})

    def change(self, values: dict[str, Any]) -> None:
        """Set dotted keys of params.yaml, all in one writing, because writing takes long."""
        set_params(self.root, values)

    def llm(self, **changes: Any) -> None:
        self.set("llms.claude", CLAUDE | changes)

    def run(self, code: int = 0) -> Result:
        from stages.prompt_llm import main

        result = CliRunner().invoke(main, ["toy", "claude"])
        assert result.exit_code == code, (result.output, result.exception)
        return result

    @property
    def sent(self) -> list[dict[str, Any]]:
        """The bodies of the requests for an answer."""
        return [r.body for r in self.server.requests if r.path == "/v1/messages"]

    def predictions(self) -> pd.DataFrame:
        return read_predictions(self.root / "data/predictions/toy/claude.parquet", NAMES)

    def answers(self) -> pd.DataFrame:
        return read_answers(self.root / "data/answers/toy/claude.parquet")

    def usage(self) -> Usage:
        return Usage.read(self.root / "data/usage/toy/claude.json")

    def ledger(self) -> Ledger:
        return Ledger(self.root / "state/ledger.sqlite")


def right_label(body: dict[str, Any]) -> str:
    """The id of the label whose word stands in the toy text."""
    text = body["messages"][-1]["content"][-1]["text"]
    return next(
        NAMES[n]
        for n, words in WORDS.items()
        if any(word in text.split() for word in words.split())
    )


def answering(label: Callable[[dict[str, Any]], str]) -> Callable[[dict[str, Any]], str]:
    return lambda body: json.dumps({"label": label(body)})


@pytest.fixture
def asked(project: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Asked]:
    with MessagesServer() as server:
        for name in ("ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_PROFILE", "ANTHROPIC_CUSTOM_HEADERS"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("ANTHROPIC_API_KEY", "test-key")
        monkeypatch.setenv("ANTHROPIC_BASE_URL", server.url)
        monkeypatch.setattr(llms, "ANTHROPIC_API", server.url)
        server.answer = answering(right_label)
        asked = Asked(project, server)
        asked.change(
            {
                "llms.claude": CLAUDE,
                "study.llms": ["claude"],
                "run.budget": {"claude": 1.0},
                "run.backoff": 0.01,
                "run.poll": 0.01,
                "datasets.toy.may_leave": True,
            }
        )
        yield asked
        assert server.problems == []


@pytest.fixture
def few(asked: Asked) -> Asked:
    """Thirteen requests."""
    write_toy(asked.root, "validation", make_rows(1, 2, "v"))
    write_toy(asked.root, "test", make_rows(REQUESTS - 1, 3, "e"))
    return asked


@pytest.fixture
def hasty(few: Asked) -> Asked:
    """Thirteen requests with a time limit of two seconds each."""
    few.set("run.timeout", 2.0)
    return few


@pytest.fixture
def batched(few: Asked) -> Asked:
    """Thirteen requests, asked in batches."""
    few.change({"run.mode": "batch", "run.timeout": 2.0})
    return few


def write_texts(root: Path, texts: Sequence[str], validation: int = 1) -> None:
    """A test split of these texts, all of class 2, and that many validation rows."""
    ids = [f"x{number}" for number in range(len(texts))]
    rows = {"id": ids, "text": list(texts), "label": 2, "group": ids, "order": range(len(texts))}
    write_toy(root, "test", pd.DataFrame(rows))
    write_toy(root, "validation", make_rows(validation, 2, "v"))


def text_of(body: dict[str, Any]) -> str:
    """The text to label as it was sent, without the tags around it."""
    asked: str = body["messages"][-1]["content"][-1]["text"]
    return asked.removeprefix("<text>\n").removesuffix("\n</text>")


def attempts(asked: Asked) -> list[dict[str, Any]]:
    """Every attempt that the ledger knows, oldest first."""
    with closing(sqlite3.connect(asked.root / "state/ledger.sqlite")) as connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute("SELECT * FROM attempts ORDER BY id")]


def made(asked: Asked) -> list[int]:
    """The number of requests in each batch that the server got."""
    creates = [
        r for r in asked.server.requests if (r.method, r.path) == ("POST", "/v1/messages/batches")
    ]
    return [len(request.body["requests"]) for request in creates]


def paid_once(asked: Asked) -> bool:
    return len(asked.server.billed) == len(set(asked.server.billed)) == REQUESTS


def reserved(asked: Asked) -> float:
    with asked.ledger() as ledger:
        return Wallet.of("claude", load()).standing(ledger).reserved


def outcomes(asked: Asked) -> dict[str, int]:
    """The outcome of attempts -> how many had it."""
    endings = [attempt["outcome"] for attempt in attempts(asked)]
    return {outcome: endings.count(outcome) for outcome in set(endings)}


@pytest.fixture(scope="session")
def params() -> Settings:
    """The repository's own params.yaml."""
    return load(ROOT / "params.yaml")


@pytest.fixture
def saying(params: Settings) -> Iterator[Callable[..., MessagesApi]]:
    """Makes the API of a local server that gives one reply to everything."""
    server = Saying()

    def api(
        value: Any, status: int = 200, key_env: str | None = None, **headers: str
    ) -> MessagesApi:
        server.body = value if isinstance(value, bytes) else json.dumps(value).encode()
        server.status, server.headers = status, headers
        llm = {
            "provider": "anthropic",
            "title": "Claude",
            "model": "m",
            "base_url": server.url,
            "key_env": key_env,
        }
        return connect(AnthropicSettings(**llm), params)

    yield api
    server.stop()
