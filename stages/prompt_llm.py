"""Label one data set's validation and test rows with one prompted LLM.

python3 -m stages.prompt_llm tweets gemma
"""

import click

from slingshot.machine import console


@click.command(cls=console.Command)
@click.argument("dataset")
@click.argument("llm")
def main(dataset: str, llm: str) -> None:
    """Label DATASET's rows with LLM, which sees examples from data/shots/DATASET.parquet.

    Writes data/predictions/DATASET/LLM.parquet, data/usage/DATASET/LLM.json and data/answers/DATASET/LLM.parquet. The
    setting `fraction` has no effect here. No answer is paid for twice: answers in the ledger, or in an earlier
    data/answers in DVC's cache, are used again. So a run that was stopped continues where it was.
    """
    from slingshot.files import paths
    from slingshot.files.answers import write_answers
    from slingshot.files.predictions import write_predictions
    from slingshot.llm.task import PromptTask, provider
    from slingshot.settings import load

    settings = load()
    llm_settings = settings.llm(llm)
    task = PromptTask.read(dataset, llm, settings)
    cell = provider(llm_settings).run_cell(llm_settings, task)

    out = paths.predictions(dataset, llm)
    write_predictions(
        out, cell.predictions, task.prompt.names, fraction=None, train_rows=cell.usage.train_rows
    )
    write_answers(paths.answers(dataset, llm), cell.answers)
    cell.usage.write(paths.usage(dataset, llm))
    console.echo(f"prompt_llm {task.name}: {cell.summary} -> {out}")


if __name__ == "__main__":
    main()
