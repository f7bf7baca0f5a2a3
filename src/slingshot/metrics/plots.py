"""The plots of one contestant for `dvc plots` and the report: confusion, reliability, and risk against coverage."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from slingshot.files import paths
from slingshot.files.codes import FAILED, FAILED_NAME
from slingshot.files.storage.json_files import write_text
from slingshot.metrics import calibration
from slingshot.metrics.scored import Scored

POINTS = 100
"""The most points of a coverage-risk curve."""


def write(
    dataset: str,
    contestant: str,
    test: Scored,
    scaled: Scored | None,
    labels: Sequence[str],
    bins: int,
) -> None:
    """Write data/plots/D/KIND/C.csv for every kind. Without scores, a plot that needs them has only its header.

    `scaled` is `test` with temperature-scaled scores, or None. `bins` is the number of bins of reliability diagrams.
    """
    frames: dict[paths.PlotKind, pd.DataFrame] = {
        "confusion": confusion(test, labels),
        "reliability": reliability(test, bins),
        "scaled": reliability(scaled, bins),
        "risk": risk(test),
    }
    for kind, frame in frames.items():
        text = frame.to_csv(index=False, lineterminator="\n")
        write_text(paths.plot(dataset, kind, contestant), text)


def confusion(scored: Scored, labels: Sequence[str]) -> pd.DataFrame:
    """One line for each row and seed: the names of its label and of its prediction."""
    names = np.array([*labels, FAILED_NAME], dtype=object)  # FAILED, -1, indexes the last name
    assert FAILED == -1
    predicted = np.concatenate([run.predictions for run in scored.runs])
    return pd.DataFrame(
        {"actual": names[np.tile(scored.labels, len(scored.runs))], "predicted": names[predicted]}
    )


def reliability(scored: Scored | None, bins: int) -> pd.DataFrame:
    """One line for each bin with rows, over all seeds: mean confidence, accuracy and rows."""
    if scored is None or scored.score_source == "none":
        return pd.DataFrame(columns=["confidence", "accuracy", "rows"])
    confidence = np.concatenate([calibration.confidence(run) for run in scored.runs])
    correct = np.concatenate([run.predictions == scored.labels for run in scored.runs])
    place = calibration.bin_of(confidence, bins)
    rows = np.bincount(place, minlength=bins)
    used = rows > 0
    means = [
        np.bincount(place, values, bins)[used] / rows[used] for values in (confidence, correct)
    ]
    return pd.DataFrame({"confidence": means[0], "accuracy": means[1], "rows": rows[used]})


def risk(scored: Scored) -> pd.DataFrame:
    """Share of mistakes among the most confident rows, for up to POINTS shares of the rows; means over seeds (Geifman
    and El-Yaniv, 2017, section 2, arXiv:1705.08500). Rows of equal confidence share their mistakes equally, because
    their order would be arbitrary."""
    if scored.score_source == "none":
        return pd.DataFrame(columns=["coverage", "risk"])
    rows = len(scored.labels)
    kept = np.unique(np.ceil(np.linspace(0, rows, min(POINTS, rows) + 1)[1:]).astype(np.int64))
    curves = []
    for run in scored.runs:
        place = np.unique(-calibration.confidence(run), return_inverse=True)[1]
        wrong = np.bincount(place, run.predictions != scored.labels) / np.bincount(place)
        curves.append(np.cumsum(wrong[np.sort(place)])[kept - 1] / kept)
    return pd.DataFrame({"coverage": kept / rows, "risk": np.mean(curves, axis=0)})
