"""The commands that compare the figures of runs: curve and diff."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from slingshot.commands.click_options import DATASET, JSON, METRIC
from slingshot.machine import console

if TYPE_CHECKING:
    from slingshot.commands.diff.comparison import Diff


@click.command()
@click.option(
    "--write", is_flag=True, help="Collect points from DVC's experiments into metrics/curve."
)
@DATASET
@METRIC
@JSON
def curve(write: bool, dataset: str | None, metric: str | None, as_json: bool) -> None:
    """Draw a metric against the number of training rows."""
    if not write:
        _draw(dataset, metric, as_json)
        return
    if as_json or dataset or metric:
        raise click.UsageError("--write collects all points and draws none: run it alone")
    from slingshot.commands import curve, experiments
    from slingshot.settings import PARAMS, load, read_yaml

    load()
    for line in curve.write(experiments.everything(), read_yaml(PARAMS)):
        console.echo(line)
    console.echo("`slingshot curve` draws them, and `dvc repro` puts them into the report.")


def _draw(dataset: str | None, metric: str | None, as_json: bool) -> None:
    from slingshot.report import curve
    from slingshot.settings import load

    settings = load()
    curves, left_out = curve.read(settings, dataset)
    name = curve.known(metric or settings.metrics.primary)
    if as_json:
        console.echo_json(curve.as_json(curves, name))
    else:
        curve.show(curves, name)
    for line in left_out:
        console.echo(line, err=as_json)


@click.command()
@click.argument("rev")
@click.option(
    "--fail-on-worse",
    is_flag=True,
    help="Exit with 1 on a loss, or with 2 if something could not be judged.",
)
@JSON
@DATASET
@METRIC
def diff(
    rev: str, fail_on_worse: bool, as_json: bool, dataset: str | None, metric: str | None
) -> None:
    """Compare the scores of the work tree with those of REV, and print Markdown.

    REV is a git revision or an experiment. If both sides predicted the same test rows, they are compared row by row
    (paired). REV's predictions come from DVC's cache or its remote. Otherwise the two sides are compared as independent
    samples (unpaired).

    With --fail-on-worse the exit code is 1 after a loss: a paired difference that is worse by its corrected p and
    larger than metrics.margin. It is 2 without a loss, if a contestant of both sides could not be paired, or has under
    20 groups of test rows or too few rows of some classes. Otherwise it is 0. After an error it is always 2.
    """
    try:
        with console.explained():
            comparison = _compared(rev, as_json, dataset, metric)
    except click.ClickException as error:
        error.show()
        sys.exit(2)  # 1 is a loss and nothing else
    except Exception:
        console.print_traceback()
        sys.exit(2)
    if fail_on_worse and comparison.lost:
        sys.exit(1)
    if fail_on_worse and (comparison.not_paired or comparison.undecidable):
        sys.exit(2)


def _compared(rev: str, as_json: bool, dataset: str | None, metric: str | None) -> Diff:
    """Print the comparison, and return it."""
    from slingshot.commands.diff import compare, markdown
    from slingshot.settings import load

    comparison = compare.compare(rev, load(), dataset, metric)
    if as_json:
        console.echo_json(comparison.as_json())
    else:
        console.echo(markdown.text(comparison))
    return comparison
