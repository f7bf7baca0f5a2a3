"""The stages as people run them: prepare, subsample and shots in a project folder."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from data_toys import sentences
from ruamel.yaml import YAML

from slingshot.data.groups import normalise
from slingshot.files.audit import Audit, AuditRows
from slingshot.files.labels import Labels
from slingshot.files.rows import read_rows
from slingshot.files.storage.digests import md5_file
from slingshot.files.storage.json_files import read_json
from slingshot.files.storage.parquet import read_metadata
from stages import prepare, shots, subsample
from tests.templates import Make, all_pairs, loud_tails, tail

PARAMS = Path(__file__).resolve().parents[2] / "params.yaml"


class Project:
    """A folder with params.yaml and the data set `toy`: 200 rows of four skewed classes."""

    def __init__(self, folder: Path) -> None:
        self.values: dict[str, Any] = YAML(typ="safe").load(PARAMS.read_text(encoding="utf-8"))
        source = {"kind": "file", "file": "toy.csv", "text": "text", "label": "label"}
        self.values["datasets"]["toy"] = {
            "source": source,
            "label_source": "human",
            "licence": "MIT",
        }
        labels = ["d" if i % 40 == 0 else "abc"[i % 3] for i in range(200)]
        self.rows = pd.DataFrame({"text": sentences(200), "label": labels, "secret": "x"})
        self.raw = folder / "data/raw/toy/toy.csv"
        self.raw.parent.mkdir(parents=True)
        self.rows.to_csv(self.raw, index=False)

    def run(self, stage: Any, *arguments: str, **changes: Any) -> str:
        with Path("params.yaml").open("w", encoding="utf-8") as file:
            YAML(typ="safe").dump(self.values | changes, file)
        return CliRunner().invoke(stage.main, arguments or ["toy"]).output


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.chdir(tmp_path)
    return Project(tmp_path)


def train() -> pd.DataFrame:
    return read_rows(Path("data/prepared/toy/train.parquet"))


def measured_on() -> tuple[str, str]:
    return Audit.read(Path("metrics/audit/toy.json")).measured_on


def test_the_audit_tells_rows_apart_and_how_they_are_split(project: Project) -> None:
    project.run(prepare)
    data, split = measured_on()
    defined = project.values["datasets"]["toy"]
    for changed in ({"licence": "CC0"}, {"prompt": {"text": "Opinion", "label": "Kind"}}):
        project.run(prepare, datasets={"toy": defined | changed})
        assert measured_on() == (data, split)
    for changed in ({"seed": 1}, {"datasets": {"toy": defined | {"max_rows": {"train": 50}}}}):
        project.run(prepare, **changed)
        assert measured_on()[0] == data and measured_on()[1] != split
    frame = project.rows
    for column, value in (("text", "another"), ("label", "a")):
        frame.assign(**{column: frame[column].where(frame.index != 1, value)}).to_csv(
            project.raw, index=False
        )
        project.run(prepare)
        assert measured_on()[0] != data and measured_on()[1] != split
    frame.assign(secret="y").sample(frac=1, random_state=0).to_csv(project.raw, index=False)
    project.run(prepare)
    assert measured_on() == (data, split), (
        "columns that are not read, and the order of rows, count for nothing"
    )


def test_prepare_writes_what_the_next_stages_read(project: Project) -> None:
    printed = project.run(prepare)
    assert (
        "prepare toy: 120 train, 40 validation, 40 test rows, 4 classes -> data/prepared/toy"
        in printed
    )
    parts = [
        read_rows(Path(f"data/prepared/toy/{split}.parquet"))
        for split in ("train", "validation", "test")
    ]
    together = pd.concat(parts)
    assert together["id"].is_unique
    assert set(together["text"]) == set(project.rows["text"])
    labels = Labels.read(Path("data/prepared/toy/labels.json"))
    assert labels.names == ("a", "b", "c", "d")
    assert list(labels.train_counts) == parts[0]["label"].value_counts().sort_index().tolist()
    words = {"text": "Text", "label": "Label", "instructions": None, "descriptions": {}}
    assert read_json(Path("data/prepared/toy/prompt.json")) == words
    audit = Audit.read(Path("metrics/audit/toy.json"))
    assert audit.rows == AuditRows(source=200, used=200, train=120, validation=40, test=40)
    files = ["train.parquet", "validation.parquet", "test.parquet", "labels.json"]
    assert audit.files == {name: md5_file(Path("data/prepared/toy", name)) for name in files}


@pytest.mark.parametrize(("make", "count"), [(tail, 600), (loud_tails, 300)])
def test_no_test_text_of_a_template_has_a_near_one_in_train(
    project: Project, make: Make, count: int
) -> None:
    texts = [*make(np.random.default_rng(5), count), *sentences(900)]
    pd.DataFrame({"text": texts, "label": ["ab"[i % 2] for i in range(len(texts))]}).to_csv(
        project.raw, index=False
    )
    project.run(prepare)
    parts = [
        read_rows(Path(f"data/prepared/toy/{split}.parquet"))
        for split in ("train", "validation", "test")
    ]
    side = np.repeat([0, 1, 2], [len(part) for part in parts])
    near = all_pairs([normalise(text) for part in parts for text in part["text"]], 0.9)
    assert len(near) > 1000
    assert (side[near[:, 0]] == side[near[:, 1]]).all()


def test_prepare_writes_the_same_bytes_for_shuffled_rows(project: Project) -> None:
    project.run(prepare)
    before = {path: path.read_bytes() for path in Path("data/prepared/toy").iterdir()}
    project.rows.sample(frac=1, random_state=1).to_csv(project.raw, index=False)
    project.run(prepare)
    assert {path: path.read_bytes() for path in Path("data/prepared/toy").iterdir()} == before
    assert len(before) == 5


def test_a_changed_row_changes_only_itself(project: Project) -> None:
    project.run(prepare)
    before = set(train()["id"])
    project.rows.loc[7, "text"] = "quite another text"
    project.rows.to_csv(project.raw, index=False)
    project.run(prepare)
    assert len(before ^ set(train()["id"])) <= 4


def test_a_quarter_is_inside_the_half_stratified_and_has_every_class(project: Project) -> None:
    project.run(prepare)
    taken, path = {}, Path("data/subsampled/toy/train.parquet")
    for fraction in (1.0, 0.5, 0.25):
        printed = project.run(subsample, fraction=fraction)
        rows = read_rows(path)
        taken[fraction] = set(rows["id"])
        assert read_metadata(path) == {"fraction": fraction, "train_rows": len(rows)}
        assert f"{len(rows)} of 120 rows" in printed
        shares = rows["label"].value_counts(normalize=True) - train()["label"].value_counts(
            normalize=True
        )
        assert shares.abs().max() < 0.05
    assert taken[0.25] < taken[0.5] < taken[1.0] == set(train()["id"])
    assert len(taken[0.25]) == 30


def test_a_fraction_too_small_for_the_classes_keeps_them_and_says_so(project: Project) -> None:
    project.run(prepare)
    printed = project.run(subsample, fraction=0.01)
    assert "4 of 120 rows, fraction 0.01 (more than this fraction, to keep every class)" in printed


def test_shots_do_not_depend_on_the_fraction(project: Project) -> None:
    project.run(prepare)
    path = Path("data/shots/toy.parquet")
    printed = project.run(shots, shots_pool=20)
    assert "shots toy: 20 rows of 4 classes" in printed
    written = path.read_bytes()
    project.run(shots, shots_pool=20, fraction=0.1)
    assert path.read_bytes() == written
    assert read_rows(path)["id"].tolist() == train()["id"].tolist()[:20]


def test_errors_are_one_message(project: Project) -> None:
    assert "Error: params.yaml: no data set 'tou', did you mean 'toy'?" in project.run(
        prepare, "tou"
    )
    project.raw.write_bytes(b"text,label\ncaf\xe9,a\n")
    assert (
        "data set 'toy': data/raw/toy/toy.csv: byte 14 (line 2) is not valid utf-8"
        in project.run(prepare)
    )
    assert "data/prepared/toy/train.parquet: not found; run `dvc repro`" in project.run(subsample)


@pytest.mark.parametrize("stage", [prepare, subsample, shots])
def test_help_names_the_files(stage: Any) -> None:
    printed = CliRunner().invoke(stage.main, ["--help"]).output
    assert "Writes data/" in printed
    assert "Example: python3 -m stages." in printed
