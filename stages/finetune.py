"""Train one model on one data set, once for each seed, and predict validation and test.

python3 -m stages.finetune tweets minilm
"""

import click

from slingshot.machine import console


@click.command(cls=console.Command)
@click.argument("dataset")
@click.argument("model")
def main(dataset: str, model: str) -> None:
    """Train MODEL on DATASET once for each of `seeds`, and predict its validation and test rows.

    Reads data/subsampled and data/prepared. Writes data/predictions, data/usage, data/models (the first seed's model
    with its card) and data/curves, which `dvc plots show` draws. A run that was killed continues from its last
    checkpoint, and a seed that was trained before is not trained again.
    """
    from slingshot.files import paths
    from slingshot.files.predictions import write_predictions
    from slingshot.finetune.cell import CellRows
    from slingshot.finetune.families import TrainingTask, device
    from slingshot.finetune.run import run_cell
    from slingshot.metrics.choosing import chosen_by, said
    from slingshot.settings import load

    settings = load()
    model_settings, rows = settings.model(model), CellRows.read(dataset)
    names, truth = rows.names, rows.validation["label"].to_numpy()
    primary = chosen_by(settings.metrics.primary, truth)
    place, name = device(model_settings, settings.run), f"{dataset}-{model}"
    task = TrainingTask(rows.train, rows.validation, names, primary, place, name)
    folder, out = paths.model(dataset, model), paths.predictions(dataset, model)
    result = run_cell(model_settings, task, rows, settings.seeds, model, folder)
    usage = result.usage

    fraction, count = rows.fraction, len(rows.train)
    write_predictions(out, result.predictions, names, fraction=fraction, train_rows=count)
    usage.write(paths.usage(dataset, model))
    # Training loads neither of them, so a change in them trains nothing again.
    from slingshot.finetune import card, description

    description.write(dataset, model, model_settings, rows, primary, usage)
    for end in card.ends(f"models.{model}", model_settings, usage):
        console.echo(f"finetune {task.name}: {end}")
    score = said(settings.metrics.primary, truth, result.validation_score(primary))
    seconds = sum(run.seconds for run in usage.train)
    line = f"validation {score}, {seconds:.0f} s of training -> {out}, {folder}"
    console.echo(f"finetune {task.name}: {line}")


if __name__ == "__main__":
    main()
