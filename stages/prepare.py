"""prepare: read a data set, audit it, group duplicates, split it."""

import time

import click

from slingshot import settings
from slingshot.machine import console


@click.command(cls=console.Command)
@click.argument("dataset")
def main(dataset: str) -> None:
    """Read DATASET as params.yaml defines it (datasets.DATASET), audit it and split it.

    Rows come from the vaderSentiment archive, from the Hugging Face hub, or from your own files in
    data/raw/DATASET. Rows that can't be used are excluded and counted. Duplicates, near duplicates and
    your own groups are kept on one side of the split, which is stratified by label, unless split.by is
    row.

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
    from slingshot.data.version import of_files
    from slingshot.files import paths
    from slingshot.files.prompt import Words
    from slingshot.files.rows import write_rows
    from slingshot.files.storage.json_files import write_json

    start = time.perf_counter()
    params = settings.load()
    defined = params.dataset(dataset)
    prepared = prepare(dataset, defined, params.seed, paths.raw(dataset))
    folder = paths.prepared(dataset)
    for split, rows in prepared.rows.items():
        write_rows(folder / f"{split}.parquet", rows)
    prepared.labels.write(folder / "labels.json")
    Words(**defined.prompt.model_dump()).write(paths.prompt(dataset))
    write_json(paths.audit(dataset), prepared.audit | {"files": of_files(folder)})
    show(dataset, prepared.audit)
    sizes = ", ".join(f"{len(rows):,} {split}" for split, rows in prepared.rows.items())
    seconds = time.perf_counter() - start
    console.echo(
        f"prepare {dataset}: {sizes} rows, {len(prepared.labels.names)} classes -> {folder} ({seconds:.1f} s)"
    )


if __name__ == "__main__":
    main()
