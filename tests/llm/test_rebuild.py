"""`slingshot ledger` as people run it: what the ledger holds, what it lacks, and how a lost one is rebuilt."""

from __future__ import annotations

import dataclasses
import json
import shutil
import sqlite3
from contextlib import closing
from typing import Any

import pytest
from click.testing import CliRunner, Result
from ruamel.yaml import YAML

from slingshot import cli
from slingshot.files.answers import write_answers
from slingshot.llm.asked.entries import Record
from slingshot.settings import load
from tests.llm.conftest import CLAUDE, REQUESTS, Asked, attempts, outcomes, right_label
from tests.llm.test_replay import into_cache
from tests.messages_api.script import Reply

DEAR = {
    "input": 9.0,
    "output": 9.0,
    "cache_write": 9.0,
    "cache_read": 9.0,
    "currency": "USD",
    "date": "2026-12-01",
    "source": "a test",
}


def run(*arguments: str, code: int = 0) -> Result:
    done = CliRunner().invoke(cli.main, ["ledger", *arguments])
    assert done.exit_code == code, (done.output, done.exception)
    return done


def as_json(*arguments: str) -> dict[str, Any]:
    accounts: dict[str, Any] = json.loads(run("--json", *arguments).stdout)
    return accounts


def lose(asked: Asked) -> None:
    (asked.root / "state/ledger.sqlite").unlink()


def rot(asked: Asked, requests: int = 1) -> list[str]:
    """Change a letter in that many answers."""
    with closing(sqlite3.connect(asked.root / "state/ledger.sqlite")) as connection:
        chosen = [
            r
            for (r,) in connection.execute(
                "SELECT request FROM answers ORDER BY request LIMIT ?", (requests,)
            )
        ]
        for request in chosen:
            sql = "UPDATE answers SET response = replace(response, 'usage', 'usagd') WHERE request = ?"
            assert connection.execute(sql, (request,)).rowcount == 1
        connection.commit()
    return chosen


def ask_more(asked: Asked, code: int = 0) -> str:
    """Change the prompt's words, so that the same texts need new answers."""
    asked.llm(effort="low")
    output: str = asked.run(code=code).output
    return output


# --- what it says --------------------------------------------------------------------------------


def test_it_says_where_the_ledger_lies_and_what_each_llm_has_cost(few):
    few.run()
    output = run().stdout
    assert f"The ledger: {few.root / 'state/ledger.sqlite'}" in output
    assert (
        "claude" in output
        and "USD" in output
        and str(REQUESTS) in output
        and "Missing" not in output
    )
    accounts = as_json()
    bills = sum(attempt["amount"] for attempt in attempts(few))
    assert accounts["spent"]["claude"] == [
        {"currency": "USD", "billed": pytest.approx(bills), "reserved": 0.0, "answers": REQUESTS}
    ]
    assert accounts["missing"] == [] and accounts["refusal"] is None and accounts["rebuilt"] is None


def test_without_anything_spent_it_says_so(few):
    assert "Nothing was spent from it." in run().stdout


def test_a_lost_one_is_said_to_be_missing_there_and_in_a_quote(few):
    few.run()
    lose(few)
    assert "names a ledger that was at" in run().stdout and "--confirm-loss" in run().stdout
    quoted = CliRunner().invoke(cli.main, ["quote", "--json"])
    assert "money was spent that this ledger does not record" in quoted.stderr
    assert json.loads(quoted.stdout)["accounts"]


# --- rebuilding ----------------------------------------------------------------------------------


@pytest.mark.parametrize("where", ["work tree", "cache"])
@pytest.mark.parametrize("mode", ["sync", "batch"])
def test_a_lost_ledger_is_rebuilt_with_every_answer_and_its_bill(few, where, mode):
    few.set("run.mode", mode)
    few.run()
    before = as_json()["spent"]
    records = set(few.answers()["record"])
    if where == "cache":
        into_cache(few.root)
    lose(few)
    assert "money was spent" in ask_more(few, code=1)
    assert f"the bills of {REQUESTS} were added" in run("--rebuild").stdout
    after = as_json()
    assert (
        after["spent"]["claude"][0] == pytest.approx(before["claude"][0]) and after["missing"] == []
    )
    with few.ledger() as ledger:
        stored = ledger.answers([attempt["request"] for attempt in attempts(few)])
    assert {record.as_json() for record in stored.values()} == records
    ask_more(few)
    assert outcomes(few) == {"answered": 2 * REQUESTS}


