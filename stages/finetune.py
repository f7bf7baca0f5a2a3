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

    Reads data/subsampled/DATASET and data/prepared/DATASET; writes data/predictions/DATASET/MODEL.parquet,
    data/usage/DATASET/MODEL.json, data/models/DATASET/MODEL (the first seed's, with its card) and
    data/curves/DATASET/MODEL, which `dvc plots show` draws. A run that was killed
    goes on from its last checkpoint; a seed that was trained before is not trained again.
    """
    from slingshot import settings
    from slingshot.files import paths
    from slingshot.files.labels import Labels
    from slingshot.files.predictions import write_predictions
    from slingshot.files.rows import read_rows
    from slingshot.files.storage.parquet import read_metadata
    from slingshot.finetune.families import TrainingTask
    from slingshot.finetune.run import run_cell
    from slingshot.machine import hardware
    from slingshot.metrics.choosing import chosen_by, primary_score, said

    study = settings.load()
    chosen = study.models.get(model)
    if chosen is None:
        raise settings.UserError(
            f"params.yaml: no model '{model}'{settings.nearest(model, study.models)}"
        )
    train_file = paths.subsampled(dataset)
    inputs = [
        train_file,
        paths.split(dataset, "validation"),
        paths.split(dataset, "test"),
        paths.labels(dataset),
    ]
    train, validation, test = (read_rows(path) for path in inputs[:3])
    names = Labels.read(inputs[3]).names
    fraction = read_metadata(train_file)["fraction"]

    truth = validation["label"].to_numpy()
    by = chosen_by(study.metrics.primary, truth)
    task = TrainingTask(
        train, validation, names, by, hardware.set_up(study.run), f"{dataset}-{model}"
    )
    folder = paths.model(dataset, model)
    cell = run_cell(chosen, task, test, study.seeds, inputs, model, folder)

    out = paths.predictions(dataset, model)
    write_predictions(out, cell.predictions, names, fraction=fraction, train_rows=len(train))
    cell.usage.write(paths.usage(dataset, model))

    import numpy as np

    # No part of training, so none of the key that it is kept under.
    from slingshot.finetune import card, curves, saved

    curves.write(paths.training_curves(dataset, model), cell.usage, by)
    saved.Saved(chosen.family, names).write(folder)
    counts = np.bincount(train["label"], minlength=len(names)).tolist()
    card.write(
        folder, card.Trained(dataset, model, chosen, names, counts, fraction, by, cell.usage)
    )

    checked = cell.predictions[cell.predictions["split"] == "validation"]
    score = primary_score(by, checked["label"].to_numpy(), np.stack(checked["scores"].to_list()))
    seconds = sum(run.seconds for run in cell.usage.train)
    for end in card.ends(f"models.{model}", chosen, cell.usage):
        console.echo(f"finetune {dataset}-{model}: {end}")
    console.echo(
        f"finetune {dataset}-{model}: validation {said(study.metrics.primary, truth, score)}, "
        f"{seconds:.0f} s of training -> {out}, {folder}"
    )


if __name__ == "__main__":
    main()
