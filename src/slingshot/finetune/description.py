"""Writes the files beside a trained model: its card, slingshot.json, and the curves of its training.

Training does not depend on this module. So a change here re-runs the stage in seconds, and trains nothing.
"""

from __future__ import annotations

from slingshot.files import paths
from slingshot.files.usage import Usage
from slingshot.finetune import card, curves, saved
from slingshot.finetune.cell import CellRows
from slingshot.settings import ModelSettings, Primary


def write(
    dataset: str,
    model: str,
    settings: ModelSettings,
    rows: CellRows,
    primary: Primary,
    usage: Usage,
) -> None:
    """Write data/curves/D/M, and the card and slingshot.json into data/models/D/M."""
    folder = paths.model(dataset, model)
    curves.write(paths.training_curves(dataset, model), usage, primary)
    saved.Saved(settings.family, rows.names).write(folder)
    card.write(
        folder,
        card.Trained(
            dataset, model, settings, rows.names, rows.counts, rows.fraction, primary, usage
        ),
    )
