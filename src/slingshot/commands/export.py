"""`slingshot export`: copies a trained model to a folder of its own, whose card holds the study's results for it."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from slingshot import settings
from slingshot.files import paths
from slingshot.files.codes import NO_SEED
from slingshot.files.cost import Cost
from slingshot.files.storage.atomic import atomic
from slingshot.files.storage.json_files import read_json
from slingshot.finetune import card
from slingshot.finetune.saved import Saved
from slingshot.machine.markdown import bullets, plain, table
from slingshot.settings import UserError, nearest

Figures = Mapping[str, Any]
TITLES = {
    "accuracy": "Accuracy",
    "balanced_accuracy": "Balanced accuracy",
    "macro_f1": "Macro F1",
    "auroc": "AUROC (macro)",
    "log_loss": "Log-loss",
    "brier": "Brier score",
    "ece": "Expected calibration error",
}


@dataclass(frozen=True)
class StudyResults:
    """What metrics/ holds of one model on one data set. own: the scores of the seed whose model is kept."""

    audit: Figures
    scores: Figures
    intervals: Figures
    cost: Cost
    own: Figures
    currency: str


def export(dataset: str, model: str, folder: Path) -> None:
    """Copy data/models/DATASET/MODEL to `folder`, whole or not at all, and complete its card.

    Raises UserError for unknown names, a model or metrics that are not there, or a folder that holds files.
    """
    params = settings.load()
    params.dataset(dataset)
    if model not in params.models:
        raise UserError(f"{settings.PARAMS}: no model '{model}'{nearest(model, params.models)}")
    source = paths.model(dataset, model)
    if not source.is_dir():
        raise UserError(f"{source}: not found; {_remedy(params, dataset, model)}")
    Saved.read(source)
    text = _completed(source / card.FILE, dataset, _study_results(params, dataset, model))
    _copy(source, folder, text)


def _remedy(params: settings.Settings, dataset: str, model: str) -> str:
    """What the user does to have the model trained."""
    left_out = [
        n for n in (dataset, model) if n not in (*params.study.datasets, *params.study.models)
    ]
    if left_out:
        return f"{' and '.join(left_out)} take no part: add them to study in {settings.PARAMS} and run `dvc repro`"
    return f"run `dvc repro finetune@{dataset}-{model}`, or `dvc checkout` if it was trained before"


def _study_results(params: settings.Settings, dataset: str, model: str) -> StudyResults:
    audit = read_json(paths.audit(dataset))
    scores, intervals = (
        read_json(path(dataset, model)) for path in (paths.scores, paths.intervals)
    )
    cost = Cost.read(paths.cost(dataset, model))
    kept = (NO_SEED, params.seeds[0])
    own = next((row for row in intervals["seeds"] if row["seed"] in kept), None)
    if own is None:
        raise UserError(
            f"metrics/intervals/{dataset}/{model}.json: has no seed {params.seeds[0]}; run `dvc repro`"
        )
    return StudyResults(audit, scores, intervals, cost, own, params.cost.currency)


def _copy(source: Path, folder: Path, text: str) -> None:
    """The model's files and its card, under the folder's name once they are whole."""
    if folder.is_dir() and any(folder.iterdir()):
        raise UserError(f"{folder}: holds files already; name a new folder, or empty this one")
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder}: is a file; name a new folder")
    try:
        with atomic(folder) as copy:
            # copyfile: DVC's files may be read-only, or links into its cache.
            shutil.copytree(source, copy, copy_function=shutil.copyfile)
            (copy / card.FILE).write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise UserError(f"{folder}: can't be written: {error.strerror or error}") from None


# --- the card ------------------------------------------------------------------------------------


def _completed(path: Path, dataset: str, results: StudyResults) -> str:
    """The stage's card, with the study's results in the place of the section that says they are missing."""
    from huggingface_hub import EvalResult, ModelCard, ModelCardData

    try:
        model_card = ModelCard(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(
            f"{path}: no card can be read ({error}); run `dvc repro` or `dvc checkout`"
        ) from None
    scored = [name for name in TITLES if results.own[name] is not None]
    assert isinstance(model_card.data, ModelCardData)
    model_card.data.eval_results = [
        EvalResult(
            task_type=card.TASK,
            dataset_type=dataset,
            dataset_name=dataset,
            dataset_split="test",
            metric_type=name,
            metric_value=results.own[name],
        )
        for name in scored
    ]
    sections = [*_scores(results), *_cost(results), *_data(dataset, results.audit), *_origin()]
    body = model_card.text.partition(card.UNSCORED)[0].strip()
    return (
        f"---\n{model_card.data.to_yaml()}\n---\n\n"
        + "\n\n".join(filter(None, [body, *sections]))
        + "\n"
    )


def _scores(results: StudyResults) -> list[str]:
    scores, intervals = results.scores, results.intervals
    several = len(intervals["seeds"]) > 1
    means = (
        f"Means over {len(intervals['seeds'])} training seeds, of which this folder holds one: "
        if several
        else ""
    )
    reasons = [
        f"{TITLES[name]}: {why}" for name in TITLES if (why := intervals["metrics"][name]["reason"])
    ]
    majority, ceiling = results.audit["majority"], results.audit["ceiling"]["test"]
    # The kept model's own scores have a column where the others are means over several seeds.
    head = ["Metric", "Score", f"{100 * intervals['confidence']:g}% interval"]
    rows = [
        [title, _figure(scores[name]), _interval(intervals["metrics"][name])]
        for name, title in TITLES.items()
    ]
    if several:
        head.append("This model")
        for name, row in zip(TITLES, rows, strict=True):
            row.append(_figure(results.own[name]))
    return [
        "## Scores",
        f"{means}{scores['test_rows']:,} test rows, in {intervals['groups']:,} groups that the intervals allow for. "
        f"Always answering '{plain(majority['label'])}' has accuracy {majority['accuracy']:.3f}; the labels allow "
        f"{ceiling['within']:.3f} at most to what reads the text alone, but for its case and white space.",
        table(head, rows),
        bullets([*reasons, *intervals["notes"]]),
    ]


def _cost(results: StudyResults) -> list[str]:
    cost, money = results.cost, f"{results.currency} {{}}"
    lines = {
        "Training": (cost.train_seconds, "{} s"),
        "Training, in money": (cost.train_cost, money),
        "1,000 texts": (cost.cost_per_1000_texts, money),
        "A million tokens": (cost.cost_per_million_tokens, money),
        "Labels of training and validation rows": (cost.labelling_cost, money),
        "Texts per second": (cost.texts_per_second, "{}"),
        "One text alone, median": (cost.latency_p50, "{} s"),
        "One text alone, 95th percentile": (cost.latency_p95, "{} s"),
        "Size": (cost.model_mib, "{} MiB"),
        "Peak memory of training": (cost.peak_memory_gib, "{} GiB"),
    }
    rows = [
        (what, shape.format(_three_digits(value)))
        for what, (value, shape) in lines.items()
        if value is not None
    ]
    return ["## Cost", "On the machine that is named above.", table(["What", "Figure"], rows)]


def _data(dataset: str, audit: Figures) -> list[str]:
    rows = audit["rows"]
    published = audit["published"] or "at no date that is known"
    description, source, licence = (
        plain(audit[key]) for key in ("description", "label_source", "licence")
    )
    return [
        "## The data, and what limits the scores",
        f"`{dataset}`: {rows['train']:,} rows to train on, {rows['validation']:,} to choose by and {rows['test']:,} to "
        f"test on. What a text is: {description}. Labelled by: {source}. Licence of the data: {licence}. Published: "
        f"{published}.",
        bullets(audit["warnings"]),
        "Slingshot gives the model no licence of its own: it may be used where the licences of its data, and of the "
        "checkpoint that it started from if there is one, allow it.",
    ]


def _origin() -> list[str]:
    return ["## Where it comes from", f"Made by `slingshot export` from {_commit()}."]


def _commit() -> str:
    try:
        head, changed = (
            subprocess.run(["git", *words], capture_output=True, text=True)
            for words in (["rev-parse", "HEAD"], ["status", "--porcelain", "--untracked-files=no"])
        )
    except OSError:
        return "a folder in which git could not be asked for a commit"
    if head.returncode:
        return "a folder that has no git commit"
    return f"commit `{head.stdout.strip()}`{', with changes that are not committed' if changed.stdout else ''}"


def _three_digits(value: float) -> str:
    """The value with three significant digits. Decimal keeps 0.0000068 from being written 6.8e-06."""
    return f"{Decimal(f'{value:.3g}'):,f}"


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _interval(entry: Figures) -> str:
    return "–" if entry["low"] is None else f"{entry['low']:.3f} to {entry['high']:.3f}"
