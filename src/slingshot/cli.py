"""The `slingshot` command: check params.yaml, run the graph or a named study, show the end table.

Nothing but click and what it is wrapped in is imported at the top, so that `slingshot --help` answers at once.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from slingshot.files import paths
from slingshot.machine import console

if TYPE_CHECKING:
    from slingshot.commands.overrides import StudyRun

HELP = {"help_option_names": ["-h", "--help"]}
STUDIES = Path("studies")
PAGE = paths.REPORT / "index.html"


JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group(cls=console.Group, context_settings=HELP)
def main() -> None:
    """Does a small fine-tuned model beat a prompted large one on your labelled text, and at what cost?

    With SLINGSHOT_DEBUG=1 an error shows where in the program it arose, too.
    """


@main.command()
@JSON
def check(as_json: bool = False) -> None:
    """Validate params.yaml and look for the files of your own data sets."""
    from slingshot import settings
    from slingshot.commands import checks

    params = settings.load()
    checks.files(params)
    study = params.study
    if as_json:
        facts = {
            "datasets": study.datasets,
            "contestants": study.contestants,
            "fraction": params.fraction,
        }
        console.echo_json(
            facts | {"seeds": params.seeds, "warnings": list(checks.warnings(params))}
        )
        return
    console.echo(f"{settings.PARAMS}: valid. Data sets: {', '.join(study.datasets)}.")
    console.echo(
        f"Contestants: {', '.join(study.contestants) or 'none'}. Fraction {params.fraction:g}, "
        f"seeds {', '.join(map(str, params.seeds))}."
    )
    for warning in checks.warnings(params):
        console.echo(f"Warning: {warning}", fg="yellow", err=True)


@main.command()
@click.argument("name")
@click.option(
    "--queue", is_flag=True, help="Put all in DVC's queue; `dvc queue start` then runs them."
)
@click.option("--dry", is_flag=True, help="Print the calls and run nothing.")
@click.option("--table", is_flag=True, help="Show the table of what has been run, and run nothing.")
@click.option("--json", "as_json", is_flag=True, help="With --table: print JSON.")
def study(name: str, queue: bool, dry: bool, table: bool, as_json: bool) -> None:
    """Run studies/NAME.yaml, a file of overrides for params.yaml, as DVC experiments, and show their table.

    A run that failed goes on where it stopped when the command is given again.
    """
    from slingshot import settings
    from slingshot.commands import checks, overrides

    if as_json and not table:
        raise click.UsageError("--json prints the table: it goes with --table")
    values, path = settings.read_yaml(settings.PARAMS), STUDIES / f"{name}.yaml"
    settings.validated(values, settings.PARAMS)
    changes = _study_changes(path)
    runs = overrides.runs(values, changes, path)
    if not table:
        apart = None if queue else _why_apart(values["study"], runs, path)
        if apart:
            console.echo(
                f"{apart}: run with --temp, in a copy of the work tree; nothing is deleted here.",
                err=True,
            )
        where = ["--queue"] if queue else ["--temp"] if apart else []
        if where:
            where += [
                part
                for name in overrides.copied(changes, path, not dry)
                for part in ("--copy-paths", name)
            ]
        lost = (
            [line for run in runs for line in checks.untracked(run.params)]
            if where and not dry
            else []
        )
        if lost:
            raise settings.UserError(lost[0])
        for run in runs:
            sets = [
                part for item in overrides.flattened(values, run.changes) for part in ("-S", item)
            ]
            call = ["exp", "run", *where, *sets]
            console.echo(f"dvc {shlex.join(call)}")
            code = 0 if dry else _dvc(call)
            if code:
                sys.exit(code)
    if table or not (queue or dry):
        _show_study(name, runs, as_json)


@main.command()
@click.argument("llms", nargs=-1, metavar="[LLM]...")
@JSON
def quote(llms: tuple[str, ...], as_json: bool) -> None:
    """Say what the answers that are not here yet would cost, and what is left of each budget. Nothing is bought.

    LLM names entries of `llms` in params.yaml, in the study or not; without one it is those of the study that are
    asked through an API. The data sets are the study's, once `dvc repro shots` has prepared them. Texts are sent to be
    counted, which is free, only where a key is set and the data set has may_leave; elsewhere tokens are estimated.
    """
    from slingshot import settings
    from slingshot.commands import quote as quoting

    params = settings.load()
    names = list(llms) or quoting.paid(params)
    if not names:
        raise settings.UserError(
            "no LLM of the study is asked through an API: name one, e.g. slingshot quote LLM"
        )
    found, accounts = quoting.quotes(params, names)
    if as_json:
        console.echo_json(quoting.as_json(found, accounts))
    else:
        quoting.show(found, accounts)


@main.command()
@click.option(
    "--rebuild",
    is_flag=True,
    help="Take all of data/answers into it, with bills; mend what rotted.",
)
@click.option(
    "--confirm-loss",
    is_flag=True,
    help="Accept that what is missing is gone; its budget starts anew.",
)
@JSON
def ledger(rebuild: bool, confirm_loss: bool, as_json: bool) -> None:
    """Say where the ledger of paid answers lies, what each LLM has cost, and what is missing of it.

    It lies in your own data folder, under the repository's first commit, or in $SLINGSHOT_STATE. Where it was lost, as
    dvc.lock or a mark beside DVC's cache shows, nothing is paid until `--rebuild` has taken all that data/answers holds
    (here and, as dvc.lock knows it, in DVC's cache: `dvc pull` first), or `--confirm-loss` gives up what is missing.
    A request that has its bill already is not counted again. Both together take what is there and give up the rest.
    """
    from slingshot import settings
    from slingshot.commands import accounts

    found = accounts.accounts(settings.load(), rebuilt=rebuild, confirmed=confirm_loss)
    if as_json:
        console.echo_json(accounts.as_json(found))
    else:
        accounts.show(found)


@main.command()
@click.option(
    "--write", is_flag=True, help="Collect points from DVC's experiments into metrics/curve."
)
@click.option("--dataset", help="Draw this data set only.")
@click.option("--metric", help="Draw this metric; metrics.primary if not given.")
@JSON
def curve(write: bool, dataset: str | None, metric: str | None, as_json: bool) -> None:
    """Draw a metric against the number of training rows, from metrics/curve."""
    from slingshot import settings
    from slingshot.report import curve as drawn

    params = settings.load()
    if write:
        if as_json or dataset or metric:
            raise click.UsageError("--write collects all points and draws none: run it alone")
        from slingshot.commands import curve, experiments

        for line in curve.write(experiments.everything(), settings.read_yaml(settings.PARAMS)):
            console.echo(line)
        console.echo("`slingshot curve` draws them, and `dvc repro` puts them into the report.")
        return
    (found, left_out), name = (
        drawn.read(params, dataset),
        drawn.known(metric or params.metrics.primary),
    )
    if as_json:
        console.echo_json(drawn.as_json(found, name))
    else:
        drawn.show(found, name)
    for line in left_out:
        console.echo(line, err=as_json)


@main.command()
@click.argument("rev")
@click.option(
    "--fail-on-worse",
    is_flag=True,
    help="Exit with 1 on a loss, else with 2 on what can't be judged.",
)
@JSON
@click.option("--dataset", help="Compare this data set only.")
@click.option("--metric", help="Compare this metric; metrics.primary if not given.")
def diff(
    rev: str, fail_on_worse: bool, as_json: bool, dataset: str | None, metric: str | None
) -> None:
    """Compare the workspace's scores with those of REV, a git revision or an experiment; prints Markdown.

    Predictions of the same test rows are compared in pairs, those of REV from DVC's cache or its remote; others
    unpaired. With --fail-on-worse a loss is a paired difference that is worse (by the corrected p) and whose size is
    beyond metrics.margin: then the exit code is 1. It is 2 where nothing is lost but something that both sides have
    could not be paired, has under 20 groups of test rows, or too few rows of some classes; and after any error. Else 0.
    """
    from slingshot import settings

    try:
        with console.explained():
            from slingshot.commands.diff import compare, markdown

            found = compare.compare(rev, settings.load(), dataset, metric)
            if as_json:
                console.echo_json(found.as_json())
            else:
                console.echo(markdown.text(found))
    except click.ClickException as error:
        error.show()
        sys.exit(2)  # 1 is a loss and nothing else
    except Exception:
        console.print_traceback()
        sys.exit(2)
    if fail_on_worse and (found.lost or found.not_paired or found.undecidable):
        sys.exit(1 if found.lost else 2)


@main.command()
@JSON
def show(as_json: bool = False) -> None:
    """Print the table of contestants and the verdict of each data set."""
    from slingshot import settings
    from slingshot.commands import checks
    from slingshot.report.section import sections
    from slingshot.report.terminal import show

    checks.report_is_current(settings.read_yaml(settings.PARAMS))
    parts = sections(settings.load())
    if as_json:
        console.echo_json({name: part.as_json() for name, part in parts.items()})
        return
    if not PAGE.is_file():
        raise settings.UserError(f"{PAGE}: not found; run `dvc repro`")
    show(parts, str(PAGE))


@main.command()
@click.argument("dataset")
@click.argument("model")
@click.argument("folder", type=click.Path(path_type=Path))
def export(dataset: str, model: str, folder: Path) -> None:
    """Copy the MODEL trained on DATASET to FOLDER, its card completed with scores, costs and warnings."""
    from slingshot.commands.export import export

    export(dataset, model, folder)
    console.echo(
        f"{dataset}-{model} -> {folder}; label texts with `slingshot predict {shlex.quote(str(folder))} FILE`"
    )


@main.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--text", "column", default="text", show_default=True, help="Column that holds the texts."
)
@click.option(
    "--output", type=click.Path(path_type=Path), help="File to write; its suffix says the format."
)
@click.option(
    "--batch",
    default=1000,
    show_default=True,
    type=click.IntRange(min=1),
    help="Most rows read at a time.",
)
@click.option(
    "--encoding",
    default="utf-8",
    show_default=True,
    help="Of FILE, where no byte order mark says it.",
)
@click.option(
    "--separator",
    help="Between the columns of FILE: a character, or tab. The header shows it if not given.",
)
@click.option(
    "--safe-csv/--no-safe-csv",
    "safe",
    default=True,
    show_default=True,
    help="In CSV and TSV, put ' before a text that a spreadsheet would run as a formula.",
)
def predict(
    folder: Path,
    file: Path,
    column: str,
    output: Path | None,
    batch: int,
    encoding: str,
    separator: str | None,
    safe: bool,
) -> None:
    """Label the texts of FILE with the trained model in FOLDER.

    FILE is CSV, TSV or JSONL, or .gz, .bz2, .xz, .zip or .zst of one, read as `prepare` reads it. Rows gain
    `prediction` and a probability for each class: columns `probability_CLASS`, in JSONL a mapping `scores`. A row
    without a text gains them empty. In tables a text that begins with = + - @, a tab or a carriage return gains a '
    before it, and stays text in a spreadsheet; numbers such as -5 stay as they are.
    """
    from slingshot.commands.predict import label
    from slingshot.commands.streams import reading
    from slingshot.settings.datasets import separator as one_character

    try:
        how = reading(encoding, one_character(separator) if separator is not None else None)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--separator") from None
    counts = label(folder, file, column, output, batch, how, safe=safe)
    empty = f"; {counts.empty:,} have no text, so no prediction" if counts.empty else ""
    console.echo(
        f"{counts.rows:,} rows labelled{empty}{f' -> {output}' if output else ''}", err=True
    )


@main.command(context_settings={**HELP, "ignore_unknown_options": True})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@click.pass_context
def repro(context: click.Context, arguments: tuple[str, ...]) -> None:
    """Check, run `dvc repro ARGUMENTS`, show the end table.

    It works without activating the environment. Example: slingshot repro --force report
    """
    context.invoke(check)
    code = _dvc(["repro", *arguments])
    if code:
        sys.exit(code)
    context.invoke(show)


@main.command()
@click.argument("checkpoint")
@click.option("--revision", help="Of a hub id: a branch, a tag or a commit.")
def convert(checkpoint: str, revision: str | None) -> None:
    """Make safetensors, once, of a CHECKPOINT that has its weights in pytorch_model.bin only.

    CHECKPOINT is a hub id or a local folder, as params.yaml names it. The pickle is read with
    torch.load(weights_only=True) in a process of its own; the result lies in the state folder, where training finds it.
    """
    from slingshot.pretrained import checkpoints
    from slingshot.settings import Checkpoint

    console.echo(
        f"converted: {checkpoints.convert(Checkpoint(checkpoint=checkpoint, revision=revision))}"
    )


def _dvc(arguments: list[str]) -> int:
    """Run this environment's dvc, whose stages then find this environment's `python3`; its exit code."""
    binaries = str(Path(sys.executable).parent)
    path = os.pathsep.join((binaries, os.environ.get("PATH", os.defpath)))
    return subprocess.run(
        [sys.executable, "-m", "dvc", *arguments], env={**os.environ, "PATH": path}
    ).returncode


def _study_changes(path: Path) -> dict[str, Any]:
    from slingshot import settings

    if not path.is_file():
        known = settings.nearest(path.stem, (file.stem for file in STUDIES.glob("*.yaml")))
        raise settings.UserError(f"{path}: no such study{known}")
    changes = settings.read_yaml(path)
    if not isinstance(changes, dict) or not changes:
        raise settings.UserError(
            f"{path}: expected keys of {settings.PARAMS} with their new values"
        )
    return changes


def _why_apart(current: dict[str, Any], runs: list[StudyRun], path: Path) -> str | None:
    """Why the runs can't take place in the workspace: there DVC deletes the outputs and committed metrics
    of what a run leaves out, and each run would replace the last."""
    names = [name for key in ("datasets", "models", "llms") for name in current[key]]
    names += [cascade["name"] for cascade in current.get("cascades") or []]
    kept = [{*run.params.study.datasets, *run.params.study.contestants} for run in runs]
    lost = [name for name in names if not all(name in each for each in kept)]
    if lost:
        return (
            f"{path} leaves out {', '.join(lost)}, whose outputs and metrics DVC would delete here"
        )
    return f"{path} stands for {len(runs)} experiments" if len(runs) > 1 else None


def _show_study(name: str, runs: list[StudyRun], as_json: bool) -> None:
    """Print the table of the study from the experiments of the current commit."""
    from slingshot.commands import experiments, fitting, freshness, study_table

    found = experiments.of_head()
    labels = [study_table.label(run.point) for run in runs]
    datasets = dict.fromkeys(dataset for run in runs for dataset in run.params.study.datasets)
    names = dict.fromkeys(contestant for run in runs for contestant in run.params.study.contestants)
    rows = {d: freshness.of_runs([*found, experiments.workspace()], runs, d) for d in datasets}
    cells = {d: {c: fitting.cells(found, runs, d, c, rows[d]) for c in names} for d in datasets}
    others = {d: fitting.of_other_rows(found, runs, d, names, rows[d]) for d in datasets}
    if as_json:
        console.echo_json(study_table.as_json(cells, labels))
    else:
        study_table.show(cells, labels, name, runs[0].params)
    for dataset, left_out in others.items():
        if left_out:
            why = "measured on other rows than it has today, or without a word on which"
            console.echo(f"{dataset}: left out {', '.join(left_out)}, {why}", err=as_json)
