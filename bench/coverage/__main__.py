"""python -m bench.coverage: run the studies and print their figures."""

from __future__ import annotations

import importlib
import sys
import time

import click

import bench.coverage
from bench.coverage import Run

STUDIES = (
    "as_good",
    "calibration",
    "cascade",
    "decision",
    "edges",
    "groups",
    "matching",
    "middle",
    "scores",
    "seeds",
    "timing",
)


@click.command(help=bench.coverage.__doc__)
@click.argument("studies", nargs=-1, type=click.Choice(STUDIES))
@click.option("--simulations", default=2000, show_default=True)
@click.option("--quick", is_flag=True, help="Only the cases that a test needs.")
@click.option("--processes", default=2, show_default=True)
def main(studies: tuple[str, ...], simulations: int, quick: bool, processes: int) -> None:
    run, wrong = Run(simulations, quick, processes), 0
    for study in studies or STUDIES:
        started = time.perf_counter()
        for figure in importlib.import_module(f"bench.coverage.{study}").figures(run):
            outside = figure.outside(simulations)
            wrong += outside
            mark = "  <- outside" if outside else ""
            click.echo(f"{study:10} {figure.case:44} {figure.what:44} {figure.value:8.4f}{mark}")
        click.echo(f"{study:10} {time.perf_counter() - started:.0f} s, {simulations:,} simulations of each case")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
