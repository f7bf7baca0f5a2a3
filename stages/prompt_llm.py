"""Label one data set's validation and test rows with one prompted LLM.

python3 -m stages.prompt_llm tweets gemma
"""

from pathlib import Path

import click


@click.command()
@click.argument("dataset")
@click.argument("llm")
def main(dataset: str, llm: str) -> None:
    """Prompt LLM with examples from data/shots/DATASET.parquet and label DATASET's rows.

    Shots and calibration are chosen on the first validation rows. Writes data/predictions/DATASET/LLM.parquet,
    data/usage/DATASET/LLM.json and data/answers/DATASET/LLM.parquet. The training fraction plays no part.
    """
    from slingshot import hardware, settings, tables
    from slingshot.llm import prompt
    from slingshot.llm.causal_lm import CausalLm
    from slingshot.llm.run import run_cell

    study = settings.load()
    chosen = study.llms.get(llm)
    if chosen is None:
        raise settings.UserError(f"params.yaml: no LLM '{llm}'{settings.nearest(llm, study.llms)}")
    prepared = Path("data/prepared", dataset)
    pool = tables.read_rows(Path("data/shots", f"{dataset}.parquet"))
    validation, test = (tables.read_rows(prepared / f"{split}.parquet") for split in tables.PREDICTED)
    names = tables.Labels.read(prepared / "labels.json").names

    device = hardware.set_up(study.run)
    lm = CausalLm(chosen, prompt.words(prepared / "prompt.json"), names, device)
    cell = run_cell(chosen, lm, pool, validation, test, study.metrics.primary, f"{dataset}-{llm}")

    out = Path("data/predictions", dataset, f"{llm}.parquet")
    tables.write_predictions(out, cell.predictions, len(names), fraction=None, train_rows=cell.usage.train_rows)
    tables.write_answers(Path("data/answers", dataset, f"{llm}.parquet"), cell.answers)
    cell.usage.write(Path("data/usage", dataset, f"{llm}.json"))
    details = cell.usage.details or {}
    best = max(entry["score"] for entry in details["tried"])
    click.echo(
        f"prompt_llm {dataset}-{llm}: {details['chosen']['shots']} shots a class, "
        f"{details['chosen']['calibration']} calibration, {study.metrics.primary} {best:.3f} "
        f"on the rows they were chosen on -> {out}"
    )


if __name__ == "__main__":
    main()
