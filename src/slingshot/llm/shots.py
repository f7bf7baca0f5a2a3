"""Chooses the rows of train that an LLM sees as examples. No example comes from validation or test."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from slingshot.settings import Checkpoint, RunSettings, Selection


def select(pool: pd.DataFrame, shots: int, selection: Selection) -> pd.DataFrame:
    """The examples before every text. `pool` is data/shots/D.parquet, in nested order.

    fixed: the first `shots` rows. stratified: the first `shots` rows of each class, or all of a class that has fewer.
    The rows keep the pool's order, which mixes the classes: a block of one label at the end would draw the answers to
    that label. Raises ValueError for `nearest`.
    """
    if selection == "nearest":
        raise ValueError("nearest examples differ from text to text")
    if selection == "fixed":
        return pool.head(shots)
    return pool.groupby("label", sort=False).head(shots).sort_values("order")


class Nearest:
    """Finds the rows of a pool that are nearest to a text (Liu et al. 2022, arXiv 2101.06804, section 3).

    Nearness is the cosine of mean-pooled states. The earlier row wins a tie.
    """

    def __init__(self, pool: pd.DataFrame, encoder: Checkpoint, run: RunSettings) -> None:
        from slingshot.machine import hardware
        from slingshot.pretrained.encoder import Encoder

        self.pool, self._encoder = pool, Encoder.of(encoder, hardware.set_up(run))
        self._states = self._encoder.embed(pool["text"].tolist(), "shots")

    def of(self, texts: Sequence[str], shots: int) -> list[pd.DataFrame]:
        """For each text its `shots` nearest rows, the nearest last."""
        states = self._encoder.embed(texts, "nearest shots")
        # Processors differ in the last bits. Rounded, these bits hardly ever change an example, and with it the
        # request, whose answer would be paid for again.
        near = (states @ self._states.T).astype(np.float64).round(4)
        chosen = np.argsort(-near, axis=1, kind="stable")[:, :shots]
        return [self.pool.iloc[row[::-1]] for row in chosen]
