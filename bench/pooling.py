"""Compares ways to pool the windows of a long text, on the same trained models.

A model is trained once per seed and reads each window once; every pooling uses these outputs. In the root:

    SLINGSHOT_REAL_DATA=FOLDER .venv/bin/python -m bench.pooling WORK_FOLDER [--only medical40]

`medical40` are the notes of mtsamples, split by group. `buried` are texts of 32 questions of banking77, of which two
neighbours decide the class; in `test_long`, two of 202 do. WORK_FOLDER keeps the outputs, so a stopped run can resume.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import numpy as np
import pandas as pd
import torch
from scipy.special import log_softmax, softmax

from bench import bootstrap
from bench.coverage import percentiles
from bench.real_data import CC0, MTSAMPLES
from slingshot import settings
from slingshot.data.prepare import prepare
from slingshot.finetune.families import TrainingTask
from slingshot.finetune.transformer import Transformer, pool
from slingshot.machine import hardware
from slingshot.metrics.scored import Scored, SeedRun
from slingshot.pretrained.batching import prediction_batches
from slingshot.settings import DatasetSettings, TransformerSettings

METRICS = ("accuracy", "macro_f1", "log_loss")
RESAMPLES = 10_000
KEPT = "mean of logits, weighted by sureness squared"
"""The pooling of `slingshot.finetune.transformer.pool`."""
Splits = dict[str, pd.DataFrame]


def medical40(real: Path) -> tuple[Splits, list[str]]:
    source = {"source": MTSAMPLES, "label_source": "human", "licence": CC0}
    caps = {"train": 1000, "validation": 200, "test": 1000}
    made = prepare(
        "medical40", DatasetSettings.model_validate(source | {"max_rows": caps}), 0, real
    )
    return made.rows, list(made.labels.names)


def buried(real: Path) -> tuple[Splits, list[str]]:
    """Every seventh topic of banking77 is a class; questions of all other topics tell nothing about it."""
    rng = np.random.default_rng(0)
    files = {
        name: pd.read_csv(real / f"banking77_{name}.csv").drop_duplicates("text")
        for name in ("train", "test")
    }
    topics = sorted(files["train"]["category"].unique())
    names = topics[::7]

    def texts(file: str, first: int, last: int, copies: int, around: int) -> pd.DataFrame:
        """Texts with the pairs of questions `first` to `last` of each class. Each pair is placed among `around` other
        questions, `copies` times; these texts are a group."""
        rows = files[file]
        others = rows.loc[~rows["category"].isin(names), "text"].to_numpy()
        made = []
        for label, name in enumerate(names):
            own = rows.loc[rows["category"] == name, "text"].to_numpy()
            for pair in range(first, min(last, len(own) // 2)):
                for _ in range(copies):
                    questions = list(rng.choice(others, around, replace=False))
                    place = int(rng.integers(around + 1))
                    questions[place:place] = own[2 * pair : 2 * pair + 2]
                    made.append((" ".join(questions), label, f"{name} {pair}"))
        return pd.DataFrame(made, columns=["text", "label", "group"])

    rows = {
        "train": texts("train", 10, 40, 1, 30),
        "validation": texts("train", 0, 10, 1, 30),
        "test": texts("test", 0, 20, 3, 30),
        "test_long": texts("test", 0, 20, 1, 200),
    }
    return rows, names


DATASETS = {
    "medical40": (medical40, {"max_length": 128, "epochs": 2}),
    "buried": (buried, {"max_length": 64, "epochs": 4}),
}
CHANGES = {
    "learning_rate": 2.0e-4,
    "truncation": "windows",
    "overlap": 0.0,
    "precision": "bfloat16",
}


@torch.inference_mode()
def read(classifier: Transformer, texts: list[str]) -> dict[str, np.ndarray]:
    """`logits` of each window, shape (windows, classes); `owner`, the text of each window, shape (windows,); and
    `hidden`, the logits of BERT's head on the mean hidden state of a text's windows, shape (texts, classes)."""
    model = classifier.model.eval()
    windows = classifier.inputs.windows(texts)
    rows, owner = (
        [row for of_text in windows for row in of_text],
        np.repeat(np.arange(len(texts)), list(map(len, windows))),
    )
    states = torch.empty(len(rows), model.config.hidden_size)
    logits = np.empty((len(rows), model.config.num_labels))
    for batch in prediction_batches(list(map(len, rows))):
        with torch.autocast(
            classifier.device, torch.bfloat16, enabled=classifier.dtype == "bfloat16"
        ):
            padded = classifier.inputs.collate([rows[i] for i in batch], classifier.device)
            found = model(**padded, output_hidden_states=True)
        logits[batch] = found.logits.double().cpu().numpy()
        states[batch] = found.hidden_states[-1][:, 0].float().cpu()
    means = torch.zeros(len(texts), states.shape[1]).index_add(0, torch.tensor(owner), states)
    means /= torch.tensor(np.bincount(owner))[:, None]
    hidden = model.classifier(model.bert.pooler(means[:, None].to(classifier.device)))
    return {"logits": logits, "owner": owner, "hidden": hidden.double().cpu().numpy()}


def mean(values: np.ndarray, owner: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    weights = np.ones(len(owner)) if weights is None else weights
    summed = np.zeros((owner.max() + 1, values.shape[1]))
    np.add.at(summed, owner, values * weights[:, None])
    return np.asarray(summed / np.bincount(owner, weights)[:, None])


def highest(values: np.ndarray, owner: np.ndarray) -> np.ndarray:
    found = np.full((owner.max() + 1, values.shape[1]), -np.inf)
    np.maximum.at(found, owner, values)
    return found


def sureness(logits: np.ndarray) -> np.ndarray:
    """1 - H(p) / log(classes), H the entropy of a window's probabilities p."""
    log_p = log_softmax(logits, axis=1)
    entropy = -(np.exp(log_p) * log_p).sum(axis=1)
    return np.asarray(np.maximum(1 - entropy / np.log(logits.shape[1]), 1e-9))