def test_a_claim_of_more_tokens_than_a_request_can_use_is_billed_as_no_more(few):
    few.run()
    lose(few)
    path, answers = few.root / "data/answers/toy/claude.parquet", few.answers()
    lied = [json.loads(record) for record in answers["record"]]
    for record in lied:
        record["response"]["usage"] |= {"input_tokens": 10**22, "output_tokens": 10**22}
    write_answers(path, answers.assign(record=[json.dumps(record) for record in lied]))
    accounts = as_json("--rebuild")
    most = load(few.root / "params.yaml").cost.llm_prices[CLAUDE["price"]].input * 2
    assert 0 < accounts["spent"]["claude"][0]["billed"] < REQUESTS * most


def lock_settings(asked: Asked, **settings: Any) -> None:
    """Let dvc.lock say that the cell ran with these settings."""
    path = asked.root / "dvc.lock"
    lock = YAML(typ="safe").load(path.read_text())
    lock["stages"]["prompt_llm@toy-claude"]["params"]["params.yaml"]["llms.claude"] = (
        CLAUDE | settings
    )
    with path.open("w") as file:
        YAML().dump(lock, file)


@pytest.mark.parametrize("before", [{"max_tokens": 4096}, {}], ids=["4096", "the default"])
def test_what_a_request_could_use_when_it_was_paid_is_believed(few, before):
    few.llm(**before)
    output = before.get("max_tokens", 512) - 1
    few.server.answer = lambda body: Reply(
        [{"type": "text", "text": f'"{right_label(body)}"'}], "end_turn", output
    )
    few.run()
    bills = as_json()["spent"]
    into_cache(few.root)
    lock_settings(few, **before)
    few.llm(max_tokens=100)
    lose(few)
    accounts = as_json("--rebuild")
    assert accounts["spent"]["claude"][0] == pytest.approx(bills["claude"][0])
    assert not any("claim" in note for note in accounts["rebuilt"]["notes"])


def test_that_a_bill_was_cut_is_said(few):
    few.run()
    few.llm(max_tokens=1)
    lose(few)
    notes = as_json("--rebuild")["rebuilt"]["notes"]
    claim = "data/answers/toy/claude.parquet: 13 answers claim more tokens than a request can use"
    assert claim in notes[0] and "max_tokens" in notes[0]


def test_what_was_held_for_attempts_of_unknown_outcome_is_said_to_be_lost(few):
    few.run()
    note = "reserved for attempts of unknown outcome"
    assert note not in run("--rebuild").stdout
    lose(few)
    assert note in run("--rebuild").stdout


def test_rebuilding_again_changes_nothing(few):
    few.run()
    before = attempts(few)
    assert as_json("--rebuild")["rebuilt"]["billed"] == 0 and attempts(few) == before
    lose(few)
    run("--rebuild")
    once = attempts(few)
    rebuilt = as_json("--rebuild")["rebuilt"]
    assert (rebuilt["answers"], rebuilt["billed"], rebuilt["mended"]) == (REQUESTS, 0, 0)
    assert attempts(few) == once and len(once) == REQUESTS


def test_what_was_replayed_into_an_empty_ledger_gets_its_bill_too(few):
    few.run()
    lose(few)
    few.run()
    assert as_json()["spent"] == {}
    assert as_json("--rebuild")["rebuilt"]["billed"] == REQUESTS


def test_the_budget_holds_after_it(few):
    few.run()
    [spent] = as_json()["spent"]["claude"]
    lose(few)
    run("--rebuild")
    few.set("run.budget", {"claude": spent["billed"] * 0.8532 * 1.001})
    assert "the budget is reached" in ask_more(few, code=1)


