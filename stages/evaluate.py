"""Score one contestant on one data set: point figures, their intervals, and what `dvc plots` draws.

It can't tell who predicted.
"""

from pathlib import Path

import click

from slingshot import settings
from slingshot.machine import console


@click.command(cls=console.Command, help=__doc__)
@click.argument("dataset")
@click.argument("contestant")
def main(dataset: str, contestant: str) -> None:
    from slingshot.files.storage.json_files import write_json
    from slingshot.files.storage.parquet import read_metadata
    from slingshot.metrics import intervals, plots
    from slingshot.metrics.scored import PreparedRows

    options = settings.load().metrics
    prepared = PreparedRows.read(dataset)
    splits = prepared.splits(contestant)
    test, validation = splits["test"], splits.get("validation")

    points, detail = intervals.evaluate(test, validation, prepared.labels, options)
    metadata = read_metadata(prepared.path(contestant))
    points |= {key: metadata[key] for key in ("fraction", "train_rows")}
    written = Path("metrics/scores", dataset, f"{contestant}.json")
    write_json(written, points)
    write_json(Path("metrics/intervals", dataset, f"{contestant}.json"), detail)
    plots.write(
        Path("data/plots", dataset, contestant), test, validation, prepared.labels, options.ece_bins
    )
    headline = intervals.headline(options.primary, detail["metrics"][options.primary])
    console.echo(f"evaluate {dataset}-{contestant}: {headline} -> {written}")


if __name__ == "__main__":
    main()
