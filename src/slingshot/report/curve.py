"""Learning curves as people read them, from the points in metrics/curve/D.csv: each figure against the number of
training rows, and how many labels a model needs to match an LLM."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, TextIO

from slingshot.files import paths
from slingshot.files.points import SCORES, Point, of_today, read_points
from slingshot.files.storage.json_files import read_json
from slingshot.machine.console import terminal
from slingshot.metrics import learning
from slingshot.metrics.learning import Curve, Level
from slingshot.metrics.matching import INSIDE, Match, match
from slingshot.report.grid import Grid
from slingshot.report.inputs import Contestant, Results
from slingshot.report.numbers import MISSING, count, percent, score, significant
from slingshot.report.pair import find_pair
from slingshot.settings import Settings, UserError, nearest
from slingshot.settings.catalogue import METRICS

FROM_SCORES = ("auroc", "log_loss", "brier", "ece")
SOURCES = "An LLM's scores may be of another source than a model's softmax: the report names each contestant's."
HEADING = "Learning curve"
WIDTH = 24
"""Characters across which the terminal draws a figure."""


def text(level: Level) -> str:
    """`0.842`, or with several seeds `0.842 [0.831–0.850]`."""
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
    """The points of every data set that has some, or of the one named; and which are left out, a line a data set.
    Raises UserError where there are none."""
    if dataset is not None:
        settings.dataset(dataset)
    curves, left_out = {}, []
    for name in settings.datasets if dataset is None else [dataset]:
        file = root / paths.audit(name)
        audit = read_json(file) if file.is_file() else {}
        curves[name], why = of_today(read_points(root / paths.curve(name)), audit, settings.seed)
        left_out += [f"{name}: {why}"] if why else []
    if not any(curves.values()):
        missing = f" of {dataset}" if dataset else ""
        raise UserError(
            f"{root / paths.METRICS}/curve: no points{missing} yet; train on another number of rows, e.g. "
            f"`dvc exp run --temp -S fraction=0.25`, then run `slingshot curve --write`. {' '.join(left_out)}".rstrip()
        )
    return {name: points for name, points in curves.items() if points}, left_out


def matches(results: Results, primary: str) -> list[Match]:
    """Of each model with a curve against each LLM, the labels at which they match."""
    trained = {point.contestant for point in results.curve if point.fraction is not None}
    why = results.pairs.get("undecidable")
    found = []
    for small in (
        contestant for contestant in results.of_kind("model") if contestant.name in trained
    ):
        for large in results.of_kind("llm"):
            spread = _spread(results, small, large)
            one = match(_current(results, large), primary, small.name, large.name, spread)
            found.append(Match(small.name, large.name, reason=why) if why else one)
    return found


def _spread(results: Results, small: Contestant, large: Contestant) -> float | None:
    """The standard error of their difference that all seeds share, on the test rows. What training adds, and what each
    seed adds on these rows, the points of the curve tell themselves."""
    pair = find_pair(results.pairs, small.name, large.name)
    told = pair.variances if pair else None
    return math.sqrt(max(0.0, told["rows"]["value"] - told["noise"])) if told else None


def _current(results: Results, llm: Contestant) -> list[Point]:
    """Points, of the LLM's those with as many shots as it has now."""
    rows = llm.scores.get("train_rows")
    return [
        point for point in results.curve if point.contestant != llm.name or point.train_rows == rows
    ]


def said(match: Match, titles: Mapping[str, str], validation: int) -> str:
    """E.g. `minilm matches Gemma with about 310 training labels (95% interval: 180 to 560), plus 840 of validation.`"""
    small, large = titles.get(match.small, match.small), titles.get(match.large, match.large)
    if match.rows is None:
        return f"Training labels with which {small} matches {large}: {match.reason}."
    low = "fewer than the curve starts with" if match.low is None else count(match.low)
    high = "more than there are" if match.high is None else count(match.high)
    inside = f"{percent(INSIDE)} interval: {low} to {high}"
    if match.no_interval:
        inside = f"no interval, as {match.no_interval}"
    labels = f"about {count(match.rows)} training labels ({inside}), plus {count(validation)} of validation rows"
    return f"{small} matches {large} with {labels}."


