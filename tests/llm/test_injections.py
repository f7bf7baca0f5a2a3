"""Texts that attack the prompt of a model that obeys them: they get no new label and change no request's shape."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from slingshot.files.codes import STATUSES
from slingshot.files.rows import read_rows, write_rows
from tests.llm.conftest import Asked, text_of, write_texts
from tests.llm.injections import INJECTIONS, obeyed

BENIGN = "a lovely phone"
ROOM = 8192
"""More tokens than the longest answer has."""


def obedient(body: dict[str, Any]) -> str:
    return obeyed(text_of(body)) if text_of(body) != BENIGN else '{"label": "good"}'


@pytest.fixture
def attacked(asked: Asked) -> Asked:
    """The first test row is benign."""
    write_texts(asked.root, [BENIGN, *INJECTIONS.values()])
    asked.server.answer = obedient
    return asked


def shape(body: dict[str, Any]) -> Any:
    """A request without the text to label."""
    *before, last = body["messages"]
    [block] = last["content"]
    return {**body, "messages": [*before, {**last, "content": [{**block, "text": None}]}]}


def test_the_set_is_of_many_kinds():
    assert len(set(INJECTIONS.values())) == len(INJECTIONS) >= 30


@pytest.mark.parametrize("changes", [{"cache_from": 64}, {"structured": False, "shots": 0}])
def test_every_request_has_the_shape_that_the_template_gives(attacked, changes):
    attacked.llm(max_tokens=ROOM, **changes)
    attacked.run()
    benign = next(body for body in attacked.sent if text_of(body) == BENIGN)
    assert len(attacked.sent) == len(INJECTIONS) + 2
    for body in attacked.sent:
        assert shape(body) == shape(benign)
        asked = body["messages"][-1]["content"][0]["text"]
        assert asked.startswith("<text>\n") and asked.endswith("\n</text>")
        assert len(re.findall(r"<\W*text", asked, re.IGNORECASE)) == 2
        assert asked.count("<text>") == asked.count("</text>") == 1
    sent = {text_of(body) for body in attacked.sent}
    untouched = {
        name for name, text in INJECTIONS.items() if text in sent
    }  # a text loses nothing except its tags
    assert {
        "template",
        "quotes",
        "forges chat tokens",
        "control characters",
        "forges the answer",
    } <= untouched
    closing = {name for name in INJECTIONS if name.startswith("closes it")}
    assert closing & untouched == {"closes it as an entity"}


@pytest.mark.parametrize("scores", ["none", "verbalised", "votes"])
def test_no_label_off_the_list_reaches_a_file_whatever_the_model_says(attacked, scores):
    attacked.llm(max_tokens=ROOM, scores=scores, samples=2 if scores == "votes" else 1)
    attacked.run()
    predictions = attacked.predictions()
    assert predictions["prediction"].isin([-1, 0, 1, 2]).all()
    test = predictions.query("split == 'test'")
    status = dict(zip(["benign", *INJECTIONS], test["status"], strict=True))
    assert status["benign"] == "ok"
    assert set(status.values()) <= set(STATUSES)
    answers = {name: obeyed(text) for name, text in INJECTIONS.items()}
    for name, words in answers.items():
        named = _named(words)
        assert status[name] == "ok" if named in ("good", "bad", "fine") else status[name] != "ok", (
            name
        )
    assert sum(s == "off_list" for s in status.values()) > 25, (
        "labels off the list are really answered"
    )
    answers = attacked.answers()
    assert (answers["answer"] == '{"label": "hacked"}').sum() > 10, "and kept word by word"
    files = [
        attacked.root / f"data/{room}/toy/claude.parquet" for room in ("predictions", "answers")
    ]
    before = [file.read_bytes() for file in files]
    attacked.run()
    assert [file.read_bytes() for file in files] == before and len(attacked.sent) == answers[
        "request"
    ].nunique()


def _named(words: str) -> Any:
    try:
        value = json.loads(words)
    except ValueError:
        return None
    return value.get("label") if isinstance(value, dict) else None


def test_examples_that_attack_are_escaped_as_texts_are(attacked):
    pool = read_rows(attacked.root / "data/shots/toy.parquet")
    pool["text"] = [text[:200] for text in list(INJECTIONS.values())[: len(pool)]]
    write_rows(attacked.root / "data/shots/toy.parquet", pool)
    write_texts(attacked.root, [BENIGN])
    attacked.llm(selection="fixed", shots=len(pool))
    attacked.run()
    for message in attacked.sent[0]["messages"][:-1:2]:
        text = message["content"][0]["text"]
        assert len(re.findall(r"<\W*text", text, re.IGNORECASE)) == 2
