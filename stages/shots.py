"""shots: the training rows that few-shot examples come from."""

import click

from slingshot.machine import console
from slingshot.settings import load


@click.command(cls=console.Command)
@click.argument("dataset")
def main(dataset: str) -> None:
    """Keep the first `shots_pool` (params.yaml) of DATASET's training rows, and at least one row of each class.

    The rows do not depend on `fraction`, because a changed prompt would have to be paid for again.

    \b
    Reads  data/prepared/DATASET/train.parquet
    Writes data/shots/DATASET.parquet

    \b
    Example: python3 -m stages.shots tweets
    """
    from slingshot.data.take import pool
    from slingshot.files import paths
    from slingshot.files.rows import read_rows, write_rows

    rows = pool(read_rows(paths.split(dataset, "train")), load().shots_pool)
    path = paths.shots(dataset)
    write_rows(path, rows)
    console.echo(
        f"shots {dataset}: {len(rows):,} rows of {rows['label'].nunique()} classes -> {path}"
    )


if __name__ == "__main__":
    main()
