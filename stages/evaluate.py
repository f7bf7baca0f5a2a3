"""Score every contestant of one data set, and compare every two of them on its test rows.

Models, LLMs and cascades are scored alike: the stage reads only predictions and labels.
"""

import click

from slingshot.machine import console
from slingshot.settings import load


@click.command(cls=console.Command)
@click.argument("dataset")
def main(dataset: str) -> None:
    """Score the contestants of DATASET that `study` names, and compare every two of them.

    \b
    Reads  data/predictions/DATASET and data/prepared/DATASET.
    Writes metrics/scores/DATASET      figures for `dvc metrics diff`, a file for each contestant
           metrics/intervals/DATASET   their intervals, classes, calibration and notes
           metrics/pairs/DATASET.json  every pair: difference, interval, and p of each claim
           data/plots/DATASET          tables for `dvc plots`, a folder for each kind
           data/errors/DATASET.json    rows where contestants are wrong or differ, with their texts
    """
    from slingshot.files import paths
    from slingshot.metrics import errors, evaluation, pairs, summary, validation
    from slingshot.metrics.scored import PreparedRows

    settings = load()
    study = settings.study
    prepared = PreparedRows.read(dataset)
    splits = {name: prepared.splits(name) for name in study.contestants}
    for name, split in splits.items():
        interval = evaluation.write(prepared, name, split, settings.metrics)
        console.echo(f"evaluate {dataset}: {name}: {interval}")
    evaluation.sweep(dataset, study.contestants)

    tests = {name: split["test"] for name, split in splits.items()}
    kinds = (study.models, study.llms, [cascade.name for cascade in study.cascades])
    validated = [{name: splits[name].get("validation") for name in kind} for kind in kinds]
    compared = pairs.compare(
        tests,
        dataset,
        settings.metrics,
        prepared.labels,
        validation.figures(validated, settings.metrics.primary),
    )
    compared.write(paths.pairs(dataset))
    errors.find(tests, prepared).write(paths.errors(dataset))
    console.terminal().print(summary.table(compared))
    console.echo(f"evaluate {dataset}: {summary.headline(compared)} -> {paths.pairs(dataset)}")


if __name__ == "__main__":
    main()
