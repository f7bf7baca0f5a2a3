"""Near duplicates among texts from templates: how many are joined, in how many seconds, with how much memory.

.venv/bin/python -m bench.near_duplicates WORK_FOLDER

First it measures processor time and peak memory, in a separate process for each case: ordinary text from
bench/prepare_rows.py, a mixture of all kinds in tests/templates.py, and a kind with hardly any near pair among the
compared pairs. Then it counts the near pairs that end in one group, as a share of all near pairs among 10,000 rows of
each kind.
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
    """Distinct texts, sorted, as `near_pairs` requires."""
    if kind != "ordinary":
        return sorted(set(KINDS[kind](np.random.default_rng(0), rows)))
    folder = work / f"ordinary-{rows}"
    if not folder.is_dir():
        generate(folder, rows)
    return sorted(
        set(pq.read_table(sorted(folder.glob("train-*")), columns=["text"])["text"].to_pylist())
    )


def joined(kind: str, work: Path) -> None:
    """Print the share of near pairs that are in one component, and the share of texts in near pairs that are found."""
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
    """Mean characters of a text, processor seconds, and peak memory in GiB, including the texts."""
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
    # A process starts with its parent's peak memory, so the comparison of all pairs comes last.
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
