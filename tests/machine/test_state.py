"""Where durable state lives."""

from pathlib import Path

import pytest

from slingshot.machine import state
from slingshot.settings import UserError


@pytest.fixture(autouse=True)
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with .dvc in it, as the working directory, and no other configuration in sight."""
    monkeypatch.delenv("SLINGSHOT_STATE", raising=False)
    for kind in ("GLOBAL", "SYSTEM"):
        monkeypatch.setenv(f"DVC_{kind}_CONFIG_DIR", str(tmp_path / kind.lower()))
    home = tmp_path / "repository"
    (home / ".dvc").mkdir(parents=True)
    monkeypatch.chdir(home)
    return home


def test_the_default_is_beside_dvcs_own_cache(repository: Path) -> None:
    assert state.root() == repository / ".dvc" / "slingshot"
    assert state.root().is_dir()


def test_it_is_found_from_a_folder_below(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    below = repository / "stages"
    below.mkdir()
    monkeypatch.chdir(below)
    assert state.root() == repository / ".dvc" / "slingshot"


def test_it_follows_the_cache_that_a_worktree_shares(repository: Path, tmp_path: Path) -> None:
    shared = tmp_path / "original" / ".dvc" / "cache"
    (repository / ".dvc" / "config").write_text("[core]\n    analytics = false\n")
    (repository / ".dvc" / "config.local").write_text(f"[cache]\n    dir = {shared}\n")
    assert state.root() == tmp_path / "original" / ".dvc" / "slingshot"


def test_a_relative_cache_folder_is_relative_to_the_configuration(
    repository: Path, tmp_path: Path
) -> None:
    (repository / ".dvc" / "config").write_text("[cache]\n    dir = ../../shared/cache\n")
    assert state.root().resolve() == tmp_path / "shared" / "slingshot"


def test_the_environment_comes_first(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (repository / ".dvc" / "config").write_text("[cache]\n    dir = /elsewhere/cache\n")
    monkeypatch.setenv("SLINGSHOT_STATE", str(tmp_path / "chosen"))
    assert state.root() == tmp_path / "chosen"
    assert (
        state.downloads().parent
        == state.checkpoints().parent
        == state.resume().parent
        == tmp_path / "chosen"
    )
    assert state.downloads().is_dir()


def test_outside_a_repository_the_error_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match="run this in the repository, or set SLINGSHOT_STATE"):
        state.root()


def test_a_relative_state_folder_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLINGSHOT_STATE", "state")
    with pytest.raises(UserError, match="make it absolute"):
        state.root()
