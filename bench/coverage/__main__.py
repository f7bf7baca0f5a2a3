"""python -m bench.coverage: run the studies and print their figures."""

from __future__ import annotations

import importlib
import sys
import time

import click

import bench.coverage
from bench.coverage import Simulations

STUDIES = {
    "as_good": 1000,
    "calibration": 2000,
    "cascade": 2000,
    "decision": 2000,
    "edges": 2000,
    "groups": 1000,
    "matching": 1000,
    "middle": 1000,
    "scores": 2000,
    "seeds": 1000,
    "timing": 2000,
}
"""Simulations of each case: fewer for studies that take long and keep well within their bounds."""


@click.command(help=bench.coverage.__doc__)
@click.argument("studies", nargs=-1, type=click.Choice(list(STUDIES)))
@click.option(
    "--simulations", type=int, help="For each case.  [default: 2000; 1000 for long studies]"
)
@click.option("--quick", is_flag=True, help="Only the cases that a test needs.")
@click.option("--processes", default=2, show_default=True)
def main(studies: tuple[str, ...], simulations: int | None, quick: bool, processes: int) -> None:
    wrong = 0
    for study in studies or STUDIES:
        started, count = time.perf_counter(), simulations or STUDIES[study]
        for figure in importlib.import_module(f"bench.coverage.{study}").figures(
            Simulations(count, quick, processes)
        ):
            outside = figure.outside(count)
            wrong += outside
            mark = "  <- outside" if outside else ""
            click.echo(f"{study:10} {figure.case:44} {figure.what:44} {figure.value:8.4f}{mark}")
        click.echo(
            f"{study:10} {time.perf_counter() - started:.0f} s, {count:,} simulations of each case"
        )
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
