"""Users' own files with real git and real DVC: no commit holds a raw text, and what is not tracked is said."""

from pathlib import Path

import pytest

from slingshot.data import tracked
from slingshot.settings import DatasetSettings, UserError
from tests.conftest import write_params
from tests.repository import Repository, found, start, write_csv

COMMAND = "import sys; sys.path.insert(0, 'src'); from slingshot.cli import main; main()"
TEXT = "data/raw/{}/rows.csv"


@pytest.fixture
def repository(tmp_path: Path, warm: Path) -> Repository:
    """Three data sets whose files were put there, and no more: `own` has a SOURCE.md beside its file."""
    root = start(tmp_path)
    source = {"kind": "file", "file": "rows.csv", "text": "text", "label": "label"}
    names = ("mine", "own", "deep")
    sources = {"mine": source, "own": source, "deep": source | {"file": "part/rows.csv"}}
    study = {"datasets": list(names), "models": ["tfidf"], "llms": [], "cascades": []}
    datasets = {
        name: {"source": sources[name], "label_source": "human", "licence": "MIT"} for name in names
    }
    write_params(root, {"study": study, "datasets": datasets})
    for name in names:
        write_csv(root, name, 60, 0)
    (root / "data/raw/own/SOURCE.md").write_text("from our desk\n")
    (root / "data/raw/deep/part").mkdir()
    (root / "data/raw/deep/rows.csv").rename(root / "data/raw/deep/part/rows.csv")
    (root / "data/raw/loose.csv").write_text("text\n")
    return found(root, (), warm)


def committed(study: Repository) -> set[str]:
    study("git", "add", "-A")
    return {name for name in study("git", "ls-files").split() if name.startswith("data/")}


def test_no_commit_holds_a_raw_text_before_or_after_dvc_add(repository: Repository) -> None:
    kept = {"data/raw/own/SOURCE.md"}
    assert committed(repository) == kept
    for path in ("data/raw/mine", TEXT.format("own"), "data/raw/deep/part/rows.csv"):
        repository("dvc", "add", "-q", path)
        kept.add(f"{path}.dvc")
    assert committed(repository) - {"data/raw/.gitignore"} == kept
    (repository.root / "data/raw/mine/more.csv").write_text("text\n")
    assert committed(repository) - {"data/raw/.gitignore"} == kept


def test_a_forgotten_dvc_add_is_said_before_and_in_a_queued_run(repository: Repository) -> None:
    said = {
        "mine": "dvc add data/raw/mine`",
        "own": "dvc add data/raw/own/rows.csv`",
        "deep": "dvc add data/raw/deep/part`",
    }
    checked = repository("python3", "-c", COMMAND, "check")
    for add in said.values():
        assert (
            f"is tracked neither by DVC nor by git, so a queued or temporary run does not find it; run `{add}"
            in checked
        )
    assert "run `dvc add data/raw/mine`" in repository("python3", "-m", "stages.prepare", "mine")
    repository("git", "add", "-A")
    repository("git", "commit", "-qm", "Begin")
    run = ("dvc", "exp", "run", "--temp", "prepare@own")
    assert (
        "source.file: data/raw/own/rows.csv not found; put it there and run `dvc add"
        in repository(*run, fails=True)
    )
    (repository.root / "studies").mkdir()
    (repository.root / "studies/half.yaml").write_text("fraction: 0.5\n")
    queue = ("python3", "-c", COMMAND, "study", "half", "--queue")
    assert "Error: data/raw/mine/rows.csv is tracked neither by" in repository(*queue, fails=True)
    repository(
        "dvc", "add", "-q", *(add.removeprefix("dvc add ").rstrip("`") for add in said.values())
    )
    repository("git", "add", "-A")
    repository("git", "commit", "-qm", "Track what is there")
    assert "tracked neither" not in repository("python3", "-c", COMMAND, "check")
    assert "prepare own: " in repository(*run)
    assert "Queued experiment" in repository(*queue)


@pytest.mark.parametrize(
    ("file", "said"),
    [
        ("data/raw/mine/rows.csv", "source.file: write rows.csv, its path within data/raw/mine"),
        ("part", "source.file: data/raw/mine/part is a folder; name a file in it"),
    ],
)
def test_a_path_from_the_root_and_a_folder_are_said_as_such(
    project: Path, monkeypatch: pytest.MonkeyPatch, file: str, said: str
) -> None:
    (project / "data/raw/mine/part").mkdir(parents=True)
    (project / "data/raw/mine/rows.csv").write_text("text,label\n")
    source = {"kind": "file", "file": file, "text": "text", "label": "label"}
    dataset = DatasetSettings.model_validate(
        {"source": source, "label_source": "human", "licence": "MIT"}
    )
    with pytest.raises(UserError, match=f"^{said}$"):
        tracked.check(dataset, Path("data/raw/mine"))
