"""subsample: the training rows that a fraction keeps."""

import click

from slingshot.machine import console
from slingshot.settings import load


@click.command(cls=console.Command)
@click.argument("dataset")
def main(dataset: str) -> None:
    """Keep the first `fraction` (params.yaml) of DATASET's training rows.

    Whole groups are taken in nested order. So the rows are stratified by label, and a quarter is a
    subset of the half of the same seed. If a class would be missing, more rows are taken.

    \b
    Reads  data/prepared/DATASET/train.parquet
    Writes data/subsampled/DATASET/train.parquet, whose metadata states fraction and train_rows

    \b
    Example: python3 -m stages.subsample tweets
    """
    from slingshot.data.take import first_groups
    from slingshot.files import paths
    from slingshot.files.rows import read_rows, write_rows

    fraction = load().fraction
    train = read_rows(paths.split(dataset, "train"))
    count = round(fraction * len(train))
    rows = first_groups(train, count, every_class=True)
    path = paths.subsampled(dataset)
    write_rows(path, rows, fraction=fraction, train_rows=len(rows))
    over = " (more than this fraction, to keep every class)" if len(rows) > count else ""
    console.echo(
        f"subsample {dataset}: {len(rows):,} of {len(train):,} rows, fraction {fraction:g}{over} -> {path}"
    )


if __name__ == "__main__":
    main()
