"""The answers of an earlier run, as DVC holds them, reproduce a cell to the byte: no key, no ledger, no server."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from click.testing import CliRunner
from ruamel.yaml import YAML

from slingshot import cli
from slingshot.files.answers import read_answers, write_answers
from slingshot.files.storage.json_files import write_text
from slingshot.llm.asked.entries import Record
from slingshot.settings import llms
from tests.llm.conftest import CLAUDE, Asked, write_texts
from tests.messages_api.script import refusal

OUTPUTS = [
    "data/predictions/toy/claude.parquet",
    "data/usage/toy/claude.json",
    "data/answers/toy/claude.parquet",
]
TEXTS = ["a lovely phone", "a superb box", "an odd cable", "a great cable", "refuse this"]


@pytest.fixture
def few(asked: Asked) -> Asked:
    write_texts(asked.root, TEXTS)
    right = asked.server.answer
    answers: dict[str, Any] = {"odd": '{"label": "odd"}', "refuse": refusal()}
    asked.server.answer = lambda body: (
        next((r for w, r in answers.items() if w in str(body["messages"][-1])), None)
        or (right(body))
    )
    return asked


def contents(root: Path) -> list[bytes]:
    return [(root / name).read_bytes() for name in OUTPUTS]


def into_cache(root: Path) -> Path:
    """Move the answers to DVC's cache, under the digest in dvc.lock, as they are when DVC runs the stage again."""
    answers = root / OUTPUTS[-1]
    digest = hashlib.md5(answers.read_bytes()).hexdigest()
    cached = root / ".dvc/cache/files/md5" / digest[:2] / digest[2:]
    cached.parent.mkdir(parents=True)
    answers.rename(cached)
    outs = [{"path": name, "hash": "md5", "md5": "0" * 32} for name in OUTPUTS[:-1]]
    outs.append({"path": OUTPUTS[-1], "hash": "md5", "md5": digest, "size": cached.stat().st_size})
    with (root / "dvc.lock").open("w") as file:
        stage = {"cmd": "x", "params": {"params.yaml": {"llms.claude": CLAUDE}}, "outs": outs}
        YAML().dump({"schema": "2.0", "stages": {"prompt_llm@toy-claude": stage}}, file)
    for name in OUTPUTS[:-1]:
        (root / name).unlink()
    return cached


