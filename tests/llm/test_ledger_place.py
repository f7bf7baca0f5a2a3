"""Where the ledger lies, how it gets there, and that losing it does not renew the budget."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from slingshot.llm.asked import ledger_place
from slingshot.llm.asked.entries import Hold
from slingshot.llm.asked.ledger import Ledger
from slingshot.settings import UserError
from tests.llm.conftest import REQUESTS, Asked
from tests.llm.test_ledger import HOLDS, RECORD, write_old
from tests.llm.test_replay import into_cache
from tests.messages_api.script import Fault


def git(folder: Path, *words: str) -> str:
    identity = ["-c", "user.name=Tests", "-c", "user.email=tests@example.org"]
    done = subprocess.run(
        ["git", *identity, *words], cwd=folder, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's data folder."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "own"))
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    monkeypatch.delenv("SLINGSHOT_STATE", raising=False)
    return tmp_path / "own/slingshot"


@pytest.fixture
def repository(tmp_path: Path, own: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A git and DVC repository with two commits, as the working directory."""
    home = tmp_path / "repository"
    (home / ".dvc").mkdir(parents=True)
    git(home, "init", "-q")
    (home / ".gitignore").write_text("/.dvc\n")
    git(home, "add", "-A")
    git(home, "commit", "-qm", str(tmp_path))  # no two tests share a root commit
    git(home, "commit", "-qm", "second", "--allow-empty")
    monkeypatch.chdir(home)
    return home


def root_of(repository: Path) -> str:
    return git(repository, "rev-list", "--max-parents=0", "HEAD")


def inside(repository: Path) -> Path:
    return repository / ".dvc/slingshot/ledger.sqlite"


# --- where it lies -------------------------------------------------------------------------------


def test_it_lies_in_the_users_own_folder_under_the_root_commit(repository, own):
    assert ledger_place.find() == ledger_place.Place(own / root_of(repository) / "ledger.sqlite")


def test_clones_worktrees_and_later_commits_share_it(repository, tmp_path, monkeypatch):
    place = ledger_place.find()
    git(repository, "commit", "-qm", "third", "--allow-empty")
    git(repository, "clone", "-q", ".", str(tmp_path / "clone"))
    git(repository, "worktree", "add", "-q", str(tmp_path / "worktree"))
    for folder in ("repository", "clone", "worktree"):
        (tmp_path / folder / ".dvc").mkdir(exist_ok=True)
        monkeypatch.chdir(tmp_path / folder)
        assert ledger_place.find() == place


def test_a_merge_of_another_history_changes_nothing(repository):
    place = ledger_place.find()
    git(repository, "branch", "-M", "main")
    git(repository, "checkout", "-q", "--orphan", "other")
    git(repository, "commit", "-qm", "other", "--allow-empty")
    git(repository, "checkout", "-q", "main")
    git(repository, "merge", "-q", "--allow-unrelated-histories", "-m", "both", "other")
    assert len(root_of(repository).split()) == 2 and ledger_place.find() == place


def test_the_environment_wins(repository, tmp_path, monkeypatch):
    monkeypatch.setenv("SLINGSHOT_STATE", str(tmp_path / "chosen"))
    assert ledger_place.find() == ledger_place.Place(tmp_path / "chosen/ledger.sqlite")


def test_outside_git_and_before_the_first_commit_it_lies_in_the_state_folder(
    tmp_path, own, monkeypatch
):
    (tmp_path / "new/.dvc").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "new")
    assert ledger_place.find() == ledger_place.Place(inside(tmp_path / "new"))
    git(tmp_path / "new", "init", "-q")
    assert ledger_place.find() == ledger_place.Place(inside(tmp_path / "new"))


def test_a_shallow_clone_says_what_it_lacks(repository, tmp_path, monkeypatch):
    git(
        repository, "clone", "-q", "--depth", "1", f"file://{repository}", str(tmp_path / "shallow")
    )
    (tmp_path / "shallow/.dvc").mkdir()
    monkeypatch.chdir(tmp_path / "shallow")
    place = ledger_place.find()
    assert place.file == inside(tmp_path / "shallow")
    assert "git fetch --unshallow" in place.refusal and "SLINGSHOT_STATE" in place.refusal
    git(Path.cwd(), "fetch", "-q", "--unshallow")
    assert ledger_place.find().refusal is None


