"""Compare every two contestants of one data set on its test rows, by the rule of metrics.pairs, and find the rows where
they are wrong or differ."""

from pathlib import Path

import click

from slingshot import settings


@click.command(help=__doc__)
@click.argument("dataset")
def main(dataset: str) -> None:
    from rich.console import Console

    from slingshot import tables
    from slingshot.metrics import errors, pairs
    from slingshot.metrics.scored import Prepared

    config = settings.load()
    prepared = Prepared.read(dataset)
    contestants = {name: prepared.splits(name)["test"] for name in config.study.contestants}

    result = pairs.compare(contestants, Path("data/predictions", dataset), config.metrics)
    written = Path("metrics/pairs", f"{dataset}.json")
    tables.write_json(written, result)
    tables.write_json(Path("data/errors", f"{dataset}.json"), errors.find(contestants, prepared))
    Console().print(pairs.table(result))
    click.echo(f"compare {dataset}: {pairs.headline(result)} -> {written}")


if __name__ == "__main__":
    main()