def build(results: Results, primary: str) -> Grid | None:
    """A row a contestant and a column a number of training rows; None under two of these."""
    found = {curve.contestant: curve for curve in learning.curves(results.curve, primary)}
    trained = [c for c in results.contestants if c.name in found and not found[c.name].prompted]
    rows = sorted({level.train_rows for c in trained for level in found[c.name].levels})
    if len(rows) < 2:
        return None
    held = {
        (c.name, level.train_rows): text(level) for c in trained for level in found[c.name].levels
    }
    titles = {contestant.name: contestant.title for contestant in results.contestants}
    validation = results.audit["rows"]["validation"]
    return Grid(
        heading=HEADING,
        caption=f"By the number of training rows: {METRICS[primary].title} on test, mean over seeds [lowest–highest].",
        columns=("Contestant", *map(count, rows)),
        rows=tuple(
            (c.title, *(held.get((c.name, number), MISSING) for number in rows)) for c in trained
        ),
        notes=(
            *(said(match, titles, validation) for match in matches(results, primary)),
            *(f"{c.title}: {fitted(found[c.name])}" for c in trained if c.kind != "cascade"),
            "From DVC's experiments, by `slingshot curve --write`; a dash is a number of rows not trained on.",
        ),
    )


def fitted(curve: Curve) -> str:
    """The power law in words, with what it expects of twice the rows, or why there is none; and what the band spans."""
    band = f"Its band: {curve.band_of}."
    if curve.fit is None:
        return f"no fit, as {curve.fit_reason}. {band}"
    law, twice = curve.fit, 2 * curve.levels[-1].train_rows
    sign = "+" if law.falls else "−"
    end = "; where it ends these points do not tell" if law.ends_anywhere else ""
    return (
        f"fitted {score(law.a)} {sign} {significant(law.b)} rows^−{significant(law.c)}, an estimate, which gives "
        f"{score(law.value(twice))} with {count(twice)} rows{end}. {band}"
    )


def as_json(curves: Mapping[str, Sequence[Point]], metric: str) -> dict[str, Any]:
    """Data set -> its curves."""
    return {
        name: [asdict(curve) for curve in learning.curves(points, metric)]
        for name, points in curves.items()
    }


def show(curves: Mapping[str, Sequence[Point]], metric: str, file: TextIO | None = None) -> None:
    """Print each data set's points: a line a contestant and number of rows, drawn on one scale."""
    from rich import box
    from rich.table import Table

    out = terminal(file)
    for dataset, points in curves.items():
        found = learning.curves(points, metric)
        values = [value for curve in found for level in curve.levels for value in level.values]
        low, high = min(values, default=0.0), max(values, default=1.0)
        grid = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
        grid.add_column("Contestant", overflow="fold")
        for heading in ("Training rows", metric, "Seeds"):
            grid.add_column(heading, justify="right", no_wrap=True)
        grid.add_column(f"{score(low)}{score(high):>{WIDTH - 5}}", no_wrap=True)
        for curve in found:
            for level in curve.levels:
                rows = (
                    f"{count(level.train_rows)} shots"
                    if curve.prompted
                    else count(level.train_rows)
                )
                cells = (
                    curve.contestant,
                    rows,
                    text(level),
                    str(len(level.values)),
                    drawn(level, low, high),
                )
                grid.add_row(*cells)
        out.print(dataset, style="bold")
        out.print(grid)
        for curve in found:
            if not curve.prompted:
                out.print(f"{curve.contestant}: {fitted(curve)}", soft_wrap=True)
        if metric in FROM_SCORES and any(curve.prompted for curve in found):
            out.print(SOURCES, soft_wrap=True)


def drawn(level: Level, low: float, high: float) -> str:
    """The mean as ● on a line from the lowest seed's figure to the highest's, `low` to `high` across."""

    def at(value: float) -> int:
        return round((value - low) / (high - low) * (WIDTH - 1)) if high > low else 0

    first, mean, last = at(level.low), at(level.mean), at(level.high)
    return "".join(
        "●" if i == mean else "─" if first <= i <= last else " " for i in range(last + 1)
    )
