"""The local LLM's texts per second against naive scoring: one full forward pass per text and label, without a cache.

Naive scoring also skips the output layer for tokens that are not a label's. Run `dvc repro shots` first, then in the
repository's root:

    .venv/bin/python -m bench.label_scoring --dataset tweets --llm gemma
    SLINGSHOT_REAL_DATA=FOLDER .venv/bin/python -m bench.label_scoring --llm gemma --banking

The second command scores the 77 labels of banking77, which have several tokens, with one shot per class. `--double`
also scores naively in float64, which shows how much of a difference is the rounding of float32.
"""

import os
import time
from collections.abc import Sequence
from pathlib import Path

import click
import numpy as np
import pandas as pd
import torch

from slingshot import settings
from slingshot.files.labels import Labels
from slingshot.files.prompt import Words
from slingshot.files.rows import read_rows
from slingshot.llm.local.causal_lm import load
from slingshot.llm.local.examples import SameExamples
from slingshot.llm.local.rendering import Tokens
from slingshot.llm.local.scoring import CausalLm
from slingshot.llm.prompt import Prompt
from slingshot.llm.shots import select
from slingshot.machine import hardware


@torch.inference_mode()
def naive(lm: CausalLm, prompts: Sequence[Tokens], labels: Sequence[int]) -> np.ndarray:
    """The log-likelihoods of these labels, each by its own forward pass; shape (prompts, labels)."""
    scores = np.empty((len(prompts), len(labels)))
    for at in np.ndindex(scores.shape):
        label = lm.scored[labels[at[1]]]
        ids = torch.tensor([prompts[at[0]] + label], device=lm.model.device)
        logits = lm.model(ids, use_cache=False, logits_to_keep=len(label) + 1).logits[0, :-1]
        scores[at] = float(
            logits.log_softmax(-1).gather(1, ids[0, -len(label) :, None]).double().sum()
        )
    return scores


def of_study(dataset: str) -> tuple[Prompt, pd.DataFrame, list[str]]:
    """The prompt, the pool of shots and the validation texts."""
    prepared = Path("data/prepared", dataset)
    prompt = Prompt(
        Words.read(prepared / "prompt.json"), Labels.read(prepared / "labels.json").names
    )
    texts = read_rows(prepared / "validation.parquet")["text"].tolist()
    return prompt, read_rows(Path("data/shots", f"{dataset}.parquet")), texts


def of_banking77() -> tuple[Prompt, pd.DataFrame, list[str]]:
    """The prompt, the pool of shots and the texts of banking77's files."""
    real = os.environ.get("SLINGSHOT_REAL_DATA")
    if not real:
        raise click.ClickException("set SLINGSHOT_REAL_DATA to the folder with banking77_train.csv")
    pool, test = (
        pd.read_csv(Path(real) / f"banking77_{split}.csv").sample(frac=1, random_state=0)
        for split in ("train", "test")
    )
    names = sorted(pool["category"].unique())
    pool["label"], pool["order"] = pool["category"].map(names.index), range(len(pool))
    words = Words(text="Question", label="Topic", instructions=None, descriptions={})
    return Prompt(words, [name.replace("_", " ") for name in names]), pool, test["text"].tolist()


@click.command()
@click.option("--dataset", default="tweets", show_default=True)
@click.option("--llm", default="gemma", show_default=True)
@click.option(
    "--banking",
    is_flag=True,
    help="Score banking77's 77 labels with 1 shot per class instead of --dataset.",
)
@click.option(
    "--texts", "count", type=int, help="Texts that slingshot scores; 64, or 8 with --banking."
)
@click.option(
    "--naive",
    "few",
    type=int,
    help="The first texts, which are also scored naively; 4, or 1 with --banking.",
)
@click.option(
    "--naive-labels",
    default=11,
    show_default=True,
    help="The most labels that are scored naively; the time is scaled to all labels.",
)
@click.option("--double", is_flag=True, help="Compare both ways with naive scoring in float64.")
def main(
    dataset: str,
    llm: str,
    banking: bool,
    count: int | None,
    few: int | None,
    naive_labels: int,
    double: bool,
) -> None:
    """Print texts per second both ways, and how far the log-likelihoods differ."""
    study = settings.load()
    chosen = study.llms[llm]
    if not isinstance(chosen, settings.CausalLmSettings):
        raise click.ClickException(f"'{llm}' is not a local LLM")
    prompt, pool, texts = of_banking77() if banking else of_study(dataset)
    texts, some = texts[: count or (8 if banking else 64)], texts[: few or (1 if banking else 4)]
    lm, wording = load(chosen, prompt, hardware.set_up(study.run))
    for shots in [1] if banking else chosen.shots:
        examples = SameExamples(
            lm, wording, select(pool, shots, "stratified"), shots, chosen.max_length
        )
        labels = range(0, len(lm.scored), -(-len(lm.scored) // naive_labels))
        prompts = [examples.shared + query for query in examples.queries(some)]
        started = time.perf_counter()
        found = examples.score(texts)
        scored = time.perf_counter()
        oracle = naive(lm, prompts, labels)
        rate = len(texts) / (scored - started)
        slow = len(some) * len(labels) / len(lm.scored) / (time.perf_counter() - scored)
        click.echo(
            f"{'banking77' if banking else dataset}, {len(prompt.names)} labels of {_tokens(lm)} tokens, "
            f"{shots} shots a class ({len(examples.shared):,} tokens): {rate:.3g} texts/s over {len(texts)} texts, "
            f"naively {slow:.3g} ({len(some)} texts, {len(labels)} labels), ratio {rate / slow:.1f}, "
            f"largest difference of a log-likelihood {_apart(found[: len(some), labels], oracle)}"
        )
        if double:
            lm.model.double()
            exact = naive(lm, prompts, labels)
            lm.model.float()
            ours, theirs = _apart(found[: len(some), labels], exact), _apart(oracle, exact)
            click.echo(
                f"from naive scoring in float64 it differs by {ours}, naive scoring in float32 by {theirs}"
            )


def _apart(some: np.ndarray, others: np.ndarray) -> str:
    return f"{np.abs(some - others).max():.1e}"


def _tokens(lm: CausalLm) -> str:
    least, most = min(map(len, lm.scored)), max(map(len, lm.scored))
    return str(least) if least == most else f"{least} to {most}"


if __name__ == "__main__":
    main()
