"""A cell of an LLM behind the Messages API: its requests, its handling of each kind of answer, and its files."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from slingshot.files.codes import STATUSES
from slingshot.files.intervals import Intervals
from slingshot.files.labels import Labels
from slingshot.files.predictions import read_predictions
from slingshot.files.rows import read_rows, write_rows
from slingshot.files.storage.json_files import read_json
from slingshot.files.storage.parquet import read_metadata
from slingshot.llm.prompt import slugs
from tests.conftest import NAMES, make_rows, write_toy
from tests.llm.conftest import text_of, write_texts
from tests.messages_api.script import Fault, Reply, empty, refusal, text, thinking_then, truncated

THOUGHT = {"type": "thinking", "thinking": "Hm.", "signature": "c2lnbmF0dXJl"}
REPLIES: dict[str, tuple[Reply, str, int]] = {
    "plain": (text('{"label": "good"}'), "ok", 2),
    "in capitals": (text('{"label": "GOOD"}'), "ok", 2),
    "thought about": (thinking_then('{"label": "bad"}'), "ok", 0),
    "in two blocks": (
        Reply([{"type": "text", "text": t} for t in ('{"label": ', '"bad"}')]),
        "ok",
        0,
    ),
    "by name alone": (text("Fine"), "ok", 1),
    "refused": (refusal(), "refused", -1),
    "refused with a label": (
        Reply([{"type": "text", "text": '{"label": "good"}'}], "refusal"),
        "refused",
        -1,
    ),
    "cut": (truncated('{"label": "goo'), "truncated", -1),
    "cut while thinking": (Reply([THOUGHT], "max_tokens"), "truncated", -1),
    "empty": (empty(), "empty", -1),
    "thought without words": (Reply([THOUGHT]), "empty", -1),
    "off the list": (text('{"label": "superb"}'), "off_list", -1),
    "in prose": (text("I can't tell."), "invalid", -1),
}


# --- what is asked -------------------------------------------------------------------------------


def test_each_row_is_asked_once_in_the_same_words_with_its_text_last(asked):
    write_toy(asked.root, "test", make_rows(8, 3, "e"))
    asked.llm(max_validation=5)
    asked.run()
    files = ("validation", "test")
    validation, test = (
        read_rows(asked.root / f"data/prepared/toy/{name}.parquet")["text"] for name in files
    )
    assert Counter(map(text_of, asked.sent)) == Counter([*validation[:5], *test])
    assert asked.predictions()["split"].tolist() == ["validation"] * 5 + ["test"] * 8
    beginnings = {json.dumps([body["system"], body["messages"][:-1]]) for body in asked.sent}
    assert len(beginnings) == 1
    assert {body["messages"][-1]["role"] for body in asked.sent} == {"user"}


def test_the_answer_is_asked_for_as_one_of_the_ids_by_a_schema(asked):
    write_texts(asked.root, ["lovely", "superb"])
    asked.run()
    [config] = {json.dumps(body["output_config"]) for body in asked.sent}
    schema = json.loads(config)["format"]["schema"]
    assert schema["properties"] == {"label": {"type": "string", "enum": ["bad", "fine", "good"]}}
    assert schema["required"] == ["label"] and schema["additionalProperties"] is False


def test_a_server_that_refuses_schemas_is_sent_none(asked):
    write_texts(asked.root, ["lovely", "superb"])
    asked.llm(structured=False, effort="low", thinking={"type": "disabled"})
    asked.run()
    assert asked.sent[0]["output_config"] == {"effort": "low"}
    assert asked.sent[0]["thinking"] == {"type": "disabled"}


@pytest.mark.parametrize(
    ("selection", "shots", "shown"), [("fixed", 4, 4), ("stratified", 2, 6), ("stratified", 0, 0)]
)
def test_examples_are_rows_of_the_pool_as_question_and_answer(asked, selection, shots, shown):
    write_texts(asked.root, ["lovely", "superb"])
    asked.llm(selection=selection, shots=shots)
    asked.run()
    pool = read_rows(asked.root / "data/shots/toy.parquet")
    before = asked.sent[0]["messages"][:-1]
    assert [m["role"] for m in before] == ["user", "assistant"] * shown
    texts = [m["content"][0]["text"] for m in before]
    wanted = [
        (f"<text>\n{row.text}\n</text>", json.dumps({"label": NAMES[row.label]}))
        for row in pool[:shown].itertuples()
    ]
    assert (
        list(zip(texts[::2], texts[1::2], strict=True)) == wanted
    )  # the pool's classes take turns
    assert asked.usage().train_rows == shown
    path = asked.root / "data/predictions/toy/claude.parquet"
    assert read_metadata(path) == {"fraction": None, "train_rows": shown, "labels": list(NAMES)}


def test_a_long_text_is_cut_and_so_are_long_examples(asked):
    asked.llm(max_characters=7)
    write_texts(asked.root, ["lovely " * 9])
    asked.server.answer = lambda body: '{"label": "good"}'
    asked.run()
    assert "lovely " in [text_of(body) for body in asked.sent]
    assert all(
        len(m["content"][0]["text"]) <= 7 + 15
        for b in asked.sent
        for m in b["messages"]
        if m["role"] == "user"
    )


@pytest.mark.parametrize("classes", [2, 77, 150])
def test_it_works_for_two_to_150_classes(asked, classes):
    names = [f"Card: arrival / {n}" for n in range(classes)]
    ids = slugs(names)
    Labels(tuple(names), (1,) * classes).write(asked.root / "data/prepared/toy/labels.json")
    rows = make_rows(classes, classes=1).assign(
        label=range(classes), text=[f"number {n}" for n in range(classes)]
    )
    write_toy(asked.root, "test", rows.iloc[:: max(1, classes // 8)])
    write_toy(asked.root, "validation", rows.iloc[-1:].assign(id="v", group="v"))
    write_rows(asked.root / "data/shots/toy.parquet", rows)
    asked.server.answer = lambda body: json.dumps(
        {"label": ids[int(text_of(body).split()[1])].upper()}
    )
    asked.run()
    predictions = read_predictions(asked.root / "data/predictions/toy/claude.parquet", names)
    assert (predictions["prediction"] == predictions["label"]).all() and classes - 1 in set(
        predictions["prediction"]
    )
    assert asked.sent[0]["output_config"]["format"]["schema"]["properties"]["label"][
        "enum"
    ] == list(ids)
    assert len(asked.sent[0]["messages"]) == 2 * classes + 1


# --- what becomes of an answer -------------------------------------------------------------------


@pytest.fixture
def replied(asked):
    """Give each kind of answer once, to a test row of that name."""
    write_texts(asked.root, list(REPLIES))
    asked.server.answer = lambda body: REPLIES.get(text_of(body), REPLIES["plain"])[0]
    return asked


def test_each_kind_of_answer_gets_its_status_and_a_failed_one_no_label(replied):
    result = replied.run()
    test = replied.predictions().query("split == 'test'")
    assert list(zip(test["status"], test["prediction"], strict=True)) == [
        (s, n) for _, s, n in REPLIES.values()
    ]
    assert set(test["score_source"]) == {"none"} and test["scores"].isna().all()
    valid = sum(status == "ok" for _, status, _ in REPLIES.values())
    assert f"coverage {(valid + 1) / (len(REPLIES) + 1):.3f}" in result.stdout
    assert {"test refused": 2, "test off_list": 1}.items() <= replied.usage().details[
        "statuses"
    ].items()
    assert set(test["status"]) == set(STATUSES) - {"error"}


def test_a_failed_answer_is_paid_for_and_counts_as_wrong_and_coverage_is_reported(replied):
    from stages.evaluate import main

    replied.run()
    assert (
        len(replied.sent)
        == len(replied.server.billed)
        == replied.usage().requests
        == len(REPLIES) + 1
    )
    replied.set("study.models", [])
    replied.set("study.cascades", [])
    result = CliRunner().invoke(main, ["toy"])
    assert result.exit_code == 0, (result.output, result.exception)
    scores = read_json(replied.root / "metrics/scores/toy/claude.json")
    statuses = [status for _, status, _ in REPLIES.values()]
    assert scores["coverage"] == pytest.approx(statuses.count("ok") / len(statuses))
    assert scores["accuracy"] == pytest.approx(
        [n for _, _, n in REPLIES.values()].count(2) / len(statuses)
    )
    assert scores["auroc"] is None
    notes = Intervals.read(replied.root / "metrics/intervals/toy/claude.json").notes
    assert any("2 refused" in note.words and "1 off list" in note.words for note in notes)


def test_what_was_said_is_kept_word_by_word(replied):
    replied.run()
    answers = replied.answers().query("split == 'test'")
    texts = dict(zip(REPLIES, answers["answer"], strict=True))
    assert (
        texts["off the list"] == '{"label": "superb"}'
        and texts["cut"] == '{"label": "goo'
        and texts["empty"] == ""
    )
    records = [json.loads(record) for record in answers["record"]]
    assert [r["response"]["stop_reason"] for r in records][5] == "refusal"
    assert records[2]["response"]["content"][0]["type"] == "thinking"
    predictions = replied.predictions().query("split == 'test'")
    usages = [r["response"]["usage"] for r in records]
    assert predictions["output_tokens"].tolist() == [u["output_tokens"] for u in usages]
    assert predictions["input_tokens"].tolist() == [
        u["input_tokens"] + u["cache_creation_input_tokens"] + u["cache_read_input_tokens"]
        for u in usages
    ]


def test_a_row_without_any_answer_is_an_error_row_where_the_settings_allow_it(asked):
    write_texts(asked.root, ["lovely", "superb"])
    asked.set("run.concurrency", 1)
    asked.server.script(Fault.status(400, message="too odd"))
    assert "1 of 3 rows have no answer" in asked.run(code=1).output
    asked.llm(max_errors=1)
    asked.server.script(Fault.status(400, message="too odd"))
    asked.run()
    predictions = asked.predictions()
    assert predictions["status"].tolist() == ["error", "ok", "ok"]
    assert (predictions["prediction"] == -1).tolist() == [True, False, False]
    assert asked.usage().requests == 2 and asked.usage().predict[0].texts == 2
    assert asked.answers()["record"].isna().tolist() == [True, False, False]


# --- scores --------------------------------------------------------------------------------------


def test_a_stated_confidence_becomes_scores_that_say_where_they_come_from(asked):
    stated: dict[str, Any] = {
        "sure": 90,
        "unsure": 10,
        "beyond": 150,
        "below": -5,
        "in words": "high",
        "unsaid": None,
    }
    asked.llm(scores="verbalised")
    write_texts(asked.root, list(stated))
    asked.server.answer = lambda body: json.dumps(
        {"label": "good", "confidence": stated.get(text_of(body), 50)}
    )
    asked.run()
    properties = asked.sent[0]["output_config"]["format"]["schema"]["properties"]
    assert (
        properties["confidence"] == {"type": "integer"}
        and "confidence" in asked.sent[0]["system"][0]["text"]
    )
    test = asked.predictions().query("split == 'test'")
    assert set(test["score_source"]) == {"verbalised"} and set(test["prediction"]) == {2}
    assert test["scores"].iloc[0].tolist() == pytest.approx([0.05, 0.05, 0.9])
    assert test["scores"].iloc[1].tolist() == pytest.approx([1 / 3] * 3)
    assert test["scores"].iloc[2:].isna().all()


def test_votes_are_independent_samples_and_their_shares_are_the_scores(asked):
    sayings = {
        "agreed": ["good", "good", "good", "good"],
        "tied": ["bad", "good", "good", "bad"],
        "half refused": [None, "fine", None, "good"],
        "refused": [None, "?", None, None],
    }
    left = {words: iter(labels) for words, labels in sayings.items()}

    def answer(body: dict[str, Any]) -> Reply | str:
        words = text_of(body)
        label = next(left[words]) if words in left else "good"
        return json.dumps({"label": label}) if label else refusal()

    asked.llm(scores="votes", samples=4)
    asked.set("run.concurrency", 1)  # only their order tells the samples apart
    write_texts(asked.root, list(sayings))
    asked.server.answer = answer
    asked.run()
    assert len(asked.sent) == 4 * (len(sayings) + 1) == asked.usage().requests
    test = asked.predictions().query("split == 'test'")
    assert test["status"].tolist() == ["ok", "ok", "ok", "refused"]
    assert test["prediction"].tolist() == [2, 0, 1, -1]
    assert set(test["score_source"]) == {"vote"}
    shares = [None if row is None else np.asarray(row).tolist() for row in test["scores"]]
    assert shares == [[0, 0, 1], [0.5, 0, 0.5], [0, 0.5, 0.5], None]
    answers = asked.answers().query("split == 'test'")
    assert answers["sample"].tolist() == [0, 1, 2, 3] * 4 and answers["request"].is_unique
    assert answers["id"].tolist() == [f"x{n}" for n in range(4) for _ in range(4)]
    tokens = [
        json.loads(record)["response"]["usage"]["output_tokens"] for record in answers["record"]
    ]
    assert test["output_tokens"].tolist() == [sum(tokens[n : n + 4]) for n in range(0, 16, 4)]


def test_a_row_that_lacks_a_sample_has_no_vote(asked):
    asked.llm(scores="votes", samples=3, max_errors=1)
    asked.set("run.concurrency", 1)
    write_texts(asked.root, ["lovely", "superb"])
    asked.server.script(Fault.status(400, message="too odd"))
    asked.run()
    assert asked.predictions()["status"].tolist() == ["error", "ok", "ok"]
    assert asked.predictions()["scores"].isna().tolist() == [True, False, False]
    assert asked.usage().requests == 8 and asked.usage().predict[0].texts == 2


def test_more_samples_later_pay_only_for_the_new_ones(asked):
    write_texts(asked.root, ["lovely", "superb"])
    asked.llm(scores="votes", samples=2)
    asked.run()
    asked.llm(scores="votes", samples=3)
    asked.run()
    assert len(asked.sent) == 3 * 3


# --- leave ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["sync", "batch"])
def test_texts_that_may_not_leave_are_sent_to_no_one(asked, mode):
    write_texts(asked.root, ["lovely", "superb"])
    asked.set("datasets.toy.may_leave", False)
    asked.set("run.mode", mode)
    output = asked.run(code=1).output
    assert (
        "datasets.toy.may_leave is not true" in output
        and "dvc pull data/answers/toy/claude.parquet" in output
    )
    assert asked.server.requests == []


def test_answers_that_are_here_need_no_leave(asked):
    write_texts(asked.root, ["lovely", "superb"])
    asked.run()
    asked.set("datasets.toy.may_leave", False)
    assert "3 answers replayed, 0 asked for" in asked.run().stdout
