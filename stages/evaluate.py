"""Score one contestant on one data set: point figures, and their intervals. It can't tell who predicted."""

from pathlib import Path

import click

from slingshot import settings


@click.command(help=__doc__)
@click.argument("dataset")
@click.argument("contestant")
def main(dataset: str, contestant: str) -> None:
    from slingshot import tables
    from slingshot.metrics import intervals
    from slingshot.metrics.scored import scored

    options = settings.load().metrics
    path = Path("data/predictions", dataset, f"{contestant}.parquet")
    prepared = Path("data/prepared", dataset)
    classes = len(tables.Labels.read(prepared / "labels.json").names)
    frame = tables.read_predictions(path, classes)
    validation, test = (tables.read_rows(prepared / f"{split}.parquet") for split in tables.PREDICTED)
    tables.check_ids(path, frame, validation, test)

    splits = scored(path, frame, classes)
    points, detail = intervals.evaluate(splits["test"], splits.get("validation"), options)
    metadata = tables.read_metadata(path)
    points |= {key: metadata[key] for key in ("fraction", "train_rows")}
    written = Path("metrics/scores", dataset, f"{contestant}.json")
    tables.write_json(written, points)
    tables.write_json(Path("metrics/intervals", dataset, f"{contestant}.json"), detail)
    headline = intervals.headline(options.primary, detail["metrics"][options.primary])
    click.echo(f"evaluate {dataset}-{contestant}: {headline} -> {written}")


if __name__ == "__main__":
    main()
