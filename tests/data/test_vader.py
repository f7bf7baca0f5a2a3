"""The vaderSentiment archive: fetched under its hash, read without unpacking, cut into classes."""

import hashlib
import io
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from slingshot.data import vader
from slingshot.settings import UserError, VaderSource

NAMES = ["low", "middle", "high"]
SOURCE = VaderSource(kind="vader", file="mini_GroundTruth.txt", cuts=[-0.5, 0.5], group_prefix=True)
TEXT = "1_1\t0.5\ton the cut\r\n1_2\t-0.5000001\tbelow\u2028it\t now\n2_1\t-0.5\ton the\x85lower cut\n".encode()


def packed(name: str, data: bytes) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        member = tarfile.TarInfo(name)
        member.size = len(data)
        archive.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


@pytest.fixture
def distribution(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> bytes:
    """A source distribution with one small file, under its own hash; nothing is cached yet."""
    data = packed(vader.INNER, packed("hutto_ICWSM_2014/mini_GroundTruth.txt", TEXT))
    monkeypatch.setattr(vader, "SHA256", hashlib.sha256(data).hexdigest())
    monkeypatch.setenv("SLINGSHOT_STATE", str(tmp_path / "state"))
    return data


@pytest.fixture
def pip(monkeypatch: pytest.MonkeyPatch, distribution: bytes) -> list[list[str]]:
    """A pip that delivers the distribution; its calls."""
    calls: list[list[str]] = []

    def run(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        calls.append(command)
        requirement = Path(command[command.index("-r") + 1]).read_text(encoding="utf-8")
        assert requirement.strip().endswith(f"--hash=sha256:{vader.SHA256}")
        assert "--require-hashes" in command
        (Path(command[-1]) / "vaderSentiment-3.3.2.tar.gz").write_bytes(distribution)
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(subprocess, "run", run)
    return calls


def cached(state: Path) -> Path:
    return state / "state/downloads" / vader.SHA256


def test_a_rating_on_a_cut_is_of_the_upper_class_and_only_newlines_end_a_row() -> None:
    rows = vader.parse(TEXT, SOURCE, NAMES)
    assert rows["label"].tolist() == ["high", "low", "middle"]
    assert rows["text"].tolist() == ["on the cut", "below\u2028it\t now", "on the\x85lower cut"]
    assert rows["id"].tolist() == ["1_1", "1_2", "2_1"]
    assert rows["group"].tolist() == ["1", "1", "2"]


@given(
    st.lists(st.sampled_from([-4.0, -1.5, -1.0, -0.5, 0.0, 0.5, 1.5, 4.0])),
    st.sets(st.sampled_from([-1.5, 0.5])),
)
def test_the_class_is_the_number_of_cuts_that_a_rating_reaches(
    ratings: list[float], cuts: set[float]
) -> None:
    levels = vader.cut(np.array(ratings), sorted(cuts))
    assert levels.tolist() == [sum(rating >= c for c in cuts) for rating in ratings]


def test_the_archive_is_fetched_once_and_leaves_nothing_beside_it(
    tmp_path: Path, pip: list[list[str]]
) -> None:
    first, second = vader.read(SOURCE, NAMES), vader.read(SOURCE, NAMES)
    assert len(pip) == 1
    assert first.equals(second)
    assert list(cached(tmp_path).parent.iterdir()) == [cached(tmp_path)]


def test_a_spoilt_copy_is_fetched_again(tmp_path: Path, pip: list[list[str]]) -> None:
    vader.archive()
    cached(tmp_path).write_bytes(b"spoilt")
    assert len(vader.read(SOURCE, NAMES)) == 3
    assert len(pip) == 2


def test_a_delivery_with_another_hash_is_refused(
    monkeypatch: pytest.MonkeyPatch, pip: list[list[str]]
) -> None:
    monkeypatch.setattr(vader, "SHA256", "0" * 64)
    with pytest.raises(UserError, match="delete the file and run this again"):
        vader.archive()


def test_without_a_network_one_error_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, distribution: bytes
) -> None:
    failed = subprocess.CompletedProcess(
        [], 1, "", "WARNING: retrying\nERROR: No matching distribution found\n"
    )
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: failed)
    with pytest.raises(UserError) as raised:
        vader.archive()
    said = raised.value.message
    assert "No matching distribution" in said
    assert f'echo "vaderSentiment==3.3.2 --hash=sha256:{vader.SHA256}" > vader.txt' in said
    assert "pip download --no-deps --no-binary vaderSentiment --require-hashes -r vader.txt" in said
    assert str(cached(tmp_path)) in said
    cached(tmp_path).write_bytes(distribution)  # what it says to do
    assert len(vader.read(SOURCE, NAMES)) == 3


def test_an_unknown_file_is_named_with_the_nearest(pip: list[list[str]]) -> None:
    with pytest.raises(UserError, match=r"did you mean 'mini_GroundTruth\.txt'"):
        vader.read(SOURCE.model_copy(update={"file": "mimi_GroundTruth.txt"}), NAMES)