def elsewhere(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    """Act as another machine: an empty state folder, no key, no server."""
    shutil.rmtree(asked.root / "state")
    monkeypatch.delenv("ANTHROPIC_API_KEY")
    monkeypatch.setenv("HOME", str(asked.root))
    monkeypatch.setenv("ANTHROPIC_BASE_URL", "http://127.0.0.1:9")
    monkeypatch.setattr(llms, "ANTHROPIC_API", "http://127.0.0.1:9")


def give_up() -> None:
    """Accept that the ledger is gone."""
    result = CliRunner().invoke(cli.main, ["ledger", "--confirm-loss"])
    assert result.exit_code == 0 and "Given up" in result.stdout, (result.output, result.exception)


SETTINGS = [
    {},
    {"scores": "verbalised"},
    {"scores": "votes", "samples": 3},
    {"cache_from": 64},
    {"model": "claude-haiku-5-5", "structured": False, "shots": 0},
]


@pytest.mark.parametrize("changes", SETTINGS, ids=lambda changes: ",".join(changes) or "plain")
def test_answers_in_dvcs_cache_reproduce_the_cell_to_the_byte(few, monkeypatch, changes):
    few.llm(**changes)
    asked = few.run().stdout
    before, rows = contents(few.root), few.answers()
    into_cache(few.root)
    elsewhere(few, monkeypatch)
    assert f"{rows['request'].nunique()} answers replayed, 0 asked for" in few.run().stdout
    assert contents(few.root) == before
    assert f"{rows['request'].nunique()} asked for" in asked
    assert few.predictions()["status"].value_counts()["refused"] == 1
    with few.ledger() as ledger:
        assert ledger.answers(rows["request"]).keys() == set(rows["request"]), (
            "what was brought is kept"
        )


def test_answers_of_a_batch_are_reproduced_to_the_byte(few, monkeypatch):
    few.set("run.mode", "batch")
    few.run()
    before = contents(few.root)
    into_cache(few.root)
    elsewhere(few, monkeypatch)
    few.run()
    assert contents(few.root) == before


def test_the_ledger_alone_reproduces_the_cell_to_the_byte(few):
    few.run()
    before = contents(few.root)
    shutil.rmtree(few.root / "data/answers")
    few.run()
    assert contents(few.root) == before and len(few.sent) == len(TEXTS) + 1


def test_the_answers_file_in_the_workspace_serves_too(few, monkeypatch):
    few.run()
    before = contents(few.root)
    elsewhere(few, monkeypatch)
    few.run()
    assert contents(few.root) == before


def test_a_broken_file_in_the_workspace_hides_nothing_that_the_cache_has(few, monkeypatch):
    few.run()
    before = contents(few.root)
    into_cache(few.root)
    elsewhere(few, monkeypatch)
    write_text(few.root / OUTPUTS[-1], "no parquet")
    few.run()
    assert contents(few.root) == before


def test_a_part_in_the_workspace_and_a_part_in_the_cache_make_a_whole(few, monkeypatch):
    few.run()
    before, answers = contents(few.root), few.answers()
    write_answers(few.root / OUTPUTS[-1], answers[:3])
    into_cache(few.root)
    write_answers(few.root / OUTPUTS[-1], answers[3:])
    elsewhere(few, monkeypatch)
    few.run()
    assert contents(few.root) == before


@pytest.mark.parametrize("what", ["other columns", "no stage", "no lock", "empty lock"])
def test_what_is_no_answers_file_counts_as_no_answers(few, monkeypatch, what):
    few.run()
    if what == "other columns":
        pd.DataFrame({"id": ["x"]}).to_parquet(few.root / OUTPUTS[-1])
    into_cache(few.root)
    elsewhere(few, monkeypatch)
    if what == "no lock":
        (few.root / "dvc.lock").unlink()
    elif what != "other columns":
        (few.root / "dvc.lock").write_text(
            "" if what == "empty lock" else "schema: '2.0'\nstages: {}\n"
        )
    if (few.root / "dvc.lock").is_file() and "toy-claude" in (few.root / "dvc.lock").read_text():
        assert "money was spent that is not in this ledger" in few.run(code=1).output
        give_up()
    output = few.run(code=1).output
    assert "0 of 6 requests are answered" in output and "ANTHROPIC_API_KEY" in output


def test_a_whole_replay_needs_no_ledger_that_can_be_used(few):
    few.run()
    before = contents(few.root)
    into_cache(few.root)
    ledger = few.root / "state/ledger.sqlite"
    ledger.write_bytes(b"x" * 5000)
    output = few.run().output
    assert (
        contents(few.root) == before
        and "Warning: " in output
        and "file is not a database" in output
    )

    few.llm(effort="low")
    output = few.run(code=1).output
    assert (
        f"{ledger}: " in output and "move that file away" in output and output.count("Error:") == 1
    )
    ledger.rename(few.root / "aside")
    assert "money was spent" in few.run(code=1).output
    assert CliRunner().invoke(cli.main, ["ledger", "--rebuild"]).exit_code == 0
    few.run()
    assert len(few.sent) == 2 * (len(TEXTS) + 1)


# --- what is damaged -----------------------------------------------------------------------------


def spoil(path: Path, record: str) -> str:
    """Replace the first answer's record. Returns its request."""
    answers = read_answers(path)
    answers.loc[0, "record"] = record
    write_answers(path, answers)
    return str(answers["request"][0])


def without(answers: pd.DataFrame, field: str) -> str:
    """The first record, with an answer that lacks that key."""
    record = json.loads(answers["record"][0])
    del record["response"][field]
    return json.dumps(record)


@pytest.mark.parametrize("where", ["work tree", "cache"])
@pytest.mark.parametrize("what", ["usage", "content", "no JSON", "no record", "tokens", "time"])
def test_a_record_that_is_no_answer_is_named_and_keeps_no_other_from_the_ledger(
    few, monkeypatch, where, what
):
    few.run()
    path, good = few.root / OUTPUTS[-1], few.answers()
    before = contents(few.root)
    record = json.loads(good["record"][0])
    records = {
        "no JSON": '{"response": {}',
        "no record": '{"answer": "good"}',
        "time": json.dumps(record | {"at": 7}),
    }
    record["response"]["usage"]["output_tokens"] = "many"
    request = spoil(
        path, (records | {"tokens": json.dumps(record)}).get(what) or without(good, what)
    )
    path = into_cache(few.root) if where == "cache" else path
    elsewhere(few, monkeypatch)
    for _ in range(2):
        output = few.run(code=1).output
        assert (
            f"{path.relative_to(few.root)}: the record of request {request} is not an answer"
            in output
        )
        assert (
            "`dvc pull data/answers/toy/claude.parquet`" in output and output.count("Error:") == 1
        )
    with few.ledger() as ledger:
        assert ledger.answers(good["request"]).keys() == set(good["request"][1:])
    write_answers(few.root / OUTPUTS[-1], good)
    few.run()
    assert contents(few.root) == before


def test_a_record_that_is_no_answer_hides_nothing_that_the_ledger_has(few):
    few.run()
    before = contents(few.root)
    spoil(few.root / OUTPUTS[-1], "{")
    few.run()
    assert contents(few.root) == before


def test_one_that_an_earlier_version_took_over_is_replaced(few, monkeypatch):
    few.run()
    before, good = contents(few.root), few.answers()
    elsewhere(few, monkeypatch)
    (few.root / "state").mkdir()
    with few.ledger() as ledger:
        ledger.adopt({good["request"][0]: Record.from_json(without(good, "usage"))})
    few.run()
    assert contents(few.root) == before


def test_one_that_an_earlier_version_took_over_is_asked_for_where_no_file_has_it(few):
    few.run()
    good = few.answers()
    (few.root / OUTPUTS[-1]).unlink()
    shutil.rmtree(few.root / "state")
    (few.root / "state").mkdir()
    with few.ledger() as ledger:
        ledger.adopt({good["request"][0]: Record.from_json(without(good, "usage"))})
    assert "0 answers replayed, 6 asked for" in few.run().stdout


def test_a_damaged_file_in_dvcs_cache_is_named_and_used_by_nothing(few, monkeypatch):
    few.run()
    before, good = contents(few.root), few.answers()
    cached = into_cache(few.root)
    whole = cached.read_bytes()
    spoil(cached, good["record"][1])
    elsewhere(few, monkeypatch)
    output = few.run(code=1).output
    assert (
        f"{cached.relative_to(few.root)}: this file of DVC's cache is not" in output
        and output.count("Error:") == 1
    )
    assert "delete it, then `dvc pull data/answers/toy/claude.parquet`" in output
    rebuilt = CliRunner().invoke(cli.main, ["ledger", "--rebuild"]).stdout
    assert "data/answers has 0 answers" in rebuilt and "Not taken in: " in rebuilt
    assert rebuilt.count("this file of DVC's cache is not") == 1
    cached.write_bytes(whole)
    few.run()
    assert contents(few.root) == before


def test_a_broken_file_in_the_workspace_is_named_where_something_is_lacking(few, monkeypatch):
    few.run()
    elsewhere(few, monkeypatch)
    write_text(few.root / OUTPUTS[-1], "no parquet")
    output = few.run(code=1).output
    assert (
        "data/answers/toy/claude.parquet: not a file of answers" in output
        and output.count("Error:") == 1
    )


# --- what is missing -----------------------------------------------------------------------------


def test_only_what_is_missing_is_asked_for(few):
    few.run()
    answers = few.answers()
    into_cache(few.root)
    shutil.rmtree(few.root / "state")
    write_texts(few.root, [*TEXTS, "a great phone"])
    few.server.requests.clear()
    give_up()
    assert "6 answers replayed, 1 asked for" in few.run().stdout
    assert len(few.sent) == 1
    assert set(answers["record"]) < set(few.answers()["record"])


@pytest.mark.parametrize("gone", ["retired", "unknown"])
def test_a_model_that_is_gone_runs_from_its_answers_and_without_them_says_so_once(few, gone):
    model = "claude-3-opus-20240229" if gone == "retired" else "claude-of-yore"
    few.set("llms.newer", {**CLAUDE, "title": "Newer", "model": "claude-haiku-5-5"})
    few.llm(model=model, retired="2026-01-05" if gone == "retired" else None)
    few.server.models[model] = 64
    few.run()
    before = contents(few.root)
    few.server.models.pop(model)
    into_cache(few.root)
    shutil.rmtree(few.root / "state")
    few.server.requests.clear()
    few.run()
    assert contents(few.root) == before and few.server.requests == []

    shutil.rmtree(few.root / "state")
    shutil.rmtree(few.root / ".dvc/cache")
    (few.root / OUTPUTS[-1]).unlink()
    give_up()
    output = few.run(code=1).output
    assert f"does not serve the model '{model}' (404: model: {model})" in output
    assert "newer (claude-haiku-5-5)" in output and output.count("Error:") == 1


def test_a_replay_needs_no_budget(few, monkeypatch):
    few.run()
    before = contents(few.root)
    few.set("study.llms", [])
    few.set("run.budget", {})
    few.run()
    assert contents(few.root) == before
    write_texts(few.root, [*TEXTS, "a great phone"])
    assert "run.budget.claude is missing" in few.run(code=1).output


def test_another_price_changes_no_record_of_what_was_paid(few):
    few.run()
    before = contents(few.root)
    few.set("cost.llm_prices.claude_haiku_5_5.input", 5)
    few.set("cost.llm_prices.claude_haiku_5_5.date", "2026-12-01")
    few.run()
    assert contents(few.root) == before
    assert few.usage().details["prices"] == ["claude_haiku_5_5 2026-10-07"]