def _highest_probability(logits: np.ndarray, owner: np.ndarray) -> np.ndarray:
    most = highest(softmax(logits, axis=1), owner)
    return np.asarray(most / most.sum(axis=1, keepdims=True))


POOLINGS: dict[str, Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]] = {
    "mean of logits": lambda logits, owner, _: softmax(mean(logits, owner), axis=1),
    "mean of logits, weighted by sureness": lambda logits, owner, _: softmax(
        mean(logits, owner, sureness(logits)), axis=1
    ),
    KEPT: lambda logits, owner, _: softmax(pool(logits, owner, owner.max() + 1), axis=1),
    "mean of probabilities": lambda logits, owner, _: mean(softmax(logits, axis=1), owner),
    "each class's highest logit": lambda logits, owner, _: softmax(highest(logits, owner), axis=1),
    "each class's highest probability": lambda logits, owner, _: _highest_probability(
        logits, owner
    ),
    "mean of what the head reads": lambda _, __, hidden: softmax(hidden, axis=1),
}
"""Name -> a function from the results of `read` to the probabilities of each text, shape (texts, classes)."""


def run(
    name: str, seed: int, rows: Splits, names: list[str], work: Path
) -> dict[str, dict[str, np.ndarray]]:
    """Split of test texts -> the outputs of a model trained with `seed`, kept in `work`."""
    kept = {
        split: work / f"{name}-{split}-{seed}.npz" for split in rows if split.startswith("test")
    }
    if not all(file.exists() for file in kept.values()):
        minilm = settings.load().models["minilm"].model_dump()
        chosen = TransformerSettings.model_validate(minilm | CHANGES | DATASETS[name][1])
        device = hardware.set_up(settings.RunSettings())
        task = TrainingTask(
            rows["train"], rows["validation"], names, "accuracy", device, f"{name}, seed {seed}"
        )
        scratch = work / f"{name}-{seed}"
        scratch.mkdir(parents=True, exist_ok=True)
        classifier, fit = Transformer.fit(chosen, task, seed, scratch)
        click.echo(
            f"{name}, seed {seed}: {fit.seconds:.0f} s, validation {fit.details['validation']}"
        )
        for split, file in kept.items():
            found: dict[str, Any] = dict(read(classifier, rows[split]["text"].tolist()))
            np.savez(file, **found)
    return {split: dict(np.load(file)) for split, file in kept.items()}


