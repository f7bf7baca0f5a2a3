"""Make a cascade of two contestants' predictions: the small model where it is confident enough, else the LLM.

python3 -m stages.cascade tweets cascade
"""

import click

from slingshot import settings
from slingshot.machine import console


@click.command(cls=console.Command)
@click.argument("dataset")
@click.argument("name")
def main(dataset: str, name: str) -> None:
    """Build the cascade NAME of study.cascades on DATASET.

    Temperature and threshold are chosen on validation rows. Reads predictions and usage of both sides; writes
    data/predictions/DATASET/NAME.parquet, data/usage/DATASET/NAME.json and metrics/cascade/DATASET/NAME.json.
    """
    from slingshot.cascade import build as cascade
    from slingshot.cascade import usage as used
    from slingshot.files import paths
    from slingshot.files.predictions import write_predictions
    from slingshot.files.storage.json_files import write_json
    from slingshot.files.storage.parquet import read_metadata
    from slingshot.files.usage import Usage
    from slingshot.metrics.scored import PreparedRows
    from slingshot.money.figures import figures

    params = settings.load()
    chosen = params.cascade(name)
    sides = (chosen.small, chosen.large)
    small_usage, large_usage = (Usage.read(paths.usage(dataset, side)) for side in sides)
    price = params.price(chosen.large)
    small_cost, large_cost = (
        figures(small_usage, params.cost),
        figures(large_usage, params.cost, price),
    )
    prices = cascade.Prices(
        small_cost.cost_per_1000_texts, large_cost.cost_per_1000_texts, params.cost.currency
    )

    prepared = PreparedRows.read(dataset)
    small, large = (prepared.frame(side) for side in sides)
    made = cascade.build(chosen, small, large, params.metrics.primary, len(prepared.labels), prices)

    metadata = read_metadata(prepared.path(chosen.small))
    whose = used.usage(
        name, small_usage, large_usage, made.asked, len(prepared.test), priced=price is not None
    )
    out = prepared.path(name)
    write_predictions(
        out,
        made.predictions,
        prepared.labels,
        fraction=metadata["fraction"],
        train_rows=metadata["train_rows"],
    )
    whose.write(paths.usage(dataset, name))
    write_json(paths.cascade(dataset, name), made.report)
    console.echo(f"cascade {dataset}-{name}: {cascade.headline(made.report)} -> {out}")


if __name__ == "__main__":
    main()
