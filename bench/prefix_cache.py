"""The local LLM's texts per second with the few-shot prefix's cache reused, against without.

Needs `make repro` once, for the shots and validation rows. In the repository's root:

    .venv/bin/python -m bench.prefix_cache --dataset tweets --llm gemma
"""

import time
from pathlib import Path

import click
import numpy as np

from slingshot import hardware, settings, tables
from slingshot.llm import prompt
from slingshot.llm.causal_lm import CausalLm, Prefix


def rate(lm: CausalLm, prefix: Prefix, texts: list[str]) -> tuple[float, np.ndarray]:
    """Texts per second, after one batch of warming up, and the log-likelihoods."""
    lm.log_likelihoods(prefix, texts[: lm.batch_size])
    started = time.perf_counter()
    scored = lm.log_likelihoods(prefix, texts)
    return len(texts) / (time.perf_counter() - started), scored


@click.command()
@click.option("--dataset", default="tweets", show_default=True)
@click.option("--llm", default="gemma", show_default=True)
@click.option("--texts", "count", default=48, show_default=True, help="Texts of validation to score.")
def main(dataset: str, llm: str, count: int) -> None:
    """Print texts per second with and without reuse, and how far the log-likelihoods differ."""
    study = settings.load()
    prepared = Path("data/prepared", dataset)
    names = tables.Labels.read(prepared / "labels.json").names
    chosen = study.llms[llm]
    lm = CausalLm(chosen, prompt.words(prepared / "prompt.json"), names, hardware.set_up(study.run))
    pool = tables.read_rows(Path("data/shots", f"{dataset}.parquet"))
    texts = tables.read_rows(prepared / "validation.parquet")["text"].tolist()[:count]
    for shots in chosen.shots:
        rows = prompt.select_shots(pool, shots)
        examples = rows["text"].tolist(), rows["label"].tolist()
        cached, with_cache = rate(lm, lm.prefix(*examples), texts)
        plain, without = rate(lm, lm.prefix(*examples, reuse=False), texts)
        difference = float(np.abs(with_cache - without).max())
        click.echo(
            f"{dataset}, {shots} shots a class: {cached:.2f} texts/s with the cached prefix, {plain:.2f} without, "
            f"ratio {cached / plain:.1f}, largest difference of a log-likelihood {difference:.1e}"
        )


if __name__ == "__main__":
    main()
