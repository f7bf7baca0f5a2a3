"""python3 -m stages.cost DATASET CONTESTANT: what training and predicting took and cost."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import click

from slingshot.machine import console


@click.command(cls=console.Command)
@click.argument("dataset")
@click.argument("contestant")
def main(dataset: str, contestant: str) -> None:
    """Read data/usage/D/C.json, write metrics/cost/D/C.json."""
    from slingshot import settings
    from slingshot.files.storage.json_files import write_json
    from slingshot.files.usage import Usage
    from slingshot.money.figures import figures

    params = settings.load()
    usage = Usage.read(Path("data/usage", dataset, f"{contestant}.json"))
    cost = figures(usage, params.cost, params.price(contestant))
    path = Path("metrics/cost", dataset, f"{contestant}.json")
    write_json(path, cost)
    texts = cost["cost_per_1000_texts"]
    price = "unknown" if texts is None else f"{params.cost.currency} {Decimal(f'{texts:.3g}'):f}"
    console.echo(f"cost {dataset}-{contestant}: {price} per 1,000 texts -> {path}")


if __name__ == "__main__":
    main()
