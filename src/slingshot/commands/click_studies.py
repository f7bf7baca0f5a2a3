"""The commands that check, run and show studies: check, study, repro and show."""

from __future__ import annotations

import sys

import click

from slingshot.commands import dvc_call
from slingshot.commands.click_options import CONTEXT, JSON
from slingshot.files import paths
from slingshot.machine import console

PAGE = paths.REPORT / "index.html"


@click.command()
@JSON
def check(as_json: bool = False) -> None:
    """Check params.yaml and look for your own data files."""
    from slingshot.commands import checks
    from slingshot.settings import PARAMS, load

    settings = load()
    checks.files(settings)
    study, warnings = settings.study, list(checks.warnings(settings))
    if as_json:
        taking_part = {"datasets": study.datasets, "contestants": study.contestants}
        how = {"fraction": settings.fraction, "seeds": settings.seeds}
        console.echo_json({**taking_part, **how, "warnings": warnings})
        return
    console.echo(f"{PARAMS}: valid. Data sets: {', '.join(study.datasets)}.")
    console.echo(
        f"Contestants: {', '.join(study.contestants) or 'none'}. Fraction {settings.fraction:g}, "
        f"seeds {', '.join(map(str, settings.seeds))}."
    )
    for warning in warnings:
        console.echo(f"Warning: {warning}", fg="yellow", err=True)


@click.command()
@click.argument("name")
@click.option(
    "--queue",
    is_flag=True,
    help="Put the experiments into DVC's queue; `dvc queue start` runs them.",
)
@click.option("--dry", is_flag=True, help="Print the calls of dvc and run nothing.")
@click.option("--table", is_flag=True, help="Print the table of past runs and run nothing.")
@click.option("--json", "as_json", is_flag=True, help="With --table: print JSON.")
def study(name: str, queue: bool, dry: bool, table: bool, as_json: bool) -> None:
    """Run studies/NAME.yaml as DVC experiments and print their table.

    The file changes keys of params.yaml. If a run failed, give the command again: it resumes where it stopped.
    """
    from slingshot.commands import studies

    if as_json and not table:
        raise click.UsageError("--json prints the table: it goes with --table")
    chosen = studies.Study.read(name)
    if not table:
        code = studies.run(chosen, queue=queue, dry=dry)
        if code:
            sys.exit(code)
    if table or not (queue or dry):
        studies.show(chosen, as_json=as_json)


@click.command()
@JSON
def show(as_json: bool = False) -> None:
    """Print the table of contestants and the verdict for each data set."""
    from slingshot.commands import checks
    from slingshot.report.section import sections
    from slingshot.report.terminal import show as print_sections
    from slingshot.settings import PARAMS, UserError, load, read_yaml

    checks.report_is_current(read_yaml(PARAMS))
    parts = sections(load())
    if as_json:
        console.echo_json({name: part.as_json() for name, part in parts.items()})
        return
    if not PAGE.is_file():
        raise UserError(f"{PAGE}: not found; run `dvc repro`")
    print_sections(parts, str(PAGE))


@click.command(context_settings={**CONTEXT, "ignore_unknown_options": True})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@click.pass_context
def repro(context: click.Context, arguments: tuple[str, ...]) -> None:
    """Check, run `dvc repro ARGUMENTS` and show the results.

    This is `slingshot check`, `dvc repro` and, if that succeeds, `slingshot show`. The environment need not be
    activated. Example: slingshot repro --force report
    """
    context.invoke(check)
    code = dvc_call.run(["repro", *arguments])
    if code:
        sys.exit(code)
    context.invoke(show)