def table(name: str, test: pd.DataFrame, found: list[dict[str, np.ndarray]]) -> list[str]:
    """A line for each pooling: means over seeds, each seed's figures, and the paired difference from KEPT."""
    labels, groups = test["label"].to_numpy(), np.unique(test["group"], return_inverse=True)[1]
    poolings = []
    for pooled in POOLINGS.values():
        scores = [pooled(one["logits"], one["owner"], one["hidden"]) for one in found]
        runs = tuple(SeedRun(seed, each.argmax(axis=1), each) for seed, each in enumerate(scores))
        poolings.append(Scored(np.arange(len(test)), labels, groups, "softmax", runs, {}))
    resamples = bootstrap.resample(poolings, RESAMPLES)
    kept = list(POOLINGS).index(KEPT)
    lines = []
    for place, (pooling, scored) in enumerate(zip(POOLINGS, poolings, strict=True)):
        cells = []
        for metric in METRICS:
            points, theirs = (
                [bootstrap.point(one, run)[metric] for run in one.runs]
                for one in (scored, poolings[kept])
            )
            apart = [bootstrap.over_seeds(resamples[side][metric]) for side in (place, kept)]
            low, high = percentiles(apart[0] - apart[1], 0.95)
            each = f" ({', '.join(f'{point:.3f}' for point in points)})" if len(points) > 1 else ""
            cells.append(f"{np.mean(points):.3f}{each}")
            cells.append(f"{np.mean(points) - np.mean(theirs):+.3f} [{low:+.3f}, {high:+.3f}]")
        lines.append(f"| {name} | {pooling} | {' | '.join(cells)} |")
    return lines


@click.command()
@click.argument("work", type=click.Path(path_type=Path))
@click.option(
    "--only", multiple=True, type=click.Choice(list(DATASETS)), help="Data sets; all by default."
)
@click.option(
    "--seeds",
    default=3,
    show_default=True,
    help="Training seeds; from 3 on, the intervals include their variation.",
)
def main(work: Path, only: tuple[str, ...], seeds: int) -> None:
    """Train in WORK and print the scores of every pooling as a Markdown table."""
    real = os.environ.get("SLINGSHOT_REAL_DATA")
    if not real:
        raise click.ClickException("set SLINGSHOT_REAL_DATA to the folder with the real files")
    heads = [cell for metric in METRICS for cell in (metric, "minus the kept one's [95%]")]
    lines = [f"| data set | pooling | {' | '.join(heads)} |", "|---" * (2 + len(heads)) + "|"]
    for name in only or DATASETS:
        rows, names = DATASETS[name][0](Path(real))
        found = [run(name, seed, rows, names, work) for seed in range(seeds)]
        for split in found[0]:
            windows = np.bincount(found[0][split]["owner"])
            click.echo(
                f"{name}, {split}: {len(rows['train'])} / {len(rows['validation'])} / {len(windows)} rows, test texts "
                f"in {rows[split]['group'].nunique()} groups, {windows.mean():.1f} windows each, most {windows.max()}"
            )
            lines += table(f"{name}, {split}", rows[split], [one[split] for one in found])
    click.echo("\n".join(lines))


if __name__ == "__main__":
    main()
