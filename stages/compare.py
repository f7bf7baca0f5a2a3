"""Compare every two contestants of one data set on its test rows, by the rule of metrics.pairs, find the rows where
they are wrong or differ, and give those of one kind the figures on validation rows that they are chosen by."""

from pathlib import Path

import click

from slingshot import settings
from slingshot.machine import console


@click.command(cls=console.Command, help=__doc__)
@click.argument("dataset")
def main(dataset: str) -> None:
    from slingshot.files.storage.json_files import write_json
    from slingshot.metrics import errors, pairs, validation
    from slingshot.metrics.scored import PreparedRows

    config = settings.load()
    prepared = PreparedRows.read(dataset)
    splits = {name: prepared.splits(name) for name in config.study.contestants}
    contestants = {name: split["test"] for name, split in splits.items()}
    study = config.study
    kinds = (study.models, study.llms, [cascade.name for cascade in study.cascades])

    result = pairs.compare(
        contestants, Path("data/predictions", dataset), config.metrics, prepared.labels
    )
    checked = [{name: splits[name].get("validation") for name in kind} for kind in kinds]
    result["validation"] = validation.figures(checked, config.metrics.primary)
    written = Path("metrics/pairs", f"{dataset}.json")
    write_json(written, result)
    write_json(Path("data/errors", f"{dataset}.json"), errors.find(contestants, prepared))
    console.terminal().print(pairs.table(result))
    console.echo(f"compare {dataset}: {pairs.headline(result)} -> {written}")


if __name__ == "__main__":
    main()
