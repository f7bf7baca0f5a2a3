"""Runs every stage with three models on banking77, tweet_eval sentiment and mtsamples, the last with both splits.

The files are read from SLINGSHOT_REAL_DATA; nothing of them enters the repository. In its root:

    SLINGSHOT_REAL_DATA=FOLDER .venv/bin/python -m bench.real_data WORK_FOLDER [--only medical40]

WORK_FOLDER is made if missing. All output goes there, so a stopped run can resume.
"""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
from ruamel.yaml import YAML

from slingshot.files.storage.json_files import read_json

ROOT = Path(__file__).resolve().parents[1]
MODELS = ("tfidf", "frozen", "minilm")
SENTIMENT = {"0": "negative", "1": "neutral", "2": "positive"}


def dataset(source: dict[str, Any], licence: str, **more: Any) -> dict[str, Any]:
    return {"source": source, "label_source": "human", "licence": licence, **more}


MTSAMPLES = {
    "kind": "file",
    "file": "mtsamples.csv.gz",
    "text": "transcription",
    "label": "medical_specialty",
}
"""The local copy of Medical-Transcript-40's rows, which replaces the hub's copy in params.yaml."""
CC0 = "CC0 as stated by its packager"
DATASETS = {
    "banking77": dataset(
        {
            "kind": "file",
            "file": "banking77_train.csv",
            "test_file": "banking77_test.csv",
            "text": "text",
            "label": "category",
        },
        "CC BY 4.0",
    ),
    "tweet_eval": dataset(
        {
            "kind": "lines",
            "text_file": "tweeteval_sentiment_val_text.txt",
            "label_file": "tweeteval_sentiment_val_labels.txt",
            "test_text_file": "tweeteval_sentiment_test_text.txt",
            "test_label_file": "tweeteval_sentiment_test_labels.txt",
        },
        "research use",
        labels=SENTIMENT,
    ),
    "medical40": dataset(MTSAMPLES, CC0, split={"near": None}),
    "medical40_random": dataset(
        MTSAMPLES, CC0, split={"by": "row", "drop_shared": False, "validation": 0.1, "test": 0.1}
    ),
}
# 77 or 40 classes and long notes take long on two cores, so grids are small and texts are cut at 128 tokens. The
# learning rate is higher, because many classes are learned more slowly.
CHANGES: dict[str, dict[str, Any]] = {
    "tfidf": {"word_ngrams": [2], "char_ngrams": [0, 5], "c": [3.0, 30.0], "max_features": 50_000},
    "frozen": {"c": [10.0, 100.0], "max_length": 128},
    "minilm": {"learning_rate": 2.0e-4, "max_length": 128},
}
EPOCHS = {
    "medical40": 2,
    "medical40_random": 2,
}  # the notes are long: two epochs take as long as four on the other data sets


def lay_out(work: Path, real: Path, dataset: str) -> None:
    """Make a project in `work`: links to the repository's code, these data sets, the study's models for `dataset`."""
    work.mkdir(parents=True, exist_ok=True)
    for name in ("src", "stages"):
        (work / name).unlink(missing_ok=True)
        (work / name).symlink_to(ROOT / name)
    yaml = YAML(typ="safe")
    params = yaml.load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    params["datasets"] = DATASETS
    params["study"] = {
        "datasets": list(DATASETS),
        "models": list(MODELS),
        "llms": [],
        "cascades": [],
    }
    for model, changes in CHANGES.items():
        params["models"][model].update(changes)
    params["models"]["minilm"]["epochs"] = EPOCHS.get(dataset, 4)
    with (work / "params.yaml").open("w", encoding="utf-8") as file:
        yaml.dump(params, file)
    for name, entry in DATASETS.items():
        folder = work / "data/raw" / name
        folder.mkdir(parents=True, exist_ok=True)
        for key, file_name in entry["source"].items():
            target = folder / file_name
            if key.endswith("file") and not target.is_symlink():
                target.symlink_to(real / file_name)


@click.command()
@click.argument("work", type=click.Path(path_type=Path))
@click.option(
    "--only", multiple=True, type=click.Choice(list(DATASETS)), help="Data sets; all by default."
)
def main(work: Path, only: tuple[str, ...]) -> None:
    """Run the stages in WORK and print the scores as a Markdown table."""
    real = os.environ.get("SLINGSHOT_REAL_DATA")
    if not real:
        raise click.ClickException("set SLINGSHOT_REAL_DATA to the folder with the real files")
    environment = {**os.environ, "SLINGSHOT_STATE": str((work / "state").absolute())}

    def stage(*words: str) -> None:
        subprocess.run([sys.executable, "-m", *words], cwd=work, env=environment, check=True)

    audits: list[str] = []
    lines = [
        "| data set | contestant | accuracy | macro-F1 | AUROC | training s |",
        "|---|---|---|---|---|---|",
    ]
    for name in only or DATASETS:
        lay_out(work, Path(real).resolve(), name)
        stage("stages.prepare", name)
        stage("stages.subsample", name)
        for model in MODELS:
            stage("stages.finetune", name, model)
        stage("stages.evaluate", name)
        stage("stages.cost", name)
        for model in MODELS:
            scores = read_json(work / f"metrics/scores/{name}/{model}.json")
            interval = read_json(work / f"metrics/intervals/{name}/{model}.json")["metrics"][
                "accuracy"
            ]
            seconds = read_json(work / f"metrics/cost/{name}/{model}.json")["train_seconds"]
            lines.append(
                f"| {name} | {model} | {scores['accuracy']:.3f} [{interval['low']:.3f}, {interval['high']:.3f}] "
                f"| {scores['macro_f1']:.3f} | {scores['auroc']:.3f} | {seconds:.0f} |"
            )
        audit = read_json(work / f"metrics/audit/{name}.json")
        majority, ceiling = audit["majority"], audit["ceiling"]["test"]
        audits.append(
            f"{name}: ceilings on test {ceiling['within']:.3f} (within the test rows) and {ceiling['whole']:.3f} "
            f"(each text's usual label over all rows). {' '.join(audit['warnings'])}".rstrip()
        )
        lines.append(
            f"| {name} | majority class | {majority['accuracy']:.3f} | {majority['macro_f1']:.3f} | 0.5 | |"
        )
    click.echo("\n".join([*lines, "", *audits]))


if __name__ == "__main__":
    main()
