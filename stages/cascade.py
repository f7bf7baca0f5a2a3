"""Build a cascade from the predictions of a small model and an LLM.

python3 -m stages.cascade tweets cascade
"""

import click

from slingshot.machine import console
from slingshot.settings import load


@click.command(cls=console.Command)
@click.argument("dataset")
@click.argument("name")
def main(dataset: str, name: str) -> None:
    """Build the cascade NAME of study.cascades on DATASET.

    Temperature and threshold are chosen on validation rows. Reads the predictions and the usage of both sides. Writes
    data/predictions/DATASET/NAME.parquet, data/usage/DATASET/NAME.json and metrics/cascade/DATASET/NAME.json.
    """
    from slingshot.cascade import build as cascade
    from slingshot.cascade.rows import Prices
    from slingshot.cascade.usage import usage
    from slingshot.files import paths
    from slingshot.files.predictions import write_predictions
    from slingshot.files.storage.parquet import read_metadata
    from slingshot.files.usage import Usage
    from slingshot.metrics.scored import PreparedRows
    from slingshot.money.figures import figures

    settings = load()
    chosen = settings.cascade(name)
    sides = (chosen.small, chosen.large)
    small_usage, large_usage = (Usage.read(paths.usage(dataset, side)) for side in sides)
    price = settings.price(chosen.large)
    small_cost = figures(small_usage, settings.cost)
    large_cost = figures(large_usage, settings.cost, price)
    prices = Prices(small_cost.cost_per_1000_texts, large_cost.cost_per_1000_texts)

    prepared = PreparedRows.read(dataset)
    small, large = (prepared.frame(side) for side in sides)
    primary, classes = settings.metrics.primary, len(prepared.labels)
    built = cascade.build(chosen, small, large, primary, classes, prices)

    metadata = read_metadata(prepared.path(chosen.small))
    out = prepared.path(name)
    write_predictions(
        out,
        built.predictions,
        prepared.labels,
        fraction=metadata["fraction"],
        train_rows=metadata["train_rows"],
    )
    texts = len(prepared.test)
    priced = price is not None
    own_usage = usage(name, small_usage, large_usage, built.escalations, texts, priced=priced)
    own_usage.write(paths.usage(dataset, name))
    built.report.write(paths.cascade(dataset, name))
    console.echo(f"cascade {dataset}-{name}: {cascade.headline(built.report)} -> {out}")


if __name__ == "__main__":
    main()
