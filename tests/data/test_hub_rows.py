"""Data sets on the hub: the stage as people run it, against a hub on 127.0.0.1."""

import io
import json
import subprocess
import time
from pathlib import Path
from typing import Any

import datasets
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result
from data_toys import sentences

from slingshot.files.audit import Audit, AuditRows, SharedTexts
from slingshot.files.labels import Labels
from slingshot.files.notes.audits import ModelLabels
from slingshot.files.rows import read_rows
from stages import prepare
from tests.conftest import set_param, write_params
from tests.hub_server import Hub

NAME = "owner/reviews"
AUDIT = Path("metrics/audit/toy.json")


def frame(count: int, tag: str = "row", classes: int = 2) -> pd.DataFrame:
    rows = {
        "id": range(count),
        "text": sentences(count, tag),
        "label": [i % classes for i in range(count)],
    }
    return pd.DataFrame(rows | {"author": [f"by {i // 2}" for i in range(count)]})


def parquet(rows: pd.DataFrame, names: list[str] | None = None) -> bytes:
    """As the hub's own tools write it: with the label names in the file, where there are any."""
    loaded = datasets.Dataset.from_pandas(rows)
    if names:
        loaded = loaded.cast_column("label", datasets.ClassLabel(names=names))
    file = io.BytesIO()
    loaded.to_parquet(file)
    return file.getvalue()


def written(table: pa.Table) -> bytes:
    file = io.BytesIO()
    pq.write_table(table, file)
    return file.getvalue()


