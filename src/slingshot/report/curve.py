"""Learning curves as a table, as words and in the terminal: figures by training rows, from metrics/curve/D.csv."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from slingshot.files import paths
from slingshot.files.audit import Audit
from slingshot.files.points import SCORES, Point, of_today, read_points
from slingshot.machine.console import terminal
from slingshot.metrics import learning
from slingshot.metrics.learning import ENOUGH_LEVELS, Band, Curve, Level, NoFit
from slingshot.report import matches
from slingshot.report.grid import Grid
from slingshot.report.inputs import Results
from slingshot.report.numbers import MISSING, count, score, significant
from slingshot.settings import Settings, UserError, nearest
from slingshot.settings.catalogue import METRICS

if TYPE_CHECKING:
    from rich.table import Table

SOURCES = "An LLM's scores may come from another source than a model's softmax. The report names each source."
HEADING = "Learning curve"
WIDTH = 24
"""Width of the terminal's drawing of a curve, in characters."""
_NO_FIT: dict[NoFit, str] = {
    "prompted": "it is prompted, not trained",
    "undefined": "the metric is undefined at every number of training rows",
    "few_levels": f"a power law needs {ENOUGH_LEVELS} numbers of training rows",
    "no_gain": "more training rows did not help",
    "no_law": "no power law fits",
}
_BANDS: dict[Band, str] = {
    "no_level": "No point, so no band.",
    "one_seed": "One seed, so no band.",
    "training_seeds": "The band spans training seeds only.",
    "splits": "The band spans {splits} splits.",
    "training_seeds_and_splits": "The band spans training seeds and {splits} splits.",
}


def text(level: Level) -> str:
    """A level's figure: `0.842`, or with several seeds `0.842 [0.831–0.850]`."""
    if len(level.values) == 1:
        return score(level.mean)
    return f"{score(level.mean)} [{score(level.low)}–{score(level.high)}]"


def known(metric: str) -> str:
    """The metric, if points hold it. Raises UserError with the nearest known one."""
    if metric not in SCORES:
        raise UserError(f"--metric: no metric '{metric}'{nearest(metric, SCORES)}")
    return metric


def read(
    settings: Settings, dataset: str | None = None, root: Path = Path()
) -> tuple[dict[str, list[Point]], list[str]]:
    """The points of `dataset`, or of every data set with points; and one line for each data set with points that are
    left out. Raises UserError if there are no points."""
    if dataset is not None:
        settings.dataset(dataset)
    curves, left_out = {}, []
    for name in settings.datasets if dataset is None else [dataset]:
        file = root / paths.audit(name)
        measured = Audit.read(file).measured_on if file.is_file() else None
        curves[name], why = of_today(read_points(root / paths.curve(name)), measured, settings.seed)
        left_out += [f"{name}: {why}"] if why else []
    if not any(curves.values()):
        missing = f" of {dataset}" if dataset else ""
        raise UserError(
            f"{root / paths.METRICS}/curve: no points{missing} yet; train on another number of rows, e.g. "
            f"`dvc exp run --temp -S fraction=0.25`, then run `slingshot curve --write`. {' '.join(left_out)}".rstrip()
        )
    return {name: points for name, points in curves.items() if points}, left_out


def build(results: Results, primary: str) -> Grid | None:
    """A table with a row for each contestant and a column for each number of training rows; None with fewer than two
    columns."""
    curves = {curve.contestant: curve for curve in learning.curves(results.curve, primary)}
    trained = [c for c in results.shown if c.name in curves and not curves[c.name].prompted]
    columns = sorted({level.train_rows for c in trained for level in curves[c.name].levels})
    if len(columns) < 2:
        return None
    rows = tuple((c.label, *_cells(curves[c.name], columns)) for c in trained)
    gaps = any(MISSING in row for row in rows)
    return Grid(
        heading=HEADING,
        caption=(
            f"{METRICS[primary].heading} on test by the number of training rows: "
            "mean over seeds [lowest–highest]."
        ),
        columns=("Contestant", *map(count, columns)),
        rows=rows,
        notes=(
            *matches.sentences(results, primary),
            *(f"{c.title}: {fitted(curves[c.name])}" for c in trained if c.kind != "cascade"),
            *([f"{MISSING}: not trained on that many rows."] if gaps else []),
            "The points come from DVC's experiments (`slingshot curve --write`).",
        ),
    )


def _cells(curve: Curve, columns: Sequence[int]) -> list[str]:
    """The curve's figure at each number of rows, or a dash."""
    cells = {level.train_rows: text(level) for level in curve.levels}
    return [cells.get(rows, MISSING) for rows in columns]


def fitted(curve: Curve) -> str:
    """The power law in words, with its figure at twice the rows, or why there is none; and what the band spans."""
    if curve.fit is None:
        reason = f"no fit: {_NO_FIT[curve.fit_reason]}." if curve.fit_reason else "no fit."
        return f"{reason} {_band(curve)}"
    law, twice = curve.fit, 2 * curve.levels[-1].train_rows
    sign = "+" if law.falls else "−"
    end = " The data don't show where the curve levels off." if law.ends_anywhere else ""
    return (
        f"the fitted power law {score(law.a)} {sign} {significant(law.b)} × rows^−{significant(law.c)} "
        f"expects {score(law.value(twice))} with {count(twice)} rows, an estimate.{end} {_band(curve)}"
    )


def _band(curve: Curve) -> str:
    splits = min((level.split_seeds for level in curve.levels), default=0)
    return _BANDS[curve.band_of].format(splits=splits)


def as_json(curves: Mapping[str, Sequence[Point]], metric: str) -> dict[str, Any]:
    """Data set -> its curves."""
    return {
        name: [asdict(curve) for curve in learning.curves(points, metric)]
        for name, points in curves.items()
    }


def show(curves: Mapping[str, Sequence[Point]], metric: str, file: TextIO | None = None) -> None:
    """Print each data set's points: one line for each contestant and number of rows, drawn on one scale."""
    out = terminal(file)
    for dataset, points in curves.items():
        shown = learning.curves(points, metric)
        out.print(dataset, style="bold")
        out.print(_drawing(shown, metric))
        for curve in shown:
            if not curve.prompted:
                out.print(f"{curve.contestant}: {fitted(curve)}", soft_wrap=True)
        if METRICS[metric].needs_scores and any(curve.prompted for curve in shown):
            out.print(SOURCES, soft_wrap=True)


def _drawing(curves: Sequence[Curve], metric: str) -> Table:
    from rich import box
    from rich.table import Table

    values = [value for curve in curves for level in curve.levels for value in level.values]
    low, high = min(values, default=0.0), max(values, default=1.0)
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("Contestant", overflow="fold")
    for heading in ("Training rows", METRICS[metric].short, "Seeds"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column(f"{score(low)}{score(high):>{WIDTH - 5}}", no_wrap=True)
    for curve in curves:
        for level in curve.levels:
            table.add_row(
                curve.contestant,
                f"{count(level.train_rows)}{' shots' if curve.prompted else ''}",
                text(level),
                count(len(level.values)),
                drawn(level, low, high),
            )
    return table


def drawn(level: Level, low: float, high: float) -> str:
    """The mean as ● on a line from the lowest to the highest seed's figure, on a scale from `low` to `high`."""

    def at(value: float) -> int:
        return round((value - low) / (high - low) * (WIDTH - 1)) if high > low else 0

    first, mean, last = at(level.low), at(level.mean), at(level.high)
    return "".join(
        "●" if i == mean else "─" if first <= i <= last else " " for i in range(last + 1)
    )
