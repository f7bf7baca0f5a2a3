"""Runs one cell of the study: trains the seeds that no earlier run finished, and collects predictions and usage."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import pandas as pd

from slingshot.files.codes import NO_SEED
from slingshot.files.predictions import predictions_frame
from slingshot.files.storage.atomic import naming, remove
from slingshot.files.usage import TimedRun, Usage
from slingshot.finetune import resume
from slingshot.finetune.cell import CellRows
from slingshot.finetune.code import sources
from slingshot.finetune.families import Classifier, TrainingTask, classifier
from slingshot.machine import hardware
from slingshot.metrics.choosing import primary_score
from slingshot.settings import Family, ModelSettings, Primary

S = TypeVar("S", bound=Family)


@dataclass(frozen=True)
class TrainingResult:
    """The result of training a cell: the predictions of every seed, and the usage."""

    predictions: pd.DataFrame
    usage: Usage

    def validation_score(self, primary: Primary) -> float:
        """The primary metric on the validation rows of all seeds together."""
        rows = self.predictions[self.predictions["split"] == "validation"]
        scores = np.stack(rows["scores"].to_list())
        return primary_score(primary, rows["label"].to_numpy(), scores)


def run_cell(
    settings: ModelSettings,
    task: TrainingTask,
    rows: CellRows,
    seeds: list[int],
    name: str,
    model: Path,
) -> TrainingResult:
    """Train the model once for each seed, and predict validation and test. A family without randomness runs once.

    Finished seeds are kept in a folder, where an unfinished seed also continues. Its key is made of the files of
    `rows`, the settings and the code of training. The first seed's model replaces the folder `model`.
    """
    key = {
        "model": settings.model_dump(mode="json"),
        "primary": task.primary,
        "device": task.device,
    }
    cell = resume.cell_folder(sources(settings.module, __name__), key, rows.files)
    outcomes = []
    trained_seeds = seeds if settings.seeded else [NO_SEED]
    folders = [resume.SeedFolder(cell, seed) for seed in trained_seeds]
    with resume.sole(cell, task.name):
        for folder in folders:
            first = folder is folders[0]  # only the first seed's model is kept
            outcome = folder.finished(with_model=first)
            if outcome is None:
                outcome = _train_seed(classifier(settings), settings, task, rows.test, folder)
                folder.finish(outcome, with_model=first)
            outcomes.append(outcome)
        remove(model)
        with naming(model):
            # copyfile gives the copies the user's default permissions, not those of the files in the state folder.
            shutil.copytree(folders[0].model, model, copy_function=shutil.copyfile)
    predictions = pd.concat([outcome.predictions for outcome in outcomes], ignore_index=True)
    return TrainingResult(predictions, _usage(name, task, [outcome.record for outcome in outcomes]))


def _train_seed(
    trained_by: type[Classifier[S]],
    settings: S,
    task: TrainingTask,
    test: pd.DataFrame,
    folder: resume.SeedFolder,
) -> resume.SeedOutcome:
    """Train one seed, save its model in its folder, and predict validation and test."""
    seed = folder.seed
    fitted, fit = trained_by.fit(settings, task, max(seed, 0), folder.scratch)
    remove(folder.model)  # a kill may have left a part of it
    with naming(folder.model):
        fitted.save(folder.model)
    rows = pd.concat([task.validation, test], ignore_index=True)
    splits = ["validation"] * len(task.validation) + ["test"] * len(test)
    texts = rows["text"].tolist()
    tokens = fitted.count_tokens(texts)
    timed = hardware.timed(fitted.predict, texts, tokens)
    predictions = predictions_frame(
        rows, splits, timed.answers, seed=seed, score_source="softmax", input_tokens=tokens
    )
    trained = TimedRun(seed, fit.tokens, len(task.train), fit.seconds)
    predicted = TimedRun(seed, sum(tokens), len(texts), timed.seconds, timed.error)
    files = [file for file in folder.model.rglob("*") if file.is_file()]
    record: resume.SeedRecord = {
        "train": resume.plain(trained),
        "predict": resume.plain(predicted),
        "details": fit.details,
        "latency": hardware.latency(lambda text: fitted.predict([text]), texts),
        "model_bytes": sum(file.stat().st_size for file in files),
        "hardware": hardware.describe(task.device, fit.dtype),
        "peak_memory_bytes": hardware.peak_memory_bytes(),
    }
    return resume.SeedOutcome(predictions, record)


def _usage(name: str, task: TrainingTask, records: list[resume.SeedRecord]) -> Usage:
    """The usage of all seeds. Latency and hardware are those of the first seed."""
    first = records[0]
    return Usage(
        kind="model",
        title=name,
        hardware=first["hardware"],
        train_rows=len(task.train),
        validation_rows=len(task.validation),
        model_bytes=first["model_bytes"],
        train=tuple(TimedRun(**record["train"]) for record in records),
        predict=tuple(TimedRun(**record["predict"]) for record in records),
        latency=first["latency"],
        peak_memory_bytes=max(record["peak_memory_bytes"] for record in records),
        details={str(record["train"]["seed"]): record["details"] for record in records},
    )