def test_a_repository_that_git_can_t_read_is_no_fresh_one(repository, monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert "git can't read this repository" in ledger_place.find().refusal


@pytest.mark.parametrize("what", ["a file", "read-only"])
def test_a_user_without_a_data_folder_is_told_so(repository, own, what):
    if what == "read-only" and os.geteuid() == 0:
        pytest.skip("nothing is read-only for root")
    own.parent.mkdir()
    own.write_text("") if what == "a file" else own.mkdir(0o500)
    place = ledger_place.find()
    assert place.file == inside(repository)
    assert str(own) in place.refusal and "SLINGSHOT_STATE" in place.refusal


# --- moving --------------------------------------------------------------------------------------


def spend(file: Path, request: str = "a") -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with Ledger(file) as ledger:
        [attempt] = ledger.reserve({request: 1.0}, Hold("claude", "USD", None)).entered.values()
        ledger.settle(attempt, "answered", 0.2, RECORD)
        ledger.know("llm", ["claude"])


def billed(file: Path) -> float:
    with Ledger(file) as ledger:
        return sum(spent.billed for spent in ledger.spent("claude"))


def test_one_that_lies_in_the_state_folder_is_moved_once_with_a_message(repository, capsys):
    spend(inside(repository))
    with Ledger(inside(repository)) as ledger:
        moved = ledger.id
    place = ledger_place.find()
    assert (
        f"was moved out of the work tree: {inside(repository)} -> {place.file}"
        in capsys.readouterr().err
    )
    assert {path.name for path in inside(repository).parent.iterdir()} == {"payers"}
    with Ledger(place.file) as ledger:
        assert ledger.answers(["a"]) == {"a": RECORD} and moved in ledger.known("ledger")
        assert ledger_place.lost(ledger, ["claude"]) == []
    assert ledger_place.find() == place and capsys.readouterr().err == ""


def test_what_is_in_its_wal_only_is_moved_too(repository):
    """The old file is still there, as after a kill."""
    killed = (
        "import os; from tests.llm.test_ledger_place import *; Ledger.close = lambda self: os._exit(9);"
        f"spend(Path({str(inside(repository))!r}))"
    )
    assert (
        subprocess.run([sys.executable, "-c", killed], cwd=Path(__file__).parents[2]).returncode
        == 9
    )
    assert Path(f"{inside(repository)}-wal").stat().st_size > 0
    assert billed(ledger_place.find().file) == pytest.approx(0.2)
    assert {path.name for path in inside(repository).parent.iterdir()} == {"payers"}


def test_it_is_put_into_one_that_is_there_and_overwrites_nothing(repository):
    spend(ledger_place.find().file)
    spend(inside(repository), "b")
    place = ledger_place.find()
    assert billed(place.file) == pytest.approx(0.4)
    with Ledger(place.file) as ledger:
        assert ledger.answers(["a", "b"]).keys() == {"a", "b"}
        assert dict(ledger._db.execute("SELECT currency, amount FROM totals")) == {
            "USD": pytest.approx(0.4)
        }
    assert not inside(repository).exists()


def test_a_copy_of_what_was_moved_is_not_counted_twice_and_what_it_has_more_is_added(
    repository, tmp_path
):
    spend(inside(repository))
    shutil.copy(inside(repository), tmp_path / "copy")
    place = ledger_place.find()
    for more in ("", "b"):
        shutil.copy(tmp_path / "copy", inside(repository))
        if more:
            spend(inside(repository), more)
        assert ledger_place.find() == place and not inside(repository).exists()
    assert billed(place.file) == pytest.approx(0.4)


def test_a_move_that_was_killed_before_its_end_is_finished(repository):
    spend(inside(repository))
    killed = (
        "import os; from pathlib import Path; from slingshot.llm.asked import ledger_place;"
        "Path.unlink = lambda *_, **__: os._exit(9); ledger_place.find()"
    )
    assert subprocess.run([sys.executable, "-c", killed]).returncode == 9
    assert inside(repository).exists()
    place = ledger_place.find()
    assert billed(place.file) == pytest.approx(0.2) and not inside(repository).exists()


def test_copies_of_an_old_one_are_counted_once(repository, tmp_path):
    """Each ledger gets an id of its own when it is brought up to date."""
    inside(repository).parent.mkdir()
    write_old(inside(repository))
    shutil.copy(inside(repository), tmp_path / "copy")
    once = billed(ledger_place.find().file)
    shutil.copy(tmp_path / "copy", inside(repository))
    place = ledger_place.find()
    assert billed(place.file) == pytest.approx(once)
    with Ledger(place.file) as ledger:
        assert dict(ledger._db.execute("SELECT currency, amount FROM totals")) == {
            "USD": pytest.approx(2.2)
        }


def test_bills_that_both_have_from_data_answers_are_counted_once(repository):
    for file in (ledger_place.find().file, inside(repository)):
        file.parent.mkdir(parents=True, exist_ok=True)
        with Ledger(file) as ledger:
            ledger.restore("claude", {"a": (RECORD, "USD", 0.2)})
    assert billed(ledger_place.find().file) == pytest.approx(0.2)


def test_one_that_another_process_has_open_is_left_alone(repository):
    spend(inside(repository), "b")
    call = [sys.executable, "-c", HOLDS, str(inside(repository))]
    payer = subprocess.Popen(call, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    payer.stdout.readline()
    with pytest.raises(UserError, match="another process uses this ledger"):
        ledger_place.find()
    assert inside(repository).exists()
    payer.communicate("")
    assert billed(ledger_place.find().file) == pytest.approx(0.2)


def test_one_that_an_older_version_has_open_is_left_alone(repository):
    inside(repository).parent.mkdir()
    write_old(inside(repository))
    with closing(sqlite3.connect(inside(repository))) as old:
        old.execute("SELECT * FROM answers").fetchall()
        with pytest.raises(UserError, match="another process uses this ledger"):
            ledger_place.find()
    assert billed(ledger_place.find().file) == pytest.approx(0.2)


def test_several_that_start_at_once_move_it_once(repository):
    spend(inside(repository))
    script = "from slingshot.llm.asked import ledger_place; print(ledger_place.find().file)"
    started = [
        subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    [file] = {process.communicate()[0].strip() for process in started}
    assert billed(Path(file)) == pytest.approx(0.2)


# --- one cache for several -----------------------------------------------------------------------


@pytest.fixture
def sharing(tmp_path: Path, own: Path) -> list[Path]:
    """Two repositories of different projects, with one cache outside both."""
    for name in ("first", "second"):
        (tmp_path / name / ".dvc").mkdir(parents=True)
        (tmp_path / name / ".dvc/config").write_text(
            f"[cache]\n    dir = {tmp_path / 'shared/cache'}\n"
        )
        git(tmp_path / name, "init", "-q")
        git(tmp_path / name, "commit", "-qm", str(tmp_path / name), "--allow-empty")
    return [tmp_path / "first", tmp_path / "second"]


def test_one_beside_a_shared_cache_stays_there_for_all(sharing, tmp_path, monkeypatch, capsys):
    shared = tmp_path / "shared/slingshot/ledger.sqlite"
    spend(shared)
    for repository in sharing:
        monkeypatch.chdir(repository)
        assert ledger_place.find() == ledger_place.Place(shared)
    assert billed(shared) == pytest.approx(0.2) and capsys.readouterr().err == ""


def test_what_one_project_spent_is_no_sign_for_another(sharing, monkeypatch):
    for repository in sharing:
        monkeypatch.chdir(repository)
        place = ledger_place.find()
        with Ledger(place.file) as ledger:
            ledger_place.check(ledger, place, "claude")
        delete(place.file)
        with Ledger(ledger_place.find().file) as ledger:
            [sign] = ledger_place.lost(ledger, ["claude"])
        assert str(place.file) in sign


def test_a_stray_file_among_the_marks_is_none(repository):
    place = ledger_place.find()
    with Ledger(place.file) as ledger:
        ledger_place.mark(ledger)
        [mark] = repository.glob(".dvc/slingshot/payers/**/" + ledger.id)
        mark.with_name(".DS_Store").write_bytes(b"\x00\x01\xff\xfe")
        assert ledger_place.lost(ledger, ["claude"]) == []
        mark.rename(mark.with_name("a" * 32)).write_bytes(b"/b\xff")
        [sign] = ledger_place.lost(ledger, ["claude"])
        assert "names a ledger that was at /b" in sign


# --- a lost one is not a fresh budget ------------------------------------------------------------


@pytest.fixture
def tracked(few: Asked, own: Path) -> Iterator[Asked]:
    """The thirteen requests, in a repository, paid from a ledger in the user's own folder."""
    (few.root / ".dvc").mkdir()
    (few.root / ".gitignore").write_text("*\n")
    git(few.root, "init", "-q")
    git(few.root, "commit", "-qm", str(few.root), "--allow-empty")
    few.run()
    assert ledger_place.find().file.is_file() and not inside(few.root).exists()
    yield few


def more(asked: Asked, code: int) -> str:
    """Change the prompt's words, so that the same texts need new answers."""
    asked.llm(effort="low")
    asked.server.requests.clear()
    output = asked.run(code=code).output
    assert bool(asked.server.requests) == (code == 0)
    return output


def delete(file: Path) -> None:
    shutil.rmtree(file.parent)


def empty(file: Path) -> None:
    file.write_bytes(b"")


def replace_by_another(file: Path) -> None:
    delete(file)
    spend(file)


@pytest.mark.parametrize(
    ("lose", "sign"),
    [
        (delete, "mark"),
        (empty, "mark"),
        (replace_by_another, "mark"),
        (delete, "lock"),
        (empty, "lock"),
    ],
)
def test_what_was_lost_is_noticed_before_anything_is_sent(tracked, lose, sign):
    if sign == "lock":  # without the mark
        into_cache(tracked.root)
        shutil.rmtree(tracked.root / ".dvc/slingshot")
    lose(ledger_place.find().file)
    output = more(tracked, code=1)
    message = (
        "dvc.lock has answers of 'claude' (toy)" if sign == "lock" else "names a ledger that was at"
    )
    assert (
        output.count("Error:") == 1
        and message in output
        and "money was spent that is not in this ledger" in output
    )
    assert (
        "`slingshot ledger --rebuild`" in output and "`slingshot ledger --confirm-loss`" in output
    )
    assert "money was spent" in more(tracked, code=1), "and again, until it is settled"


def test_one_that_is_left_behind_by_the_environment_is_named_with_the_way_out(
    tracked, tmp_path, monkeypatch
):
    before = ledger_place.find().file
    monkeypatch.setenv("SLINGSHOT_STATE", str(tmp_path / "chosen"))
    output = more(tracked, code=1)
    way = f"copy it to {tmp_path / 'chosen/ledger.sqlite'}, or unset SLINGSHOT_STATE"
    assert f"was at {before} (if it is still there, {way})" in output
    shutil.copy(before, tmp_path / "chosen/ledger.sqlite")
    more(tracked, code=0)


def test_a_whole_replay_is_never_refused(tracked):
    into_cache(tracked.root)
    delete(ledger_place.find().file)
    assert f"{REQUESTS} answers replayed, 0 asked for" in tracked.run().stdout
    assert "money was spent that is not in this ledger" in more(tracked, code=1), (
        "what is replayed is no bill"
    )


def test_an_llm_without_a_price_is_never_refused(tracked):
    into_cache(tracked.root)
    delete(ledger_place.find().file)
    tracked.llm(price=None, base_url=tracked.server.url, key_env="ANTHROPIC_API_KEY", effort="low")
    tracked.server.requests.clear()
    assert f"{REQUESTS} asked for" in tracked.run().stdout


def test_a_shallow_clone_replays_and_pays_for_nothing(tracked, tmp_path):
    into_cache(tracked.root)
    git(tracked.root, "commit", "-qm", "second", "--allow-empty")
    (tracked.root / ".git/shallow").write_text(git(tracked.root, "rev-parse", "HEAD") + "\n")
    assert f"{REQUESTS} answers replayed, 0 asked for" in tracked.run().stdout
    output = more(tracked, code=1)
    assert (
        "This ledger may not pay: this clone is shallow" in output
        and "git fetch --unshallow" in output
    )


def test_nothing_is_marked_before_something_is_paid(few, own, monkeypatch):
    few.server.script(*[Fault.status(401)] * 3)
    monkeypatch.delenv("ANTHROPIC_API_KEY")
    few.run(code=1)
    assert not (few.root / ".dvc").exists()
