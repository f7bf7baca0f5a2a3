"""The commands about trained models and checkpoints: export, predict and convert."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from slingshot.machine import console

PATH = click.Path(path_type=Path)


@click.command()
@click.argument("dataset")
@click.argument("model")
@click.argument("folder", type=PATH)
def export(dataset: str, model: str, folder: Path) -> None:
    """Copy the MODEL trained on DATASET to FOLDER.

    Scores, costs and the limits of the scores are added to its card, README.md.
    """
    from slingshot.commands.export import export

    export(dataset, model, folder)
    call = f"slingshot predict {shlex.quote(str(folder))} FILE"
    console.echo(f"{dataset}-{model} -> {folder}; label texts with `{call}`")


@click.command()
@click.argument("folder", type=PATH)
@click.argument("file", type=PATH)
@click.option("--text", "column", default="text", show_default=True, help="Column with the texts.")
@click.option("--output", type=PATH, help="File to write. Its suffix gives the format.")
@click.option(
    "--batch",
    default=1000,
    show_default=True,
    type=click.IntRange(min=1),
    help="The most rows that are read at a time.",
)
@click.option(
    "--encoding",
    default="utf-8",
    show_default=True,
    help="Encoding of FILE, unless a byte order mark shows it.",
)
@click.option(
    "--separator",
    help="Separator of the columns of FILE: a character, or tab. By default, the header shows it.",
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

    FILE is CSV, TSV or JSONL, or one of these compressed as .gz, .bz2, .xz, .zip or .zst. It is read by the rules of
    the stage `prepare`. Each row gains `prediction` and a probability for each class: columns `probability_CLASS` in a
    table, a mapping `scores` in JSONL. They are empty for a row without a text.

    In tables, a text that begins with = + - @, a tab or a carriage return gains a ' before it, so that a spreadsheet
    shows it as text. Numbers such as -5 stay as they are.
    """
    from slingshot.commands.predict import label
    from slingshot.commands.streams import reading
    from slingshot.settings.sources import separator as one_character

    try:
        options = reading(encoding, one_character(separator) if separator is not None else None)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--separator") from None
    counts = label(folder, file, column, output, batch, options, safe=safe)
    empty = f"; {counts.empty:,} have no text, so no prediction" if counts.empty else ""
    place = f" -> {output}" if output else ""
    console.echo(f"{counts.rows:,} rows labelled{empty}{place}", err=True)


@click.command()
@click.argument("checkpoint")
@click.option("--revision", help="A branch, a tag or a commit, if CHECKPOINT is a hub id.")
def convert(checkpoint: str, revision: str | None) -> None:
    """Convert the pickled weights of CHECKPOINT to safetensors.

    CHECKPOINT is a hub id or a local folder, as in params.yaml, with its weights in pytorch_model.bin only. The pickle
    is read with torch.load(weights_only=True), in a separate process. This is needed only once: training finds the
    result in the state folder.
    """
    from slingshot.pretrained import checkpoints
    from slingshot.settings import Checkpoint

    folder = checkpoints.convert(Checkpoint(checkpoint=checkpoint, revision=revision))
    console.echo(f"converted: {folder}")
