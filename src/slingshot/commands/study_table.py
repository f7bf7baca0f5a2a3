"""The table of `slingshot study NAME`: accuracy, AUROC and training time, the swept values side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, TextIO

from rich import box
from rich.table import Table

from slingshot.machine.console import terminal
from slingshot.report.numbers import score, significant
from slingshot.settings import Settings

COLUMNS = {"accuracy": "Accuracy", "auroc": "AUROC", "train_seconds": "Training s"}
FRACTIONS = {1.0: "full", 0.5: "half", 0.25: "quarter"}


class Measured(Protocol):
    """An experiment: its name, and the contents of its files metrics/ROOM/D/C.json."""

    @property
    def name(self) -> str: ...

    def figures(self, room: str, dataset: str, contestant: str) -> Mapping[str, Any]: ...


Cells = Mapping[str, Mapping[str, Sequence[Measured | None]]]
"""Data set -> contestant -> the experiment of each run, None where there is none."""


def label(point: Mapping[str, Any]) -> str:
    """What a run is called: `full`, `quarter`, `epochs 2, seed 1`; empty without a sweep."""
    parts = []
    for key, value in point.items():
        known = FRACTIONS.get(value) if key == "fraction" else None
        parts.append(known or f"{key.rpartition('.')[2]} {value}")
    return ", ".join(parts)


def show(
    cells: Cells, labels: Sequence[str], name: str, params: Settings, file: TextIO | None = None
) -> None:
    """Print a table a data set, one row a contestant and one column a metric and run, and whose figures they are."""
    out = terminal(file)
    for dataset, rows in cells.items():
        grid = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
        grid.add_column("Contestant", overflow="fold")
        for heading in COLUMNS.values():
            for each in labels:
                grid.add_column(f"{heading}\n{each}".rstrip(), justify="right")
        for contestant, runs in rows.items():
            llm = params.llms.get(contestant)
            grid.add_row(llm.title if llm else contestant, *_printed(runs, dataset, contestant))
        out.print(dataset, style="bold")
        out.print(grid)
    for number, each in enumerate(labels):
        held = [runs[number] for rows in cells.values() for runs in rows.values()]
        used = {run.name for run in held if run}
        missing = f"none of this commit; run `slingshot study {name}`"
        out.print(f"{each or 'Experiment'}: {', '.join(sorted(used)) or missing}")


def as_json(cells: Cells, labels: Sequence[str]) -> dict[str, Any]:
    """For programs: data set -> contestant -> a list of what each run measured, null where there is none."""
    return {
        dataset: {
            contestant: [
                run
                and {
                    "run": label,
                    "experiment": run.name,
                    "scores": run.figures("scores", dataset, contestant),
                    "cost": run.figures("cost", dataset, contestant),
                }
                for label, run in zip(labels, runs, strict=True)
            ]
            for contestant, runs in rows.items()
        }
        for dataset, rows in cells.items()
    }


def _printed(runs: Sequence[Measured | None], dataset: str, contestant: str) -> list[str]:
    """The row's cells: a dash where there is no experiment, or no such figure in it; AUROC with its score source."""
    rooms = {
        room: [run.figures(room, dataset, contestant) if run else {} for run in runs]
        for room in ("scores", "intervals", "cost")
    }
    cells = []
    for key in COLUMNS:
        for held, detail, cost in zip(*rooms.values(), strict=True):
            if key == "train_seconds":
                cells.append(significant(cost.get(key)))
            elif key == "auroc" and held.get(key) is not None:
                cells.append(f"{score(held[key])} {detail.get('score_source', '')}".rstrip())
            else:
                cells.append(score(held.get(key)))
    return cells
