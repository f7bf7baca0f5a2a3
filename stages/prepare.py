"""prepare: read a data set, audit it, group duplicates, split it."""

import time

import click

from slingshot.machine import console
from slingshot.settings import load


@click.command(cls=console.Command)
@click.argument("dataset")
def main(dataset: str) -> None:
    """Read DATASET as params.yaml defines it (datasets.DATASET), audit it and split it.

    Rows come from the vaderSentiment archive, from the Hugging Face hub, or from your own files in
    data/raw/DATASET. Rows that can't be used are excluded and counted. Duplicates, near duplicates and
    your own groups stay in one split, unless split.by is row. The splits are stratified by label.

    \b
    Writes data/prepared/DATASET/{train,validation,test}.parquet   rows in nested order
           data/prepared/DATASET/labels.json                       class names, rows of train
           data/prepared/DATASET/prompt.json                       the data set's words in a prompt
           metrics/audit/DATASET.json                              the audit that is printed

    \b
    Example: python3 -m stages.prepare tweets
    """
    from slingshot.data.prepare import prepare
    from slingshot.data.show import show
    from slingshot.files import paths
    from slingshot.files.prompt import Words

    start = time.perf_counter()
    settings = load()
    definition = settings.dataset(dataset)
    prepared = prepare(dataset, definition, settings.seed, paths.raw(dataset))
    folder = paths.prepared(dataset)
    prepared.write(folder, paths.audit(dataset))
    Words(**definition.prompt.model_dump()).write(paths.prompt(dataset))
    show(dataset, prepared.audit)
    sizes = ", ".join(f"{len(rows):,} {split}" for split, rows in prepared.rows.items())
    seconds = time.perf_counter() - start
    console.echo(
        f"prepare {dataset}: {sizes} rows, {len(prepared.labels.names)} classes -> {folder} ({seconds:.1f} s)"
    )


if __name__ == "__main__":
    main()
