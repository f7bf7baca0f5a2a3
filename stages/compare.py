"""Compare every two contestants of one data set on its test rows, by the rule of metrics.pairs."""

from pathlib import Path

import click

from slingshot import settings


@click.command(help=__doc__)
@click.argument("dataset")
def main(dataset: str) -> None:
    from rich.console import Console

    from slingshot import tables
    from slingshot.metrics import pairs
    from slingshot.metrics.scored import scored

    config = settings.load()
    prepared = Path("data/prepared", dataset)
    classes = len(tables.Labels.read(prepared / "labels.json").names)
    validation, test = (tables.read_rows(prepared / f"{split}.parquet") for split in tables.PREDICTED)
    folder = Path("data/predictions", dataset)
    contestants = {}
    for name in config.study.contestants:
        path = folder / f"{name}.parquet"
        frame = tables.read_predictions(path, classes)
        tables.check_ids(path, frame, validation, test)
        contestants[name] = scored(path, frame, classes)["test"]

    result = pairs.compare(contestants, folder, config.metrics)
    written = Path("metrics/pairs", f"{dataset}.json")
    tables.write_json(written, result)
    Console().print(pairs.table(result))
    click.echo(f"compare {dataset}: {pairs.headline(result)} -> {written}")


if __name__ == "__main__":
    main()