@pytest.fixture
def project(hub_server: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Hub:
    """The hub, and a project folder as the working directory."""
    (tmp_path / "project").mkdir()
    monkeypatch.chdir(tmp_path / "project")
    monkeypatch.setenv("SLINGSHOT_STATE", str(tmp_path / "state"))
    return hub_server


def run(files: dict[str, str], **changes: Any) -> Result:
    """`stages.prepare toy`, whose source is on the hub; `revision` and `labels` among the changes."""
    source = {
        "kind": "hub",
        "id": NAME,
        "text": "text",
        "label": "label",
        "revision": changes.pop("revision", None),
    }
    for key in ("id", "group"):
        if key in changes:
            source[key] = changes.pop(key)
    toy = {"source": source | files, "label_source": "human", "licence": "MIT"} | changes
    write_params(Path(), {"datasets": {"toy": toy}})
    return CliRunner().invoke(prepare.main, ["toy"])


def rows(split: str) -> pd.DataFrame:
    return read_rows(Path(f"data/prepared/toy/{split}.parquet"))


def held(*splits: str) -> dict[str, str]:
    """Label name of each text."""
    names = Labels.read(Path("data/prepared/toy/labels.json")).names
    return {
        text: names[label]
        for split in splits
        for text, label in rows(split)[["text", "label"]].to_numpy()
    }


def formats(rows: pd.DataFrame) -> dict[str, bytes]:
    return {
        "data/train.parquet": parquet(rows),
        "data/train.csv": rows.to_csv(index=False).encode(),
        "data/train.jsonl": rows.to_json(orient="records", lines=True).encode(),
    }


@pytest.mark.parametrize("suffix", [".parquet", ".csv", ".jsonl"])
def test_each_format_gives_the_rows_a_local_file_would(project: Hub, suffix: str) -> None:
    given = frame(60)
    given.loc[3, "text"] = 'two "quoted"\nlines, 007'
    project.add(NAME, formats(given) | {"data/other.csv": b"x"})
    done = run(
        {"file": f"data/*{suffix}" if suffix != ".csv" else "data/train.csv"},
        labels={"0": "low", "1": "high"},
    )
    assert done.exit_code == 0, done.output
    truth = dict(zip(given["text"], given["label"].map({0: "low", 1: "high"}), strict=True))
    assert held("train", "validation", "test") == truth
    hub_ids = {split: rows(split)["id"].tolist() for split in ("train", "validation", "test")}
    Path("data/raw/toy").mkdir(parents=True)
    Path(f"data/raw/toy/rows{suffix}").write_bytes(formats(given)[f"data/train{suffix}"])
    local = {"kind": "file", "file": f"rows{suffix}"}
    source = {"text": "text", "label": "label"} | local
    toy = {
        "source": source,
        "label_source": "human",
        "licence": "MIT",
        "labels": {"0": "low", "1": "high"},
    }
    write_params(Path(), {"datasets": {"toy": toy}})
    assert CliRunner().invoke(prepare.main, ["toy"]).exit_code == 0
    assert {split: rows(split)["id"].tolist() for split in hub_ids} == hub_ids


def test_only_the_named_files_and_columns_are_taken_and_groups_hold(
    project: Hub, tmp_path: Path
) -> None:
    train, test = frame(80), frame(20, "test")
    halves = {"d/train-0.parquet": parquet(train[:40]), "d/train-1.parquet": parquet(train[40:])}
    commit = project.add(
        NAME,
        halves | {"d/test-0.parquet": parquet(test), "big.parquet": b"0" * 9000, "run.py": b"1/0"},
    )
    done = run({"file": "d/train-*", "test_file": "d/test-*"}, group="author")
    assert done.exit_code == 0, done.output
    assert sorted(project.fetched()) == [
        "d/test-0.parquet",
        "d/train-0.parquet",
        "d/train-1.parquet",
    ]
    assert set(rows("test")["text"]) == set(test["text"])
    assert not set(rows("train")["group"]) & set(rows("validation")["group"])
    audit = Audit.read(AUDIT)
    assert audit.revision == commit
    whole = AuditRows(source=100, used=100, train=64, validation=16, test=20)
    assert audit.rows == whole or audit.excluded
    assert not list(tmp_path.rglob("*.arrow"))


def test_names_in_the_file_are_the_labels_unless_params_map_the_numbers(project: Hub) -> None:
    project.add(NAME, {"train.parquet": parquet(frame(60), ["poor", " fine "])})
    done = run({"file": "*train*"})
    assert done.exit_code == 0, done.output
    assert set(held("train").values()) == {"poor", "fine"}
    assert run({"file": "*train*"}, labels={"0": "1 star", "1": "2 stars"}).exit_code == 0
    assert Labels.read(Path("data/prepared/toy/labels.json")).names == ("1 star", "2 stars")


@pytest.mark.parametrize(
    ("files", "said"),
    [
        (
            {"file": "*trian*"},
            "source.file '*trian*' matches no file; the repository holds README.md, a.csv, b.csv",
        ),
        ({"file": "a.csv", "test_file": "*x*"}, "source.test_file '*x*' matches no file"),
        (
            {"file": "[ac].*"},
            "matches a.csv, c.parquet; expected files of one format of .parquet, .csv, .jsonl",
        ),
        ({"file": "README.md"}, "matches README.md; expected files of one format"),
        ({"file": "*.csv", "test_file": "b*"}, "source.file and source.test_file both match b.csv"),
        ({"file": "b.csv"}, "no column 'label', did you mean 'labels'?"),
        ({"file": "c.parquet"}, "c.parquet: not a whole parquet file "),
        ({"file": "d.csv"}, "d.csv: line 3: 2 fields, but the header has 4; a carriage return"),
        ({"file": "d.parquet"}, "d.parquet: column 'text', row 2: byte 4 is not valid UTF-8"),
        ({"file": "e.parquet"}, "e.parquet: column 'label' appears twice; rename one"),
        ({"file": "e.csv"}, "e.csv: holds no rows; fill it, or name another file as source.file"),
    ],
)
def test_what_is_wrong_with_the_files_is_one_error(
    project: Hub, files: dict[str, str], said: str
) -> None:
    good = frame(20).to_csv(index=False)
    other = good.replace("label", "labels", 1)
    held = {
        "a.csv": good,
        "b.csv": other,
        "c.parquet": "no parquet",
        "README.md": "#",
        "e.csv": "text,label\n",
    }
    held["d.csv"] = good.replace("row 7919", "row\r7919")
    twice = pa.Table.from_arrays([pa.array(["a"])] * 3, ["text", "label", "label"])
    broken = pa.Array.from_buffers(pa.string(), 2, pa.array([b"good", b"caf\xe9"]).buffers())
    project.add(
        NAME,
        {path: text.encode() for path, text in held.items()}
        | {
            "d.parquet": written(pa.table({"text": broken, "label": ["x", "y"]})),
            "e.parquet": written(twice),
        },
    )
    done = run(files)
    assert done.exit_code == 1
    assert "Error: data set 'toy': " in done.output
    assert said in done.output


def test_without_a_network_the_data_set_and_both_remedies_are_named(project: Hub) -> None:
    project.stop()
    started = time.perf_counter()
    done = run({"file": "train-*", "test_file": "test-*"})
    assert time.perf_counter() - started < 10
    assert done.exit_code == 1
    assert "data set 'toy': dataset 'owner/reviews': the hub can't be reached" in done.output
    assert (
        "hf download owner/reviews --repo-type dataset --include 'train-*' --include 'test-*'"
        in done.output
    )
    assert (
        "or put a copy of the rows into data/raw/toy and write `source: {kind: file, file: NAME"
        in done.output
    )
    assert not AUDIT.exists()


def served(project: Hub) -> None:
    """What the study's repositories hold, as to file names and columns."""
    train, test, medical = frame(100, classes=5), frame(25, "test", classes=5), frame(60, "note")
    twice = medical.assign(label=1 - medical["label"])  # each text under both labels
    names = ["Surgery", "Letters"]
    held = {
        "Yelp/yelp_review_full": {
            "yelp_review_full/train-00000-of-00001.parquet": parquet(
                train, ["1 star", "2 star", "3 stars", "4", "5"]
            ),
            "yelp_review_full/test-00000-of-00001.parquet": parquet(
                test, ["1 star", "2 star", "3 stars", "4", "5"]
            ),
        },
        "numind/NuSentiment": {
            "data/train-00001-of-00001.csv": frame(90, classes=3).to_csv(index=False).encode(),
            "data/balanced-00001-of-00001.csv": frame(30, classes=3).to_csv(index=False).encode(),
        },
        "rungalileo/medical_transcription_40": {
            "data/train-00000-of-00001.parquet": parquet(
                pd.concat([medical, twice[12:]], ignore_index=True), names
            ),
            "data/test-00000-of-00001.parquet": parquet(twice[:12], names),
            "dataset_infos.json": b"{}",
        },
    }
    for name, files in held.items():
        project.add(name, files)


def test_the_studys_data_sets_are_read_as_params_define_them(project: Hub) -> None:
    served(project)
    write_params(Path(), {})
    audits = {}
    for name in ("yelp5", "nusentiment", "medical40", "medical40_random"):
        done = CliRunner().invoke(prepare.main, [name])
        assert done.exit_code == 0, done.output
        audits[name] = Audit.read(Path(f"metrics/audit/{name}.json"))
    assert list(audits["yelp5"].classes) == ["1 star", "2 stars", "3 stars", "4 stars", "5 stars"]
    assert audits["yelp5"].rows.test == 25
    labels = Labels.read(Path("data/prepared/nusentiment/labels.json"))
    assert labels.names == ("positive", "negative", "neutral")
    assert audits["nusentiment"].rows == AuditRows(
        source=90, used=90, train=54, validation=18, test=18
    )
    assert not [path for path in project.fetched() if "balanced" in path]
    assert audits["nusentiment"].warnings[0] == ModelLabels(source="GPT-3.5")
    assert list(audits["medical40"].classes) == ["Letters", "Surgery"]
    assert audits["medical40"].excluded == {"shared_with_test": 12}
    assert audits["medical40_random"].excluded == {}
    shared = SharedTexts(test_rows=12, same_label=0, train_rows=12)
    assert audits["medical40_random"].shared_texts == shared


def test_a_local_copy_takes_the_place_of_the_hub(project: Hub) -> None:
    project.stop()
    local = {
        "kind": "file",
        "file": "mtsamples.csv.gz",
        "text": "transcription",
        "label": "medical_specialty",
    }
    notes = frame(200, classes=4)
    twins = pd.concat([notes, notes.assign(label=(notes["label"] + 1) % 4)])
    twins = twins.rename(columns={"text": "transcription", "label": "medical_specialty"})
    write_params(Path(), {})
    for name, rows in (("medical40", (240, 80, 80)), ("medical40_random", (320, 40, 40))):
        set_param(Path(), f"datasets.{name}.source", local)
        Path(f"data/raw/{name}").mkdir(parents=True)
        twins.to_csv(f"data/raw/{name}/mtsamples.csv.gz", index=False)
        assert CliRunner().invoke(prepare.main, [name]).exit_code == 0
        audit = Audit.read(Path(f"metrics/audit/{name}.json"))
        assert (audit.rows.train, audit.rows.validation, audit.rows.test) == rows
        assert audit.hub_id is None and audit.revision is None
        assert (audit.shared_texts is not None) == (name == "medical40_random")


def moved(project: Hub) -> tuple[str, str]:
    """A first load, after which the hub moves on; both commits."""
    first = project.add(NAME, {"train.csv": frame(60).to_csv(index=False).encode()})
    assert run({"file": "train.csv"}).exit_code == 0
    assert Audit.read(AUDIT).revision == first
    return first, project.add(NAME, {"train.csv": frame(80).to_csv(index=False).encode()})


def test_a_later_load_that_resolves_another_commit_fails_until_params_name_one(
    project: Hub,
) -> None:
    first, second = moved(project)
    AUDIT.unlink()  # as DVC does before the stage runs
    done = run({"file": "train.csv"})
    assert done.exit_code == 1
    assert (
        f"data set 'toy': dataset 'owner/reviews': was read at commit {first}, and the hub is at {second}"
        in done.output
    )
    assert f"`revision: {first}`" in done.output and f"`revision: {second}`" in done.output
    assert run({"file": "train.csv"}, revision=first).exit_code == 0
    assert Audit.read(AUDIT).rows.source == 60
    assert run({"file": "train.csv"}, revision=second).exit_code == 0
    assert Audit.read(AUDIT).rows.source == 80


@pytest.mark.parametrize("broken", ["{", "[]"])
def test_a_broken_record_of_the_first_commit_is_set_aside_once(
    project: Hub, tmp_path: Path, broken: str
) -> None:
    _, second = moved(project)
    AUDIT.unlink()
    (record,) = tmp_path.rglob("revisions/toy.json")
    record.write_text(broken)
    done = run({"file": "train.csv"})
    assert done.exit_code == 0 and Audit.read(AUDIT).revision == second
    assert (
        f"{record}: it can't be read. It was renamed to toy.json.damaged; the present commit of "
        in done.output
    )
    assert "damaged" not in run({"file": "train.csv"}).output


def test_another_repository_under_the_same_name_is_not_compared(project: Hub) -> None:
    moved(project)
    project.add("owner/renamed", {"train.csv": frame(60).to_csv(index=False).encode()})
    assert run({"file": "train.csv"}, id="owner/renamed").exit_code == 0


def test_the_committed_audit_is_compared_in_a_fresh_clone(
    project: Hub, tmp_path: Path, monkeypatch: Any
) -> None:
    first, second = moved(project)
    for call in (
        "init -q",
        "add metrics",
        "-c user.name=T -c user.email=t@example.org commit -qm Audit",
    ):
        subprocess.run(["git", *call.split()], check=True)
    monkeypatch.setenv("SLINGSHOT_STATE", str(tmp_path / "another state"))
    AUDIT.unlink()
    done = run({"file": "train.csv"})
    assert f"was read at commit {first}, and the hub is at {second} now" in done.output
    monkeypatch.chdir(tmp_path)  # outside, nothing is known
    assert run({"file": "train.csv"}).exit_code == 0
    assert json.loads(AUDIT.read_text())["revision"] == second
