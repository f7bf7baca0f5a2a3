"""Every family through the stage: what it learns, what it stores, and that it loads again."""

import importlib
import shutil
import subprocess
import sys

import numpy as np
import pytest
from click.testing import CliRunner

from slingshot import settings
from slingshot.files.codes import NO_SEED, PREDICTED
from slingshot.files.predictions import check_ids, read_predictions
from slingshot.files.rows import read_rows
from slingshot.files.storage.json_files import read_json
from slingshot.files.storage.parquet import read_metadata
from slingshot.files.usage import Usage
from slingshot.finetune.code import sources
from slingshot.finetune.families import classifier
from stages.finetune import main
from tests.conftest import NAMES, ROOT
from tests.repository import NOBODYS


def run(model):
    result = CliRunner().invoke(main, ["toy", model])
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """Where the first test that wants a model leaves what its stage wrote for the others."""
    return tmp_path_factory.mktemp("kept")


@pytest.fixture
def trained(project, kept):
    """Makes a model's files as its stage does, and returns its folder."""

    def made(model):
        if not (kept / model).is_dir():
            run(model)
            shutil.copytree(project / "data", kept / model)
        shutil.copytree(kept / model, project / "data", dirs_exist_ok=True)
        return project / f"data/models/toy/{model}"

    return made


@pytest.mark.parametrize("model", ["tfidf", "frozen", "tiny"])
def test_a_family_learns_predicts_both_splits_and_stores_no_pickle(project, model):
    output = run(model)
    assert f"finetune toy-{model}: validation accuracy" in output
    path = project / f"data/predictions/toy/{model}.parquet"
    frame = read_predictions(path, NAMES)
    rows = [read_rows(project / f"data/prepared/toy/{split}.parquet") for split in PREDICTED]
    check_ids(path, frame, *rows)
    assert read_metadata(path) == {"fraction": 1.0, "train_rows": 150, "labels": list(NAMES)}
    assert set(frame["seed"]) == ({0} if model == "tiny" else {NO_SEED})
    test = frame[frame["split"] == "test"]
    assert (test["prediction"] == test["label"]).mean() > (0.6 if model == "frozen" else 0.9)

    folder = project / f"data/models/toy/{model}"
    kinds = {file.suffix for file in folder.rglob("*") if file.is_file()}
    assert kinds <= {".safetensors", ".json", ".txt", ".md", ".jinja"}
    family = settings.load().models[model].family
    assert read_json(folder / "slingshot.json") == {"family": family, "labels": list(NAMES)}
    usage = Usage.read(project / f"data/usage/toy/{model}.json")
    assert usage.train[0].seconds > 0 and usage.predict[0].texts == 105
    assert usage.predict[0].tokens == frame["input_tokens"].sum()
    assert usage.latency["p50"] <= usage.latency["p95"] and usage.latency["texts"] == 100
    assert usage.validation_rows == 45 and 0 < usage.predict[0].error < usage.predict[0].seconds
    assert usage.model_bytes > 1000 and usage.train_rows == 150


@pytest.mark.parametrize("model", ["tfidf", "frozen", "tiny"])
def test_a_stored_model_predicts_the_same(project, trained, model):
    loaded = classifier(settings.load().models[model]).load(trained(model), "cpu")
    rows = read_rows(project / "data/prepared/toy/test.parquet")
    frame = read_predictions(project / f"data/predictions/toy/{model}.parquet", NAMES)
    stored = np.stack(frame[frame["split"] == "test"]["scores"].to_list())
    np.testing.assert_allclose(loaded.predict(rows["text"].tolist()), stored, atol=1e-5)


def test_transformers_own_pipeline_loads_the_folder(trained):
    from transformers import pipeline

    answer = pipeline("text-classification", model=str(trained("tiny")))("a superb phone")
    assert answer[0]["label"] == "good"


def test_a_text_alone_scores_as_in_a_batch(project, trained):
    model = classifier(settings.FAMILIES["transformer"]).load(trained("tiny"), "cpu")
    texts = read_rows(project / "data/prepared/toy/test.parquet")["text"].tolist()
    alone = np.vstack([model.predict([text]) for text in texts[:8]])
    np.testing.assert_allclose(model.predict(texts)[:8], alone, atol=1e-5)


def test_an_unknown_model_names_the_nearest(project):
    result = CliRunner().invoke(main, ["toy", "tfdif"])
    assert result.exit_code == 1
    assert "did you mean 'tfidf'" in result.output


TRACE = """
import sys
sys.path.insert(0, "src")
from slingshot.finetune import run
from stages.finetune import main

train = run.run_cell
def traced(*arguments):
    cell = train(*arguments)
    print(file=sys.stderr)
    print(*sorted(name for name in sys.modules if name.startswith(("slingshot.", "torch"))), sep="\\n", file=sys.stderr)
    return cell

run.run_cell = traced
main(["toy", {model!r}], standalone_mode=False)
"""


@pytest.mark.parametrize(
    ("family", "model"), [("tfidf", "tfidf"), ("frozen", "frozen"), ("transformer", "tiny")]
)
def test_the_resume_key_covers_every_module_a_family_loads(project, family, model):
    (project / "stages").symlink_to(ROOT / "stages")
    (project / "src").symlink_to(ROOT / "src")
    done = subprocess.run(
        [sys.executable, "-c", TRACE.format(model=model)],
        capture_output=True,
        text=True,
        check=True,
    )
    lines = done.stderr.splitlines()
    assert ("torch" in lines) == settings.FAMILIES[family].torch
    loaded = {line for line in lines if line.startswith("slingshot.")}
    packages = {name for name in loaded if hasattr(importlib.import_module(name), "__path__")}
    trained = {name for name in loaded - packages if not name.startswith(NOBODYS)}
    keyed = set(sources(settings.FAMILIES[family].module, "slingshot.finetune.run"))
    assert trained <= keyed
    others = {other.module for name, other in settings.FAMILIES.items() if name != family}
    assert not keyed & others, "a change in one family retrains that family alone"
