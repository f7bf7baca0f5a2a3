"""Price what every contestant of one data set used for training and prediction."""

import click

from slingshot.machine import console
from slingshot.settings import load


@click.command(cls=console.Command)
@click.argument("dataset")
def main(dataset: str) -> None:
    """Price the contestants of DATASET that `study` names.

    Reads data/usage/DATASET and the prices in params.yaml. Writes metrics/cost/DATASET, one file for each contestant.
    """
    from slingshot.files import paths
    from slingshot.files.storage.folders import keep_only
    from slingshot.files.usage import Usage
    from slingshot.money.figures import figures, headline

    settings = load()
    for name in settings.study.contestants:
        usage = Usage.read(paths.usage(dataset, name))
        cost = figures(usage, settings.cost, settings.price(name))
        path = paths.cost(dataset, name)
        cost.write(path)
        console.echo(f"cost {dataset}: {name} takes {headline(cost, settings.cost)} -> {path}")
    keep_only(paths.cost_folder(dataset), settings.study.contestants)


if __name__ == "__main__":
    main()