def test_a_part_that_is_not_here_is_named_and_the_refusal_stays_until_it_is_given_up(few):
    few.run()
    answers = few.answers()
    into_cache(few.root)
    shutil.rmtree(few.root / ".dvc/cache")
    write_answers(few.root / "data/answers/toy/claude.parquet", answers[:5])
    lose(few)
    output = run("--rebuild").stdout
    assert "the bills of 5 were added" in output
    assert "Not taken in: data/answers/toy/claude.parquet" in output
    assert "`dvc pull data/answers/toy/claude.parquet`" in output
    assert "money was spent" in ask_more(few, code=1)
    output = run("--rebuild", "--confirm-loss").stdout
    assert "Given up: " in output and "its budget starts again" in output
    ask_more(few)
    assert as_json()["missing"] == []


def test_with_nothing_to_rebuild_from_nothing_is_settled(few):
    few.run()
    shutil.rmtree(few.root / "data/answers")
    lose(few)
    assert "data/answers has 0 answers" in run("--rebuild").stdout
    assert "money was spent" in ask_more(few, code=1)


def test_a_loss_that_is_confirmed_starts_the_budget_anew_and_is_said_once(few):
    few.run()
    lose(few)
    assert "Given up: " in run("--confirm-loss").stdout
    assert as_json("--confirm-loss")["accepted"] == []
    ask_more(few)
    assert as_json()["spent"]["claude"][0]["answers"] == REQUESTS


def test_each_of_two_ledgers_is_refused_once(few, monkeypatch):
    """The two ledgers are those of two people who share DVC's cache."""
    few.run()
    (few.root / ".dvc").mkdir()
    shutil.copytree(few.root / "state/payers", few.root / ".dvc/slingshot/payers")
    theirs = few.root / "theirs"
    few.llm(effort="low")
    monkeypatch.setenv("SLINGSHOT_STATE", str(theirs))
    assert "names a ledger that was at" in few.run(code=1).output
    run("--confirm-loss")
    few.run()
    few.llm(effort="high")
    monkeypatch.setenv("SLINGSHOT_STATE", str(few.root / "state"))
    assert str(theirs) in few.run(code=1).output
    run("--confirm-loss")
    few.run()
    few.llm(effort="max")
    for folder in (theirs, few.root / "state"):
        monkeypatch.setenv("SLINGSHOT_STATE", str(folder))
        few.run()


# --- prices --------------------------------------------------------------------------------------


def test_answers_are_billed_by_the_list_that_each_names(few):
    few.run()
    before = as_json()["spent"]["claude"][0]
    few.change({"cost.llm_prices.dear": DEAR, "llms.claude": CLAUDE | {"price": "dear"}})
    lose(few)
    run("--rebuild")
    assert as_json()["spent"]["claude"][0] == pytest.approx(before)


def test_a_list_of_another_date_is_used_and_said(few):
    few.run()
    few.set("cost.llm_prices.claude_haiku_5_5.date", "2026-12-01")
    lose(few)
    [note] = [note for note in as_json("--rebuild")["rebuilt"]["notes"] if "2026-12-01" in note]
    assert "claude_haiku_5_5 2026-10-07" in note


def test_without_the_list_nothing_is_changed(few):
    few.run()
    values = YAML(typ="safe").load((few.root / "params.yaml").read_text())
    others = {name: llm for name, llm in values["llms"].items() if not llm.get("price")}
    few.change(
        {"cost.llm_prices": {"dear": DEAR}, "llms": others | {"claude": CLAUDE | {"price": "dear"}}}
    )
    lose(few)
    output = run("--rebuild", code=1).output
    assert "cost.llm_prices.claude_haiku_5_5 is missing" in output and output.count("Error:") == 1
    assert as_json()["spent"] == {}


