"""The share of test rows in the largest group, and how far test is from its planned size, for simulated groups.

    python -m bench.group_shares                        # 500 splits of each shape: three minutes

1,000 rows of three classes are split into 60/20/20: without a limit, with Slingshot's old limit (half of test's planned
rows), and with today's limit. In a mixed shape each row has its own label, like the sentences of a review. Otherwise
all rows of a group have the same label, like near duplicates.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from unittest import mock

import click
import numpy as np
import pandas as pd

from slingshot.data import split
from slingshot.metrics.clusters import effective_groups

ROWS, CLASSES = 1000, (0.5, 0.3, 0.2)
SHARES = {"test": 0.2, "validation": 0.2}

Weights = Callable[[np.random.Generator], np.ndarray]
SHAPES: dict[str, Weights] = {
    "300 groups by Zipf": lambda _: 1 / np.arange(1, 301),
    "30 groups by Zipf": lambda _: 1 / np.arange(1, 31),
    "100 lognormal groups, sigma 1.5": lambda chance: chance.lognormal(0, 1.5, 100),
    "30 lognormal groups, sigma 2": lambda chance: chance.lognormal(0, 2, 30),
    "a giant of 35%, else rows": lambda _: np.array([350.0, *[1.0] * 650]),
    "three giants of 24%, else of 5": lambda _: np.array([240.0] * 3 + [5.0] * 56),
    "12 groups, each 0.6 of the last": lambda _: 0.6 ** np.arange(12),
    "20 equal groups": lambda _: np.ones(20),
}


def draw(
    chance: np.random.Generator, weights: np.ndarray, mixed: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Draw the label of each row, and the name of its group; both of shape (rows,)."""
    sizes = np.maximum(1, np.round(ROWS * weights / weights.sum())).astype(int)
    groups = np.repeat(np.arange(len(sizes)), sizes)
    of_group = chance.choice(len(CLASSES), len(sizes), p=CLASSES)
    labels = chance.choice(len(CLASSES), len(groups), p=CLASSES) if mixed else of_group[groups]
    return labels, np.array([f"group {number}" for number in range(len(sizes))], dtype=object)[
        groups
    ]


def half(labels: np.ndarray, groups: np.ndarray, seed: int) -> np.ndarray:
    """The old rule: a group with more than half of a side's planned rows goes to train, and its place stays empty."""
    codes, names = pd.factorize(groups, sort=True)
    counts = split._class_counts(codes, labels)
    position = split._positions(counts, split._shuffle(names, seed))
    position[counts.sum(axis=1) > 0.5 * SHARES["test"] * len(labels)] = 1.0
    side = np.searchsorted(np.cumsum(list(SHARES.values())), position, side="right")
    split._repair(side, counts, [2, 0, 1])
    return np.array([*SHARES, "train"], dtype=object)[side[codes]]


def figures(side: np.ndarray, groups: np.ndarray) -> tuple[float, float, float]:
    """Whether a group has over a fifth of test, whether test has under half its planned rows, and its effective
    groups."""
    codes = np.unique(groups[side == "test"], return_inverse=True)[1]
    if not len(codes):
        return 1.0, 1.0, 0.0
    most = np.bincount(codes).max() / len(codes)
    return (
        float(most > 0.2),
        float(len(codes) < 0.5 * SHARES["test"] * len(groups)),
        effective_groups(codes),
    )


def simulate(weights: Weights, mixed: bool, splits: int) -> np.ndarray:
    """Means of `figures` for each rule, shape (rules, 3)."""
    results = []
    for seed in range(splits):
        chance = np.random.default_rng(seed)
        labels, groups = draw(chance, weights(chance), mixed)
        with mock.patch.object(split, "LARGEST_SHARE", np.inf):
            unlimited = split.assign(labels, groups, SHARES, seed)
        sides = [unlimited, half(labels, groups, seed), split.assign(labels, groups, SHARES, seed)]
        results.append([figures(side, groups) for side in sides])
    return np.asarray(np.mean(results, axis=0))


@click.command(help=__doc__)
@click.option("--splits", default=500, show_default=True, help="Splits of each shape.")
def main(splits: int) -> None:
    started = time.perf_counter()
    click.echo(
        "| shape | a group over 20% of test | test under half its size | effective groups of test |"
    )
    click.echo("|---|---|---|---|")
    for name, weights in SHAPES.items():
        for mixed in (False, True):
            over, under, groups = simulate(weights, mixed, splits).T
            cells = [
                " / ".join(f"{100 * share:.0f}%" for share in shares) for shares in (over, under)
            ]
            cells.append(" / ".join(f"{number:.1f}" for number in groups))
            click.echo(f"| {name}{', mixed' if mixed else ''} | {' | '.join(cells)} |")
    click.echo(
        f"{time.perf_counter() - started:.0f} s, {splits} splits of each: without a limit / half / today's"
    )


if __name__ == "__main__":
    main()
