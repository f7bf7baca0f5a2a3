"""Which rows of train an LLM is shown as examples; never one of validation or test."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from slingshot.settings import Checkpoint, RunSettings, Selection


def select(pool: pd.DataFrame, shots: int, selection: Selection) -> pd.DataFrame:
    """The examples that stand before every text. `pool` is data/shots/D.parquet, in nested order.

    fixed: the first `shots` rows. stratified: the first `shots` of each class; a class with fewer gives what it has.
    The rows keep the pool's order, which mixes the classes: a block of one label at the end would draw every answer
    to that label. Raises ValueError for `nearest`.
    """
    if selection == "nearest":
        raise ValueError("nearest examples differ from text to text")
    if selection == "fixed":
        return pool.head(shots)
    return pool.groupby("label", sort=False).head(shots).sort_values("order")


class Nearest:
    """Finds the rows of a pool that are nearest to a text.

    Nearness is the cosine of mean-pooled states, and the earlier row wins a tie (retrieved examples: Liu et al. 2022,
    arXiv 2101.06804, section 3).
    """

    def __init__(self, pool: pd.DataFrame, encoder: Checkpoint, run: RunSettings) -> None:
        from slingshot.machine import hardware
        from slingshot.pretrained.encoder import Encoder

        self.pool, self._encoder = pool, Encoder.of(encoder, hardware.set_up(run))
        self._states = self._encoder.embed(pool["text"].tolist(), "shots")

    def of(self, texts: Sequence[str], shots: int) -> list[pd.DataFrame]:
        """For each text its `shots` nearest rows, the nearest last."""
        states = self._encoder.embed(texts, "nearest shots")
        # Rounded, so that another processor's last bits hardly ever give another example, and so another request.
        near = (states @ self._states.T).astype(np.float64).round(4)
        chosen = np.argsort(-near, axis=1, kind="stable")[:, :shots]
        return [self.pool.iloc[row[::-1]] for row in chosen]
