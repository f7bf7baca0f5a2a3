"""Train one model on one data set, once a seed, and predict validation and test.

python3 -m stages.finetune tweets minilm
"""

import click

from slingshot.machine import console


@click.command(cls=console.Command)
@click.argument("dataset")
@click.argument("model")
def main(dataset: str, model: str) -> None:
    """Train MODEL on DATASET once for each of `seeds`, and predict its validation and test rows.

    Reads data/subsampled and data/prepared; writes data/predictions, data/usage, data/models (the first seed's,
    with its card) and data/curves, which `dvc plots show` draws. A run that was killed goes on from its last
    checkpoint; a seed that was trained before is not trained again.
    """
    from slingshot import settings
    from slingshot.files import paths
    from slingshot.files.predictions import write_predictions
    from slingshot.finetune.cell import CellRows
    from slingshot.finetune.families import TrainingTask
    from slingshot.finetune.run import run_cell
    from slingshot.machine import hardware
    from slingshot.metrics.choosing import chosen_by, said

    params = settings.load()
    chosen = params.model(model)
    rows = CellRows.read(dataset)
    names, truth = rows.names, rows.validation["label"].to_numpy()
    primary = chosen_by(params.metrics.primary, truth)
    device = hardware.set_up(params.run)
    task = TrainingTask(rows.train, rows.validation, names, primary, device, f"{dataset}-{model}")
    folder, written = paths.model(dataset, model), paths.predictions(dataset, model)
    result = run_cell(chosen, task, rows, params.seeds, model, folder)
    usage = result.usage

    fraction, count = rows.fraction, len(rows.train)
    write_predictions(written, result.predictions, names, fraction=fraction, train_rows=count)
    usage.write(paths.usage(dataset, model))

    # No part of training, so none of the key that it is kept under.
    from slingshot.finetune import card, description

    description.write(dataset, model, chosen, rows, primary, usage)
    for end in card.ends(f"models.{model}", chosen, usage):
        console.echo(f"finetune {dataset}-{model}: {end}")
    score = said(params.metrics.primary, truth, result.validation_score(primary))
    seconds = sum(run.seconds for run in usage.train)
    console.echo(
        f"finetune {dataset}-{model}: validation {score}, "
        f"{seconds:.0f} s of training -> {written}, {folder}"
    )


if __name__ == "__main__":
    main()
