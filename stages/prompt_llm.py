"""Label one data set's validation and test rows with one prompted LLM.

python3 -m stages.prompt_llm tweets gemma
"""

import click

from slingshot.machine import console


@click.command(cls=console.Command)
@click.argument("dataset")
@click.argument("llm")
def main(dataset: str, llm: str) -> None:
    """Prompt LLM with examples from data/shots/DATASET.parquet and label DATASET's rows.

    Writes data/predictions/DATASET/LLM.parquet, data/usage/DATASET/LLM.json and data/answers/DATASET/LLM.parquet. The
    training fraction plays no part. Of a paid LLM no answer is asked for twice: what the ledger in the state folder,
    or an earlier data/answers in DVC's cache, holds is replayed, so a run that was stopped goes on where it was.
    """
    from slingshot import settings
    from slingshot.files import paths
    from slingshot.files.answers import write_answers
    from slingshot.files.predictions import write_predictions
    from slingshot.llm.task import PromptTask, provider

    study = settings.load()
    chosen = study.llm(llm)
    task = PromptTask.read(dataset, llm, study)
    cell = provider(chosen).run_cell(chosen, task)

    out = paths.predictions(dataset, llm)
    write_predictions(
        out, cell.predictions, task.prompt.names, fraction=None, train_rows=cell.usage.train_rows
    )
    write_answers(paths.answers(dataset, llm), cell.answers)
    cell.usage.write(paths.usage(dataset, llm))
    console.echo(f"prompt_llm {task.name}: {cell.said} -> {out}")


if __name__ == "__main__":
    main()
