"""A paid LLM in the DVC graph: asked once, replayed in a queued experiment, and in a clone without a key.

One repository is made once; the tests stand in one file so that one process runs them in order.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from slingshot.files.storage.json_files import write_text
from tests.conftest import set_param, write_params
from tests.llm.conftest import CLAUDE, answering, right_label
from tests.messages_api.server import MessagesServer
from tests.repository import Repository, found, start, unlisted, write_csv

STAGE = "prompt_llm@toy-claude"


@pytest.fixture(scope="module")
def server() -> Iterator[MessagesServer]:
    with MessagesServer() as server:
        server.answer = answering(right_label)
        yield server
        assert server.problems == []


@pytest.fixture(scope="module")
def repository(
    tmp_path_factory: pytest.TempPathFactory,
    server: MessagesServer,
    encoder: Path,
    warm: Path,
) -> Repository:
    """A repository with prepared rows and an LLM that was asked, committed and pushed."""
    home = tmp_path_factory.mktemp("asked")
    root = start(home)
    source = {"kind": "file", "file": "rows.csv", "text": "text", "label": "label"}
    near = {"selection": "nearest", "encoder": {"checkpoint": str(encoder), "max_length": 32}}
    write_params(
        root,
        {
            "study": {"datasets": ["toy"], "models": ["tfidf"], "llms": ["claude"], "cascades": []},
            "datasets": {
                "toy": {
                    "source": source,
                    "label_source": "human",
                    "licence": "MIT",
                    "may_leave": True,
                }
            },
            "llms": {
                "claude": CLAUDE
                | near
                | {"shots": 2, "max_validation": 12, "key_env": "ANTHROPIC_API_KEY"}
            },
            "run": {"threads": 1, "budget": {"claude": 1.0}},
        },
    )
    write_csv(root, "toy", 120, 0)
    write_text(root / "metrics/curve/toy.csv", "experiment\n")
    own = str(home / "own")
    study = found(
        root,
        ("toy",),
        warm,
        ANTHROPIC_API_KEY="test-key",
        ANTHROPIC_BASE_URL=server.url,
        XDG_DATA_HOME=own,
    )
    study("dvc", "remote", "add", "-q", "-d", "store", str(home / "store"))
    study("git", "add", "-A")
    study("git", "commit", "-qm", "Begin")
    study("dvc", "repro", "prompt_llm")
    study("git", "add", "-A")
    study("git", "commit", "-qm", "Ask the LLM")
    study("dvc", "push", "-q")
    return study


def digests(root: Path) -> dict[str, str]:
    """The digests of the stage's outputs, as dvc.lock has them."""
    outs = YAML(typ="safe").load((root / "dvc.lock").read_text())["stages"][STAGE]["outs"]
    return {out["path"]: out["md5"] for out in outs}


def ledgers(repository: Repository) -> list[Path]:
    """The files of all ledgers that may have been made here."""
    return sorted(repository.root.parent.rglob("ledger.sqlite"))


def test_each_row_was_asked_once_and_the_ledger_stays_out_of_the_work_tree(repository, server):
    assert len(server.billed) == len(set(server.billed)) == 12 + 24
    tracked = repository("git", "ls-files").split()
    assert not [
        name for name in tracked if name.startswith(".dvc/slingshot") or name.endswith(".parquet")
    ]
    root = repository("git", "rev-list", "--max-parents=0", "HEAD").strip()
    assert ledgers(repository) == [repository.root.parent / f"own/slingshot/{root}/ledger.sqlite"]


def test_the_stage_lists_the_modules_that_this_provider_loads(repository):
    loaded = repository.traced("prompt_llm")
    assert (
        "src/slingshot/llm/anthropic/api.py" in loaded
        and "src/slingshot/pretrained/encoder.py" in loaded
    )
    assert not unlisted("prompt_llm", loaded)


def test_a_price_or_a_budget_makes_nothing_run_again(repository):
    for key, value in [("run.budget.claude", 2.0), ("cost.llm_prices.claude_haiku_5_5.input", 0.2)]:
        set_param(repository.root, key, value)
        assert STAGE not in repository.stale()
        repository("git", "checkout", "-q", "params.yaml")


def test_what_an_experiment_in_a_copy_asks_is_replayed_in_a_queued_one(repository, server):
    """Each experiment has a commit of its own as HEAD, and finds the ledger by the same root commit."""
    before, low = len(server.billed), "+llms.claude.effort=low"
    assert "0 answers replayed, 36 asked for" in repository(
        "dvc", "exp", "run", "--temp", "-S", low, "prompt_llm"
    )
    assert len(server.billed) == before + 36 and len(ledgers(repository)) == 1
    # Another title runs the stage again and asks the same.
    renamed = ("-n", "renamed", "-S", low, "-S", "llms.claude.title=Renamed", "prompt_llm")
    repository("dvc", "exp", "run", "--queue", *renamed)
    repository("dvc", "queue", "start", "-j", "1")
    logs = repository("dvc", "queue", "logs", "renamed", "-f")
    assert "36 answers replayed, 0 asked for" in logs
    assert len(server.billed) == before + 36 and len(ledgers(repository)) == 1


def test_a_clone_without_key_and_ledger_replays_the_cell_exactly(
    repository, server, tmp_path, warm
):
    before, clone = digests(repository.root), tmp_path / "clone"
    repository("git", "clone", "-q", str(repository.root), str(clone))
    own = str(tmp_path / "own")
    # At another address it would be another question.
    address = {"ANTHROPIC_BASE_URL": server.url}
    fresh = Repository(clone, warm, XDG_DATA_HOME=own, PYTHONPATH="src", **address)
    fresh("dvc", "pull", "-q", "prompt_llm", "prepare", "shots")
    asked = len(server.requests)
    assert "36 answers replayed, 0 asked for" in fresh("dvc", "repro", "-s", "-f", "prompt_llm")
    assert digests(clone) == before
    assert len(server.requests) == asked

    # Without the answers it says what is missing and how to go on, and asks no one.
    shutil.rmtree(clone / ".dvc/cache")
    shutil.rmtree(tmp_path / "own")
    (clone / "data/answers/toy/claude.parquet").unlink(missing_ok=True)
    failed = fresh("dvc", "repro", "-s", "-f", "prompt_llm", fails=True)
    assert "dvc.lock has answers of 'claude' (toy)" in failed and "`dvc pull`" in failed
    fresh("slingshot", "ledger", "--confirm-loss")
    failed = fresh("dvc", "repro", "-s", "-f", "prompt_llm", fails=True)
    assert "0 of 36 requests are answered" in failed and "ANTHROPIC_API_KEY" in failed
