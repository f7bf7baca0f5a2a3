"""Near duplicates among texts that fill templates: how many are joined, in how many seconds and how much memory.

.venv/bin/python -m bench.near_duplicates WORK_FOLDER

First processor time and peak memory, each of a process of its own: for ordinary text, which bench/prepare_rows.py
generates, for all kinds in tests/templates.py mixed, and for a kind of which hardly any compared pair is near. Then the
share of near pairs (those that comparing all pairs finds) that end in one group, on 10,000 rows of each kind.
"""

import resource
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import click
import numpy as np
import pyarrow.parquet as pq

from bench.prepare_rows import generate
from slingshot.data.near import components, near_pairs
from tests.templates import KINDS, all_pairs

NEAR = 0.9
COMPARED = 10_000
SIZES = (10_000, 100_000, 650_000)
TIMED = ("ordinary", "all mixed", "copied tails")


def texts_of(kind: str, rows: int, work: Path) -> list[str]:
    """Distinct texts, sorted, as `near_pairs` wants them."""
    if kind != "ordinary":
        return sorted(set(KINDS[kind](np.random.default_rng(0), rows)))
    folder = work / f"ordinary-{rows}"
    if not folder.is_dir():
        generate(folder, rows)
    return sorted(
        set(pq.read_table(sorted(folder.glob("train-*")), columns=["text"])["text"].to_pylist())
    )


def joined(kind: str, work: Path) -> None:
    """Print the share of the near pairs that lie in one component, and of the near texts that have a pair."""
    texts = texts_of(kind, COMPARED, work)
    found, every = near_pairs(texts, NEAR), all_pairs(texts, NEAR)
    component = components(found, len(texts))[every]
    together = np.mean(component[:, 0] == component[:, 1])
    near = np.unique(every)
    print(
        f"| {kind} | {len(every):,} | {together:.2%} | {len(near):,} | {np.isin(near, found).mean():.2%} |",
        flush=True,
    )


def measured(kind: str, rows: int, work: Path) -> tuple[int, float, float]:
    """Characters of the mean text, seconds of the processor, and GiB at the peak, the texts themselves included."""
    texts = texts_of(kind, rows, work)
    started = time.process_time()
    near_pairs(texts, NEAR)
    seconds = time.process_time() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20  # kibibytes on Linux
    return sum(map(len, texts)) // len(texts), seconds, peak


@click.command()
@click.argument("work", type=click.Path(path_type=Path))
def main(work: Path) -> None:
    """Measure with texts generated in WORK."""
    # A process starts with its parent's peak as its own: so the comparing of all pairs comes last.
    print("| texts | characters | rows | seconds | peak memory, GiB |\n|---|---|---|---|---|")
    with ProcessPoolExecutor(
        1, mp_context=get_context("spawn"), max_tasks_per_child=1
    ) as processes:
        for kind in TIMED:
            for rows in SIZES:
                characters, seconds, peak = processes.submit(measured, kind, rows, work).result()
                print(
                    f"| {kind} | {characters} | {rows:,} | {seconds:.1f} | {peak:.2f} |", flush=True
                )
    print(
        "| kind | near pairs | in one group | texts with a near one | found to have one |\n|---|---|---|---|---|"
    )
    for kind in KINDS:
        joined(kind, work)


if __name__ == "__main__":
    main()
