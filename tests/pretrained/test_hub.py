"""Files from the hub: of one commit, whole or not at all, and one error in seconds where it can't be reached."""

import hashlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from slingshot.pretrained import hub
from slingshot.settings import UserError
from tests.hub_server import Hub, git_blob

NAME = "owner/rows"
FILES = {
    "data/train-0.csv": b"text,label\n" + b"a,b\n" * 40,
    "data/test-0.csv": b"text,label\nc,d\n",
    "README.md": b"#",
}
REMEDY = "write a local path"


def fetch(
    revision: str | None = None, patterns: tuple[str, ...] = ("data/*",), name: str = NAME
) -> tuple[Path, str]:
    return hub.fetch(name, "dataset", revision, patterns, REMEDY)


def fetch_elsewhere(**more: str) -> subprocess.Popen[str]:
    """The same in a process of its own, which has no memory of the cache."""
    code = f"from slingshot.pretrained import hub; print(hub.fetch({NAME!r}, 'dataset', None, ['data/*'], {REMEDY!r}))"
    env = {**os.environ, **more}
    return subprocess.Popen(
        [sys.executable, "-c", code],
        env=env,
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def test_only_the_files_that_match_are_fetched_and_only_once(hub_server: Hub) -> None:
    commit = hub_server.add(NAME, FILES)
    folder, found = fetch(patterns=("*train*",))
    assert found == commit
    assert (folder / "data/train-0.csv").read_bytes() == FILES["data/train-0.csv"]
    assert hub_server.fetched() == ["data/train-0.csv"]
    assert fetch(patterns=("*train*",)) == (folder, commit)
    assert hub_server.fetched() == ["data/train-0.csv"]
    fetch()
    assert sorted(hub_server.fetched()) == ["data/test-0.csv", "data/train-0.csv"]
    assert hub.names(NAME, "dataset", commit) == sorted(FILES)


def test_a_branch_a_commit_and_the_default_are_resolved(hub_server: Hub) -> None:
    first = hub_server.add(NAME, FILES)
    other = hub_server.add(NAME, {"data/x.csv": b"x"}, ref="other")
    assert fetch()[1] == fetch(first)[1] == first
    assert fetch("other")[1] == other
    assert [path.name for path in (fetch("other")[0] / "data").iterdir()] == ["x.csv"]
    asked = len(hub_server.asked)
    fetch(first)
    assert len(hub_server.asked) == asked, "a commit that is here whole is asked for nowhere"


def test_models_have_routes_of_their_own(hub_server: Hub, tmp_path: Path) -> None:
    (tmp_path / "tiny").mkdir()
    (tmp_path / "tiny/config.json").write_text("{}")
    commit = hub_server.add("owner/tiny", tmp_path / "tiny", kind="model")
    folder, found = hub.fetch("owner/tiny", "model", None, ["*.json"], REMEDY)
    assert found == commit
    assert (folder / "config.json").read_text() == "{}"


@pytest.mark.parametrize(
    ("name", "revision", "said"),
    [
        (NAME, "no-such", r"dataset 'owner/rows': the hub has no revision 'no-such'"),
        (NAME, "0" * 40, r"dataset 'owner/rows': the hub has no revision '0{40}'"),
        ("owner/no-such", None, r"dataset 'owner/no-such': not on the hub, or private"),
        ("owner/a/b", None, r"dataset 'owner/a/b': not an id of the hub .*; expected OWNER/NAME"),
    ],
)
def test_what_the_hub_does_not_hold_is_named(
    hub_server: Hub, name: str, revision: str | None, said: str
) -> None:
    hub_server.add(NAME, FILES)
    with pytest.raises(UserError, match=said):
        fetch(revision, name=name)


@pytest.mark.parametrize("revision", [None, "v1", "1" * 40])
def test_without_a_network_it_is_one_error_with_both_remedies(
    hub_server: Hub, revision: str | None
) -> None:
    hub_server.stop()
    started = time.perf_counter()
    with pytest.raises(UserError) as raised:
        fetch(revision, ("data/train-*", "data/test-*"))
    assert time.perf_counter() - started < 10
    said = raised.value.message
    assert said.startswith("dataset 'owner/rows': the hub can't be reached")
    at = f" --revision {revision}" if revision else ""
    assert (
        f"hf download owner/rows --repo-type dataset{at} --include 'data/train-*' --include 'data/test-*'\n"
        in said
    )
    assert said.endswith(f"or {REMEDY}")


def test_a_hub_that_never_answers_is_not_waited_for(
    hub_server: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import constants

    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setattr(constants, "ENDPOINT", f"http://127.0.0.1:{silent.getsockname()[1]}")
        monkeypatch.setattr(hub, "DEADLINE", 0.5)
        for revision in (None, "1" * 40):
            started = time.perf_counter()
            with pytest.raises(
                UserError, match=r"can't be reached \(TimeoutError: no answer in 0.5 s\)"
            ):
                fetch(revision)
            assert time.perf_counter() - started < 3


def test_a_whole_earlier_download_serves_without_a_network(hub_server: Hub) -> None:
    commit = hub_server.add(NAME, FILES)
    fetch()
    hub_server.stop()
    assert fetch()[1] == fetch("main")[1] == fetch(commit)[1] == commit
    with pytest.raises(UserError, match="no whole earlier download"):
        fetch(patterns=("data/*", "README.md"))


def test_a_killed_download_is_never_taken_for_whole(hub_server: Hub, tmp_path: Path) -> None:
    commit = hub_server.add(NAME, FILES)
    hub_server.stalls.add("data/train-0.csv")
    process = fetch_elsewhere()
    blobs = tmp_path / "hf/hub/datasets--owner--rows/blobs"
    end = time.monotonic() + 30
    while not list(blobs.glob("*incomplete*")) and time.monotonic() < end:
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert list(blobs.glob("*incomplete*"))
    offline = fetch_elsewhere(HF_HUB_OFFLINE="1")
    assert "the hub can't be reached" in offline.communicate()[1]
    hub_server.stalls.clear()
    folder, found = fetch()
    assert found == commit
    assert (folder / "data/train-0.csv").read_bytes() == FILES["data/train-0.csv"]


def test_a_cut_copy_is_fetched_anew_or_refused(hub_server: Hub) -> None:
    hub_server.add(NAME, FILES)
    folder, _ = fetch()
    file = (folder / "data/train-0.csv").resolve()
    file.write_bytes(file.read_bytes()[:-7])
    fetch()
    assert (folder / "data/train-0.csv").read_bytes() == FILES["data/train-0.csv"]
    file.write_bytes(file.read_bytes()[:-7])
    hub_server.stop()
    with pytest.raises(UserError, match="no whole earlier download"):
        fetch()


def test_a_cache_without_a_list_of_files_is_not_trusted(hub_server: Hub, tmp_path: Path) -> None:
    hub_server.add(NAME, FILES)
    fetch()
    hub_server.stop()
    shutil.rmtree(tmp_path / "hf/hub/datasets--owner--rows/trees")
    assert "no whole earlier download" in fetch_elsewhere().communicate()[1]


OTHER = FILES["data/train-0.csv"].replace(b"a,b", b"a,c")


@pytest.mark.parametrize("lfs", [False, True], ids=["git", "lfs"])
def test_other_bytes_of_the_same_size_are_fetched_once_more_and_then_refused(
    hub_server: Hub, lfs: bool
) -> None:
    file = "data/train-0.csv"
    hub_server.lfs |= {file} if lfs else set()
    hub_server.served[file] = OTHER
    hub_server.add(NAME, FILES)
    with pytest.raises(UserError) as raised:
        fetch()
    digests = [hashlib.sha256(x).hexdigest() if lfs else git_blob(x) for x in (FILES[file], OTHER)]
    for part in (file, *digests, "another mirror (HF_ENDPOINT)", REMEDY):
        assert part in raised.value.message, part
    assert (
        hub_server.fetched().count(file) == 2 and hub_server.fetched().count("data/test-0.csv") == 1
    )
    hub_server.served.clear()
    assert (fetch()[0] / file).read_bytes() == FILES[file]


@pytest.mark.parametrize("lfs", [False, True], ids=["git", "lfs"])
def test_what_changed_on_the_disk_since_is_fetched_anew_or_refused(
    hub_server: Hub, lfs: bool
) -> None:
    file = "data/train-0.csv"
    hub_server.lfs |= {file} if lfs else set()
    hub_server.add(NAME, FILES)
    folder, _ = fetch()
    (folder / file).resolve().write_bytes(OTHER)
    assert (fetch()[0] / file).read_bytes() == FILES[file]
    (folder / file).resolve().write_bytes(OTHER)
    hub_server.stop()
    with pytest.raises(
        UserError, match=rf"there is no whole earlier download \({file} has 171 bytes with the sha"
    ):
        fetch()


def test_digests_are_those_of_git(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(OTHER)
    said = subprocess.run(
        ["git", "hash-object", "file"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert said.stdout.strip() == git_blob(OTHER)
