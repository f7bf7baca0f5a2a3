"""The table of `slingshot study NAME`: accuracy, AUROC and training time, with the swept values side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TextIO

from rich import box
from rich.table import Table

from slingshot.commands.experiments import Revision, if_readable
from slingshot.files import paths
from slingshot.machine.console import terminal
from slingshot.report.numbers import MISSING, score, significant
from slingshot.settings import Settings, UserError

HEADINGS = ("Accuracy", "AUROC", "Training s")
FRACTIONS = {1.0: "full", 0.5: "half", 0.25: "quarter"}

Cells = Mapping[str, Mapping[str, Sequence[Revision | None]]]
"""Data set -> contestant -> the experiment of each run, None without an experiment."""


def label(point: Mapping[str, object]) -> str:
    """The name of a run: `full`, `quarter`, `epochs 2, seed 1`; empty without a sweep."""
    parts = []
    for key, value in point.items():
        known = FRACTIONS.get(value) if key == "fraction" and isinstance(value, float) else None
        parts.append(known or f"{key.rpartition('.')[2]} {value}")
    return ", ".join(parts)


def show(
    cells: Cells, labels: Sequence[str], name: str, settings: Settings, file: TextIO | None = None
) -> None:
    """Print a table for each data set, with a row for each contestant and a column for each metric and run; and the
    experiments that the figures come from."""
    out = terminal(file)
    for dataset, rows in cells.items():
        grid = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
        grid.add_column("Contestant", overflow="fold")
        for heading in HEADINGS:
            for run in labels:
                grid.add_column(f"{heading}\n{run}".rstrip(), justify="right")
        for contestant, revisions in rows.items():
            llm = settings.llms.get(contestant)
            title = llm.title if llm else contestant
            grid.add_row(title, *_printed(revisions, dataset, contestant))
        out.print(dataset, style="bold")
        out.print(grid)
    for number, run in enumerate(labels):
        of_run = [revisions[number] for rows in cells.values() for revisions in rows.values()]
        used = {revision.name for revision in of_run if revision}
        missing = f"none of this commit; run `slingshot study {name}`"
        out.print(f"{run or 'Experiment'}: {', '.join(sorted(used)) or missing}")


def as_json(cells: Cells, labels: Sequence[str]) -> dict[str, object]:
    """For programs: data set -> contestant -> a list with the figures of each run, null without an experiment."""
    return {
        dataset: {
            contestant: [
                _run_as_json(revision, run, dataset, contestant)
                for run, revision in zip(labels, revisions, strict=True)
            ]
            for contestant, revisions in rows.items()
        }
        for dataset, rows in cells.items()
    }


def problems(cells: Cells) -> list[str]:
    """Why files of the experiments in the table can't be read. The table has a dash for each of their figures."""
    messages: list[str] = []
    for dataset, rows in cells.items():
        for contestant, revisions in rows.items():
            for revision in filter(None, revisions):
                messages += _problems(revision, dataset, contestant)
    return list(dict.fromkeys(messages))


def _problems(revision: Revision, dataset: str, contestant: str) -> list[str]:
    messages = []
    for read in (revision.scores, revision.intervals, revision.cost):
        try:
            read(dataset, contestant)
        except UserError as error:
            messages.append(error.message)
    return messages


def _run_as_json(
    revision: Revision | None, run: str, dataset: str, contestant: str
) -> dict[str, object] | None:
    if revision is None:
        return None
    return {
        "run": run,
        "experiment": revision.name,
        "scores": if_readable(revision.contents, paths.scores(dataset, contestant)),
        "cost": if_readable(revision.contents, paths.cost(dataset, contestant)),
    }


def _printed(revisions: Sequence[Revision | None], dataset: str, contestant: str) -> list[str]:
    """The row's cells, metric by metric: a dash if there is no experiment, or if it lacks the figure."""
    of_runs = [_figures(revision, dataset, contestant) for revision in revisions]
    return [figures[place] for place in range(len(HEADINGS)) for figures in of_runs]


def _figures(revision: Revision | None, dataset: str, contestant: str) -> tuple[str, str, str]:
    """Accuracy, AUROC with its score source, and training time."""
    if revision is None:
        return MISSING, MISSING, MISSING
    scores = if_readable(revision.scores, dataset, contestant)
    intervals = if_readable(revision.intervals, dataset, contestant)
    cost = if_readable(revision.cost, dataset, contestant)
    auroc = scores.figure("auroc") if scores else None
    source = intervals.score_source if intervals and auroc is not None else ""
    return (
        score(scores.figure("accuracy") if scores else None),
        f"{score(auroc)} {source}".rstrip(),
        significant(cost.train_seconds if cost else None),
    )
