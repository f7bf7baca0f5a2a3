"""`slingshot export`: copies a trained model to a new folder, and adds the study's results to its card."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from slingshot.files import paths
from slingshot.files.audit import Audit
from slingshot.files.codes import NO_SEED
from slingshot.files.cost import Cost
from slingshot.files.intervals import Interval, Intervals, SeedFigures
from slingshot.files.notes.base import sentence
from slingshot.files.scores import Scores
from slingshot.files.storage.atomic import atomic
from slingshot.finetune import card
from slingshot.finetune.saved import Saved
from slingshot.machine.markdown import bullets, plain, table
from slingshot.settings import PARAMS, Settings, UserError, load
from slingshot.settings.catalogue import METRICS


@dataclass(frozen=True)
class StudyResults:
    """The results of one model on one data set, from metrics/."""

    audit: Audit
    scores: Scores
    intervals: Intervals
    cost: Cost
    own: SeedFigures
    """Figures of the seed with the saved model."""
    currency: str


def export(dataset: str, model: str, folder: Path) -> None:
    """Copy data/models/DATASET/MODEL to `folder`, completely or not at all, and complete its card.

    Raises UserError for unknown names, for a missing model or missing metrics, or for a folder with files.
    """
    settings = load()
    settings.dataset(dataset)
    settings.model(model)
    source = paths.model(dataset, model)
    if not source.is_dir():
        raise UserError(f"{source}: not found; {_remedy(settings, dataset, model)}")
    Saved.read(source)
    text = _completed(source / card.FILE, dataset, _study_results(settings, dataset, model))
    _copy(source, folder, text)


def _remedy(settings: Settings, dataset: str, model: str) -> str:
    """How the user gets the model trained."""
    study = settings.study
    left_out = [name for name in (dataset, model) if name not in (*study.datasets, *study.models)]
    if left_out:
        return f"{' and '.join(left_out)} take no part: add them to study in {PARAMS} and run `dvc repro`"
    return f"run `dvc repro finetune@{dataset}-{model}`, or `dvc checkout` if it was trained before"


def _study_results(settings: Settings, dataset: str, model: str) -> StudyResults:
    path, first = paths.intervals(dataset, model), settings.seeds[0]
    intervals = Intervals.read(path)
    own = next((seed for seed in intervals.seeds if seed.seed in (NO_SEED, first)), None)
    if own is None:
        raise UserError(f"{path}: has no seed {first}; run `dvc repro`")
    return StudyResults(
        audit=Audit.read(paths.audit(dataset)),
        scores=Scores.read(paths.scores(dataset, model)),
        intervals=intervals,
        cost=Cost.read(paths.cost(dataset, model)),
        own=own,
        currency=settings.cost.currency,
    )


def _copy(source: Path, folder: Path, text: str) -> None:
    """Copy the model's files and its card. The folder gets its name when they are complete."""
    if folder.is_dir() and any(folder.iterdir()):
        raise UserError(f"{folder}: already contains files; name a new folder, or empty this one")
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
    """The card of the stage finetune, with the study's results instead of the section that says they are missing."""
    from huggingface_hub import EvalResult, ModelCard, ModelCardData

    try:
        model_card = ModelCard(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(
            f"{path}: no card can be read ({error}); run `dvc repro` or `dvc checkout`"
        ) from None
    assert isinstance(model_card.data, ModelCardData)
    model_card.data.eval_results = [
        EvalResult(
            task_type=card.TASK,
            dataset_type=dataset,
            dataset_name=dataset,
            dataset_split="test",
            metric_type=metric,
            metric_value=value,
        )
        for metric, value in results.own.metrics.items()
        if value is not None
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
    seeds = len(intervals.seeds)
    means = f"Means over {seeds} training seeds; this folder has the model of one of them. "
    majority, ceiling = results.audit.majority, results.audit.ceiling.test
    reasons = [
        f"{metric.heading}: {reason.words}"
        for key, metric in METRICS.items()
        if (reason := intervals.metrics[key].reason)
    ]
    return [
        "## Scores",
        f"{means if seeds > 1 else ''}The scores are from {scores.test_rows:,} test rows in {intervals.groups:,} "
        f"groups, which the intervals take into account. Always answering '{plain(majority.label)}' has accuracy "
        f"{majority.accuracy:.3f}. A model that reads only the text, without case and white space, can have at most "
        f"{ceiling.within:.3f} with these labels.",
        _scores_table(results),
        bullets(sentence(words) for words in (*reasons, *(note.words for note in intervals.notes))),
    ]


def _scores_table(results: StudyResults) -> str:
    """A table with a row for each metric. With several seeds, the saved model's own scores have a column too."""
    intervals = results.intervals
    several = len(intervals.seeds) > 1
    head = ["Metric", "Score", f"{100 * intervals.confidence:g}% interval"]
    rows = []
    for metric, value in results.scores.metrics.items():
        row = [METRICS[metric].heading, _figure(value), _interval(intervals.metrics[metric])]
        rows.append([*row, _figure(results.own.metrics[metric])] if several else row)
    return table([*head, "This model"] if several else head, rows)


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
        (name, unit.format(_three_digits(value)))
        for name, (value, unit) in lines.items()
        if value is not None
    ]
    return ["## Cost", "On the machine that is named above.", table(["Item", "Figure"], rows)]


def _data(dataset: str, audit: Audit) -> list[str]:
    rows = audit.rows
    published = audit.published or "at an unknown date"
    return [
        "## The data, and what limits the scores",
        f"`{dataset}`: {rows.train:,} training, {rows.validation:,} validation and {rows.test:,} test rows. Each text "
        f"is: {plain(audit.description)}. Labelled by: {plain(audit.label_source)}. Licence of the data: "
        f"{plain(audit.licence)}. Published: {published}.",
        bullets(sentence(warning.words) for warning in audit.warnings),
        "Slingshot gives the model no licence of its own. Its use must be allowed by the licences of its data, and of "
        "the checkpoint from which it was trained, if there is one.",
    ]


def _origin() -> list[str]:
    return ["## Origin", f"Made by `slingshot export` from {_commit()}."]


def _commit() -> str:
    try:
        head = _git("rev-parse", "HEAD")
        changes = _git("status", "--porcelain", "--untracked-files=no")
    except OSError:
        return "a folder in which git could not be asked for a commit"
    if head.returncode:
        return "a folder that has no git commit"
    changed = ", with changes that are not committed" if changes.stdout else ""
    return f"commit `{head.stdout.strip()}`{changed}"


def _git(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["git", *words], capture_output=True, text=True)


def _three_digits(value: float) -> str:
    """The value with three significant digits. Decimal keeps 0.0000068 from being written 6.8e-06."""
    return f"{Decimal(f'{value:.3g}'):,f}"


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _interval(interval: Interval) -> str:
    if interval.low is None or interval.high is None:
        return "–"
    return f"{interval.low:.3f} to {interval.high:.3f}"