def test_an_llm_that_params_yaml_lacks_is_named(few):
    few.run()
    into_cache(few.root)
    values = YAML(typ="safe").load((few.root / "params.yaml").read_text())
    others = {name: llm for name, llm in values["llms"].items() if name != "claude"}
    few.change(
        {"llms": others | {"other": CLAUDE}, "study.llms": ["other"], "run.budget": {"other": 1.0}}
    )
    lose(few)
    assert (
        "llms.claude is missing, but is needed to read the answers in data/answers/toy/claude"
        in run("--rebuild").stdout
    )


# --- what rotted ---------------------------------------------------------------------------------


def test_a_rotten_answer_stops_the_run_in_one_error_and_is_mended_without_a_second_bill(few):
    few.run()
    before = as_json()["spent"]
    [request] = rot(few)
    file = few.root / "data/answers/toy/claude.parquet"
    file.rename(few.root / "held")
    output = few.run(code=1).output
    assert output.count("Error:") == 1 and "Traceback" not in output
    assert f"ledger.sqlite: the answer to request {request} is damaged" in output
    assert "`slingshot ledger --rebuild`" in output and len(few.sent) == REQUESTS
    assert request in run().stdout
    (few.root / "held").rename(file)
    accounts = as_json("--rebuild")
    assert (accounts["rebuilt"]["mended"], accounts["rebuilt"]["billed"], accounts["missing"]) == (
        1,
        0,
        [],
    )
    assert accounts["spent"] == before
    few.run()
    assert len(few.sent) == REQUESTS


def test_a_rotten_answer_that_data_answers_has_is_taken_from_there(few):
    few.run()
    before = as_json()["spent"]
    into_cache(few.root)
    rot(few, 2)
    output = few.run().output
    assert (
        "2 answers in " in output and "were damaged" in output and "13 answers replayed" in output
    )
    assert as_json()["missing"] == [] and as_json()["spent"] == before and len(few.sent) == REQUESTS


def test_one_that_is_no_answer_is_replaced_whether_it_has_a_bill_or_not(few):
    few.run()
    requests = few.answers()["request"]
    broken = dataclasses.replace(
        Record.from_json(few.answers()["record"][0]), response={"content": []}
    )
    with few.ledger() as ledger:
        ledger.adopt({requests[0]: broken}, {requests[0]})
    assert as_json("--rebuild")["rebuilt"]["mended"] == 1
    lose(few)
    with few.ledger() as ledger:
        ledger.adopt({requests[0]: broken})
    assert as_json("--rebuild")["rebuilt"]["billed"] == REQUESTS
    few.run()
    assert len(few.sent) == REQUESTS


def test_one_that_data_answers_lacks_stays_until_it_is_given_up_and_is_asked_again(few):
    few.run()
    answers = few.answers()
    write_answers(few.root / "data/answers/toy/claude.parquet", answers[:5])
    rotten = rot(few, REQUESTS)
    accounts = as_json("--rebuild")
    [missing] = accounts["missing"]
    assert accounts["rebuilt"]["mended"] == 5
    assert f"answers that are damaged: {REQUESTS - 5} (requests " in missing and len(missing) < 400
    output = run("--confirm-loss").stdout
    assert (
        f"Given up: {missing}: they may be requested and paid for again, and their bills stay"
        in output
    )
    assert "budget starts again" not in output and as_json()["missing"] == []
    few.run()
    assert len(few.sent) == 2 * REQUESTS - 5 and set(rotten) == {
        attempt["request"] for attempt in attempts(few)
    }


@pytest.mark.parametrize("broken", ['{"response": {}', None], ids=["no JSON", "no usage"])
def test_a_record_in_data_answers_that_is_no_answer_is_named(few, broken):
    few.run()
    answers = few.answers()
    without = json.dumps(json.loads(answers["record"][0]) | {"response": {"content": []}})
    answers.loc[0, "record"] = broken or without
    write_answers(few.root / "data/answers/toy/claude.parquet", answers)
    lose(few)
    accounts = as_json("--rebuild")
    assert accounts["rebuilt"]["billed"] == REQUESTS - 1
    [lacking] = accounts["rebuilt"]["lacking"]
    assert f"the record of request {answers['request'][0]} is not an answer" in lacking
    assert accounts["missing"], "it is not complete"
